"""Networks on OpenVINO, for Intel's and AMD's processors: the extra ``embedkit[openvino]``."""

from __future__ import annotations

import threading
import warnings

import numpy as np
import openvino
import torch
from torch import nn

from embedkit.embeddings.precision import Precision
from embedkit.engines import default_jobs

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
        with warnings.catch_warnings(), torch.inference_mode():
            warnings.simplefilter("ignore")
            converted = openvino.convert_model(module, example_input=batch, input=[(-1, *batch.shape[1:])])
            settings = {
                "INFERENCE_PRECISION_HINT": _HINTS[precision],
                "INFERENCE_NUM_THREADS": default_jobs(),
                "NUM_STREAMS": default_jobs(),  # of one thread each: with a single one, callers would wait in line
            }
            compiled = openvino.Core().compile_model(converted, "CPU", settings)
    except Exception:  # what a tracer or a converter does not know ends in errors of many kinds
        return None
    local = threading.local()

    def run(batch: torch.Tensor) -> torch.Tensor:
        if not hasattr(local, "request"):
            local.request = compiled.create_infer_request()
        (found,) = local.request.infer([np.ascontiguousarray(batch.numpy())]).values()
        return torch.from_numpy(np.array(found, dtype=np.float32))

    return run
