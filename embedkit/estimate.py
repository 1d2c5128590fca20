"""How long a study will take, roughly, before it starts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple
from weakref import WeakKeyDictionary

import torch

from embedkit.backbones import Images, control_of, make_backbone
from embedkit.embeddings import store
from embedkit.embeddings.extract import effective_key, forward_passes
from embedkit.embeddings.pipeline import batch_size
from embedkit.embeddings.precision import effective_precision
from embedkit.embeddings.runtime import load_with, torch_runtime
from embedkit.errors import NotApplicable
from embedkit.heads import HEADS, all_params, members
from embedkit.plan import Bench, Plan, unsuited, untrainable
from embedkit.selection import FOLDS, LABELS_MIN, LABELS_PER_CLASS_MIN, grid_candidates
from embedkit.spec import Spec, parse
from embedkit.trials import Trial


def trial_seconds(plan: Plan, trial: Trial, dim: float) -> float:
    """Of one core, from the head's measured cost; of all cores where it trains the network, unless it is timed."""
    bench, spec = plan.benches[trial.dataset], parse(trial.head)
    backbone = bench.backbones[trial.backbone]
    labels, head = n_labeled(bench, trial), HEADS[spec.name]
    fixed_ms, per_thousand_ms = head.fit_ms
    pool_ms = max(HEADS[name].pool_ms for name in (spec.name, *(member.name for member in members(spec))))
    pool = len(bench.evaluation.pool_beside(trial.repeat, trial.fold)) if pool_ms else 0
    fit_s = (fixed_ms + (per_thousand_ms * labels * dim + pool_ms * pool) / 1000) / 1000
    fits_s = n_fits(bench, trial) * fit_s
    if head.image_passes is None or isinstance(backbone, NotApplicable) or untrainable(trial.head, trial.backbone):
        return fits_s
    n_test = len(bench.evaluation.split(trial.repeat, trial.fold)[1])
    passes = head.image_passes(all_params(spec), labels, backbone.weights) + labels + n_test
    slower = plan.study.jobs if trial.is_timed and plan.device == "cpu" else 1
    return fits_s + passes * image_seconds(plan, bench, trial.backbone).forward * slower


def n_fits(bench: Bench, trial: Trial) -> float:
    """How many fits on all labels take as long as choosing parameters and the fit that follows."""
    spec = parse(trial.head)
    head, candidates = HEADS[spec.name], 1 if trial.selection == "default" else _candidates(spec)
    if trial.selection == "oracle" or candidates == 1:
        return candidates
    labels_min = LABELS_PER_CLASS_MIN * len(bench.evaluation.classes)
    if n_labeled(bench, trial) < (LABELS_MIN if bench.dataset.task == "regression" else labels_min):
        return 1
    return 2 if head.leave_one_out else 1 + (FOLDS - 1) * (2 if head.staged else candidates)


@lru_cache(maxsize=256)
def _candidates(spec: Spec) -> int:
    return len(grid_candidates(spec))


def n_labeled(bench: Bench, trial: Trial) -> float:
    """How many labels a trial draws."""
    budget = next(budget for budget in bench.budgets if str(budget) == trial.budget)
    among = len(bench.evaluation.split(trial.repeat, trial.fold)[0])
    wanted = {
        "per class": budget.amount * len(bench.evaluation.classes),
        "total": budget.amount,
        "%": among * budget.amount / 100,
        "all": among,
    }
    return min(among, wanted[budget.unit])


def embedding_cost(plan: Plan, bench: Bench, name: str) -> tuple[float, int]:
    """Seconds to make what is not stored of one embedding, and its width."""
    backbone = bench.backbones[name]
    assert not isinstance(backbone, NotApplicable)
    key = effective_key(bench.dataset, backbone, plan.device)
    if store.is_complete(key):
        return 0.0, store.read(key).shape[1]
    image, stored = image_seconds(plan, bench, name), store.rows_there(key, len(bench.dataset))
    passes, missing = forward_passes(bench.dataset, backbone) - stored, len(bench.dataset) - stored
    return image.forward * passes + image.decoding * missing, image.dim


class ImageSeconds(NamedTuple):
    """What an image costs, and the width of its embedding."""

    decoding: float
    forward: float
    dim: int


_known: WeakKeyDictionary[Plan, dict[tuple[str, str], ImageSeconds]] = WeakKeyDictionary()


def image_seconds(plan: Plan, bench: Bench, name: str) -> ImageSeconds:
    """Measured once, by a batch of images through the untrained twin of the network."""
    known = _known.setdefault(plan, {})
    place = bench.dataset.name, name
    if place not in known:
        known[place] = _measured(plan, bench, name)
    return known[place]


def _measured(plan: Plan, bench: Bench, name: str) -> ImageSeconds:
    backbone = bench.backbones[name]
    assert not isinstance(backbone, NotApplicable)
    control = control_of(parse(name))
    images = Images(bench.dataset, bench.evaluation.pool)
    twin = make_backbone(control, images, plan.study.trust_code) if control else backbone
    network = twin.network(plan.device, lambda share, doing: None)
    run = torch_runtime(network, plan.device, effective_precision(bench.dataset.content, backbone, plan.device))
    load, read = load_with(network), bench.dataset.image
    indices = range(min(batch_size(load(read(0)), plan.device), len(bench.dataset)))
    decoding, forward = [], []
    for _ in range(4):  # the first are slow
        started = time.perf_counter()
        inputs = torch.stack([load(read(i)) for i in indices])
        decoded = time.perf_counter()
        embedded = run(inputs).cpu()
        forward.append((time.perf_counter() - decoded) / len(indices))
        decoding.append((decoded - started) / len(indices))
    return ImageSeconds(min(decoding), min(forward), embedded.shape[1])


def total_seconds(plan: Plan, todo: Sequence[Trial]) -> float:
    """Of what is left to do: embeddings, then trials side by side, then the timed ones alone."""
    embeddings = together = alone = 0.0
    for dataset, bench in plan.benches.items():
        for name, backbone in bench.backbones.items():
            here = [trial for trial in todo if (trial.dataset, trial.backbone) == (dataset, name)]
            mine = [trial for trial in here if not unsuited(trial.head, bench)]
            if not mine or isinstance(backbone, NotApplicable):
                continue
            seconds, dim = embedding_cost(plan, bench, name)
            embeddings += seconds
            for trial in mine:
                seconds = trial_seconds(plan, trial, dim)
                if trial.is_timed or HEADS[parse(trial.head).name].trains_network:
                    alone += seconds
                else:
                    together += seconds
    return embeddings + together / plan.study.jobs + alone
