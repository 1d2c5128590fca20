from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from embedkit.backbones import Backbone, Images, make_backbone
from embedkit.datasets import open_dataset
from embedkit.embeddings.soundness import check_finite, check_varied
from embedkit.errors import EmbedkitError
from embedkit.spec import parse

PHOTOS = np.random.default_rng(0).integers(0, 256, (40, 12, 10, 3), dtype=np.uint8)
FINE = np.random.default_rng(1).normal(size=(40, 300)).astype(np.float32)
BRIGHTNESS = np.linspace(0, 1, 40, dtype=np.float32)[:, None]


def refused(rows: np.ndarray, images: np.ndarray = PHOTOS) -> str:
    """The reason, or nothing."""
    try:
        check_varied(rows, lambda i: images[i])
    except EmbedkitError as reason:
        return str(reason)
    return ""


def some_features(n: int, of: int) -> np.ndarray:
    rows = np.full((40, of), 3.0, dtype=np.float32)
    rows[:, :n] = FINE[:, :n]
    return rows


COLLAPSED = {
    "zeros": (np.zeros((40, 300), np.float32), "are all the same"),
    "constant": (np.tile(FINE[:1], (40, 1)), "are all the same"),
    "constant but for rounding": (np.tile(FINE[:1], (40, 1)) * (1 + 1e-7 * BRIGHTNESS), "are all the same"),
    "on a line": (BRIGHTNESS * FINE[:1], "all lie on one line"),
    "on a line that does not begin at 0": (FINE[:1] + BRIGHTNESS * FINE[1:2], "all lie on one line"),
    "almost on a line": (1e4 * BRIGHTNESS + FINE[:1] + 1e-3 * FINE, "all lie on one line"),
    "one living feature": (some_features(1, 300), "differ in only 0.3% of their 300 features"),
    "few living features": (some_features(2, 300), "differ in only 0.7% of their 300 features"),
}
SOUND = {
    "normal": FINE,
    "far from 0": 1e3 + FINE,
    "tiny": 1e-20 * FINE,
    "one strong direction": 30 * BRIGHTNESS + 0.1 * FINE,
    "2% of features": some_features(6, 300),
    "one feature by design": FINE[:, :1],
    "two features": FINE[:, :2],
    "7 images": np.zeros((7, 300), np.float32),
    "1 image": FINE[:1],
}


@pytest.mark.parametrize(("rows", "how"), COLLAPSED.values(), ids=COLLAPSED)
def test_a_collapse_is_told_with_what_to_look_at(rows: np.ndarray, how: str) -> None:
    assert refused(rows) == (
        f"the embeddings of 40 different images {how}; look at the backbone's weights (do they belong to this network? "
        "was it trained?), its layer and pool, and whether its transform fits the images"
    )


@pytest.mark.parametrize("rows", SOUND.values(), ids=SOUND)
def test_what_is_sound_is_not_refused(rows: np.ndarray) -> None:
    assert refused(rows) == ""


@pytest.mark.parametrize("rows", [rows for rows, _ in COLLAPSED.values()], ids=COLLAPSED)
@pytest.mark.parametrize("images", ["one image", "two images", "brightness", "colours"])
def test_where_images_are_alike_embeddings_may_be(rows: np.ndarray, images: str) -> None:
    alike = {
        "one image": np.repeat(PHOTOS[:1], 40, axis=0),
        "two images": PHOTOS[np.arange(40) % 2],
        "brightness": np.arange(40, dtype=np.uint8)[:, None, None, None] + np.zeros((1, 8, 8, 3), np.uint8),
        "colours": PHOTOS[:, :1, :1] + np.zeros((1, 9, 9, 3), np.uint8),
    }
    assert refused(rows, alike[images]) == ""


def test_images_are_read_only_where_rows_are_suspicious() -> None:
    check_varied(FINE, lambda i: pytest.fail("an image was read"))


def test_only_the_first_images_of_many_are_looked_at() -> None:
    read: list[int] = []

    def image(i: int) -> np.ndarray:
        read.append(i)
        return PHOTOS[i % 40]

    with pytest.raises(EmbedkitError, match="of 64 different images"):
        check_varied(np.zeros((1000, 5), np.float32), image)
    assert read == list(range(64))


def test_numbers_that_are_not_finite_are_counted_and_the_first_image_named() -> None:
    rows = FINE.copy()
    rows[3, 5], rows[7, 0] = np.nan, np.inf
    problem = r"2 embeddings hold NaN or infinity \(first: 'photo3'\); look at the backbone's weights and at that image"
    with pytest.raises(EmbedkitError, match=f"^{problem}$"):
        check_finite(rows, [f"photo{i}" for i in range(40)])
    check_finite(FINE, [""] * 40)


@pytest.mark.parametrize(
    "spec",
    [
        "pixels",
        "pixels(size=2)",
        "autoencoder(epochs=1, width=4, dim=2)",
        'autoencoder(weights="none")',
        'resnet18(weights="none")',
        'squeezenet1_1(weights="none")',
        'squeezenet1_1(weights="none", layer="features.3", pool="flatten")',
        'mobilenet_v3_small(weights="none")',
        'shufflenet_v2_x0_5(weights="none")',
    ],
)
def test_what_is_shipped_is_sound_on_digits_in_small_batches(spec: str) -> None:
    digits = open_dataset(parse("digits"))
    backbone = make_backbone(parse(spec), Images(digits, np.arange(120)))
    for n in (1, 2, 8, 24):
        check_varied(backbone.embed(digits.image(i) for i in range(n)), digits.image)


@pytest.mark.shared_data
@pytest.mark.slow
@pytest.mark.parametrize("layer", [None, "features.3", "features.12", "classifier"])
def test_trained_networks_are_sound_on_photos_of_one_class(shared_data: Path, layer: str | None) -> None:
    files = sorted((shared_data / "clothing/train/dress").iterdir())[:10]
    photos = [np.array(Image.open(file).convert("RGB")) for file in files]
    weights = shared_data / "weights/squeezenet1_0-deepcompression.pth"
    written = f', layer="{layer}"' if layer else ""
    digits = open_dataset(parse("digits"))
    backbone = make_backbone(parse(f'squeezenet1_0(weights="{weights}"{written})'), Images(digits, np.arange(1)))
    check_varied(backbone.embed(photos), lambda i: photos[i])


def dead(module: nn.Module) -> None:
    nn.init.zeros_(module.get_parameter("layer4.1.conv2.weight"))
    for name, parameter in module.named_parameters():
        if name.startswith("layer4") and name.endswith("bias"):
            nn.init.constant_(parameter, -100.0)


def unscaled(module: nn.Module) -> None:
    for name, buffer in module.named_buffers():
        if name.endswith("running_var"):
            buffer.fill_(1e30)


@pytest.mark.parametrize("break_it", [dead, unscaled])
def test_broken_weights_are_found(break_it: Callable[[nn.Module], None], tmp_path: Path) -> None:
    from torchvision.models import resnet18

    module = resnet18()
    with torch.no_grad():
        break_it(module)
    torch.save(module.state_dict(), tmp_path / "w.pth")
    digits = open_dataset(parse("digits"))
    backbone: Backbone = make_backbone(parse(f'resnet18(weights="{tmp_path}/w.pth")'), Images(digits, np.arange(1)))
    rows = backbone.embed(digits.image(i) for i in range(8))
    with pytest.raises(EmbedkitError, match="the embeddings of 8 different images are all the same; look at the backb"):
        check_varied(rows, digits.image)
