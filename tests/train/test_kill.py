import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
STEPS = 12
"""Of two epochs of 250 images, 44 a step."""


def test_run_killed_at_ten_random_steps_ends_as_if_it_had_never_stopped(tmp_path: Path) -> None:
    steps = np.random.default_rng(7).choice(STEPS, 10, replace=False)
    command = [sys.executable, "-m", "tests.train.kill_at_steps", str(tmp_path), *map(str, steps)]

    run = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)

    digests = run.stdout.split()
    assert len(digests) == 11
    assert set(digests) == {digests[0]}
