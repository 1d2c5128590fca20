"""Trees and ensembles of trees of scikit-learn, on rows without missing values."""

from __future__ import annotations

from sklearn import ensemble, tree

from embedkit.heads.finite import FiniteRows, FiniteRowsClassifier


class DecisionTreeClassifier(FiniteRowsClassifier, tree.DecisionTreeClassifier):
    """A decision tree that names the first row with NaN or infinity."""


class DecisionTreeRegressor(FiniteRows, tree.DecisionTreeRegressor):
    """The same for numbers."""


class RandomForestClassifier(FiniteRowsClassifier, ensemble.RandomForestClassifier):
    """A random forest that names the first row with NaN or infinity."""


class RandomForestRegressor(FiniteRows, ensemble.RandomForestRegressor):
    """The same for numbers."""


class ExtraTreesClassifier(FiniteRowsClassifier, ensemble.ExtraTreesClassifier):
    """Extremely randomised trees that name the first row with NaN or infinity."""


class ExtraTreesRegressor(FiniteRows, ensemble.ExtraTreesRegressor):
    """The same for numbers."""


class HistGradientBoostingClassifier(FiniteRowsClassifier, ensemble.HistGradientBoostingClassifier):
    """Gradient-boosted trees that name the first row with NaN or infinity."""


class HistGradientBoostingRegressor(FiniteRows, ensemble.HistGradientBoostingRegressor):
    """The same for numbers."""
