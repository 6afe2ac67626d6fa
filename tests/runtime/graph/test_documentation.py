"""docs/security.md lists the operators and limits that the code has."""

import re
from pathlib import Path

from vaeport.graph import limits
from vaeport.graph.shapes.table import OPERATORS

PAGE = (Path(__file__).parents[3] / "docs/security.md").read_text(encoding="utf-8")


def test_page_lists_the_operators_that_are_allowed() -> None:
    listed = PAGE.partition("Allowed operators:")[2].partition("Held by")[0]

    assert re.findall(r"`(\w+)`", listed) == sorted(OPERATORS)


def test_page_states_the_limits_of_the_code() -> None:
    stated = [value for name, value in vars(limits).items() if name.startswith("MAX") and isinstance(value, int)]

    missing = [value for value in stated if f"{value:,}" not in PAGE and f"{value // 2**20} MiB" not in PAGE]
    assert not [value for value in missing if value > 64], missing
