"""From process start to the first answer: vaeport, the same by hand with onnxruntime, and with PyTorch.

Processes run in turns, so that a busy machine slows all of them alike. Wall time is what people wait for; processor
time (user and system) is what the machine did, and does not grow because something else runs.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from vaeport import open_bundle
from vaeport.bundle.opening import DEFAULT_BUNDLE
from vaeport.common.commands import print_table

MOST_IMPORT, MOST_ANSWER, LEAST_TORCH = 1.10, 1.25, 4.0

_IMPORT = "import vaeport"
_IMPORT_BY_HAND = "import numpy, PIL.Image, onnxruntime"

_BY_HAND = """
import json, sys
import numpy as np
import onnxruntime
from PIL import Image
model = sys.argv[1] + "/fp32/encoder_classifier/model.onnx"
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
labels = json.load(open(sys.argv[1] + "/bundle.json"))["labels"]
pixels = np.asarray(Image.open(sys.argv[2]).convert("L").resize((28, 28)), np.float32)[None, None] / 255
probs = session.run(["class_probs"], {"image": pixels})[0][0]
print(sys.argv[2], labels[int(probs.argmax())], round(float(probs.max()), 4))
"""

_BY_TORCH = """
import json, sys
import numpy as np
import torch
from PIL import Image
from vaeport_train.running.checkpoint import load_checkpoint
checkpoint = load_checkpoint(sys.argv[1] + "/checkpoint")
checkpoint.network.eval()
labels = json.load(open(sys.argv[1] + "/bundle.json"))["labels"]
pixels = np.asarray(Image.open(sys.argv[2]).convert("L").resize((28, 28)), np.float32)[None, None] / 255
with torch.no_grad():
    probs = checkpoint.network.classify(torch.from_numpy(pixels)).softmax(1)[0]
print(sys.argv[2], labels[int(probs.argmax())], round(float(probs.max()), 4))
"""


_SLOW, _SELDOM = "the same with PyTorch", 5
"""What takes so long that one turn in so many is enough."""


@dataclass(frozen=True)
class Cost:
    """Runs of one command."""

    wall: tuple[float, ...]
    """Seconds from start to end of each."""
    processor: tuple[float, ...]
    """Seconds of user and system time of each."""


def main() -> int:
    """Print the table and the three ratios; exit code 1 if one is past its bound."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-b", "--bundle", default=DEFAULT_BUNDLE, help="default: %(default)s")
    parser.add_argument("-n", type=int, default=15, help="runs of each (default: %(default)s)")
    parser.add_argument("--without-torch", action="store_true", help="where the training packages are not installed")
    arguments = parser.parse_args()
    bundle = str(open_bundle(arguments.bundle).path)
    with tempfile.TemporaryDirectory() as folder:
        digit = str(Path(folder) / "one.png")
        Image.fromarray(np.eye(28, dtype=np.uint8) * 255).save(digit)
        command = str(Path(sys.executable).parent / "vaeport")
        commands = {
            "import vaeport": [sys.executable, "-c", _IMPORT],
            "import numpy, PIL.Image, onnxruntime": [sys.executable, "-c", _IMPORT_BY_HAND],
            "vaeport classify one.png": [command, "classify", digit, "-b", bundle],
            "the same by hand": [sys.executable, "-c", _BY_HAND, bundle, digit],
            _SLOW: [sys.executable, "-c", _BY_TORCH, bundle, digit],
        }
        if arguments.without_torch:
            del commands[_SLOW]
        costs = {name: Cost((), ()) for name in commands}
        for turn in range(arguments.n + 1):
            for name, words in commands.items():
                if name == _SLOW and turn % _SELDOM:
                    continue
                wall, processor = _run(words)
                if turn or name == _SLOW:  # the first turn fills the file cache
                    costs[name] = Cost((*costs[name].wall, wall), (*costs[name].processor, processor))
    ours, imports, answer, by_hand, *by_torch = costs.values()
    ratios = {
        "import / imports by hand": (_ratio(ours, imports), MOST_IMPORT, True),
        "answer / answer by hand": (_ratio(answer, by_hand), MOST_ANSWER, True),
    }
    if by_torch:
        ratios["PyTorch / answer"] = (_ratio(by_torch[0], answer), LEAST_TORCH, False)
    _print(costs, ratios)
    return int(any((ratio > bound) == at_most for ratio, bound, at_most in ratios.values()))


def _run(words: list[str]) -> tuple[float, float]:
    environment = {**os.environ, "ORT_DISABLE_TELEMETRY": "1"}  # or the one by hand would pay for that too
    began = time.perf_counter()
    quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    child = os.posix_spawn(words[0], words, environment, file_actions=quiet)
    _, status, used = os.wait4(child, 0)
    wall = time.perf_counter() - began
    if status:
        raise SystemExit(f"{' '.join(words[:2])} failed with {os.waitstatus_to_exitcode(status)}")
    return wall, used.ru_utime + used.ru_stime


def _ratio(cost: Cost, other: Cost) -> float:
    return statistics.median(cost.processor) / statistics.median(other.processor)


def _print(costs: dict[str, Cost], ratios: dict[str, tuple[float, float, bool]]) -> None:
    rows = []
    for name, cost in costs.items():
        figures = (statistics.median(cost.processor), min(cost.wall), statistics.median(cost.wall))
        rows.append((name, *(f"{1e3 * figure:.0f}" for figure in figures)))
    print_table(("from process start", "processor ms", "best wall ms", "median wall ms"), rows)
    for name, (ratio, bound, at_most) in ratios.items():
        print(f"{name}: {ratio:.2f} of processor time ({'at most' if at_most else 'at least'} {bound:.2f} asked for)")


if __name__ == "__main__":
    sys.exit(main())
