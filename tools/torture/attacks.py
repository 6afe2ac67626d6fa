"""Every crafted attack of tests/attacks, and which files are opened meanwhile."""

from tools.torture.suites import run_suite
from tools.torture.trial import Trial


def run(count: int, *, seed: int = 0) -> list[Trial]:  # noqa: ARG001 - attacks are a fixed list
    """Run all scripts once, whatever the length."""
    asked = "refused, each by its own sentence, in 10 s and 500 MB; no file outside the bundle opened"
    return [run_suite("crafted attacks", asked, ["tests/attacks", "-m", "torture or not torture"])]
