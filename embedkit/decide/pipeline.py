"""Which pipeline to fit: as a study recommends it, or as it is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from embedkit.backbones import checked_backbone, control_of
from embedkit.codecs import make_codec
from embedkit.decide.recommendation import Recommendation, recommend
from embedkit.errors import EmbedkitError
from embedkit.heads import check_head
from embedkit.results import load_runs
from embedkit.selection import Selection
from embedkit.spec import Spec, parse, parse_chain, shown_name


@dataclass(frozen=True)
class Pipeline:
    """What is fitted; `evaluation` is the protocol of the study, which decides which images an encoder has seen."""

    backbone: Spec
    codec: str
    head: Spec
    selection: Selection = "cv"
    evaluation: str = "auto"
    recommendation: Recommendation | None = None


def check_written(backbone: str | None, codec: str | None, head: str | None, trust_code: bool) -> None:
    """Raise an EmbedkitError where a spec cannot be."""
    if backbone is not None:
        checked_backbone(parse(backbone), trust_code)
    if codec is not None:
        make_codec(parse_chain(codec))
    if head is not None:
        check_head(parse(head))


def written_pipeline(backbone: str | None, codec: str | None, head: str | None) -> Pipeline:
    """The pipeline that is written.

    Raises
    ------
    EmbedkitError
        Where backbone or head are not.
    """
    if backbone is None or head is None:
        missing = "--backbone" if backbone is None else "--head"
        raise EmbedkitError(f"say what to fit: --from results/NAME, or --backbone and --head ({missing} is missing)")
    return Pipeline(parse(backbone), " | ".join(map(str, parse_chain(codec or "float32"))), parse(head))


def recommended_pipelines(
    results: str | Path, backbone: str | None, codec: str | None, head: str | None
) -> list[Recommendation]:
    """What a study recommends, for each of its data sets, among the results with what is written."""
    return recommend(results, backbone=backbone, codec=codec, head=head)


def pipeline_for(
    dataset: str, recommended: Sequence[Recommendation], results: str | Path, backbone: str | None
) -> Pipeline:
    """The pipeline that is recommended for a data set; where a study has but one, for any.

    Raises
    ------
    EmbedkitError
        Where there are several, and none is of that name.
    """
    by_name = {found.dataset: found for found in recommended}
    if dataset not in by_name and len(by_name) > 1:
        raise EmbedkitError(
            f"{results} holds results of {', '.join(by_name)}, and none of {dataset}; "
            "give --backbone and --head without --from, or data of one of these names"
        )
    found = by_name.get(dataset, recommended[0])
    candidate = found.candidate
    spec = parse(backbone) if backbone else located_backbone(candidate.backbone, results)
    selection: Selection = "default" if candidate.selection == "default" else "cv"
    return Pipeline(spec, candidate.codec, parse(candidate.head), selection, found.evaluation, found)


def located_backbone(shown: str, results: str | Path) -> Spec:
    """The backbone of a row, which names files without their folders, as the study wrote it."""
    wanted = parse(shown)
    for run in reversed(load_runs(results)):
        for text in run.get("study", {}).get("backbones") or ():
            spec = parse(text)
            if shown_name(spec) == shown:
                return spec
            if spec.name == wanted.name and (control := control_of(spec)) is not None and shown_name(control) == shown:
                return control
    return wanted
