"""The report as JUnit XML: one test a backend, graph and output."""

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from .report import Report
from .sentences import row_sentence


def junit_xml(report: Report) -> str:
    """The report for a CI server; what is missing or only shown is skipped, with its reason."""
    suite = Element("testsuite", name=f"vaeport-parity {report.name}")
    counts = {one.name: one.counts for one in report.backends}
    for row in report.rows:
        case = SubElement(suite, "testcase", classname=row.backend, name=f"{row.graph}/{row.output}")
        if row.holds:
            continue
        if counts.get(row.backend, True):
            SubElement(case, "failure", message=row_sentence(row))
        else:
            SubElement(case, "skipped", message=f"falls short, as is known: {row_sentence(row)}")
    for name, reason in report.missing.items():
        SubElement(SubElement(suite, "testcase", classname=name, name="available"), "skipped", message=reason)
    for finding in report.findings:
        if finding.wrong:
            case = SubElement(suite, "testcase", classname="files", name=finding.subject)
            SubElement(case, "failure", message=finding.text)
    cases = suite.findall("testcase")
    for key, tag in (("failures", "failure"), ("skipped", "skipped")):
        suite.set(key, str(sum(case.find(tag) is not None for case in cases)))
    suite.set("tests", str(len(cases)))
    indent(suite)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(suite, encoding="unicode") + "\n"
