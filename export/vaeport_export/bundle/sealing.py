"""Put a report into the bundle it is about, and read it there."""

import dataclasses

from pydantic import TypeAdapter, ValidationError

from vaeport.bundle.archive import write_archive
from vaeport.bundle.opening import Bundle
from vaeport.common.fileio import staged_folder, write_text
from vaeport.contract import CHECKPOINT_FOLDER, FP32, MANIFEST_FILE
from vaeport.errors import InputError
from vaeport_parity.judging.report import parity_file
from vaeport_parity.reporting.report import Report

from .writer import put_in_place, seal


def seal_report(bundle: Bundle, report: Report) -> None:
    """Replace a bundle, a folder or a zip, by itself with this report in its place (`parity_file`), sealed anew.

    A crash at any moment leaves the old bundle or the new one.

    Raises:
        OutputError: the bundle cannot be written; the old one still stands.
    """
    with staged_folder(bundle.path) as stage:
        for name in bundle.manifest.files:
            if not name.startswith(f"{CHECKPOINT_FOLDER}/") or bundle.has(CHECKPOINT_FOLDER):
                (stage / name).parent.mkdir(parents=True, exist_ok=True)
                (stage / name).write_bytes(bundle.read(name))
        (stage / MANIFEST_FILE).unlink(missing_ok=True)
        write_text(stage / parity_file(report.label or FP32), report.to_json())
        seal(stage, dataclasses.replace(bundle.manifest, files={}))
        if bundle.path.is_file():
            paths = [path for path in stage.rglob("*") if path.is_file()]
            write_archive({path.relative_to(stage).as_posix(): path.read_bytes() for path in paths}, bundle.path)
        else:
            put_in_place(stage, bundle.path, replace=True)


def sealed_report(bundle: Bundle, precision: str) -> Report:
    """The report on a precision that a bundle holds; without maps of where images differ, which are not kept.

    Raises:
        SealError: it holds none, or another than was sealed.
        InputError: the report is of another version of vaeport.
    """
    name = parity_file(precision)
    try:
        return TypeAdapter(Report).validate_json(bundle.read(name))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(f"{bundle.path}: {name} is no report of this vaeport, {where}: {first['msg']}") from error
