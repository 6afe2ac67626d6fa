"""The whole journey in one go: train, export, verify, classify, draw. Each step is a command that a user would type."""

import argparse
import json
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import vaeport
from vaeport.common.commands import print_table
from vaeport.common.fileio import write_text
from vaeport.images.pictures import as_picture, draw_grid, save_picture
from vaeport_train.configuration.parsing import load_preset
from vaeport_train.data import load_dataset

SHOWN_PER_CLASS = 5


@dataclass(frozen=True)
class Step:
    """What one step did and measured."""

    name: str
    """What was done."""
    seconds: float
    """Wall time."""
    result: str
    """The figure that matters."""


def main() -> int:
    """Run the journey; what it measured is printed and written to `report.md`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("out/demo"), help="folder to write to; emptied first")
    out: Path = parser.parse_args().out
    if out.exists() and any(out.iterdir()) and not (out / "run").is_dir():
        raise SystemExit(f"{out} is no folder of an earlier demo; choose another")
    shutil.rmtree(out, ignore_errors=True)
    run, bundle = out / "run", out / "bundle"
    steps = [
        _step("train", _trained, "vaeport-train", "fit", "--preset", "mlp", "--data", "mnist-5k", "-o", run),
        _step("evaluate", _evaluated, "vaeport-train", "evaluate", run),
        _step("export", _exported, "vaeport-export", run, "-o", bundle, "--name", "demo"),
        _step("parity", _compared, "vaeport-parity", bundle, "--backends", "own"),
        _step("verify", _compared, "vaeport", "verify", bundle),
    ]
    _write_held_out(out / "held-out")
    files = sorted((out / "held-out").glob("*.png"))
    one_each = files[::SHOWN_PER_CLASS]
    steps += [
        _step("classify", _classified, "vaeport", "classify", "-b", bundle, *files),
        _step("draw", _drawn, "vaeport", "generate", "-b", bundle, "-o", out / "digits.png"),
        _step(
            "redraw",
            _drawn,
            "vaeport",
            "reconstruct",
            "-b",
            bundle,
            *one_each,
            "-o",
            out / "redrawn.png",
        ),
    ]
    for name in ("samples.png", "losses.png"):
        shutil.copyfile(run / name, out / name)
    _write_classified(out / "classified.png", bundle)
    rows = [(step.name, f"{step.seconds:.1f} s", step.result) for step in steps]
    rows.append(("in all", f"{sum(step.seconds for step in steps):.1f} s", f"pictures and bundle are in {out}"))
    print()
    print_table(("step", "time", "measured"), rows)
    lines = ["| step | time | measured |", "|---|---|---|", *(f"| {' | '.join(row)} |" for row in rows)]
    write_text(out / "report.md", "# What the demo did\n\n" + "\n".join(lines) + "\n")
    return 0


def _step(name: str, measure: Any, *words: object) -> Step:
    """Run a command with `--json`, showing it as one would type it; progress bars go to the terminal."""
    command = [str(word) for word in words]
    shown = command if len(command) < 12 else [*command[:5], "..."]
    print(f"$ {' '.join(shown)}", flush=True)
    began = time.perf_counter()
    finished = subprocess.run(
        [Path(sys.executable).parent / command[0], *command[1:], "--json"], stdout=subprocess.PIPE, check=False
    )
    if finished.returncode:
        raise SystemExit(f"`{' '.join(shown)}` failed with exit code {finished.returncode}")
    result: str = measure(json.loads(finished.stdout))
    print(f"  {result}")
    return Step(name, time.perf_counter() - began, result)


def _trained(answer: dict[str, Any]) -> str:
    return f"{answer['epoch']} epochs, held-out VAE loss {answer['held_out']['vae_loss']:.1f} nats"


def _evaluated(answer: dict[str, Any]) -> str:
    figures = answer["mnist-5k held-out"]
    return f"held-out error {100 * figures['classification_error']:.1f} % of {figures['images']} images"


def _exported(answer: dict[str, Any]) -> str:
    return f"two graphs, sealed after passing parity at {answer['worst_ratio']:.2f} noise floors"


def _compared(answer: dict[str, Any]) -> str:
    rows = answer["checks"] if "checks" in answer else [row for report in answer["reports"] for row in report["rows"]]
    worst = max(row["ratio"] for row in rows)
    return f"holds: at most {worst:.2f} times PyTorch's float32 noise, limit 4"


def _classified(answer: list[dict[str, Any]]) -> str:
    right = sum(item["label"] == Path(item["file"]).name.partition("-")[0] for item in answer)
    return f"{right} of {len(answer)} held-out digits right"


def _drawn(answer: dict[str, Any]) -> str:
    return str(answer["output"])


def _held_out() -> tuple[np.ndarray, np.ndarray]:
    """Some held-out digits of each class, as the training run held them out."""
    config = load_preset("mlp")
    _, held_out = load_dataset("mnist-5k").split(config.data.split, held_out=None, seed=config.training.seed)
    rows = np.concatenate([np.flatnonzero(held_out.labels == digit)[:SHOWN_PER_CLASS] for digit in range(10)])
    return held_out.images[rows], held_out.labels[rows]


def _write_held_out(folder: Path) -> None:
    for number, (image, label) in enumerate(zip(*_held_out(), strict=True)):
        save_picture(as_picture(image), folder / f"{label}-{number:02}.png")


def _write_classified(path: Path, bundle: Path) -> None:
    """Held-out digits with the class that the runtime gave them above each."""
    images, _ = _held_out()
    answer = vaeport.load(bundle).classify(images)
    rows = [
        np.asarray(draw_grid(images[None, first : first + 10], columns=answer.labels[first : first + 10]))
        for first in range(0, len(images), 10)
    ]
    save_picture(Image.fromarray(np.concatenate(rows)), path)


if __name__ == "__main__":
    sys.exit(main())
