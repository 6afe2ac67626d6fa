"""Find the subject at a path, by what installed packages know: a bundle, for one."""

import importlib.metadata
from pathlib import Path

from vaeport.errors import InputError

from .subject import Subject, SubjectFinder, SubjectOptions

GROUP = "vaeport_parity.subjects"
"""Entry point group; each entry is a `SubjectFinder`."""


def find_subject(path: str, options: SubjectOptions) -> Subject:
    """The subject at a path or under a name.

    Args:
        path: as the user gave it; empty for the finders' own default.
        options: what is wanted of it.

    Raises:
        InputError: no finder knows it, or the finder that does cannot use it.
    """
    finders = sorted(importlib.metadata.entry_points(group=GROUP), key=lambda entry: entry.name)
    for entry in finders:
        finder: SubjectFinder = entry.load()
        subject = finder(path, options)
        if subject is not None:
            return subject
    if not finders:
        raise InputError(
            f"no installed package knows what {path or 'the default'} is; is vaeport installed completely?"
        )
    what = "no bundle" if Path(path).exists() else "nothing, and no shipped bundle has this name"
    raise InputError(f"at {path} there is {what}; give a bundle's folder, or ONNX files with --reference")
