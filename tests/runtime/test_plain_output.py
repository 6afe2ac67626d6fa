"""Names, labels and figures of strangers reach the terminal harmless; an answer that cannot be written ends with 2."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.runtime.terminal import Terminal
from vaeport.common.commands import print_json, print_line, print_table, real, whole_int
from vaeport.common.plain import plain_text

BIN = Path(sys.executable).parent

COMMANDS = ("vaeport", "vaeport-train", "vaeport-export", "vaeport-parity")

DANGEROUS = "red\x1b[31m two\nlines\r\x07 \x9b2J \u202eturned\u2069 \u2028 \udcff \x00 \U000e0041"

SHOWN = r"red\x1b[31m two\nlines\r\x07 \x9b2J \u202eturned\u2069 \u2028 \udcff \x00 \U000e0041"


def test_what_is_not_printable_is_written_out() -> None:
    assert plain_text(DANGEROUS) == SHOWN


@pytest.mark.parametrize("text", ["", "abc 1.5", "ä 日本語 \u00a0\u3000 \u200c", "👩\u200d🔬", "\\x1b"])
def test_printable_text_stays_as_it_is(text: str) -> None:
    assert plain_text(text) == text


def test_lines_and_tables_are_plain(capsys: pytest.CaptureFixture[str]) -> None:
    print_line(DANGEROUS)
    print_table(("file", "a\x1bb"), [(DANGEROUS, "1.5"), ("x", "2.25")])

    lines = capsys.readouterr().out.split("\n")
    assert len(lines) == 5
    assert all(line.isprintable() for line in lines)
    assert lines[0] == SHOWN
    assert lines[1] == f"{'file':<{len(SHOWN)}}  a\\x1bb"


def test_json_is_plain_and_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    value = {DANGEROUS: [DANGEROUS], "ä": {"👩\u200d🔬": 1}}

    print_json(value)

    text = capsys.readouterr().out
    assert json.loads(text) == value
    assert all(line.isprintable() or "👩" in line for line in text.split("\n"))
    assert '"ä"' in text


def test_json_of_figures_that_no_program_reads_is_still_json(capsys: pytest.CaptureFixture[str]) -> None:
    deep: object = 1
    for _ in range(5000):
        deep = [deep]

    print_json({"deep": deep, "huge": 10**5000, "large": 2**1000, 3: -(10**400), "flags": [True, np.inf]})

    answer = json.loads(capsys.readouterr().out)
    assert (answer["huge"], answer["large"], answer["3"], answer["flags"]) == (None, 2**1000, None, [True, None])
    levels = 0
    while answer["deep"] is not None:
        (answer["deep"],), levels = answer["deep"], levels + 1
    assert levels == 63


def test_error_of_a_command_is_one_plain_line(vaeport_command: Terminal, tiny_bundle: Path, tmp_path: Path) -> None:
    for arguments in (["classify", DANGEROUS.replace("\0", "")], ["classify", ""], ["generate", "\x1b[2J", "-o", "x"]):
        outcome = vaeport_command([*arguments, "-b", tiny_bundle])

        assert (outcome.code, outcome.out) == (2, "")
        assert outcome.err.endswith("\n")
        assert outcome.err[:-1].isprintable()


@pytest.mark.parametrize("form", [[], ["--json"], ["--csv"]])
def test_file_name_cannot_write_to_the_terminal(
    form: list[str], vaeport_command: Terminal, tiny_bundle: Path, tmp_path: Path
) -> None:
    name = tmp_path / "a\x1b[2J\nb\x9b.png"
    Image.new("L", (4, 4), 9).save(name)

    outcome = vaeport_command(["classify", name, "-b", tiny_bundle, *form])

    assert outcome.code == 0
    assert all(line.isprintable() for line in outcome.out.split("\n"))


def test_bad_usage_repeats_no_control_characters(vaeport_command: Terminal) -> None:
    outcome = vaeport_command(["info", "tiny", "--no\x1b[31m\nsuch"])

    assert outcome.code == 2
    assert all(line.isprintable() for line in outcome.err.split("\n"))


@pytest.mark.parametrize("text", ["1e9", "1.5", "", " 3", "٣", "1_000", "0x10", "nan", "9" * 5000, "--1", "\udcff"])
@pytest.mark.parametrize("option", ["-n", "--seed", "--start", "--threads"])
def test_what_is_no_whole_number_is_bad_usage(option: str, text: str, vaeport_command: Terminal) -> None:
    outcome = vaeport_command(["generate", "-o", "x.png", f"{option}={text}" if option != "-n" else f"-n{text}"])

    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.count("error: ") == 1
    assert len(outcome.err) < 1000


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("--seed", "9" * 24),
        ("--start", "-1"),
        ("--temperature", "nan"),
        ("--temperature", "inf"),
        ("--temperature", "-0.1"),
        ("-n", "9" * 50),
        ("--threads", "9" * 50),
    ],
)
def test_number_out_of_range_is_one_sentence(
    option: str, text: str, vaeport_command: Terminal, tiny_bundle: Path, tmp_path: Path
) -> None:
    outcome = vaeport_command(["generate", "-b", tiny_bundle, "-o", tmp_path / "x.png", option, text])

    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert not (tmp_path / "x.png").exists()


def test_numbers_on_the_command_line() -> None:
    assert [whole_int(text) for text in ("0", "-3", "+7", "007")] == [0, -3, 7, 7]
    assert real("1e-3") == 0.001


def _run(line: str) -> tuple[int, str]:
    """A shell line with the commands of this environment: exit code, and what it wrote to stderr."""
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, env=environment, check=False)  # noqa: S607
    return done.returncode, done.stderr


needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")


@needs_full
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_full_disk_under_help_and_version_ends_with_2(command: str, unbuffered: str) -> None:
    for option in ("--help", "--version"):
        code, err = _run(f"PYTHONUNBUFFERED={unbuffered} {command} {option} > /dev/full")

        assert (code, err) == (2, f"{command}: error: cannot write the answer: No space left on device\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_closed_output_ends_with_2(command: str) -> None:
    code, err = _run(f"{command} --help >&-")

    assert (code, err) == (2, f"{command}: error: cannot write the answer: standard output is closed\n")


@needs_full
@pytest.mark.parametrize("stream", ["2>&-", "2> /dev/full", ">&- 2>&-"])
def test_closed_error_stream_keeps_the_exit_code(stream: str) -> None:
    assert _run(f"vaeport --no-such-option {stream}") == (2, "")
    assert _run(f"vaeport info no-such-bundle {stream}") == (2, "")


@needs_full
def test_full_disk_under_an_answer_ends_with_2() -> None:
    tiny = Path(__file__).parent / "tiny"
    for line in ("completion bash", "generate --help", f"info {tiny}", f"info {tiny} --json"):
        code, err = _run(f"vaeport {line} > /dev/full")

        assert (code, err.count("\n")) == (2, 1)
        assert "No space left on device" in err


def test_reader_that_has_gone_is_no_error() -> None:
    assert _run("vaeport --help | true; exit ${PIPESTATUS[0]}") == (0, "")


def test_closed_input_is_an_image_that_is_none() -> None:
    code, err = _run(f"vaeport classify - -b {Path(__file__).parent / 'tiny'} <&-")

    assert (code, err.count("\n")) == (2, 1)
    assert "not an image" in err
