"""The report as JUnit XML: one test a backend, graph and output; a failure carries the place."""

import re
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from ..judging.report import ReportData
from .sentences import row_sentence

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(report: ReportData) -> str:
    """The report for a CI server; what is missing or only shown is skipped, with its reason."""
    name = f"{report.name} {report.label}".strip()
    suite = Element("testsuite", name=_text(f"vaeport-parity {name}"))
    backends = {backend.name: backend for backend in report.backends}
    for row in report.rows:
        case = SubElement(suite, "testcase", classname=_text(row.backend), name=_text(f"{row.graph}/{row.output}"))
        if row.holds:
            continue
        backend = backends.get(row.backend)
        sentence = _text(row_sentence(row))
        if backend is None or backend.counts:
            failure = SubElement(case, "failure", message=sentence)
            failure.text = _text(f"first wrong: {backend.place}") if backend and backend.place else sentence
        else:
            SubElement(case, "skipped", message=f"falls short, as is known: {sentence}")
    for missing, reason in report.missing.items():
        case = SubElement(suite, "testcase", classname=_text(missing), name="available")
        SubElement(case, "skipped", message=_text(reason))
    for finding in report.findings:
        if finding.wrong:
            case = SubElement(suite, "testcase", classname="files", name=_text(finding.subject))
            SubElement(case, "failure", message=_text(finding.text))
    cases = suite.findall("testcase")
    for key, tag in (("failures", "failure"), ("skipped", "skipped")):
        suite.set(key, str(sum(case.find(tag) is not None for case in cases)))
    suite.set("tests", str(len(cases)))
    indent(suite)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(suite, encoding="unicode") + "\n"


def _text(text: str) -> str:
    """Text without letters that XML cannot hold, which names of tensors may have."""
    return _NOT_IN_XML.sub("?", text)
