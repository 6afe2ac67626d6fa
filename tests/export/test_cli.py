import json
import shutil
from pathlib import Path

import pytest

from tests.export.material import edit_onnx, sealed_again
from tests.export.test_defects import DECODER, change_one_weight
from vaeport_export import cli as export_cli
from vaeport_parity import cli as parity_cli
from vaeport_parity.backends import OWN_BACKENDS
from vaeport_parity.backends.base import ENVIRONMENTS_VARIABLE

Captured = pytest.CaptureFixture[str]


def error_line(capsys: Captured, command: str) -> str:
    """The one line that the command left on stderr, and nothing on stdout."""
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"{command}: error: ")
    assert captured.err.count("\n") == 1, captured.err
    return captured.err


def test_parity_prints_the_verdict_and_a_line_for_each_backend(bundles: Path, capsys: Captured) -> None:
    code = parity_cli.main([str(bundles / "narrow"), "--backends", "own"])

    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert (code, captured.err) == (0, "")
    assert lines[0].startswith("HOLDS: narrow answers as PyTorch does: at most ")
    assert all(sum(line.startswith(f"{name} ") for line in lines) == 1 for name in OWN_BACKENDS)
    assert sum(line.endswith("holds") for line in lines) == 1 + len(OWN_BACKENDS)
    assert max(map(len, lines)) <= 80


def test_parity_prints_a_line_for_each_output_if_told_to(bundles: Path, capsys: Captured) -> None:
    code = parity_cli.main([str(bundles / "narrow"), "--backends", "onnxruntime-all", "--verbose"])

    lines = capsys.readouterr().out.splitlines()
    assert code == 0
    assert all(any(output in line for line in lines) for output in ("z_mean", "z_logvar", "class_probs", "image"))
    assert sum(line.endswith("holds") for line in lines) > 4


def test_parity_answers_in_json(bundles: Path, capsys: Captured) -> None:
    code = parity_cli.main([str(bundles / "narrow"), "--backends", "onnxruntime-all,onnx-reference", "--json"])

    whole = json.loads(capsys.readouterr().out)
    (answer,) = whole["reports"]
    assert whole["holds"]
    assert (code, answer["holds"], answer["name"], answer["missing"]) == (0, True, "narrow", {})
    assert {row["backend"] for row in answer["rows"]} == {"golden.npz", "onnxruntime-all", "onnx-reference"}
    assert all(row["holds"] and 0 <= row["ratio"] <= 4 for row in answer["rows"])


def test_parity_takes_images_of_a_data_set(bundles: Path, capsys: Captured) -> None:
    code = parity_cli.main([str(bundles / "narrow"), "--data", "mnist-5k", "--backends", "onnxruntime-all", "--json"])

    (report,) = json.loads(capsys.readouterr().out)["reports"]
    assert (code, report["samples"], report["given_samples"]) == (0, 5706, 5000)


def test_digits_are_asked_by_default_and_left_out_on_demand(bundles: Path, capsys: Captured) -> None:
    options = ["--backends", "onnxruntime-all", "--json"]

    assert parity_cli.main([str(bundles / "narrow"), *options]) == 0
    (asked,) = json.loads(capsys.readouterr().out)["reports"]
    assert parity_cli.main([str(bundles / "narrow"), *options, "--data", "none"]) == 0
    (spared,) = json.loads(capsys.readouterr().out)["reports"]

    assert (asked["given_samples"], spared["given_samples"]) == (5000, 0)


def test_parity_ends_with_1_where_a_weight_is_wrong(copy: Path, capsys: Captured) -> None:
    edit_onnx(copy, DECODER, lambda model: change_one_weight(model, 0))

    code = parity_cli.main([str(sealed_again(copy)), "--backends", "onnxruntime-all"])

    captured = capsys.readouterr()
    assert (code, captured.err) == (1, "")
    assert "FALLS SHORT" in captured.out
    assert "narrow does NOT answer as PyTorch does" in captured.out


def test_parity_ends_with_1_where_a_byte_has_changed(copy: Path, capsys: Captured) -> None:
    path = copy / "fp32" / "decoder" / "model.onnx"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

    assert parity_cli.main([str(copy)]) == 1
    assert "broken seal, fp32/decoder/model.onnx is not the file that was sealed" in error_line(
        capsys, "vaeport-parity"
    )


def test_parity_without_a_checkpoint_points_to_verify(copy: Path, capsys: Captured) -> None:
    shutil.rmtree(copy / "checkpoint")

    assert parity_cli.main([str(copy)]) == 2
    assert "vaeport verify" in error_line(capsys, "vaeport-parity")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["{tmp}/none"], "there is nothing"),
        (["{tmp}"], "holds no bundle.json"),
        (["{bundle}", "--backends", "nope"], "unknown backend 'nope'"),
        (["{bundle}", "--data", "nope"], "unknown data set 'nope'"),
    ],
)
def test_parity_that_cannot_run_is_one_line_and_exit_code_2(
    arguments: list[str], problem: str, bundles: Path, tmp_path: Path, capsys: Captured
) -> None:
    places = {"tmp": tmp_path, "bundle": bundles / "narrow"}

    assert parity_cli.main([argument.format(**places) for argument in arguments]) == 2
    assert problem in error_line(capsys, "vaeport-parity")


def test_parity_tells_of_missing_backends(
    bundles: Path, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENVIRONMENTS_VARIABLE, str(tmp_path))

    assert parity_cli.main([str(bundles / "narrow"), "--backends", "tract,onnx-reference"]) == 0
    assert "missing, not installed (1): tract" in capsys.readouterr().out


@pytest.mark.parametrize("main", [export_cli.main, parity_cli.main])
def test_help_lists_the_exit_codes(main: object, capsys: Captured) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])  # type: ignore[operator]

    assert caught.value.code == 0
    assert "exit codes:" in capsys.readouterr().out
