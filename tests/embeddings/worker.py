"""A slow small extraction, to be run by several processes at once: ``worker.py LOG PAUSE_S``. Needs numpy only.

Writes a line to LOG before (``took``) and after (``wrote``) each shard.
"""

from __future__ import annotations

import os
import sys
import time

import numpy as np

from embedkit.embeddings import claims, store

KEY, N = "k" * 64, 78
store.SHARD_ROWS = 2


def main(log_file: str, pause_s: str) -> None:
    log = os.open(log_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def tell(what: str, start: int = -1) -> None:
        os.write(log, f"{what} {start} {os.getpid()}\n".encode())

    with claims.rounds(KEY, N, lambda reason: tell(f"{reason};")) as rounds:
        for shards in rounds:
            for start, stop in shards:
                tell("took", start)
                time.sleep(float(pause_s))
                store.write_shard(KEY, start, np.arange(start, stop)[:, None])
                tell("wrote", start)
    store.finish(KEY, N, {})


if __name__ == "__main__":
    main(*sys.argv[1:])
