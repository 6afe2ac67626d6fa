"""Let `vaeport generate` draw the file."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import CommandError, command
from tests.attacks.graphs import outside_weight, with_decoder


def make(folder: Path) -> Path:
    return with_decoder(folder, lambda model: outside_weight(model, "outside/secret"))


CASE = Attack(
    make,
    command("generate", "cat", "--bundle", "{}", "--output", "drawn.png"),
    CommandError,
    "exit code 2: vaeport: error: .*external data",
    after="CVE-2022-25882",
)
