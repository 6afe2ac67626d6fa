"""What `fit` and `resume` do around the training itself."""

import argparse
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from vaeport.common.commands import INTERRUPTED, print_json, print_line, print_table

if TYPE_CHECKING:
    from ..api import Run

_COLLAPSED = 0.01
"""KL in nats below which a latent dimension is said to have collapsed onto the prior."""


def trained(arguments: argparse.Namespace, folder: str, work: "Callable[[], Run]") -> int:
    """Do the training; Ctrl-C says how to go on, for all that was done is on the disk."""
    from ..running.checkpoint import CONFIG_FILE
    from ..running.distributed import environment

    first = environment().first
    try:
        run = work()
    except KeyboardInterrupt:
        if not first:
            return INTERRUPTED
        if not (Path(folder) / CONFIG_FILE).is_file():
            raise  # nothing has begun that could go on
        print_line(f"vaeport-train: stopped; go on with: vaeport-train resume {folder}", file=sys.stderr)
        return INTERRUPTED
    return _report(folder, run, arguments) if first else 0


def _report(folder: str, run: "Run", arguments: argparse.Namespace) -> int:
    last = run.history[-1]
    if arguments.json:
        print_json({"run": folder, "device": run.device, **asdict(last)})
        return 0
    print_line(
        f"{folder}: {last.epoch} epochs, {last.step} steps, {last.images_per_second:,.0f} images/s in the last epoch; "
        f"device {run.device}"
    )
    rows = [
        (name, f"{x.vae_loss:.2f}", f"{x.reconstruction:.2f}", f"{x.kl:.2f}", f"{100 * x.classification_error:.2f} %")
        for name, x in (("training", last.train), ("held out", last.held_out))
    ]
    print_table(("images", "VAE loss", "reconstruction", "KL", "error"), rows)
    if collapsed := [str(d) for d, kl in enumerate(last.kl_by_dimension) if kl < _COLLAPSED]:
        print_line(f"collapsed, so carrying nothing: {len(collapsed)} latent dimensions ({', '.join(collapsed)})")
    print_line(f"look at {folder}/samples.png and losses.png; next: vaeport-export {folder} -o BUNDLE")
    return 0
