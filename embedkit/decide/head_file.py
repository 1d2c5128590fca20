"""Fitted heads in a file: scikit-learn's and our own types by skops, never by pickle.

A file names the types that it holds. Reading makes only those of a list, whatever the file asks for, and runs no code
of its own: networks are plain arrays in it, and boosted trees have xgboost's own format.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from embedkit.decide.tree_checks import check_trees
from embedkit.errors import EmbedkitError

TRUSTED = [
    "embedkit.heads.champion.ChampionClassifier",
    "embedkit.heads.champion.ChampionRegressor",
    "embedkit.heads.clusters.ClusterThenLabelClassifier",
    "embedkit.heads.decision_trees.DecisionTreeClassifier",
    "embedkit.heads.decision_trees.DecisionTreeRegressor",
    "embedkit.heads.decision_trees.ExtraTreesClassifier",
    "embedkit.heads.decision_trees.ExtraTreesRegressor",
    "embedkit.heads.decision_trees.HistGradientBoostingClassifier",
    "embedkit.heads.decision_trees.HistGradientBoostingRegressor",
    "embedkit.heads.decision_trees.RandomForestClassifier",
    "embedkit.heads.decision_trees.RandomForestRegressor",
    "embedkit.heads.discriminant.CentroidClassifier",
    "embedkit.heads.discriminant.ShrinkageDiscriminant",
    "embedkit.heads.fully_connected.FullyConnectedClassifier",
    "embedkit.heads.fully_connected.FullyConnectedRegressor",
    "embedkit.heads.gaussian_process.GaussianProcessClassifier",
    "embedkit.heads.gaussian_process.GaussianProcessRegressor",
    "embedkit.heads.graph.Graph",
    "embedkit.heads.label_graph.LabelPropagation",
    "embedkit.heads.label_graph.LabelSpreading",
    "embedkit.heads.naive_bayes.GaussianNaiveBayes",
    "embedkit.heads.neighbors.NearestNeighborsClassifier",
    "embedkit.heads.neighbors.NearestNeighborsRegressor",
    "embedkit.heads.quadratic.QuadraticDiscriminant",
    "embedkit.heads.scaling.ScalarScaler",
    "embedkit.heads.self_training.SelfTrainingClassifier",
    "embedkit.heads.trees.XGBoostClassifier",
    "embedkit.heads.trees.XGBoostRegressor",
    "scipy.sparse._csr.csr_array",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
]
"""What a file may hold besides arrays, plain values and scikit-learn's public estimators."""


def check_installed() -> None:
    """Raise an EmbedkitError where skops is missing."""
    if find_spec("skops") is None:
        raise EmbedkitError('models are kept by skops: pip install "embedkit[skops]"')


def head_bytes(estimator: Any) -> bytes:
    """A fitted head as the bytes of a file."""
    check_installed()
    import skops.io

    return skops.io.dumps(estimator)


def read_head(file: Path) -> Any:
    """The fitted head of a file.

    Raises
    ------
    EmbedkitError
        Where skops is missing, the file cannot be read, or it names a type that is not on the list.
    """
    check_installed()
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        estimator = skops.io.load(file, trusted=TRUSTED)
        check_trees(estimator)
    except UntrustedTypesFoundException as error:
        raise EmbedkitError(
            f"{file} is not opened: it names types that no head of embedkit holds, and could run code ({error})"
        ) from None
    except EmbedkitError:
        raise
    except Exception as error:  # a damaged file ends in many kinds
        raise EmbedkitError(f"{file} cannot be read ({type(error).__name__}: {error}); fit the model again") from None
    return estimator
