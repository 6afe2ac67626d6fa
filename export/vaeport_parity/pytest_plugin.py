"""`pytest --vaeport-bundle models/mnist`: one test for each backend and output of a bundle, in anybody's own suite."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from vaeport.errors import SealError, VaeportError

if TYPE_CHECKING:
    from vaeport_export.bundle.subject import Subject

    from .reporting.report import ParityReport, ParityRow


def pytest_addoption(parser: pytest.Parser) -> None:
    """The plugin's options."""
    group = parser.getgroup("vaeport", "parity of vaeport bundles")
    group.addoption("--vaeport-bundle", action="append", default=[], metavar="BUNDLE", help="compare it with PyTorch")
    group.addoption("--vaeport-precision", default="fp32", metavar="NAMES", help="all, or names with commas between")
    group.addoption("--vaeport-backends", default="all", metavar="NAMES", help="all, own, or names with commas between")


def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add the tests of every bundle behind those that were collected."""
    for bundle in config.getoption("--vaeport-bundle"):
        collector = BundleTests.from_parent(session, name=str(bundle), path=Path(bundle), nodeid=str(bundle))
        try:
            items.extend(collector.collect())
        except SealError as error:
            items.append(BrokenSeal.from_parent(collector, name="seal", sentence=str(error)))
        except VaeportError as error:
            raise pytest.UsageError(str(error)) from error


class BundleTests(pytest.Collector):
    """The tests of one bundle; those of a precision share one comparison, made when the first of them runs."""

    def collect(self) -> Iterator["ParityTest"]:
        """A test for each output on each backend, and one for the files and recorded answers; so for each precision.

        Raises:
            SealError: the bundle is not as it was sealed.
            VaeportError: there is no such bundle, backend or precision.
        """
        from vaeport.bundle.folder import open_bundle
        from vaeport.contract import FP32
        from vaeport_export.bundle.subject import subject_of

        from .asking.steps import CHAIN
        from .comparison import chosen_backends, fitting
        from .judging.measurement import OUTPUTS

        self.backends = chosen_backends(self.config.getoption("--vaeport-backends"))
        self._bundle = open_bundle(self.name)
        self._reports: dict[str, ParityReport] = {}
        asked = self.config.getoption("--vaeport-precision")
        named = [name.strip() for name in asked.split(",")]
        for precision in self._bundle.manifest.precisions if asked == "all" else dict.fromkeys(named):
            subject = subject_of(self._bundle, precision)
            begin = "" if precision == FP32 else f"{precision}-"
            yield ParityTest.from_parent(self, name=f"{begin}files", subject=subject)
            for backend in fitting(self.backends, precision):
                for graph, outputs in OUTPUTS.items():
                    if graph == CHAIN and precision != FP32:
                        continue
                    for output in outputs:
                        row, name = (backend, graph, output), f"{begin}{backend}-{graph}-{output}"
                        yield ParityTest.from_parent(self, name=name, subject=subject, row=row)

    def report(self, subject: "Subject") -> "ParityReport":
        """The comparison in a precision."""
        from .comparison import compare_backends

        if subject.precision not in self._reports:
            self._reports[subject.precision] = compare_backends(subject, self.backends)
        return self._reports[subject.precision]


class ParityTest(pytest.Item):
    """One output on one backend; without a row, what reading the files and the recorded answers showed."""

    def __init__(self, *, subject: "Subject", row: tuple[str, str, str] | None = None, **words: Any) -> None:
        super().__init__(**words)
        self.subject, self.row = subject, row

    def runtest(self) -> None:
        """Fails where the row does not hold; skips what is missing or known to fall short, with the reason."""
        bundle = self.parent
        if not isinstance(bundle, BundleTests):
            raise TypeError("a parity test stands under its bundle")
        if self.row is None:
            _check_files(bundle.report(self.subject))
        else:
            _check_row(bundle.report(self.subject), *self.row)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:  # noqa: ARG002 - pytest gives it
        """The sentence alone; a traceback through this file tells nobody anything."""
        return str(excinfo.value)

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


def _check_files(report: "ParityReport") -> None:
    if wrong := [f"{finding.subject}: {finding.text}" for finding in report.findings if finding.wrong]:
        pytest.fail("; ".join(wrong), pytrace=False)
    from vaeport.contract import GOLDEN_FILE

    _hold([row for row in report.of(GOLDEN_FILE) if not row.holds])


def _check_row(report: "ParityReport", backend: str, graph: str, output: str) -> None:
    one = next(each for each in report.backends if each.name == backend)
    if one.missing is not None:
        pytest.skip(one.missing)
    short = [row for row in report.of(backend) if (row.graph, row.output) == (graph, output) and not row.holds]
    if short and not one.counts:
        pytest.skip(f"falls short, as is known: {one.remark}")
    _hold(short, place=one.place)


def _hold(short: list["ParityRow"], *, place: str = "") -> None:
    from .reporting.sentences import row_sentence

    if short:
        where = f" (first wrong at {place})" if place else ""
        pytest.fail("; ".join(row_sentence(row) for row in short) + where, pytrace=False)
