"""Virtual environments that hold what a user would install, and nothing else."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Environment:
    """A virtual environment and an empty folder to run in."""

    scripts: Path
    """Folder of its commands."""
    folder: Path
    """Working folder, outside of the checkout."""

    def run(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of its commands."""
        clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        return subprocess.run(
            [str(self.scripts / command), *arguments],
            cwd=self.folder,
            env=clean,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def evaluate(self, code: str) -> str:
        """What a piece of Python prints there."""
        answer = self.run("python", "-c", code)
        assert answer.returncode == 0, answer.stderr
        return answer.stdout


def make_environment(folder: Path, requirement: str) -> Environment:
    """Make an environment, and install a requirement with the versions that this checkout was tested with."""
    must_run([sys.executable, "-m", "venv", str(folder / "venv")])
    scripts = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
    quiet = ["--quiet", "--disable-pip-version-check"]
    pip = [str(scripts / "python"), "-m", "pip", "install", *quiet]
    must_run([*pip, "-c", str(CHECKOUT / "constraints.txt"), requirement])
    (folder / "work").mkdir()
    return Environment(scripts, folder / "work")


def must_run(command: Sequence[str]) -> None:
    """Run a command that the tests stand on."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
