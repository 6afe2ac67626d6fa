from collections.abc import Callable

import pytest

from tests.parity.reporting.made import backend, broken, chained, crowded, precisions, report, row
from vaeport_parity.judging.report import Finding
from vaeport_parity.reporting.report import Report
from vaeport_parity.reporting.terminal import print_report, report_lines

COMMAND = "vaeport-parity candidate.onnx --reference original.onnx"


def letters(line: str) -> int:
    """Columns of a line; the only wide letters in these reports are katakana."""
    return sum(2 if "\u30a0" <= letter <= "\u30ff" else 1 for letter in line)


@pytest.mark.parametrize("width", [40, 60, 80, 120])
@pytest.mark.parametrize("verbose", [False, True])
@pytest.mark.parametrize("made", [broken, crowded, chained])
def test_no_line_is_wider_than_the_terminal(made: Callable[[], Report], verbose: bool, width: int) -> None:
    lines = report_lines([made()], verbose=verbose, command=COMMAND, width=width)

    assert max(map(letters, lines)) <= width
    assert all(line.isprintable() for line in lines)


def test_terminal_without_a_width_has_80_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    print_report([crowded()])
    usual = capsys.readouterr().out
    monkeypatch.setenv("COLUMNS", "100")
    print_report([crowded()])

    assert max(map(letters, usual.splitlines())) == 80
    assert 80 < max(map(letters, capsys.readouterr().out.splitlines())) <= 100


def test_verdict_comes_first_then_one_line_a_backend() -> None:
    lines = report_lines([broken()], width=80)

    assert lines[0].startswith("FALLS SHORT: candidate.onnx does NOT answer as original.onnx does: 3 of 4")
    table = [line for line in lines if line.split("  ")[0] in ("onnxruntime-all", "tract", "jax", "ncnn")]
    assert [line.split() for line in table] == [
        ["onnxruntime-all", "1.2.3", "y", "1e+04", "FALLS", "SHORT"],
        ["tract", "1.2.3", "y", "2e+04", "FALLS", "SHORT"],
        ["jax", "1.2.3", "y", "1.00", "holds"],
        ["ncnn", "1.2.3", "y", "-", "REFUSES"],
    ]


def test_place_that_backends_share_is_told_once() -> None:
    text = " ".join(report_lines([broken()], width=80))

    assert text.count("node 'sub'") == 1
    assert "onnxruntime-all and 1 more go wrong first at candidate.onnx: node 'sub'" in text
    assert "ncnn goes wrong first at graph, node 'embed'" in text


def test_missing_backends_take_one_line_a_reason_and_one_command_brings_them() -> None:
    lines = report_lines([broken()], command="vaeport-parity models/pets", width=80)

    assert "missing, not installed (2): tvm, iree" in lines
    assert "missing, the program nvidia-smi is not installed (1): onnxruntime-cuda" in lines
    assert lines[-1] == "to install and compare them too: vaeport-parity models/pets --install"


def test_command_that_is_wide_has_a_line_of_its_own_and_one_that_is_wider_is_left_out() -> None:
    assert report_lines([broken()], command=COMMAND, width=80)[-1] == f"  {COMMAND} --install"
    assert report_lines([broken()], command=COMMAND * 3, width=80)[-1].endswith("add --install")
    assert report_lines([broken()], width=80)[-1].endswith("add --install")


def test_inputs_and_what_was_not_asked_are_told() -> None:
    text = " ".join(report_lines([broken()], width=200))

    assert "note: tokens are seeded integers 0 <= x < 99" in text
    assert "not asked: graph, length=4096: the reference does not take this size" in text


def test_many_notes_are_told_with_verbose() -> None:
    made = report(row(), notes=tuple(f"note {index}" for index in range(9)))

    assert "5 more notes with --verbose" in report_lines([made], width=80)
    assert "note: note 8" in report_lines([made], width=80, verbose=True)


def test_verbose_has_a_line_for_every_output() -> None:
    lines = report_lines([chained()], verbose=True, width=120)

    assert sum(line.startswith("  chain/image ") for line in lines) == 3
    assert any("vs float64" in line for line in lines)
    assert "file: fp32/encoder/model.onnx: onnxruntime from 1.17 on loads it" in lines
    assert not any("vs float64" in line for line in report_lines([chained()], width=120))


def test_exact_outputs_say_how_many_entries_differ() -> None:
    made = report(row(output="best", error=0, exact=True, tolerance=0.0, noise_floor=0.0, mismatches=3))

    lines = report_lines([made], width=200)

    assert lines[0].endswith("tract in best differs in 3 entries, which must be equal")
    assert any("3 differ" in line for line in lines)


def test_recorded_answers_have_a_line_of_their_own() -> None:
    assert any(
        line.startswith("golden.npz ") and line.endswith("holds") for line in report_lines([chained()], width=80)
    )


def test_shown_backend_does_not_shout() -> None:
    text = "\n".join(report_lines([chained()], width=80))

    assert "falls short, shown" in text
    assert text.startswith("HOLDS: pets answers as PyTorch does: at most 1.00 noise floors off")
    assert "FALLS SHORT" not in text


def test_report_without_any_backend_and_with_a_wrong_file_says_so() -> None:
    nothing = report(backends=(backend(missing="no"),))
    wrong = report(row(), findings=(Finding("candidate.onnx", "weight 'w' lies outside the file"),))

    assert "no backend could be compared" in " ".join(report_lines([nothing], width=120))
    assert "WRONG: candidate.onnx: weight 'w' lies outside the file" in report_lines([wrong], width=120)


def test_precisions_have_one_verdict_a_table_each_and_each_place_once() -> None:
    lines = report_lines(precisions(), width=80)
    text = " ".join(" ".join(lines).split())

    assert text.startswith("FALLS SHORT: pets in fp16 and int8 (fp32 holds). fp16: 2 of 2 backends, at worst ")
    assert sum(line.startswith("backend ") for line in lines) == 3
    assert [line.split(":")[0] for line in lines if "; backends: " in line] == ["fp32", "fp16", "int8"]
    assert text.count("node 'mul' is off") == 1
    assert "fp16 onnxruntime-all and 3 more go wrong first at fp16/decoder/model.onnx: node 'mul' is off" in text


def test_precisions_that_hold_are_one_line_with_the_worst_of_all() -> None:
    whole = [report(row(error=error), name="pets", label=label) for label, error in (("", 1e-7), ("int8", 3e-7))]

    assert report_lines(whole, width=200)[0] == (
        "HOLDS: pets answers right in fp32 and int8; int8: at most 3.00 noise floors off (tract, y), 4.00 are allowed"
    )
