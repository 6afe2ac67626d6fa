"""The reports as JUnit XML: one test a backend, graph and output; a failure carries the place."""

import re
from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from ..judging.report import BackendReport, ReportData, Row
from .sentences import row_sentence

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(reports: Sequence[ReportData]) -> str:
    """The reports for a CI server, a suite each; what is missing or only shown is skipped, with its reason."""
    root = Element("testsuites", name="vaeport-parity")
    suites = [_suite(report) for report in reports]
    root.extend(suites)
    for key in ("tests", "failures", "skipped"):
        root.set(key, str(sum(int(suite.get(key) or 0) for suite in suites)))
    indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _suite(report: ReportData) -> Element:
    name = f"{report.name} {report.label}".strip()
    suite = Element("testsuite", name=_text(f"vaeport-parity {name}"))
    backends = {backend.name: backend for backend in report.backends}
    for row in report.rows:
        case = SubElement(suite, "testcase", classname=_text(row.backend), name=_text(f"{row.graph}/{row.output}"))
        if not row.holds:
            _add_outcome(case, row, backends.get(row.backend))
    for missing, reason in report.missing.items():
        case = SubElement(suite, "testcase", classname=_text(missing), name="available")
        SubElement(case, "skipped", message=_text(reason))
    for finding in report.findings:
        if finding.wrong:
            case = SubElement(suite, "testcase", classname="files", name=_text(finding.subject))
            text = _text(f"{finding.subject}: {finding.text}")
            SubElement(case, "failure", message=text).text = text
    cases = suite.findall("testcase")
    for key, tag in (("failures", "failure"), ("skipped", "skipped")):
        suite.set(key, str(sum(case.find(tag) is not None for case in cases)))
    suite.set("tests", str(len(cases)))
    return suite


def _add_outcome(case: Element, row: Row, backend: BackendReport | None) -> None:
    sentence = row_sentence(row)
    if backend is None or backend.counts:
        place = backend.place if backend else ""
        message = _text(f"{sentence}; first wrong: {place}" if place else sentence)
        SubElement(case, "failure", message=message).text = message
    else:
        SubElement(case, "skipped", message=_text(f"falls short, as is known: {sentence}"))


def _text(text: str) -> str:
    """Text without letters that XML cannot hold, which names of tensors may have."""
    return _NOT_IN_XML.sub("?", text)
