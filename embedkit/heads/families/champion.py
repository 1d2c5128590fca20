"""The champion of several heads."""

from __future__ import annotations

from typing import Any

from embedkit.errors import EmbedkitError
from embedkit.heads.head import Head, Task
from embedkit.spec import Spec

MEMBERS = tuple(map(Spec, ("logistic", "svm", "lda", "knn", "xgboost")))


def best(seed: int, task: Task, *, heads: tuple[Spec, ...] = MEMBERS, tuned: bool = True) -> Any:
    """of several heads the one that is clearly best in cross-validation on the labelled images, else the first"""
    from embedkit.heads import make_head
    from embedkit.heads.champion import ChampionClassifier, ChampionRegressor

    if not heads or any(head.name == "best" for head in heads):
        raise EmbedkitError("best: name at least one head, and not best again: best(heads=[svm, lda])")
    if len(heads) == 1:
        return make_head(heads[0], seed, task)
    champion = ChampionClassifier if task == "classification" else ChampionRegressor
    return champion(tuple(map(str, heads)), tuned=tuned, random_state=seed)


HEADS = {"best": Head(best, "champion", 2, (2, 0.1), deterministic=False)}
