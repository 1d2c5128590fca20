"""Batch normalisation as part of the convolution before it, where the network is used and no longer trained."""

from __future__ import annotations

from typing import Any

from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights


def fold_batch_norms(network: nn.Module) -> int:
    """Fold, in place, what follows a convolution that nothing else looks at; returns how many were folded.

    Of a network that torch.fx cannot trace, the parts that it can are looked at.
    """
    try:
        graph = _Tracer().trace(network)
    except Exception:  # tracing runs the network's own code on stand-ins, and fails in many ways
        return sum(map(fold_batch_norms, network.children()))
    modules = dict(network.named_modules())
    called = [node.target for node in graph.nodes if node.op == "call_module"]
    folded = 0
    for node in graph.nodes:
        if node.op != "call_module" or not isinstance(modules[node.target], nn.BatchNorm2d):
            continue
        before = node.args[0]
        if before.op != "call_module" or not isinstance(modules[before.target], nn.Conv2d):
            continue
        convolution, norm = modules[before.target], modules[node.target]
        seen_elsewhere = len(before.users) > 1 or convolution._forward_hooks or norm._forward_hooks
        if seen_elsewhere or called.count(before.target) > 1 or called.count(node.target) > 1:
            continue
        convolution.weight, convolution.bias = fuse_conv_bn_weights(
            convolution.weight,
            convolution.bias,
            norm.running_mean,
            norm.running_var,
            norm.eps,
            norm.weight,
            norm.bias,
        )
        network.set_submodule(node.target, nn.Identity())
        folded += 1
    return folded


class _Tracer(fx.Tracer):
    """Past the hooks by which layers are taken out."""

    def call_module(self, m: nn.Module, forward: Any, args: Any, kwargs: Any) -> Any:
        return super().call_module(m, m.forward, args, kwargs)
