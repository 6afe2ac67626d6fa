"""The images that a command line names: files, folders, and `-` for standard input."""

import sys
from collections.abc import Sequence
from pathlib import Path

from ..errors import ImageError
from ..images.files import MAX_BYTES, SUFFIXES, Picture

STDIN = "-"


def find_images(names: Sequence[str]) -> list[tuple[str, Picture]]:
    """Images by the name to show for each, in the order given; those of a folder, however deep, sorted by path.

    Raises:
        ImageError: a folder without an image, or standard input twice.
    """
    found: list[tuple[str, Picture]] = []
    for name in names:
        if not name:
            raise ImageError("an empty name was given for an image; name a file, a folder, or - for standard input")
        if name == STDIN:
            if any(earlier == STDIN for earlier, _ in found):
                raise ImageError("standard input (-) is named twice, but can be read once")
            found.append((name, sys.stdin.buffer.read(MAX_BYTES + 1)))
        elif _is_folder(name):
            inside = sorted(path for path in Path(name).rglob("*") if path.suffix.lower() in SUFFIXES)
            if not inside:
                raise ImageError(f"the folder {name} holds no image ({', '.join(SUFFIXES)})")
            found += [(str(path), path) for path in inside]
        else:
            found.append((name, name))
    return found


def _is_folder(name: str) -> bool:
    try:
        return Path(name).is_dir()
    except (OSError, ValueError):  # what is wrong with the name is told when the file is opened
        return False
