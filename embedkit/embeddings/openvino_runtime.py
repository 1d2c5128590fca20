"""Networks on OpenVINO, for Intel's and AMD's processors: the extras ``openvino`` and, for 8 bits, ``int8``."""

from __future__ import annotations

import io
import logging
import threading
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Any

import numpy as np
import openvino
import torch
from torch import nn

from embedkit.embeddings.precision import Precision
from embedkit.engines import default_jobs
from embedkit.errors import EmbedkitError

_HINTS = {"float32": "f32", "bfloat16": "bf16", "float16": "f16"}


def openvino_runtime(module: nn.Module, precision: Precision, batch: torch.Tensor):  # type: ignore[no-untyped-def]
    """The network as a runtime, of one core per calling thread; None where OpenVINO cannot convert it.

    Parameters
    ----------
    module : Module
        From loaded images, normalisation included, to embeddings.
    batch : Tensor
        Loaded images; the number of images may differ later, their size not.
    """
    try:
        settings = {
            "INFERENCE_PRECISION_HINT": _HINTS[precision],
            "INFERENCE_NUM_THREADS": default_jobs(),
            "NUM_STREAMS": default_jobs(),  # of one thread each: with a single one, callers would wait in line
        }
        return _runtime(openvino.Core().compile_model(_converted(module, batch), "CPU", settings).create_infer_request)
    except Exception:  # what a tracer or a converter does not know ends in errors of many kinds
        return None


def int8_runtime(module: nn.Module, images: torch.Tensor):  # type: ignore[no-untyped-def]
    """The network with weights and activations of 8 bits, as a runtime.

    Parameters
    ----------
    images : Tensor
        Loaded images, (n, C, h, w), from which the ranges of activations are taken.

    Raises
    ------
    EmbedkitError
        Where OpenVINO cannot convert the network, or it cannot be quantised.
    """
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)  # nncf asks it for a CUDA compiler
    import nncf

    nncf.set_log_level(logging.ERROR)
    one_by_one = nncf.Dataset([image[None].numpy() for image in images])
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):  # it draws bars of its own
            warnings.simplefilter("ignore")
            model = nncf.quantize(_converted(module, images[:1]), one_by_one, subset_size=len(images))
    except Exception as error:  # as above
        told = str(error).partition("\n")[0]
        raise EmbedkitError(f'the network cannot be brought to int8 ({told}); leave out precision="int8"') from None

    def own_request() -> Any:
        """Of a copy for each thread: with several streams OpenVINO 2026.4 computes some int8 networks wrongly."""
        settings = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "ENABLE_CPU_PINNING": False}
        return openvino.Core().compile_model(model, "CPU", settings).create_infer_request()

    return _runtime(own_request)


def _converted(module: nn.Module, batch: torch.Tensor) -> Any:
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        return openvino.convert_model(module, example_input=batch, input=[(-1, *batch.shape[1:])])


def _runtime(new_request: Callable[[], Any]):  # type: ignore[no-untyped-def]
    local = threading.local()

    def run(batch: torch.Tensor) -> torch.Tensor:
        if not hasattr(local, "request"):
            local.request = new_request()
        (found,) = local.request.infer([np.ascontiguousarray(batch.numpy())]).values()
        return torch.from_numpy(np.array(found, dtype=np.float32))

    return run
