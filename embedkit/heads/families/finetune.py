"""Fine-tuning of the network itself.

Rates, steps and shift were chosen on validation images carved from the training images of CIFAR-10 (an ImageNet
SqueezeNet) and of MNIST (an autoencoder, trained and untrained), at 5 and 25 labels per class.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from embedkit.heads.head import Count, Head, NotNegative, Positive, Share, Task

BATCH_SIZE = 32  # the estimators' default


def finetune(
    seed: int,
    task: Task,
    *,
    learning_rate: Positive = 2e-3,
    encoder_rate: Positive | None = None,
    weight_decay: NotNegative = 0.05,
    steps: Count | None = None,
    epochs: Count = 10,
    shift: Share | None = None,
    flip: bool = False,
) -> Any:
    """the network itself and one layer on it, trained end to end on the labelled images; flip is for photos"""
    from embedkit.heads.finetune import FineTunedClassifier, FineTunedRegressor

    built = FineTunedClassifier if task == "classification" else FineTunedRegressor
    return built(
        learning_rate=learning_rate,
        encoder_rate=encoder_rate,
        weight_decay=weight_decay,
        steps=steps,
        epochs=epochs,
        shift=shift,
        flip=flip,
        random_state=seed,
    )


def _image_passes(params: Mapping[str, Any], n_labeled: float, weights: str) -> float:
    from embedkit.heads.finetune import n_steps

    steps = n_steps(params["steps"], params["epochs"], n_labeled / BATCH_SIZE, weights)
    return n_labeled + 3 * steps * min(n_labeled, BATCH_SIZE)


HEADS = {
    "finetune": Head(finetune, "fine-tuning", 2, (60, 0.05), deterministic=False, gpu=True, image_passes=_image_passes),
}
