"""Opening a data set while a user watches."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from embedkit.console import Console
from embedkit.datasets import Dataset, dataset_spec, download_of, open_dataset
from embedkit.errors import EmbedkitError
from embedkit.spec import Spec


def stop_if_absent(datasets: Sequence[str], labels: str | None) -> None:
    """A dry run downloads nothing.

    Raises
    ------
    EmbedkitError
        Where a data set is not here yet.
    """
    for text in datasets:
        if download := download_of(dataset_spec(text, labels)):
            raise EmbedkitError(
                f"a plan needs the images of {text}, and --dry-run downloads nothing ({download}); "
                f"get them by: embedkit check {shlex.quote(text)}"
            )


def opened(text: str, spec: Spec, task: str, console: Console) -> Dataset:
    """The data set that a user called `text`; says what is downloaded for it, and how far the look at its images is."""
    if download := download_of(spec):
        console.say(f"downloading {download}")
    with console.stage(f"looking at {text}", 1) as advance:
        return open_dataset(spec, lambda done, total: advance(done / total, f"{done} of {total} images"), task)
