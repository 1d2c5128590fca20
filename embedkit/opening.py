"""Opening a data set while a user watches."""

from __future__ import annotations

from embedkit.console import Console
from embedkit.datasets import Dataset, download_of, open_dataset
from embedkit.spec import Spec


def opened(text: str, spec: Spec, task: str, console: Console) -> Dataset:
    """The data set that a user called `text`; says what is downloaded for it, and how far the look at its images is."""
    if download := download_of(spec):
        console.say(f"downloading {download}")
    with console.stage(f"looking at {text}", 1) as advance:
        return open_dataset(spec, lambda done, total: advance(done / total, f"{done} of {total} images"), task)
