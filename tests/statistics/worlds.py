"""Simulated studies of which the truth is known, and how often the statistics of embedkit find it.

An image is right if a sum of normal effects is positive: of the head at this budget, of the image, of the image for
this head, of the label draw, of the draw for this head, and noise. A draw takes labels from a pool without replacement;
its effect is the mean of what its images add, so that draws from one pool are alike by as much as they overlap, and the
draws of several budgets are nested. Truths follow in closed form, for this pool and for new ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product

import numpy as np
from scipy import special, stats

from embedkit.statistics import Images, best_set, crossover, images_for, spread

POOL = 1000
OF_IMAGE, OF_IMAGE_FOR_HEAD, OF_DRAW, OF_DRAW_FOR_HEAD = 1.0, 0.5, 0.12, 0.08
MARGIN = 0.01
BASE = 0.75


class SmallWorld:
    """Studies of heads that are right with a mean probability of .7, with effects of images and label draws."""

    def __init__(self, seed: int, R: int = 10, n: int = 200) -> None:
        self.rng, self.R, self.n = np.random.default_rng(seed), R, n
        self.images = of_equal_weight(n)
        self.ids = [f"{seed} {i}" for i in range(n)]

    def new_study(self) -> None:
        self.of_image = 0.15 * self.rng.uniform(-1, 1, self.n)
        self.of_draw = 0.04 * self.rng.uniform(-1, 1, (self.R, 1))

    def head(self, mean: float = 0.7) -> np.ndarray:
        of_head = 0.04 * self.rng.uniform(-1, 1, (self.R, 1)) + 0.05 * self.rng.uniform(-1, 1, self.n)
        return (self.rng.random((self.R, self.n)) < mean + self.of_image + self.of_draw + of_head).astype(float)


def of_equal_weight(n: int, groups: np.ndarray | None = None) -> Images:
    return images_for("accuracy", np.zeros(n, dtype=np.int64), np.arange(n) if groups is None else groups)


@dataclass(frozen=True)
class World:
    """How large a share of the pool is labelled, how many draws there are, and how many test images."""

    pool_share: float
    R: int
    n: int

    def __str__(self) -> str:
        return f"f={self.pool_share:g}, R={self.R}, n={self.n}"


WORLDS = [World(*world) for world in product((0.04, 0.38), (5, 10), (60, 360, 5000))]


@dataclass
class Study:
    """What heads got right, (heads, budgets, R, n), and what their accuracies are: over draws from this pool and new
    images, and over new pools too, each (heads, budgets).
    """

    correct: np.ndarray
    of_this_pool: np.ndarray
    of_new_pools: np.ndarray
    images: Images


def study(world: World, accuracy: np.ndarray, rng: np.random.Generator, equal_pools: bool = False) -> Study:
    """One study of heads of this accuracy (heads, budgets) over new pools; budgets halve the labels downwards.

    `equal_pools` takes care that no head does better with this pool than with others, and another one worse.
    """
    heads, budgets = accuracy.shape
    k = np.array([max(1, round(world.pool_share * POOL / 2**step)) for step in reversed(range(budgets))])
    of_member = OF_DRAW_FOR_HEAD * rng.standard_normal((heads, POOL))
    if equal_pools:
        of_member -= of_member.mean(axis=1, keepdims=True)
    of_member += OF_DRAW * rng.standard_normal(POOL)
    order = rng.permuted(np.tile(np.arange(POOL), (world.R, 1)), axis=1)[:, : k[-1]]
    of_draws = of_member[:, order].cumsum(axis=2)[:, :, k - 1] / np.sqrt(k)  # (heads, R, budgets)

    fixed = 1 + OF_IMAGE**2 + OF_IMAGE_FOR_HEAD**2
    ability = special.ndtri(accuracy) * np.sqrt(fixed + OF_DRAW**2 + OF_DRAW_FOR_HEAD**2)
    within = of_member.var(axis=1, ddof=1)[:, None] * (1 - k / POOL)
    of_this_pool = special.ndtr((ability + of_member.mean(axis=1)[:, None] * np.sqrt(k)) / np.sqrt(fixed + within))

    of_images = OF_IMAGE * rng.standard_normal(world.n, dtype=np.float32)
    of_images = of_images + OF_IMAGE_FOR_HEAD * rng.standard_normal((heads, world.n), dtype=np.float32)
    noise = rng.standard_normal((heads, budgets, world.R, world.n), dtype=np.float32)
    noise += of_images[:, None, None]
    threshold = -(ability[:, :, None] + of_draws.transpose(0, 2, 1)).astype(np.float32)
    return Study((noise > threshold[..., None]).astype(np.int8), of_this_pool, accuracy, of_equal_weight(world.n))


@dataclass
class Found:
    """By what was asked, how often it came out in how many studies."""

    studies: int
    counts: dict[str, float] = field(default_factory=dict)

    def add(self, name: str, value: float) -> None:
        self.counts[name] = self.counts.get(name, 0) + value

    def share(self, name: str) -> float:
        return self.counts.get(name, 0) / self.studies


def intervals_found(world: World, studies: int, seed: int = 0) -> Found:
    """Coverage of scores and paired differences on both levels, false rejections, and power for planted 3 points."""
    rng, found = np.random.default_rng(seed), Found(studies)
    for _ in range(studies):
        here = study(world, np.array([[BASE], [BASE], [BASE + 0.03]]), rng)
        one, other, better = (matrix[0] for matrix in here.correct)
        for name, of, this, new in (
            ("score", one, here.of_this_pool[0, 0], BASE),
            ("difference", one - other, here.of_this_pool[0, 0] - here.of_this_pool[1, 0], 0.0),
        ):
            for level, truth, share in (("", this, 0.0), (", new pools", new, world.pool_share)):
                at = spread(of, here.images, pool_share=share).interval()
                found.add(f"{name}{level}", abs(at.estimate - truth) <= at.half_width)
                found.add(f"{name}{level}, half-width", at.half_width)
        found.add("power", spread(better - one, here.images).interval().excludes_zero)
        found.add("rejected, new pools", spread(one - other, here.images, pool_share=world.pool_share).p_value < 0.05)
        equal = study(world, np.full((2, 1), BASE), rng, equal_pools=True)
        one, other = (matrix[0] for matrix in equal.correct)
        found.add("rejected", spread(one - other, equal.images).p_value < 0.05)
    return found


def best_found(world: World, studies: int, seed: int = 0, heads: int = 8, ahead: float = 0.002) -> Found:
    """Whether the truly best of almost equal heads stays among the best, and whether one 8 points worse does."""
    rng, found = np.random.default_rng(seed), Found(studies)
    accuracy = np.full((heads, 1), BASE)
    accuracy[0], accuracy[-1] = BASE + ahead, BASE - 0.08
    for _ in range(studies):
        here = study(world, accuracy, rng)
        correct = {str(number): matrix[0] for number, matrix in enumerate(here.correct)}
        best = str(int(here.of_this_pool[:, 0].argmax()))
        kept = best_set(correct, here.images)
        found.add("kept", best in kept)
        found.add("size", len(kept))
        found.add("worse kept", str(heads - 1) in kept)
        found.add("kept without correction", best in best_set(correct, here.images, alpha=0.05 * (heads - 1)))
        of_repeats = here.correct[:, 0].mean(axis=2)
        t = stats.ttest_rel(of_repeats, of_repeats[int(best)], axis=1, alternative="greater")
        found.add("kept by t tests over repeats", not np.any(t.pvalue < 0.05))
    return found


def crossover_found(world: World, studies: int, seed: int = 0, heads: int = 6, budgets: int = 6) -> Found:
    """Whether the crossover lies in its interval, in studies of one head that starts behind and mostly catches up."""
    rng, found = np.random.default_rng(seed), Found(studies)
    names = [str(budget) for budget in range(budgets)]
    for _ in range(studies):
        others = np.linspace(0.60, 0.85, budgets) + 0.015 * rng.uniform(-1, 1, (heads - 1, 1))
        ours = others.mean(axis=0) + np.linspace(-0.08, rng.choice([-0.06, -0.02, 0.01, 0.04]), budgets)
        here = study(world, np.vstack([ours, others]), rng)
        differences = {
            (str(head), name): spread(here.correct[0, at] - here.correct[head, at], here.images)
            for head in range(1, heads)
            for at, name in enumerate(names)
        }
        at = crossover(names, differences, MARGIN)
        behind = (here.of_this_pool[0] - here.of_this_pool[1:] < -MARGIN).any(axis=0)
        truth = int(np.flatnonzero(behind).max(initial=-1)) + 1  # `budgets` where it is behind at the largest, too
        lower = budgets if at.status.startswith("never") else names.index(at.lower or names[0])
        upper = budgets if at.upper is None else names.index(at.upper)
        found.add("covered", lower <= truth <= upper)
        found.add(at.status, 1)
        found.add("truly never", truth == budgets)
        found.add("budgets between the ends", upper - lower)
    return found
