from __future__ import annotations

import torchvision

from embedkit.backbones.torchvision_networks import NETWORKS


def test_all_classification_networks_of_torchvision_are_known() -> None:
    assert sorted(torchvision.models.list_models(module=torchvision.models)) == list(NETWORKS)
