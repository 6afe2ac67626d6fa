"""Reports by processor: kept, merged, and told as the worst of all."""

import dataclasses
from pathlib import Path

import pytest

from vaeport.errors import InputError
from vaeport_parity.judging.figures import Figures
from vaeport_parity.judging.report import BackendReport, ReportData, Row
from vaeport_parity.reporting.processors import (
    Kept,
    KeptLine,
    failures,
    keep,
    lines_of,
    merge,
    processors_markdown,
    read_kept,
)

LINE = KeptLine("mnist", "fp32", "tract", "0.23.5", True, "holds", 2.5, "decoder/image", 279)
WIDE = Kept("AMD EPYC, x86-64-v4 (avx2, avx512f)", "x86-64-v4", (LINE,))
NARROW = Kept(
    "x86-64-v3 (AVX2 and FMA, without AVX-512)",
    "x86-64-v3",
    (dataclasses.replace(LINE, verdict="falls short", ratio=8.77, how="on qemu's Haswell"),),
)


def report(name: str, error: float, *, missing: str | None = None, remark: str = "") -> ReportData:
    figures = Figures(error, error, error, error, error, (1,), 0.0)
    row = Row(name, "decoder", "image", figures, noise_floor=1.0, tolerance=4.0, rows=7)
    one = BackendReport(name, "1.0", counts=True, remark=remark, missing=missing)
    return ReportData("mnist", 7, (one,), () if missing else (row,))


def test_backend_that_falls_short_on_one_processor_does_not_hold() -> None:
    (merged,) = merge([WIDE, NARROW])

    assert not merged.holds
    assert merged.worst[0] == "x86-64-v3"
    assert failures([merged]) == ["tract does not hold for mnist, fp32, on x86-64-v3: 8.77"]


def test_worst_ratio_is_that_of_all_processors_in_any_order() -> None:
    better = dataclasses.replace(NARROW, lines=(dataclasses.replace(LINE, ratio=1.0),))

    for kept in ([WIDE, better], [better, WIDE]):
        (merged,) = merge(kept)
        assert (merged.holds, merged.worst[0], merged.worst[1].ratio) == (True, "x86-64-v4", 2.5)


def test_no_answer_is_worse_than_any_number() -> None:
    silent = dataclasses.replace(NARROW, lines=(dataclasses.replace(LINE, verdict="refuses", ratio=None),))

    (merged,) = merge([WIDE, silent])

    assert merged.worst[1].verdict == "refuses"
    assert "refuses on x86-64-v3" in processors_markdown([WIDE, silent])


def test_shown_backend_decides_nothing() -> None:
    shown = [
        dataclasses.replace(kept, lines=tuple(dataclasses.replace(line, counts=False) for line in kept.lines))
        for kept in (WIDE, NARROW)
    ]

    assert failures(merge(shown)) == []
    assert "falls short on x86-64-v3, shown" in processors_markdown(shown)


def test_backend_that_ran_on_one_processor_alone_has_no_line() -> None:
    alone = dataclasses.replace(LINE, backend="tinygrad")

    text = processors_markdown([dataclasses.replace(WIDE, lines=(LINE, alone)), NARROW])

    assert "| tract |" in text
    assert "tinygrad" not in text


def test_processors_of_one_level_are_columns_of_their_own() -> None:
    other = dataclasses.replace(NARROW, level="x86-64-v4", processor="Xeon, x86-64-v4 (avx512f)")

    (merged,) = merge([WIDE, other])

    assert list(merged.lines) == ["x86-64-v4, AMD EPYC", "x86-64-v4, Xeon"]
    assert not merged.holds


def test_kept_lines_are_read_back_and_replaced_one_by_one(tmp_path: Path) -> None:
    file = keep(WIDE, tmp_path)
    newer = dataclasses.replace(LINE, ratio=3.0)
    other = dataclasses.replace(LINE, subject="mnist-blog")

    assert keep(dataclasses.replace(WIDE, lines=(newer, other)), tmp_path) == file
    assert file.name == "amd-epyc-x86-64-v4.json"
    assert read_kept(file) == dataclasses.replace(WIDE, lines=(newer, other))


def test_file_that_is_no_report_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"processor": 3}')

    with pytest.raises(InputError, match=r"x\.json is no report by processor, .*; remove it, or make it anew"):
        read_kept(tmp_path / "x.json")
    with pytest.raises(InputError, match="cannot read"):
        read_kept(tmp_path / "absent.json")


def test_lines_of_a_report_name_the_backend_and_how_it_was_limited() -> None:
    (line,) = lines_of(report("tract@x86-64-v3", 8.77, remark="Rust; on qemu's Haswell"))

    assert (line.backend, line.ratio, line.verdict, line.how) == ("tract", 8.77, "falls short", "on qemu's Haswell")
    assert lines_of(report("tract", 1.0, missing="not installed")) == []
    assert lines_of(report("tract", float("inf")))[0].ratio is None


def test_other_version_is_told_beside_its_ratio() -> None:
    older = dataclasses.replace(NARROW, lines=(dataclasses.replace(LINE, version="0.23.1"),))

    assert "| tract | 2.50 | 2.50 (0.23.1) | 2.50 |" in processors_markdown([WIDE, older])


def test_emulator_that_had_no_time_says_nothing_of_the_processor() -> None:
    whole = report("tract@x86-64-v3", 1.0)
    slow = dataclasses.replace(whole.rows[0], failed="decoder, batch 100: ran past its time limit of 300 s")

    assert lines_of(dataclasses.replace(whole, rows=(slow,))) == []
    assert len(lines_of(dataclasses.replace(whole, rows=(dataclasses.replace(slow, failed="died of SIGILL"),)))) == 1


def test_table_has_a_column_for_each_processor_and_the_worst() -> None:
    text = processors_markdown([WIDE, NARROW])

    assert "| backend | x86-64-v4 | x86-64-v3 | worst | at | verdict |" in text
    assert "| tract | 2.50 | 8.77 | 8.77 | decoder/image | **falls short on x86-64-v3** |" in text
    assert "tract: on qemu's Haswell" in text
