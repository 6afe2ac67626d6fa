"""All defects and harmless rewrites, and the few of each kind that are tried every day."""

from collections.abc import Sequence

from .arithmetic import ARITHMETIC
from .claims import CLAIMS
from .foreign import FOREIGN
from .kinds import Defect, Rewrite
from .lower import LOWER
from .rewrites import REWRITES
from .rows import ROWS

DEFECTS: Sequence[Defect] = (*ARITHMETIC, *ROWS, *CLAIMS, *LOWER, *FOREIGN)
"""Every defect."""

CASES: Sequence[Defect | Rewrite] = (*DEFECTS, *REWRITES)
"""Everything that is tried."""
