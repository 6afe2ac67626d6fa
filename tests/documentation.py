"""Reads and runs the code blocks of the pages in docs/."""

import importlib
import re
import shlex
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[1] / "docs"

_COMMANDS = {
    "vaeport": "vaeport.cli",
    "vaeport-export": "vaeport_export.cli",
    "vaeport-parity": "vaeport_parity.cli",
    "vaeport-train": "vaeport_train.cli",
}
"""Module whose `main` a command starts."""

_FILE_NAME = re.compile(r"# (\w+\.py)\n")


def blocks(page: str, language: str) -> list[str]:
    """Text of a page's code blocks in one language, in order.

    Args:
        page: file name in docs/.
        language: as after the block's fence, `python` or `sh` for instance.
    """
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text("utf-8"), re.DOTALL)


def commands(page: str) -> list[str]:
    """Every line of a page's `sh` blocks, in order."""
    return [line for block in blocks(page, "sh") for line in block.splitlines()]


def run_python(page: str) -> list[dict[str, Any]]:
    """Run a page's `python` blocks in the current folder; a block that begins with `# NAME.py` is written as that file.

    Returns:
        Names that each block leaves, in order; none for a file.
    """
    left: list[dict[str, Any]] = []
    for index, code in enumerate(blocks(page, "python")):
        names: dict[str, Any] = {}
        if file := _FILE_NAME.match(code):
            Path(file[1]).write_text(code, encoding="utf-8")
        else:
            exec(compile(code, f"{page}, block {index}", "exec"), names)  # noqa: S102 - the page's own code
        left.append(names)
    return left


def run_command(line: str) -> int:
    """Run one of vaeport's commands in this process, in the current folder; returns its exit code."""
    command, *arguments = shlex.split(line)
    code: int = importlib.import_module(_COMMANDS[command]).main(arguments)
    return code


def rows_under(page: str, heading: str) -> list[list[str]]:
    """Cells of the first table under a heading, without the table's own heading."""
    section = (DOCS / page).read_text("utf-8").split(f"## {heading}\n", 1)[1]
    lines = [line for line in section.split("\n## ", 1)[0].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]
