"""`pytest --vaeport-bundle models/mnist`: one test for each backend and output of a bundle, in anybody's own suite."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from vaeport.errors import CheckFailedError, VaeportError

if TYPE_CHECKING:
    from .judging.report import Row
    from .reporting.report import Report
    from .subjects.subject import Subject


def pytest_addoption(parser: pytest.Parser) -> None:
    """The plugin's options."""
    group = parser.getgroup("vaeport", "parity of vaeport bundles")
    group.addoption("--vaeport-bundle", action="append", default=[], metavar="BUNDLE", help="compare it with PyTorch")
    group.addoption("--vaeport-precision", default="all", metavar="NAMES", help="all, or names with commas between")
    group.addoption("--vaeport-backends", default="all", metavar="NAMES", help="all, own, or names with commas between")


def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add the tests of every bundle behind those that were collected."""
    for bundle in config.getoption("--vaeport-bundle"):
        collector = BundleTests.from_parent(session, name=str(bundle), path=Path(bundle), nodeid=str(bundle))
        try:
            items.extend(collector.collect())
        except CheckFailedError as error:
            items.append(BrokenSeal.from_parent(collector, name="seal", sentence=str(error)))
        except VaeportError as error:
            raise pytest.UsageError(str(error)) from error


class BundleTests(pytest.Collector):
    """The tests of one bundle; those of a precision share one comparison, made when the first of them runs."""

    def collect(self) -> Iterator["ParityTest | MissingBackends"]:
        """Tests of every precision: one for each output on each backend that is installed, one for the files.

        Backends that are missing are one test, which is skipped.

        Raises:
            CheckFailedError: the bundle is not as it was sealed.
            VaeportError: there is no such bundle, backend or precision.
        """
        from .comparison import chosen_backends, fitting, missing_backends
        from .subjects.finding import find_subject
        from .subjects.subject import SubjectOptions

        self._reports: dict[str, Report] = {}
        chosen = chosen_backends(self.config.getoption("--vaeport-backends"))
        missing = missing_backends(chosen)
        named = self.config.getoption("--vaeport-precision")
        first = find_subject(self.name, SubjectOptions())
        precisions = (
            (first.precisions or (first.precision,)) if named == "all" else [name.strip() for name in named.split(",")]
        )
        for precision in dict.fromkeys(precisions):
            subject = (
                first if precision == first.precision else find_subject(self.name, SubjectOptions(precision=precision))
            )
            begin = f"{subject.label}-" if subject.label else ""
            names = [name for name in fitting(chosen, subject) if name not in missing]
            yield ParityTest.from_parent(self, name=f"{begin}files", subject=subject, backends=names)
            for backend in names:
                for graph, outputs in subject.outputs.items():
                    for output in outputs:
                        name = f"{begin}{backend}-{graph}-{output}"
                        row = (backend, graph, output)
                        yield ParityTest.from_parent(self, name=name, subject=subject, backends=names, row=row)
        if missing:
            yield MissingBackends.from_parent(self, name="missing-backends", missing=missing)

    def report(self, subject: "Subject", backends: list[str]) -> "Report":
        """The comparison in a precision."""
        from .comparison import compare

        if subject.precision not in self._reports:
            self._reports[subject.precision] = compare(subject, backends, timed=False)
        return self._reports[subject.precision]


class ParityTest(pytest.Item):
    """One output on one backend; without a row, what reading the files and the recorded answers showed."""

    def __init__(
        self, *, subject: "Subject", backends: list[str], row: tuple[str, str, str] | None = None, **words: Any
    ) -> None:
        super().__init__(**words)
        self.subject, self.backends, self.row = subject, backends, row

    def runtest(self) -> None:
        """Fails where the row does not hold; skips what is known to fall short, with the reason."""
        bundle = self.parent
        if not isinstance(bundle, BundleTests):
            raise TypeError("a parity test stands under its bundle")
        report = bundle.report(self.subject, self.backends)
        if self.row is None:
            _check_files(report)
        else:
            _check_row(report, *self.row)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:  # noqa: ARG002 - pytest gives it
        """The sentence alone; a traceback through this file tells nobody anything."""
        return str(excinfo.value)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Name in reports."""
        return self.path, None, self.name


class MissingBackends(pytest.Item):
    """All backends that are not installed, as one skipped test."""

    def __init__(self, *, missing: dict[str, str], **words: Any) -> None:
        super().__init__(**words)
        self.missing = missing

    def runtest(self) -> None:
        """Skips, with the command that installs them."""
        pytest.skip(
            f"{len(self.missing)} backends are not installed ({', '.join(self.missing)}); vaeport-parity --backends "
            f"{','.join(self.missing)} --install {self.parent.name if self.parent else ''} makes environments for them"
        )

    def reportinfo(self) -> tuple[Path, None, str]:
        """Name in reports."""
        return self.path, None, self.name


class BrokenSeal(pytest.Item):
    """All that is said of a bundle that is not as it was sealed."""

    def __init__(self, *, sentence: str, **words: Any) -> None:
        super().__init__(**words)
        self.sentence = sentence

    def runtest(self) -> None:
        """Fails."""
        pytest.fail(self.sentence, pytrace=False)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Name in reports."""
        return self.path, None, self.name


def _check_files(report: "Report") -> None:
    if wrong := [f"{finding.subject}: {finding.text}" for finding in report.findings if finding.wrong]:
        pytest.fail("; ".join(wrong), pytrace=False)
    _hold([row for file in report.recorded for row in report.of(file) if not row.holds])


def _check_row(report: "Report", backend: str, graph: str, output: str) -> None:
    judged = next(each for each in report.backends if each.name == backend)
    if judged.missing is not None:
        pytest.skip(judged.missing)
    short = [row for row in report.of(backend) if (row.graph, row.output) == (graph, output) and not row.holds]
    if short and not judged.counts:
        pytest.skip(f"falls short, as is known: {judged.remark}")
    _hold(short, place=judged.place)


def _hold(short: list["Row"], *, place: str = "") -> None:
    from .reporting.sentences import row_sentence

    if short:
        where = f" (first wrong at {place})" if place else ""
        pytest.fail("; ".join(row_sentence(row) for row in short) + where, pytrace=False)
