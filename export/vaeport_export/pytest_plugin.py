"""`pytest --vaeport-bundle models/mnist`: one test for each backend and output of a bundle, in anybody's own suite."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from vaeport.errors import VaeportError

if TYPE_CHECKING:
    from .parity.report import ParityReport, ParityRow


def pytest_addoption(parser: pytest.Parser) -> None:
    """The plugin's options."""
    group = parser.getgroup("vaeport", "parity of vaeport bundles")
    group.addoption("--vaeport-bundle", action="append", default=[], metavar="BUNDLE", help="compare it with PyTorch")
    group.addoption("--vaeport-backends", default="all", metavar="NAMES", help="all, own, or names with commas between")


def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add the tests of every bundle behind those that were collected."""
    for bundle in config.getoption("--vaeport-bundle"):
        collector = BundleTests.from_parent(session, name=str(bundle), path=Path(bundle), nodeid=str(bundle))
        try:
            items.extend(collector.collect())
        except VaeportError as error:
            raise pytest.UsageError(str(error)) from error


class BundleTests(pytest.Collector):
    """The tests of one bundle; they share one comparison, made when the first of them runs."""

    def collect(self) -> Iterator["ParityTest"]:
        """A test for each output on each backend, and one for the files and recorded answers.

        Raises:
            VaeportError: there is no such bundle or backend, or the bundle is not as it was sealed.
        """
        from vaeport.bundle import open_bundle

        from .parity.comparison import chosen_backends
        from .parity.measurement import OUTPUTS

        self.backends = chosen_backends(self.config.getoption("--vaeport-backends"))
        self._bundle = open_bundle(self.name)
        self._report: ParityReport | None = None
        yield ParityTest.from_parent(self, name="files")
        for backend in self.backends:
            for graph, outputs in OUTPUTS.items():
                for output in outputs:
                    yield ParityTest.from_parent(self, name=f"{backend}-{graph}-{output}", row=(backend, graph, output))

    @property
    def report(self) -> "ParityReport":
        """The comparison."""
        if self._report is None:
            from .parity.comparison import compare_backends
            from .parity.subject import subject_of

            self._report = compare_backends(subject_of(self._bundle), self.backends)
        return self._report


class ParityTest(pytest.Item):
    """One output on one backend; without a row, what reading the files and the recorded answers showed."""

    def __init__(self, *, row: tuple[str, str, str] | None = None, **words: Any) -> None:
        super().__init__(**words)
        self.row = row

    def runtest(self) -> None:
        """Fails where the row does not hold; skips what is missing or known to fall short, with the reason."""
        bundle = self.parent
        if not isinstance(bundle, BundleTests):
            raise TypeError("a parity test stands under its bundle")
        if self.row is None:
            _check_files(bundle.report)
        else:
            _check_row(bundle.report, *self.row)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:  # noqa: ARG002 - pytest gives it
        """The sentence alone; a traceback through this file tells nobody anything."""
        return str(excinfo.value)

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
    from .parity.sentences import row_sentence

    if short:
        where = f" (first wrong at {place})" if place else ""
        pytest.fail("; ".join(row_sentence(row) for row in short) + where, pytrace=False)
