"""The report of a comparison, as callers have it: data that can say what it found, write it, and be read back."""

import os
from dataclasses import dataclass

from vaeport.errors import InputError

from ..judging.report import ReportData
from .files import write_reports
from .sentences import verdict_sentence


@dataclass(frozen=True)
class Report(ReportData):
    """What a comparison found."""

    def __str__(self) -> str:
        """The verdict, and where it does not hold backend, output, ratio and place."""
        return verdict_sentence(self)

    def write(self, folder: str | os.PathLike[str]) -> None:
        """Write `parity.json`, `junit.xml`, `parity.md` and `index.html` into a folder, made if need be.

        Raises:
            OutputError: a file cannot be written.
        """
        write_reports(self, folder)


def read_report(content: str | bytes, where: str) -> Report:
    """A report from the text of its `parity.json`; without maps of where images differ, which are not kept.

    Args:
        content: the text.
        where: name of the file, for the message.

    Raises:
        InputError: it is no report of this version of vaeport.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(Report).validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "its text"
        raise InputError(f"{where} is no report of this vaeport, {field}: {first['msg']}") from error
