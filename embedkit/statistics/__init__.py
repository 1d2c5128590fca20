"""Answers from scores: intervals, sets of the best heads, families compared through champions, crossovers, savings.

What goes in is what was right: for one head at one budget a matrix (R, n), repeats x test images, of 0 and 1 (for
numbers of negative absolute errors), on the same draws and images for every head.
"""

from embedkit.statistics.best import best_set
from embedkit.statistics.calibration import calibration_error, squared_misses
from embedkit.statistics.champions import champion, champion_difference
from embedkit.statistics.crossover import Crossover, crossover
from embedkit.statistics.images import Images, images_for
from embedkit.statistics.intervals import CONFIDENCE, Interval, Spread, interval, spread
from embedkit.statistics.macro_f1 import macro_f1_values
from embedkit.statistics.savings import LabelSavings, label_savings
from embedkit.statistics.testing import Friedman, average_ranks, friedman, holm, sign_flip_test
from embedkit.statistics.verdicts import MARGIN, Verdict, verdict

__all__ = [
    "CONFIDENCE",
    "MARGIN",
    "Crossover",
    "Friedman",
    "Images",
    "Interval",
    "LabelSavings",
    "Spread",
    "Verdict",
    "average_ranks",
    "best_set",
    "calibration_error",
    "champion",
    "champion_difference",
    "crossover",
    "friedman",
    "holm",
    "images_for",
    "interval",
    "label_savings",
    "macro_f1_values",
    "sign_flip_test",
    "spread",
    "squared_misses",
    "verdict",
]
