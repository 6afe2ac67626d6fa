"""What `vaeport` prints and writes when all is well, and the exit codes of checks that fall short."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import vaeport
from tests.runtime.tampering import change_one_byte, read_arrays, read_manifest, reseal_arrays, write_manifest
from tests.runtime.terminal import Terminal


def _start(arguments: list[str], **streams: object) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run([sys.executable, "-m", "vaeport", *arguments], check=False, timeout=60, **streams)  # type: ignore[call-overload, no-any-return]


def _size(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        return picture.size


def test_info_says_what_the_bundle_is(tiny_bundle: Path, vaeport_command: Terminal) -> None:
    outcome = vaeport_command(["info", tiny_bundle])

    assert (outcome.code, outcome.err) == (0, "")
    for text in ("tiny 1:", "cat, dog, owl", "4 x 4, grey", "fp32", "seal        holds, 12 files", "shipped bundles:"):
        assert text in outcome.out


def test_info_as_json_is_the_manifest(tiny_bundle: Path, vaeport_command: Terminal) -> None:
    answer = json.loads(vaeport_command(["info", tiny_bundle, "--json"]).out)

    assert answer["path"] == str(tiny_bundle)
    assert answer["labels"] == ["cat", "dog", "owl"]
    assert answer["files"] == read_manifest(tiny_bundle)["files"]


@pytest.mark.parametrize("figures", [{}, {"classification_error": "low"}, {"classification_error": 0.1}])
def test_info_lives_with_figures_of_any_form(
    figures: dict[str, object], tiny_bundle: Path, vaeport_command: Terminal
) -> None:
    write_manifest(tiny_bundle, {**read_manifest(tiny_bundle), "evaluation": {"mnist": figures}})

    assert vaeport_command(["info", tiny_bundle]).code == 0


def test_info_without_a_name_takes_the_shipped_bundle(vaeport_command: Terminal) -> None:
    assert vaeport_command(["info"]).out.startswith("mnist ")


def test_verify_prints_a_row_an_output_and_a_verdict(tiny_bundle: Path, vaeport_command: Terminal) -> None:
    outcome = vaeport_command(["verify", tiny_bundle])

    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.count(" holds\n") == 4
    assert "tiny answers as PyTorch does" in outcome.out


def test_verify_as_json(tiny_bundle: Path, vaeport_command: Terminal) -> None:
    answer = json.loads(vaeport_command(["verify", tiny_bundle, "--json"]).out)

    assert answer["holds"] is True
    assert [check["output"] for check in answer["checks"]] == ["z_mean", "z_logvar", "class_probs", "image"]
    assert {"max_abs_error", "noise_floor", "tolerance", "ratio", "holds"} <= answer["checks"][0].keys()


def test_verify_of_a_changed_byte_ends_with_1(tiny_bundle: Path, vaeport_command: Terminal) -> None:
    change_one_byte(tiny_bundle / "fp32/decoder/model.onnx")

    outcome = vaeport_command(["verify", tiny_bundle])

    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith("vaeport: error: ")
    assert outcome.err.count("\n") == 1
    assert "broken seal" in outcome.err


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_verify_of_another_answer_ends_with_1(options: list[str], tiny_bundle: Path, vaeport_command: Terminal) -> None:
    arrays = read_arrays(tiny_bundle)
    reseal_arrays(tiny_bundle, {**arrays, "decoder.image.float64": np.zeros((13, 1, 4, 4))})

    outcome = vaeport_command(["verify", tiny_bundle, *options])

    assert (outcome.code, outcome.err) == (1, "")
    assert '"holds": false' in outcome.out if options else "tiny does NOT answer as PyTorch does" in outcome.out


def test_classify_prints_a_row_a_file(tiny_bundle: Path, digit: Path, vaeport_command: Terminal) -> None:
    expected = vaeport.load(tiny_bundle).classify(digit)[0]

    outcome = vaeport_command(["classify", digit, digit, "-b", tiny_bundle])

    assert (outcome.code, outcome.err) == (0, "")
    assert [line.split() for line in outcome.out.splitlines()] == [
        ["file", "label", "confidence"],
        *[[str(digit), expected.label, f"{expected.confidence:.4f}"]] * 2,
    ]


def test_classify_as_json(tiny_bundle: Path, digit: Path, vaeport_command: Terminal) -> None:
    (answer,) = json.loads(vaeport_command(["classify", digit, "-b", tiny_bundle, "--json"]).out)

    assert answer["file"] == str(digit)
    assert answer["confidence"] == max(answer["class_probs"].values()) == answer["class_probs"][answer["label"]]
    assert list(answer["class_probs"]) == ["cat", "dog", "owl"]


def test_classify_takes_the_polarity(tiny_bundle: Path, digit: Path, vaeport_command: Terminal) -> None:
    answers = [
        vaeport_command(["classify", digit, "-b", tiny_bundle, "--json", "--polarity", polarity]).out
        for polarity in ("auto", "light-ink", "dark-ink")
    ]

    assert answers[0] == answers[1] != answers[2]


def test_generate_writes_a_column_a_label(tiny_bundle: Path, tmp_path: Path, vaeport_command: Terminal) -> None:
    outcome = vaeport_command(["generate", "-n", 5, "-b", tiny_bundle, "-o", tmp_path / "all.png"])

    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == f"{tmp_path / 'all.png'}: 5 of each of cat, dog, owl, seed 0\n"
    assert _size(tmp_path / "all.png")[0] == 3 * 10 + 2


def test_generate_as_json(tiny_bundle: Path, tmp_path: Path, vaeport_command: Terminal) -> None:
    arguments = ["generate", "dog", "-n", 2, "--seed", 7, "-b", tiny_bundle, "-o", tmp_path / "dogs.png", "--json"]

    answer = json.loads(vaeport_command(arguments).out)

    assert answer == {"output": str(tmp_path / "dogs.png"), "labels": ["dog"], "n": 2, "seed": 7}


def test_same_seed_writes_the_same_picture(tiny_bundle: Path, tmp_path: Path, vaeport_command: Terminal) -> None:
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        vaeport_command(["generate", "--seed", seed, "-b", tiny_bundle, "-o", tmp_path / f"{name}.png"])

    first, second, other = ((tmp_path / f"{name}.png").read_bytes() for name in "abc")
    assert first == second != other


def test_reconstruct_writes_a_row_an_image(
    tiny_bundle: Path, digit: Path, tmp_path: Path, vaeport_command: Terminal
) -> None:
    outcome = vaeport_command(["reconstruct", digit, digit, "-b", tiny_bundle, "-o", tmp_path / "pair.png"])

    assert (outcome.code, outcome.err) == (0, "")
    assert "2 images, mean squared error" in outcome.out
    assert _size(tmp_path / "pair.png")[0] == 2 * 14 + 2


def test_reconstruct_as_json(tiny_bundle: Path, digit: Path, tmp_path: Path, vaeport_command: Terminal) -> None:
    arguments = ["reconstruct", digit, "-b", tiny_bundle, "-o", tmp_path / "pair.png", "--json"]

    answer = json.loads(vaeport_command(arguments).out)

    assert answer["output"] == str(tmp_path / "pair.png")
    assert answer["images"][0]["file"] == str(digit)
    assert 0 <= answer["images"][0]["mean_squared_error"] <= 1


def test_module_is_the_command(tiny_bundle: Path, digit: Path, vaeport_command: Terminal) -> None:
    expected = vaeport_command(["classify", digit, "-b", tiny_bundle]).out

    answer = _start(["classify", str(digit), "-b", str(tiny_bundle)], capture_output=True)

    assert (answer.returncode, answer.stdout, answer.stderr) == (0, expected.encode(), b"")


def test_reader_that_has_gone_is_no_error(tiny_bundle: Path) -> None:
    read, write = os.pipe()
    os.close(read)

    answer = _start(["info", str(tiny_bundle)], stdout=write, stderr=subprocess.PIPE)
    os.close(write)

    assert (answer.returncode, answer.stderr) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_answer_that_cannot_be_printed_ends_with_2(tiny_bundle: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        answer = _start(["info", str(tiny_bundle)], stdout=full, stderr=subprocess.PIPE)

    assert answer.returncode == 2
    assert answer.stderr.startswith(b"vaeport: error: ")
    assert answer.stderr.count(b"\n") == 1


def test_file_whose_name_is_no_text_is_classified(tiny_bundle: Path, digit: Path) -> None:
    odd = os.fsencode(digit.parent) + b"/\xff.png"
    digit.rename(os.fsdecode(odd))

    environment = {**os.environ, "PYTHONIOENCODING": "utf-8:strict"}  # as in most locales

    answer = _start(["classify", os.fsdecode(odd), "-b", str(tiny_bundle)], capture_output=True, env=environment)

    assert (answer.returncode, answer.stderr) == (0, b"")
