"""Which extra brings a package that is missing."""

from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import MissingExtraError

_HINTS = {
    "cpu": "pip install 'vaeport[cpu]' (or 'vaeport[cuda]' for a GPU)",
    "completion": "pip install 'vaeport[completion]'",
    "train": "pip install 'vaeport[train]'",
    "export": "pip install 'vaeport[export,cpu]'",
}


@contextmanager
def needs_extra(extra: str) -> Iterator[None]:
    """Turn a failed import of a third-party package inside the block into the command that installs it.

    Raises:
        MissingExtraError: a package outside vaeport could not be found.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").split(".")[0]
        if not package or package.startswith("vaeport"):
            raise
        raise MissingExtraError(f"the package {package} is not installed; {_HINTS[extra]} brings it") from error
