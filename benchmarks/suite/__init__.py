"""What asv measures: accuracy, speed, memory, scaling. ``tox -e bench`` and ``tox -e asv -- OLD NEW`` run it.

asv imports this before any other module of the suite, in every process that measures something: here it is decided,
once for all benchmarks, with how many threads they compute (see also `pinned`) and where embeddings are kept.
"""

import os

THREADS = 1

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"):
    os.environ[name] = str(THREADS)  # read when libraries are loaded
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"  # as the command does
os.environ["EMBEDKIT_CACHE"] = "store"  # in the working directory, which asv makes for a benchmark, and removes
