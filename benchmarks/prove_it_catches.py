"""Does the suite catch what it should? ``python benchmarks/prove_it_catches.py [TRIES]`` (default: 5).

In a scratch clone, regressions are planted, each in a commit of its own, and `two_commits.py` has to end with status 1
for each of them, and with 0 for a commit that changes nothing, in every try. Takes some minutes for each try. The exit
status is 0 where all of that is so, else 1.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).parents[1]
ACCURACY = r"accuracy.*\('knn', 'pixels', 25\)"
FIT = r"speed_heads\.Fit\.time_fit\('svm', '250 x 256'\)"
EXTRACTION = r"memory\.Peak\.track_extraction"


class Plant(NamedTuple):
    """A text of a file, what takes its place, and the benchmarks that must notice; without a file nothing changes."""

    name: str
    file: str
    old: str
    new: str
    bench: tuple[str, ...]


PLANTS = [
    Plant(
        "a head whose error rises by 1 point",
        "embedkit/heads/neighbors.py",
        "            yield votes / votes.sum(axis=1, keepdims=True)\n",
        "            votes[::100] = np.roll(votes[::100], 1, axis=1)\n"
        "            yield votes / votes.sum(axis=1, keepdims=True)\n",
        (ACCURACY,),
    ),
    Plant(
        "a fit that takes twice as long",
        "embedkit/heads/families/svm.py",
        "    from sklearn.svm import SVC, SVR\n",
        "    from sklearn.svm import SVC as Once\n"
        "    from sklearn.svm import SVR\n\n"
        "    class SVC(Once):\n"
        "        def fit(self, X, y, sample_weight=None):\n"
        "            super().fit(X, y, sample_weight)\n"
        "            return super().fit(X, y, sample_weight)\n",
        (FIT,),
    ),
    Plant(
        "an extraction that keeps twice the memory",
        "embedkit/embeddings/extract.py",
        "        rows.append(vectors)\n",
        "        rows.append(vectors)\n        _by_shard.__dict__.setdefault('kept', []).append(vectors.copy())\n",
        (EXTRACTION,),
    ),
    Plant("nothing", "", "", "", (ACCURACY, FIT, EXTRACTION)),
]


def main(tries: int) -> int:
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="embedkit-plants-") as folder:
        clone = Path(folder) / "embedkit"
        git(Path(folder), "clone", "--quiet", str(REPOSITORY), clone.name)
        commits = {plant.name: planted(plant, clone) for plant in PLANTS}
        base = git(clone, "rev-parse", "HEAD")
        for plant in PLANTS:
            expected = 1 if plant.file else 0
            found = []
            for _ in range(tries):
                started = time.monotonic()
                found.append(compared(clone, base, commits[plant.name], plant.bench))
                seconds = time.monotonic() - started
                print(f"{plant.name}: exit status {found[-1]}, in {seconds:.0f} s", flush=True)
            right = found.count(expected)
            print(f"{plant.name}: {'flagged' if plant.file else 'not flagged'} in {right} of {tries}", flush=True)
            wrong += tries - right
    return 1 if wrong else 0


def planted(plant: Plant, clone: Path) -> str:
    """The hash of a commit with a plant, which no branch holds."""
    if plant.file:
        file = clone / plant.file
        text = file.read_text(encoding="utf-8")
        if text.count(plant.old) != 1:
            sys.exit(f"error: {plant.file} does not hold the text to be replaced once; mend this script:\n{plant.old}")
        file.write_text(text.replace(plant.old, plant.new), encoding="utf-8")
    who = ("-c", "user.name=plant", "-c", "user.email=plant@example.org")
    git(clone, *who, "commit", "--quiet", "--all", "--allow-empty", "--message", f"plant: {plant.name}")
    commit = git(clone, "rev-parse", "HEAD")
    git(clone, "reset", "--quiet", "--hard", "HEAD~1")
    return commit


def compared(clone: Path, base: str, commit: str, bench: tuple[str, ...]) -> int:
    """The exit status of comparing two commits of the clone."""
    chosen = [word for regex in bench for word in ("--bench", regex)]
    command = [sys.executable, "benchmarks/two_commits.py", base, commit, *chosen]
    ended = subprocess.run(command, cwd=clone, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if ended.returncode not in (0, 1) or "some benchmarks failed" in ended.stdout:
        sys.exit(f"error: the comparison ended with status {ended.returncode}:\n{ended.stdout}")
    return ended.returncode


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5))
