from __future__ import annotations

import json
import os
import re
import shutil
import urllib.error
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from embedkit.backbones import Backbone
from embedkit.backbones.layers import skeleton
from embedkit.backbones.preprocessing import of_preset
from embedkit.backbones.pretrained import _untrained, final_classifier, pretrained
from embedkit.backbones.weights import todays_name
from embedkit.errors import EmbedkitError
from embedkit.heads import make_head

NOISE = [np.random.default_rng(seed).integers(0, 256, (60, 50, 3), dtype=np.uint8) for seed in range(2)]
TRAINED = Path("weights/squeezenet1_0-deepcompression.pth")


def network(name: str, seed: int = 7, **options: Any) -> nn.Module:
    """A network of torchvision, made without embedkit."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return torchvision.models.get_model(name, weights=None, **options).eval()


def inputs(name: str) -> torch.Tensor:
    """The noise as the network's own weights want it."""
    transform = of_preset(torchvision.models.get_model_weights(name).DEFAULT.transforms())
    return torch.stack([transform(image) for image in NOISE])


def input_of(layer: str, module: nn.Module, batch: torch.Tensor) -> torch.Tensor:
    seen = []
    hook = module.get_submodule(layer).register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    with torch.inference_mode():
        module(batch)
    hook.remove()
    return seen[0]


def backbone(name: str, **params: Any) -> Backbone:
    return pretrained(name, None, **params)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def squeezenet() -> nn.Module:
    return network("squeezenet1_1")


@pytest.fixture
def weights(tmp_path: Path, squeezenet: nn.Module) -> str:
    torch.save(squeezenet.state_dict(), tmp_path / "squeezenet.pth")
    return str(tmp_path / "squeezenet.pth")


@pytest.fixture(scope="module")
def expected(squeezenet: nn.Module) -> torch.Tensor:
    return input_of("classifier.1", squeezenet, inputs("squeezenet1_1")).mean(dim=(2, 3))


@pytest.mark.parametrize(
    ("name", "layer"), [("resnet18", "fc"), ("mobilenet_v3_small", "classifier.3"), ("shufflenet_v2_x0_5", "fc")]
)
def test_the_embedding_is_the_input_of_the_final_classifier(name: str, layer: str, tmp_path: Path) -> None:
    module = network(name)
    torch.save(module.state_dict(), tmp_path / "weights.pth")
    embedded = backbone(name, weights=str(tmp_path / "weights.pth")).embed(NOISE)
    np.testing.assert_allclose(embedded, input_of(layer, module, inputs(name)), rtol=1e-4, atol=1e-6)


def test_a_classifier_that_is_a_convolution_has_its_input_averaged_over_positions(
    weights: str, expected: torch.Tensor
) -> None:
    embedded = backbone("squeezenet1_1", weights=weights).embed(NOISE)
    np.testing.assert_allclose(embedded, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("alexnet", "classifier.6"),
        ("convnext_tiny", "classifier.2"),
        ("densenet121", "classifier"),
        ("efficientnet_b0", "classifier.1"),
        ("googlenet", "fc"),
        ("mnasnet0_5", "classifier.1"),
        ("swin_t", "head"),
        ("vit_b_32", "heads.head"),
    ],
)
@pytest.mark.slow
def test_the_final_classifier_of_each_kind_of_network_is_found(name: str, layer: str) -> None:
    transform = of_preset(torchvision.models.get_model_weights(name).DEFAULT.transforms())
    assert final_classifier(skeleton(lambda: _untrained(name, 0)), transform) == layer


def test_grey_images_are_taken_as_colour() -> None:
    grey = NOISE[0][..., :1]
    from_grey, from_colour = backbone("squeezenet1_1", weights="none").embed([grey, np.repeat(grey, 3, axis=2)])
    np.testing.assert_array_equal(from_grey, from_colour)


def as_it_is(state: dict[str, torch.Tensor], path: Path) -> None:
    torch.save(state, path)


def in_a_checkpoint(state: dict[str, torch.Tensor], path: Path) -> None:
    torch.save({"epoch": 3, "state_dict": state}, path)


def of_parallel_training(state: dict[str, torch.Tensor], path: Path) -> None:
    torch.save({f"module.{key}": value for key, value in state.items()}, path)


def without_a_classifier(state: dict[str, torch.Tensor], path: Path) -> None:
    torch.save({key: value for key, value in state.items() if not key.startswith("classifier")}, path)


def with_a_classifier_of_7(state: dict[str, torch.Tensor], path: Path) -> None:
    torch.save({**state, "classifier.1.weight": torch.zeros(7, 512, 1, 1), "classifier.1.bias": torch.zeros(7)}, path)


def with_more_keys(state: dict[str, torch.Tensor], path: Path) -> None:
    torch.save({**state, "optimizer.step": torch.zeros(())}, path)


@pytest.mark.parametrize(
    "write",
    [as_it_is, in_a_checkpoint, of_parallel_training, without_a_classifier, with_a_classifier_of_7, with_more_keys],
)
def test_weights_load_however_they_were_saved(
    write: Callable[..., None], squeezenet: nn.Module, expected: torch.Tensor, tmp_path: Path
) -> None:
    write(squeezenet.state_dict(), tmp_path / "w.pt")
    embedded = backbone("squeezenet1_1", weights=str(tmp_path / "w.pt")).embed(NOISE)
    np.testing.assert_allclose(embedded, expected, rtol=1e-4, atol=1e-6)


def test_safetensors_and_pth_give_identical_embeddings(squeezenet: nn.Module, weights: str, tmp_path: Path) -> None:
    save_file(squeezenet.state_dict(), tmp_path / "w.safetensors")
    np.testing.assert_array_equal(
        backbone("squeezenet1_1", weights=str(tmp_path / "w.safetensors")).embed(NOISE),
        backbone("squeezenet1_1", weights=weights).embed(NOISE),
    )


def test_counters_of_batches_may_be_missing(tmp_path: Path) -> None:
    module = network("resnet18")  # torchvision's own file for it has none
    state = {key: value for key, value in module.state_dict().items() if not key.endswith("num_batches_tracked")}
    torch.save(state, tmp_path / "w.pth")
    embedded = backbone("resnet18", weights=str(tmp_path / "w.pth")).embed(NOISE[:1])
    np.testing.assert_allclose(embedded, input_of("fc", module, inputs("resnet18")[:1]), rtol=1e-4, atol=1e-6)


def test_networks_that_look_at_the_version_of_a_file_load(tmp_path: Path) -> None:
    module = network("mnasnet0_5")
    torch.save(module.state_dict(), tmp_path / "w.pth")
    embedded = backbone("mnasnet0_5", weights=str(tmp_path / "w.pth")).embed(NOISE[:1])
    expected = input_of("classifier.1", module, inputs("mnasnet0_5")[:1])
    np.testing.assert_allclose(embedded, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "today", "before"),
    [
        ("densenet121", r"(denselayer\d+\.(?:norm|conv))([12]\.)", r"\1.\2"),
        ("vit_b_32", r"\.mlp\.(?:(0)|3)\.", lambda match: f".mlp.linear_{1 if match[1] else 2}."),
    ],
)
def test_layers_that_torchvision_has_renamed_are_found(name: str, today: str, before: Any) -> None:
    with torch.device("meta"):
        keys = list(torchvision.models.get_model(name, weights=None).state_dict())
    old = [re.sub(today, before, key) for key in keys]
    assert old != keys
    assert [todays_name(key) for key in old] == keys
    assert [todays_name(key) for key in keys] == keys


def test_missing_keys_are_counted_and_the_first_named(squeezenet: nn.Module, tmp_path: Path) -> None:
    state = squeezenet.state_dict()
    del state["features.3.squeeze.weight"], state["features.12.expand3x3.bias"]
    torch.save(state, tmp_path / "mine.pth")
    problem = "weights file 'mine.pth' does not fit squeezenet1_1: 2 keys missing (first: 'features.3.squeeze.weight')"
    with pytest.raises(EmbedkitError, match=re.escape(problem)):
        backbone("squeezenet1_1", weights=str(tmp_path / "mine.pth"))


def test_keys_of_another_shape_are_counted_and_the_first_shown(squeezenet: nn.Module, tmp_path: Path) -> None:
    state = squeezenet.state_dict()
    state["features.0.weight"] = torch.zeros(64, 1, 3, 3)
    torch.save(state, tmp_path / "mine.pth")
    problem = (
        "'mine.pth' does not fit squeezenet1_1: 1 key has another shape "
        "(first: 'features.0.weight' is (64, 1, 3, 3), needed is (64, 3, 3, 3))"
    )
    with pytest.raises(EmbedkitError, match=re.escape(problem)):
        backbone("squeezenet1_1", weights=str(tmp_path / "mine.pth"))


def test_a_file_of_another_network_does_not_fit(weights: str) -> None:
    with pytest.raises(EmbedkitError, match=r"does not fit resnet18: \d+ keys missing \(first: 'conv1.weight'\)"):
        backbone("resnet18", weights=weights)


class Trap:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder),)


def test_a_file_that_would_run_code_is_refused(tmp_path: Path) -> None:
    torch.save({"features.0.weight": Trap(tmp_path / "sprung")}, tmp_path / "mine.pth")
    with pytest.raises(
        EmbedkitError, match=r"'mine.pth' is damaged, or holds more than tensors and is not opened, .* could run code"
    ):
        backbone("squeezenet1_1", weights=str(tmp_path / "mine.pth"))
    assert not (tmp_path / "sprung").exists()


def test_a_whole_network_is_refused(squeezenet: nn.Module, tmp_path: Path) -> None:
    torch.save(squeezenet, tmp_path / "mine.pth")
    with pytest.raises(EmbedkitError, match=r"holds more than tensors .* save module.state_dict\(\) and give that"):
        backbone("squeezenet1_1", weights=str(tmp_path / "mine.pth"))


@pytest.mark.parametrize("content", [[torch.zeros(2)], {"epoch": 3}, torch.zeros(2)], ids=["list", "numbers", "tensor"])
def test_what_is_no_state_dict_is_told(content: Any, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "mine.pth")
    with pytest.raises(EmbedkitError, match=r"'mine.pth' is no state_dict; save module.state_dict\(\)"):
        backbone("squeezenet1_1", weights=str(tmp_path / "mine.pth"))


def test_an_absent_file_is_told_with_the_choices() -> None:
    problem = (
        'cannot read the weights file \'no/such.pth\': No such file or directory; weights are "default", "none" or'
    )
    with pytest.raises(EmbedkitError, match=re.escape(problem)):
        backbone("squeezenet1_1", weights="no/such.pth")


def test_a_file_that_is_not_here_is_found_among_the_weights_of_the_folder_for_data(
    weights: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data" / "weights").mkdir(parents=True)
    shutil.copy(weights, tmp_path / "data" / "weights" / "shared.pth")
    monkeypatch.setenv("EMBEDKIT_DATA", str(tmp_path / "data"))
    assert backbone("squeezenet1_1", weights="shared.pth").recipe == backbone("squeezenet1_1", weights=weights).recipe


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(EmbedkitError, match=r"cannot read the weights file .*: Is a directory"):
        backbone("squeezenet1_1", weights=str(tmp_path))


@pytest.mark.parametrize("ending", ["pth", "safetensors"])
def test_a_file_that_was_cut_short_is_told(ending: str, squeezenet: nn.Module, tmp_path: Path) -> None:
    file = tmp_path / f"mine.{ending}"
    (save_file if ending == "safetensors" else torch.save)(squeezenet.state_dict(), file)
    file.write_bytes(file.read_bytes()[:100_000])
    with pytest.raises(EmbedkitError) as told:
        backbone("squeezenet1_1", weights=str(file))
    assert str(told.value) == (
        f"weights file 'mine.{ending}' is damaged or cut short (100,000 bytes), or is none of torch or safetensors; "
        "download it, or save it, again"
    )


@pytest.mark.parametrize("ending", ["pth", "safetensors"])
def test_an_empty_file_is_told(ending: str, tmp_path: Path) -> None:
    (tmp_path / f"empty.{ending}").touch()
    with pytest.raises(EmbedkitError) as told:
        backbone("squeezenet1_1", weights=str(tmp_path / f"empty.{ending}"))
    assert str(told.value) == f"weights file 'empty.{ending}' is empty; download it, or save it, again"


@pytest.mark.parametrize("ending", ["pth", "safetensors"])
def test_a_file_of_something_else_is_told(ending: str, tmp_path: Path) -> None:
    (tmp_path / f"mine.{ending}").write_bytes(b"<html>404 Not Found</html>")
    with pytest.raises(EmbedkitError, match=f"weights file 'mine.{ending}'"):
        backbone("squeezenet1_1", weights=str(tmp_path / f"mine.{ending}"))


def test_the_recipe_knows_the_content_of_a_file_and_not_its_place(weights: str, tmp_path: Path) -> None:
    copy = shutil.copy(weights, tmp_path / "elsewhere.pth")
    recipe = backbone("squeezenet1_1", weights=weights).recipe
    assert backbone("squeezenet1_1", weights=copy).recipe == recipe
    torch.save(network("squeezenet1_1", seed=8).state_dict(), copy)
    assert backbone("squeezenet1_1", weights=copy).recipe != recipe
    assert str(tmp_path) not in json.dumps(recipe)


def test_untrained_weights_depend_on_the_seed_only() -> None:
    def embedded(seed: int, elsewhere: int) -> np.ndarray:
        torch.manual_seed(elsewhere)
        return backbone("squeezenet1_1", weights="none", seed=seed).embed(NOISE)

    np.testing.assert_array_equal(embedded(seed=0, elsewhere=1), embedded(seed=0, elsewhere=2))
    assert not np.allclose(embedded(seed=0, elsewhere=1), embedded(seed=1, elsewhere=1), rtol=0.1)


@pytest.mark.parametrize("choice", ["none", "file"])
def test_the_global_random_state_is_left_alone(choice: str, weights: str) -> None:
    before = torch.get_rng_state()
    backbone("squeezenet1_1", weights=weights if choice == "file" else "none").embed(NOISE[:1])
    assert torch.equal(torch.get_rng_state(), before)


def test_untrained_networks_have_no_second_classifier_either() -> None:
    assert not [key for key in _untrained("googlenet", 0).state_dict() if key.startswith("aux")]


def test_default_weights_are_known_by_their_name() -> None:
    assert backbone("resnet18").recipe["weights"] == "ResNet18_Weights.IMAGENET1K_V1"


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise urllib.error.URLError("no route to host")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse)


@pytest.mark.usefixtures("offline")
def test_a_download_is_known_before_it_starts(tmp_path: Path) -> None:
    assert backbone("resnet18").download == (
        "ResNet18_Weights.IMAGENET1K_V1, 45 MB, from https://download.pytorch.org/models/resnet18-f37072fd.pth "
        f"to {tmp_path}/hub/checkpoints"
    )
    assert backbone("resnet18", weights="none").download == ""


@pytest.mark.usefixtures("offline")
def test_without_a_network_the_remedy_is_told_in_one_line() -> None:
    problem = (
        "the ImageNet weights of resnet18 could not be downloaded (no route to host); "
        "fetch https://download.pytorch.org/models/resnet18-f37072fd.pth where there is a network "
        'and give the file: resnet18(weights="resnet18-f37072fd.pth")'
    )
    with pytest.raises(EmbedkitError, match=f"^{re.escape(problem)}$"):
        backbone("resnet18").embed(NOISE)


@pytest.mark.shared_data
def test_trained_weights_tell_photos_apart_better_than_untrained_ones(shared_data: Path) -> None:
    names = ("dress", "hat", "pants", "shoes")
    files = [path for name in names for path in sorted((shared_data / "clothing/train" / name).iterdir())[:10]]
    photos = [np.array(Image.open(file).convert("RGB")) for file in files]
    labels = np.repeat(names, 10)
    train = np.arange(40) % 10 < 5

    def accuracy(weights: str) -> float:
        X = backbone("squeezenet1_0", weights=weights).embed(photos)
        assert X.shape == (40, 512)
        assert np.isfinite(X).all()
        return make_head("knn(k=1, metric='cosine')").fit(X[train], labels[train]).score(X[~train], labels[~train])

    trained, untrained = accuracy(str(shared_data / TRAINED)), accuracy("none")
    assert trained > untrained + 0.2
