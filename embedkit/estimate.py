"""How long a study will take, roughly, before it starts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import lru_cache

import torch

from embedkit.backbones import Images, control_of, make_backbone
from embedkit.embeddings import store
from embedkit.embeddings.extract import effective_key, forward_passes
from embedkit.embeddings.pipeline import batch_on_cpu
from embedkit.embeddings.precision import effective_precision
from embedkit.embeddings.runtime import load_with, torch_runtime
from embedkit.errors import NotApplicable
from embedkit.heads import HEADS, members
from embedkit.plan import Bench, Plan, unsuited
from embedkit.selection import FOLDS, LABELS_MIN, LABELS_PER_CLASS_MIN, grid_candidates
from embedkit.spec import Spec, parse
from embedkit.trials import Trial


def trial_seconds(bench: Bench, trial: Trial, dim: float) -> float:
    """Of one core, from the head's measured cost."""
    labels = n_labeled(bench, trial)
    spec = parse(trial.head)
    fixed_ms, per_thousand_ms = HEADS[spec.name].fit_ms
    pool_ms = max(HEADS[name].pool_ms for name in (spec.name, *(member.name for member in members(spec))))
    pool = len(bench.evaluation.pool_beside(trial.repeat, trial.fold)) if pool_ms else 0
    return n_fits(bench, trial) * (fixed_ms + (per_thousand_ms * labels * dim + pool_ms * pool) / 1000) / 1000


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
    """Seconds to make what is not stored of one embedding, and its width.

    Measured by a batch of images through the untrained twin of the network.
    """
    backbone = bench.backbones[name]
    assert not isinstance(backbone, NotApplicable)
    key = effective_key(bench.dataset, backbone, plan.device)
    if store.is_complete(key):
        return 0.0, store.read(key).shape[1]
    control = control_of(parse(name))
    images = Images(bench.dataset, bench.evaluation.pool)
    twin = make_backbone(control, images, plan.study.trust_code) if control else backbone
    network = twin.network(plan.device, lambda share, doing: None)
    run = torch_runtime(network, plan.device, effective_precision(bench.dataset.content, backbone, plan.device))
    load, read = load_with(network), bench.dataset.image
    indices = range(min(batch_on_cpu(load(read(0))), len(bench.dataset)))
    decoding, forward = [], []
    for _ in range(4):  # the first are slow
        started = time.perf_counter()
        inputs = torch.stack([load(read(i)) for i in indices])
        decoded = time.perf_counter()
        embedded = run(inputs).cpu()
        forward.append((time.perf_counter() - decoded) / len(indices))
        decoding.append((decoded - started) / len(indices))
    stored = store.rows_there(key, len(bench.dataset))
    passes, missing = forward_passes(bench.dataset, backbone) - stored, len(bench.dataset) - stored
    return min(forward) * passes + min(decoding) * missing, embedded.shape[1]


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
            alone += sum(trial_seconds(bench, trial, dim) for trial in mine if trial.is_timed)
            together += sum(trial_seconds(bench, trial, dim) for trial in mine if not trial.is_timed)
    return embeddings + together / plan.study.jobs + alone
