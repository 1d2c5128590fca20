"""What a user asks distances for: checked as a whole before anything runs."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, field_validator

from embedkit.distance.episodes import Episodes
from embedkit.request import Checks, Request, as_list, at_least_one, make_request, unique
from embedkit.spec import Spec, parse


class DistanceRequest(Request):
    """Every flag of ``embedkit distances``, and every argument of `embedkit.distances`."""

    metrics: tuple[str, ...] = Field(
        ("euclidean", "cosine", "manhattan", "whitened"), description="what can be called near; default: all"
    )
    ways: int = Field(5, ge=2, description="classes in an episode; default: 5")
    shots: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (1, 5), description="images of each class to compare with; default: 1,5"
    )
    episodes: int = Field(600, ge=2, description="episodes for each number of shots; default: 600")

    _listed_here = field_validator("metrics", "shots", mode="before")(as_list)
    _some_here = field_validator("metrics", "shots", mode="after")(at_least_one)

    def parsed_metrics(self) -> list[Spec]:
        return unique([parse(text) for text in self.metrics])

    def parsed_episodes(self) -> list[Episodes]:
        return [Episodes(self.ways, shots, self.episodes) for shots in unique(list(self.shots))]

    def checks(self) -> Checks:
        from embedkit.distance.metrics import make_metric

        return [*super().checks(), ("metrics", self.metrics, lambda text: make_metric(parse(text)))]


def make_distance_request(origin: str, **keys: Any) -> DistanceRequest:
    """Build a request and check every key.

    Raises
    ------
    EmbedkitError
        With all problems at once, each with its key.
    """
    return make_request(DistanceRequest, origin, keys)
