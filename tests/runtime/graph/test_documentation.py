"""docs/security.md lists the operators and limits of the code, word by word."""

from pathlib import Path

import pytest

from tests.runtime.graph.allowed import limits_table, operator_list

PAGE = Path(__file__).parents[3] / "docs/security.md"


@pytest.mark.skipif(not PAGE.exists(), reason="docs/security.md is not written yet")
@pytest.mark.parametrize("part", [limits_table, operator_list])
def test_page_of_security_is_true(part: object) -> None:
    assert callable(part)
    assert part() in PAGE.read_text(), "run python -m tests.runtime.graph.allowed and put its output into the page"
