"""Put a report into the bundle it is about."""

import dataclasses
import shutil

from vaeport.bundle import Bundle
from vaeport.contract import CHECKPOINT_FOLDER, MANIFEST_FILE
from vaeport.fileio import write_text

from ..writer import put_in_place, seal, staged_folder
from .report import ParityReport, parity_file


def seal_report(bundle: Bundle, report: ParityReport) -> None:
    """Replace a bundle by itself with this report in its place (`parity_file`), sealed anew, in one step.

    Raises:
        OutputError: the bundle cannot be written; the old one still stands.
    """
    with staged_folder(bundle.path) as stage:
        for name in bundle.manifest.files:
            if not name.startswith(f"{CHECKPOINT_FOLDER}/") or bundle.has(CHECKPOINT_FOLDER):
                (stage / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(bundle.path / name, stage / name)
        (stage / MANIFEST_FILE).unlink(missing_ok=True)
        write_text(stage / parity_file(report.precision), report.to_json())
        seal(stage, dataclasses.replace(bundle.manifest, files={}))
        put_in_place(stage, bundle.path, replace=True)
