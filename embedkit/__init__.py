"""embedkit: which head should sit on CNN embeddings, and from how many labels on does a fully connected one win?"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from embedkit.api import compare, distances, embed, run
    from embedkit.asv_results import asv_table
    from embedkit.decide.fit import fit
    from embedkit.decide.model_folder import load_model
    from embedkit.decide.recommendation import recommend
    from embedkit.errors import EmbedkitError
    from embedkit.frames import load_predictions, load_results
    from embedkit.heads import make_head
    from embedkit.regret import selection_regret
    from embedkit.rerun import verify_reference
    from embedkit.side_by_side.differences import compare_results
    from embedkit.tables.cells import table

_HOME = {
    "asv_table": "embedkit.asv_results",
    "run": "embedkit.api",
    "compare": "embedkit.api",
    "distances": "embedkit.api",
    "embed": "embedkit.api",
    "fit": "embedkit.decide.fit",
    "load_model": "embedkit.decide.model_folder",
    "make_head": "embedkit.heads",
    "recommend": "embedkit.decide.recommendation",
    "load_results": "embedkit.frames",
    "load_predictions": "embedkit.frames",
    "selection_regret": "embedkit.regret",
    "verify_reference": "embedkit.rerun",
    "table": "embedkit.tables.cells",
    "compare_results": "embedkit.side_by_side.differences",
    "EmbedkitError": "embedkit.errors",
}
__all__ = [
    "EmbedkitError",
    "__version__",
    "asv_table",
    "compare",
    "compare_results",
    "distances",
    "embed",
    "fit",
    "load_model",
    "load_predictions",
    "load_results",
    "make_head",
    "recommend",
    "run",
    "selection_regret",
    "table",
    "verify_reference",
]


def __getattr__(name: str) -> Any:
    """Load public names when they are first used: importing embedkit stays quick."""
    if name not in _HOME:
        raise AttributeError(f"module 'embedkit' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return __all__
