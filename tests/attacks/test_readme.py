"""The list of attacks is that of the scripts."""

import pytest

from .attack import scripts, summary
from .listing import README, readme


def test_readme_lists_every_script() -> None:
    assert README.read_text(encoding="utf-8") == readme(), "run: python -m tests.attacks.listing"


@pytest.mark.parametrize("name", scripts())
def test_script_says_what_it_tries(name: str) -> None:
    assert summary(name).endswith((".", ":"))
