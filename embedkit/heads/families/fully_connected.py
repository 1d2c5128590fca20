"""Fully connected heads."""

from __future__ import annotations

from typing import Any

from embedkit.errors import NotApplicable
from embedkit.heads.head import Count, Head, NotNegative, Positive, Share, Task, scaled


def linear(
    seed: int,
    task: Task,
    *,
    learning_rate: Positive = 5e-3,
    weight_decay: NotNegative = 3.0,
    steps: Count = 100,
    epochs: Count = 20,
) -> Any:
    """fully connected: one layer (softmax for classes), trained by AdamW"""
    return _fully_connected(
        task, (), learning_rate=learning_rate, weight_decay=weight_decay, steps=steps, epochs=epochs, random_state=seed
    )


def mlp(
    seed: int,
    task: Task,
    *,
    hidden: tuple[Count, ...] = (256,),
    dropout: Share = 0.5,
    learning_rate: Positive = 3e-3,
    weight_decay: NotNegative = 0.01,
    label_smoothing: Share = 0.0,
    steps: Count = 150,
    epochs: Count = 30,
) -> Any:
    """fully connected: hidden layers with ReLU and dropout, then one layer, trained by AdamW"""
    if task == "regression" and label_smoothing:
        raise NotApplicable("mlp: label_smoothing is for classes; leave it out where targets are numbers")
    smoothing = {"label_smoothing": label_smoothing} if label_smoothing else {}
    return _fully_connected(
        task,
        hidden,
        dropout=dropout,
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        steps=steps,
        epochs=epochs,
        random_state=seed,
        **smoothing,
    )


def _fully_connected(task: Task, hidden: tuple[int, ...], **params: Any) -> Any:
    from embedkit.heads.fully_connected import FullyConnectedClassifier, FullyConnectedRegressor

    layers = (FullyConnectedClassifier if task == "classification" else FullyConnectedRegressor)(hidden, **params)
    return scaled(layers, "features" if hidden else "reach")


def _stacked(fits: Any) -> Any:
    from embedkit.heads.routes import stacked_layers

    return stacked_layers.fit_all(fits)


HEADS = {
    "linear": Head(
        linear,
        "fully connected",
        4,
        (49, 0.05),
        deterministic=False,
        grid={"weight_decay": (0.1, 3.0, 10.0)},
        loss="log_loss",
        gpu=True,
        batched=_stacked,
    ),
    "mlp": Head(
        mlp,
        "fully connected",
        2,
        (95, 0.45),
        deterministic=False,
        grid={"dropout": (0.2, 0.5, 0.8)},
        loss="log_loss",
        gpu=True,
        batched=_stacked,
    ),
}
