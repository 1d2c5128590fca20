"""Which comparisons of distances a request means."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from embedkit import artefacts
from embedkit.codecs import make_codec
from embedkit.console import Console
from embedkit.distance.comparison import ALL_PAIRS, Comparison
from embedkit.distance.metrics import make_metric
from embedkit.distance.request import DistanceRequest
from embedkit.errors import EmbedkitError, NotApplicable
from embedkit.plan import Bench, chosen_device, open_benches
from embedkit.sampling import MIN_CLASS_SIZE


@dataclass(frozen=True, eq=False)
class DistancePlan:
    """What is to be compared."""

    request: DistanceRequest
    device: str
    benches: dict[str, Bench]
    comparisons: list[Comparison]


def plan_distances(request: DistanceRequest, console: Console) -> DistancePlan:
    """Open the data sets, bind the backbones and list the comparisons.

    Raises
    ------
    EmbedkitError
        Where a data set cannot be read, or two data sets or backbones are the same.
    """
    device = chosen_device(request.device)
    benches = open_benches(request, console)
    for name, bench in benches.items():
        if bench.dataset.task == "regression":
            raise EmbedkitError(f"embedkit distances tells classes apart; {name} has numeric targets: leave it out")
    return DistancePlan(request, device, benches, list(_comparisons(request, benches)))


def _comparisons(request: DistanceRequest, benches: dict[str, Bench]) -> Iterator[Comparison]:
    for name, bench in benches.items():
        data = artefacts.key([bench.dataset.fingerprint, bench.evaluation.kind, MIN_CLASS_SIZE])
        for backbone_name, backbone in bench.backbones.items():
            recipe = backbone_name if isinstance(backbone, NotApplicable) else backbone.recipe
            for chain in request.parsed_codecs():
                for metric in request.parsed_metrics():
                    inputs = [data, recipe, make_codec(chain).version, make_metric(metric).version]
                    pairs = Comparison(
                        dataset=name,
                        backbone=backbone_name,
                        codec=" | ".join(map(str, chain)),
                        metric=str(metric),
                        budget=ALL_PAIRS,
                        data_sha256=data,
                        inputs_sha256=artefacts.key(inputs),
                    )
                    yield pairs
                    for episodes in request.parsed_episodes():
                        with_count = artefacts.key([*inputs, episodes.count])
                        yield replace(pairs, budget=str(episodes), inputs_sha256=with_count)
