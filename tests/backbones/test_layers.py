from __future__ import annotations

import copy
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
import torchvision
from torch import nn

from embedkit.backbones.layers import WHOLE, ModuleOutputs, NodeOutputs, layers_of, node_names, outputs_of, skeleton
from embedkit.errors import EmbedkitError

BATCH = torch.linspace(-1, 1, 2 * 3 * 64 * 64).sin().reshape(2, 3, 64, 64)


@pytest.fixture
def resnet() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return torchvision.models.resnet18().eval()


def through(network: nn.Module, batch: torch.Tensor = BATCH) -> torch.Tensor:
    with torch.inference_mode():
        return network(batch)


unit = nn.functional.normalize


def stem(resnet: nn.Module) -> torch.Tensor:
    return through(nn.Sequential(resnet.conv1, resnet.bn1, nn.ReLU(), resnet.maxpool))  # type: ignore[arg-type]


def test_several_layers_stand_side_by_side_at_unit_length_in_the_order_that_was_asked(resnet: nn.Module) -> None:
    first = through(resnet.layer1, stem(resnet))  # type: ignore[arg-type]
    second = through(resnet.layer2, first)  # type: ignore[arg-type]
    expected = torch.cat([unit(x.mean((2, 3))) for x in (second, first)], 1)
    torch.testing.assert_close(through(outputs_of(resnet, ["layer2", "layer1"], "avg", "resnet18")), expected)


def test_what_works_in_place_behind_a_layer_does_not_change_it(resnet: nn.Module) -> None:
    expected = through(nn.Sequential(resnet.conv1, resnet.bn1)).flatten(1)  # type: ignore[arg-type]
    network = outputs_of(resnet, ["bn1", "layer1"], "flatten", "resnet18")
    torch.testing.assert_close(through(network)[:, : expected.shape[1]], unit(expected))


def test_a_node_that_is_no_module(resnet: nn.Module) -> None:
    block, x = resnet.layer1[0], stem(resnet)  # type: ignore[index]
    total = through(nn.Sequential(block.conv1, block.bn1, nn.ReLU(), block.conv2, block.bn2), x) + x
    network = outputs_of(resnet, ["layer1.0.relu_1", "layer1.0.add"], "flatten", "resnet18")
    assert isinstance(network, NodeOutputs)
    torch.testing.assert_close(through(network), torch.cat([unit(total.relu().flatten(1)), unit(total.flatten(1))], 1))


def test_functions_that_work_in_place_are_made_not_to() -> None:
    class Net(nn.Module):
        def forward(self, batch: torch.Tensor) -> torch.Tensor:
            doubled = batch * 2
            return nn.functional.relu(doubled, inplace=True)

    torch.testing.assert_close(through(outputs_of(Net(), ["mul"], "flatten", "net")), 2 * BATCH.flatten(1))
    both = through(outputs_of(Net().train(), ["relu", "mul"], "flatten", "net").eval())
    torch.testing.assert_close(both, torch.cat([unit(x.flatten(1)) for x in (BATCH.relu(), BATCH)], 1))


def test_a_module_that_is_called_twice_gives_what_it_gave_first() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.twice = Double()

        def forward(self, batch: torch.Tensor) -> torch.Tensor:
            return self.twice(self.twice(batch)) + 0

    class Double(nn.Module):
        def forward(self, batch: torch.Tensor) -> torch.Tensor:
            return 2 * batch

    torch.testing.assert_close(through(outputs_of(Twice(), ["twice"], "max", "net")), 2 * BATCH.amax((2, 3)))
    both = ModuleOutputs(Twice(), ["twice", WHOLE], "max")
    torch.testing.assert_close(through(both), unit(BATCH.amax((2, 3))).repeat(1, 2))


def test_nothing_behind_is_computed(resnet: nn.Module) -> None:
    begun = []
    resnet.layer3.register_forward_pre_hook(lambda *_: begun.append("layer3"))  # type: ignore[union-attr, operator]
    through(outputs_of(resnet, ["layer2"], "avg", "resnet18"))
    assert begun == []


def test_a_copy_of_the_network_is_whole(resnet: nn.Module) -> None:
    network = outputs_of(resnet, ["layer1"], "avg", "resnet18")
    twin = copy.deepcopy(network)
    torch.testing.assert_close(through(twin), through(network))


def test_threads_may_share_the_network(resnet: nn.Module) -> None:
    network = outputs_of(resnet, ["layer1", "layer2"], "avg", "resnet18")
    batches = [torch.roll(BATCH, shift, 3) for shift in range(4)]
    expected = [through(network, batch) for batch in batches]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda batch: through(network, batch), 5 * batches))
    torch.testing.assert_close(found, 5 * expected)


def test_an_unknown_layer_is_told_with_those_like_it(resnet: nn.Module) -> None:
    problem = "there is no layer 'layr3'; like it: layer3, layer3.1, layer3.0, layer4, layer2"
    with pytest.raises(EmbedkitError, match=f"^{problem}; all: embedkit list layers resnet18$"):
        outputs_of(resnet, ["layr3"], "avg", "resnet18")


def test_where_none_is_like_it_only_the_command_is_told(resnet: nn.Module) -> None:
    with pytest.raises(EmbedkitError, match=r"^there is no layer 'zzzzzzzz'; all: embedkit list layers 'timm\(name"):
        outputs_of(resnet, ["zzzzzzzz"], "avg", 'timm(name="resnet18")')


class Odd(nn.Module):
    """Layers that cannot be embeddings."""

    def __init__(self) -> None:
        super().__init__()
        self.pair, self.scalar, self.windows, self.idle = Pair(), Scalar(), Windows(), nn.Identity()

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        self.pair(batch), self.scalar(batch), self.windows(batch)
        return batch


class Pair(nn.Module):
    def forward(self, batch: torch.Tensor) -> tuple[torch.Tensor, None]:
        return batch, None


class Scalar(nn.Module):
    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return batch.sum()


class Windows(nn.Module):
    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return batch.reshape(8, -1, 16)


@pytest.mark.parametrize(
    ("layer", "problem"),
    [
        ("pair", "the layer 'pair' gives a tuple; an embedding takes (b, d), (b, n, C) or (b, C, h, w)"),
        ("scalar", "the layer 'scalar' gives a tensor (); an embedding takes"),
        ("windows", "the layer 'windows' gives 8 rows for 2 images; write another one"),
        ("idle", "an image does not pass through the layer 'idle'"),
    ],
)
def test_layers_that_give_no_embedding_are_told(layer: str, problem: str) -> None:
    with pytest.raises(EmbedkitError, match=f"^{re.escape(problem)}"):
        through(ModuleOutputs(Odd(), [layer], "avg"))


def test_pooling_vectors_is_told(resnet: nn.Module) -> None:
    problem = "pool='gem' has nothing to pool: at 'fc' an image is one vector of 1000 numbers; write a layer before it"
    with pytest.raises(EmbedkitError, match=f"^{re.escape(problem)}$"):
        through(outputs_of(resnet, ["fc"], "gem", "resnet18"))


def test_a_skeleton_has_no_numbers() -> None:
    assert skeleton(torchvision.models.vit_h_14).conv_proj.weight.is_meta  # type: ignore[union-attr]


def test_networks_that_compute_while_they_are_built_have_a_skeleton_too() -> None:
    assert skeleton(torchvision.models.regnet_y_400mf).fc.weight.is_meta  # type: ignore[union-attr]


def test_layers_come_with_shapes_of_one_image_and_nodes_behind_them() -> None:
    layers = layers_of(skeleton(torchvision.models.resnet18), torch.zeros(2, 3, 64, 64, device="meta"))
    assert list(layers)[:4] == ["conv1", "bn1", "relu", "maxpool"]
    assert (layers["layer3"], layers["fc"]) == ((256, 4, 4), (1000,))
    assert [name for name, shape in layers.items() if shape is None][:3] == ["x", "layer1.0.add", "layer1.0.relu_1"]


def test_what_cannot_be_traced_has_no_nodes() -> None:
    class Branching(nn.Module):
        def forward(self, batch: torch.Tensor) -> torch.Tensor:
            return batch if batch.sum() > 0 else -batch

    assert node_names(Branching()) == []
