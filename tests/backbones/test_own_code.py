from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from embedkit.backbones import Backbone, Images, Preprocessing, make_backbone
from embedkit.backbones.own_code import own_network
from embedkit.datasets import open_dataset
from embedkit.errors import EmbedkitError
from embedkit.spec import Spec, parse

PHOTOS = [np.random.default_rng(seed).integers(0, 256, (40, 50, 3), dtype=np.uint8) for seed in range(2)]
CODE = """
from torch import nn

def build():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 6, 3))
"""


def written(folder: Path, code: str = CODE, name: str = "nets.py") -> str:
    (folder / name).write_text(code)
    return f"{folder / name}:build"


def backbone(path: str, **params: Any) -> Backbone:
    return own_network(None, path=path, **params)  # type: ignore[arg-type]


def net(seed: int) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 6, 3))


def expected(network: nn.Module, own: Backbone) -> torch.Tensor:
    transform = own.network("cpu", lambda share, doing: None).transform
    with torch.inference_mode():
        return network(torch.stack([transform(photo) for photo in PHOTOS])).mean((2, 3))


def test_the_networks_output_is_pooled(tmp_path: Path) -> None:
    own = backbone(written(tmp_path), seed=3)
    np.testing.assert_allclose(own.embed(PHOTOS), expected(net(3), own), rtol=1e-5, atol=1e-6)


def test_without_a_transform_it_is_that_of_imagenet(tmp_path: Path) -> None:
    transform = backbone(written(tmp_path)).network("cpu", lambda share, doing: None).transform
    assert isinstance(transform, Preprocessing)
    assert (transform.resize, transform.crop, transform.mean) == (256, 224, (0.485, 0.456, 0.406))


def test_weights_are_read_from_a_file(tmp_path: Path) -> None:
    torch.save(net(8).state_dict(), tmp_path / "w.pth")
    own = backbone(written(tmp_path), weights=str(tmp_path / "w.pth"))
    np.testing.assert_allclose(own.embed(PHOTOS), expected(net(8), own), rtol=1e-5, atol=1e-6)


def test_weights_that_do_not_fit_are_told(tmp_path: Path) -> None:
    torch.save({"0.weight": torch.zeros(4, 3, 3, 3)}, tmp_path / "w.pth")
    problem = "'w.pth' does not fit module(path=\"nets.py:build\"): 3 keys missing (first: '0.bias')"
    with pytest.raises(EmbedkitError, match=re.escape(problem)):
        backbone(written(tmp_path), weights=str(tmp_path / "w.pth"))


def test_layers_pools_and_sizes_are_as_for_others(tmp_path: Path) -> None:
    assert backbone(written(tmp_path), layer=("0", "2"), pool="avg+max", image_size=16).embed(PHOTOS).shape == (2, 20)


def test_a_transform_of_its_own_gets_a_tensor_with_channels_first(tmp_path: Path) -> None:
    code = CODE.replace("    return", "    net =") + "    return net, lambda x: x[:, :10, :12] / 255\n"
    own = backbone(written(tmp_path, code))
    made = own.network("cpu", lambda share, doing: None).transform(PHOTOS[0])
    np.testing.assert_array_equal(made, PHOTOS[0].transpose(2, 0, 1)[:, :10, :12] / np.float32(255))
    assert own.embed(PHOTOS).shape == (2, 6)
    with pytest.raises(EmbedkitError, match="its own transform decides the size; leave image_size out"):
        backbone(written(tmp_path, code), image_size=20)


def test_a_preset_of_torchvision_is_taken_as_data(tmp_path: Path) -> None:
    preset = "from torchvision.models import Swin_T_Weights\n"
    code = preset + CODE.replace("    return", "    net =") + "    return net, Swin_T_Weights.DEFAULT.transforms()\n"
    transform = backbone(written(tmp_path, code)).network("cpu", lambda share, doing: None).transform
    assert isinstance(transform, Preprocessing)
    assert (transform.resize, transform.interpolation) == (232, "bicubic")


def test_a_network_that_the_file_holds_is_not_taken_apart(tmp_path: Path) -> None:
    code = CODE.replace("def build():\n    return", "NET =") + "\ndef build():\n    return NET\n"
    own = backbone(written(tmp_path, code), layer="0", image_size=16)
    first, again = (own.embed(PHOTOS) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert first.shape == (2, 4)


def test_dataclasses_work_in_the_file(tmp_path: Path) -> None:
    code = "from __future__ import annotations\nimport dataclasses as d\n@d.dataclass\nclass Size:\n    n: int = 6\n"
    assert backbone(written(tmp_path, code + CODE.replace("6, 3", "Size().n, 3"))).embed(PHOTOS).shape == (2, 6)


def test_the_recipe_knows_the_code_the_function_and_the_weights_but_no_place(tmp_path: Path) -> None:
    path = written(tmp_path)
    recipe = backbone(path).recipe
    assert json.loads(json.dumps(recipe)) == recipe
    (tmp_path / "elsewhere").mkdir()
    copy = shutil.copy(path.removesuffix(":build"), tmp_path / "elsewhere" / "other.py")
    assert backbone(f"{copy}:build").recipe == recipe
    assert backbone(written(tmp_path, CODE + "# changed")).recipe != recipe
    torch.save(net(8).state_dict(), tmp_path / "w.pth")
    assert backbone(path, weights=str(tmp_path / "w.pth")).recipe != recipe
    assert backbone(written(tmp_path, CODE + "\nagain = build\n").replace(":build", ":again")).recipe != recipe
    assert backbone(written(tmp_path), seed=1).recipe != recipe


def test_without_trust_nothing_is_run_and_what_would_be_is_told(tmp_path: Path) -> None:
    path = written(tmp_path, f"from pathlib import Path\nPath({str(tmp_path / 'sprung')!r}).mkdir()\n" + CODE)
    images = Images(open_dataset(parse("digits")), np.arange(10))
    problem = (
        rf"module\(path='{path}'\) runs code: {tmp_path}/nets.py \(sha256 \w{{12}}\.\.\.\), then build\(\) in it; "
        "where you trust it, write --trust-code, in a study file trust_code = true, from Python trust_code=True"
    )
    with pytest.raises(EmbedkitError, match=f"^{problem}$"):
        make_backbone(Spec("module", (("path", path),)), images)
    assert not (tmp_path / "sprung").exists()
    make_backbone(Spec("module", (("path", path),)), images, trust_code=True)
    assert (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("def build(:", "nets.py fails: SyntaxError: "),
        ("import no_such_package", "nets.py fails: ModuleNotFoundError: No module named 'no_such_package'"),
        ("def made(): pass", "nets.py has no function 'build'; there are: made"),
        ("", "nets.py has no function 'build'; there are: none"),
        ("def build(): 1 / 0", 'module(path="nets.py:build") fails: ZeroDivisionError: division by zero'),
        ("def build(size): pass", 'module(path="nets.py:build") fails: TypeError: build() missing 1 required'),
        (
            "def build(): return 3",
            'module(path="nets.py:build") gives a int; needed is an nn.Module, or (nn.Mod',
        ),
        (CODE.replace("Conv2d(3, ", "Conv2d(9, "), "does not take images of 224x224 pixels (Given groups=1, weight of"),
        (
            CODE.replace(" nn.Seq", " nn.Seq").replace("6, 3))", "6, 3)), lambda x: x"),
            "its transform gives torch.uint8 (",
        ),
        (
            CODE.replace("6, 3))", "6, 3)), lambda x: x[0] / 255"),
            "its transform gives torch.float32 (64, 64); needed",
        ),
        (
            CODE.replace("6, 3))", "6, 3)), lambda x: x.no"),
            "its transform fails on a tensor (3, 64, 64) uint8: 'T",
        ),
    ],
)
def test_what_is_wrong_with_the_code_is_told(code: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(EmbedkitError, match=re.escape(problem)):
        backbone(written(tmp_path, code))


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("nets.py", "module(path='nets.py'): write path=\"file.py:function\""),
        ("nets.txt:build", "module(path='nets.txt:build'): write path="),
        ("no/such.py:build", "module(path='no/such.py:build'): cannot read 'no/such.py': No such file or directory"),
    ],
)
def test_what_is_wrong_with_the_path_is_told(path: str, problem: str) -> None:
    with pytest.raises(EmbedkitError, match=re.escape(problem)):
        backbone(path)
