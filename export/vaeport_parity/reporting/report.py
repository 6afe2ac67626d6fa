"""The reports of a comparison, as callers have them: data that can say what it found, write it, and be read back."""

import os
from dataclasses import dataclass
from typing import Any

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
        write_reports([self], folder)


@dataclass(frozen=True)
class Reports:
    """What the comparisons of one subject found, a report for each of its precisions."""

    reports: tuple[Report, ...]
    """At least one; the first is the one whose `parity.json` stands outermost."""

    @property
    def holds(self) -> bool:
        """Whether every report holds."""
        return all(report.holds for report in self.reports)

    def __str__(self) -> str:
        """What each report says, one after the other."""
        return "\n".join(map(str, self.reports))

    def to_dict(self) -> dict[str, Any]:
        """`{"holds": ..., "reports": [...]}` for a JSON file."""
        return {"holds": self.holds, "reports": [report.to_dict() for report in self.reports]}

    def write(self, folder: str | os.PathLike[str]) -> None:
        """Write a `parity.json` for each report and one `junit.xml`, `parity.md` and `index.html` for all.

        The first report's `parity.json` stands in the folder, every other one in a folder named for its precision.

        Raises:
            OutputError: a file cannot be written.
        """
        write_reports(self.reports, folder)


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
