"""Answers from scores: intervals, sets of the best heads, families compared through champions.

What goes in is what was right: for one head at one budget a matrix (R, n), repeats x test images, of 0 and 1 (for
numbers of negative absolute errors), on the same draws and images for every head.
"""

from embedkit.statistics.best import best_set, champion_difference
from embedkit.statistics.intervals import CONFIDENCE, Images, Interval, images_for, interval

__all__ = ["CONFIDENCE", "Images", "Interval", "best_set", "champion_difference", "images_for", "interval"]
