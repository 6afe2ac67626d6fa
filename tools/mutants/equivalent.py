"""The changes that no test could ever tell from the code as it is, each with its reason (equivalent_mutants.toml)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from .operators import Mutant


@dataclass(frozen=True)
class Equivalent:
    """One change that changes no behaviour."""

    file: str
    """The file, from the root of the repository."""
    before: str
    """The lines of the changed code, as one, blanks squeezed."""
    after: str
    """The same, changed."""
    reason: str
    """Why no test can tell."""

    def is_of(self, mutant: Mutant) -> bool:
        """Whether a mutant is this change."""
        return (self.file, self.before, self.after) == (mutant.path, mutant.before, mutant.after)


def read_equivalents(path: Path) -> list[Equivalent]:
    """The list, in the order of the file."""
    return [Equivalent(**entry) for entry in tomllib.loads(path.read_text(encoding="utf-8")).get("mutant", [])]
