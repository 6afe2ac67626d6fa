from html.parser import HTMLParser

from tests.parity.reporting.made import HOSTILE, backend, broken, chained, crowded, precisions, report, row
from vaeport_parity.reporting.page import html_page
from vaeport_parity.reporting.report import Report

VOID = {"meta", "img", "br", "link"}


class Checked(HTMLParser):
    """Reads a page, and raises where a tag is not closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.words: list[str] = []
        self.scopes: list[str | None] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "th":
            self.scopes.append(dict(attrs).get("scope"))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def text_of(made: Report) -> str:
    return " ".join(" ".join(Checked(html_page([made])).words).split())


def test_page_is_sound_html_whatever_the_names_are() -> None:
    for made in (broken(), crowded(), chained(), report(row(HOSTILE), backends=(backend(HOSTILE, remark=HOSTILE),))):
        page = Checked(html_page([made]))

        assert "script" not in page.tags
        assert "http" not in html_page([made])


def test_page_says_what_falls_short_and_where_before_the_figures() -> None:
    text = text_of(broken())

    assert text.index("What falls short, and where") < text.index("Every backend") < text.index("All figures")
    assert "tract falls short : y 0.002 off, 2e+04 noise floors, allowed 4e-07" in text
    assert "ncnn refuses : no answer to graph, batch 7: no int64" in text
    assert "First wrong on onnxruntime-all, tract : candidate.onnx: node 'sub'" in text
    assert html_page([broken()]).count(">no answer<") == 1


def test_page_of_what_holds_has_no_list_of_what_falls_short() -> None:
    page = html_page([report(row())])

    assert "candidate.onnx answers as original.onnx does: at most 1.00 noise floors off" in page
    assert "What falls short" not in page
    assert 'class="no"' not in page


def test_page_has_images_only_where_an_output_is_an_image() -> None:
    assert html_page([chained()]).count("data:image/png;base64,") == 7
    assert "Where images differ" not in html_page([broken()])


def test_page_shares_the_error_of_a_chain() -> None:
    page = html_page([chained()])

    assert page.count('<span class="split">') == 3
    assert "Which graph made the error of the chain" not in html_page([broken()])


def test_page_tells_how_inputs_were_made_and_what_was_not_asked_and_missing() -> None:
    text = text_of(broken())

    assert "how : tokens are seeded integers 0 <= x < 99, read from a Gather's table" in text
    assert "not asked : graph, length=4096: the reference does not take this size" in text
    assert "Missing, not compared (not installed): tvm, iree" in text


def test_page_with_many_outputs_has_one_column_for_the_worst() -> None:
    rows = [row(output=f"output_{index}", error=1e-7 + 1e-8 * index) for index in range(20)]

    text = text_of(report(*rows))

    assert "backend verdict worst output row alone" in text
    assert "2.90 output_19" in text


def test_every_table_has_a_caption_and_every_header_a_scope() -> None:
    for made in ([broken()], [crowded()], precisions()):
        page = Checked(html_page(made))

        assert page.tags.count("caption") == page.tags.count("table") > 1
        assert set(page.scopes) <= {"col", "colgroup", "row"}
        assert "row" in page.scopes


def test_page_of_several_precisions_has_a_section_each_and_the_verdict_first() -> None:
    page = html_page(precisions())
    checked = Checked(page)
    text = " ".join(" ".join(checked.words).split())

    assert checked.tags.count("section") == checked.tags.count("h2") == 3
    assert checked.tags.count("h1") == 1
    assert all(f'<section id="{name}">' in page and f'href="#{name}"' in page for name in ("fp32", "fp16", "int8"))
    assert "fp32 : holds fp16 : falls short int8 : falls short" in text
    assert text.index("FALLS SHORT: pets in fp16 and int8 (fp32 holds)") < text.index("Every backend")


def test_page_of_one_report_has_no_list_of_precisions() -> None:
    tags = Checked(html_page([broken()])).tags

    assert "nav" not in tags
    assert "h2" not in tags
