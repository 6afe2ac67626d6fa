"""Train, evaluate and export the bundles under `models/`, each by the commands that a user would type."""

import argparse
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Recipe:
    """How one shipped bundle comes about."""

    name: str
    """Name of the bundle and of its folder."""
    preset: str
    """Preset it is trained with, on full MNIST."""
    description: str
    """One sentence for its card."""
    settings: tuple[str, ...] = ()
    """What it changes of the preset."""
    processes: int = 1
    """Processes that train together."""
    measures: str = ""
    """What is measured on the test images beside losses and errors."""
    judged: bool = False
    """Whether a judge is trained for what it draws."""


RECIPES = (
    Recipe(
        "mnist",
        "conv",
        "A convolutional conditional VAE with a classifier, trained on MNIST: it draws the digit that is asked for.",
        settings=("data.held_out=1000",),  # chosen on 5,000 held-out images, then trained on nearly all
        processes=2,
        measures="--probe --likelihood 5000 --likelihood-subset 300 --likelihood-first 20 --all-classes",
        judged=True,
    ),
    Recipe(
        "mnist-blog",
        "blog",
        'The model of Yoel Zeldes\' article "Variational Autoencoders Explained in Detail", trained on MNIST.',
    ),
)


def main() -> int:
    """Make the bundles that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="bundles to make (default: all)")
    parser.add_argument("--data-dir", help="folder of MNIST's files (default: VAEPORT_DATA_DIR, or download once)")
    arguments = parser.parse_args()
    for recipe in RECIPES:
        if not arguments.names or recipe.name in arguments.names:
            _make(recipe, ["--data-dir", arguments.data_dir] if arguments.data_dir else [])
    return 0


def _make(recipe: Recipe, data: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run, bundle = str(Path(folder) / recipe.name), str(ROOT / "models" / recipe.name)
        settings = [word for setting in recipe.settings for word in ("--set", setting)]
        _train(recipe.processes, "--preset", recipe.preset, *settings, "--data", "mnist", *data, "-o", run)
        measures = recipe.measures.split()
        if recipe.judged:
            judge = str(Path(folder) / "judge.safetensors")
            _command("vaeport-train", "judge", "--data", "mnist", *data, "-o", judge)
            measures += ["--judge", judge]
        evaluate = ("vaeport-train", "evaluate", run, "--data", "mnist", *data)
        _command(*evaluate, "--split", "train", "--split", "held-out")
        _command(*evaluate, "--split", "test", *measures)
        options = ("--description", recipe.description, "--precision", "fp16,int8", *data, "--replace")
        _command("vaeport-export", run, "-o", bundle, *options)
        _command("vaeport-parity", bundle, "--data", "mnist", *data)


def _train(processes: int, *words: str) -> None:
    if processes == 1:
        _command("vaeport-train", "fit", *words)
    else:
        _command("torchrun", "--nproc-per-node", str(processes), "-m", "vaeport_train", "fit", *words)


def _command(*words: str) -> None:
    print(f"$ {' '.join(words)}", flush=True)
    subprocess.run([Path(sys.executable).parent / words[0], *words[1:]], check=True)


if __name__ == "__main__":
    sys.exit(main())
