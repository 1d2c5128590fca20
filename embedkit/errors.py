"""What a user is told: the three ways a piece of work can end without a result, and the words for counts."""


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


def counted(count: int, one: str, many: str = "") -> str:
    """``1 image``, ``2 images``, ``0 classes``; `many` where the plural is not made by an s."""
    plural = many or (f"{one}es" if one.endswith("s") else f"{one}s")
    return f"{count} {one if count == 1 else plural}"


def listing(names: list[str] | tuple[str, ...], most: int = 5) -> str:
    """The first `most` names, and how many more there are."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
