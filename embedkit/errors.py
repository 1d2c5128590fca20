"""What a user is told: the three ways a piece of work can end without a result."""


class EmbedkitError(Exception):
    """A mistake in what was asked, told without a traceback: what was asked, what there is, what to do."""


class Unreadable(EmbedkitError):
    """Too many images of a data set cannot be read; `problems` holds path and reason of each."""

    def __init__(self, told: str, problems: tuple[tuple[str, str], ...]) -> None:
        super().__init__(told)
        self.problems = problems


class Unwritable(EmbedkitError):
    """A place where nothing can be written: no trial can go on."""


class NotApplicable(Exception):
    """A head cannot do what a trial asks, by its nature: the row is kept and never retried."""


def listing(names: list[str] | tuple[str, ...], most: int = 5) -> str:
    """The first `most` names, and how many more there are."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
