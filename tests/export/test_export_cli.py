"""The command `vaeport-export`: runs, anybody's networks by a factory, and mistakes on the command line."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from tests.export.strangers import Decoder, Encoder, pair, samples
from vaeport.bundle.opening import open_bundle
from vaeport.checks.verification import verify
from vaeport_export import cli as export_cli

Captured = pytest.CaptureFixture[str]

NETWORKS = """
    from tests.export.strangers import Decoder, Encoder, pair

    both = pair()

    def build():
        return pair()

    def one():
        return Encoder()

    def broken():
        raise RuntimeError("no configuration")

    def training():
        return Encoder(), Decoder()
"""


def error_line(capsys: Captured, command: str) -> str:
    """The one line that the command left on stderr, and nothing on stdout."""
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"{command}: error: ")
    assert captured.err.count("\n") == 1, captured.err
    return captured.err


def test_export_says_where_the_bundle_is_and_how_exact(runs: Path, tmp_path: Path, capsys: Captured) -> None:
    code = export_cli.main([str(runs / "narrow"), "-o", str(tmp_path / "mine")])

    captured = capsys.readouterr()
    assert (code, captured.err) == (0, "")
    assert f"{tmp_path / 'mine'}: sealed" in captured.out
    assert f"vaeport verify {tmp_path / 'mine'}" in captured.out
    assert open_bundle(tmp_path / "mine").manifest.name == "mine"


def test_export_answers_in_json_and_takes_its_options(runs: Path, copy: Path, capsys: Captured) -> None:
    options = ["--name", "new", "--bundle-version", "2", "--description", "Words.", "--opset", "20", "--replace"]

    code = export_cli.main([str(runs / "narrow"), "-o", str(copy), *options, "--json"])

    captured = capsys.readouterr()
    answer = json.loads(captured.out)
    assert (code, captured.err) == (0, "")
    assert (answer["bundle"], answer["name"]) == (str(copy), "new")
    assert 0 < answer["worst_ratio"] <= 4
    manifest = open_bundle(copy).manifest
    assert (manifest.name, manifest.version, manifest.description) == ("new", "2", "Words.")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["{tmp}/none", "-o", "{tmp}/b"], "is no run folder"),
        (["{run}", "-o", "{bundle}"], "--replace"),
        (["{run}", "-o", "{tmp}/b", "--opset", "17"], "opset is 17, but must be from 18 to 23"),
        (["{run}", "-o", "{tmp}/b", "--name", "a b"], "bundle name is 'a b'"),
        (["{run}", "-o", "{run}/config.json/b"], "cannot write"),
    ],
)
def test_export_that_cannot_run_is_one_line_and_exit_code_2(
    arguments: list[str], problem: str, runs: Path, copy: Path, tmp_path: Path, capsys: Captured
) -> None:
    places = {"tmp": tmp_path, "run": runs / "narrow", "bundle": copy}

    assert export_cli.main([argument.format(**places) for argument in arguments]) == 2
    assert problem in error_line(capsys, "vaeport-export")
    assert list(tmp_path.iterdir()) == [copy]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a stranger has it: networks in a file, weights, samples. Only to be read."""
    folder = tmp_path_factory.mktemp("stranger")
    (folder / "my_nets.py").write_text(textwrap.dedent(NETWORKS))
    for row, pixels in enumerate(samples(6)):
        path = folder / "samples" / ("cat", "dog")[row % 2] / f"{row}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.transpose(1, 2, 0)).save(path)
    torch.manual_seed(7)
    networks = {"encoder_classifier": Encoder(), "decoder": Decoder()}
    weights = {f"{name}.{key}": value for name, net in networks.items() for key, value in net.state_dict().items()}
    save_file(weights, folder / "model.safetensors")
    torch.save(weights, folder / "model.pt")
    torch.save({"encoder": networks["encoder_classifier"]}, folder / "whole.pt")
    save_file({"a": torch.zeros(1)}, folder / "other.safetensors")
    (folder / "text.safetensors").write_text("no tensors")
    np.savez(folder / "samples.npz", images=samples(6), labels=np.arange(6) % 2)
    return folder


@pytest.mark.parametrize("weights", ["model.safetensors", "model.pt"])
def test_factory_with_weights_becomes_a_bundle(weights: str, place: Path, tmp_path: Path, capsys: Captured) -> None:
    options = ["--weights", str(place / weights), "--images", str(place / "samples"), "-o", str(tmp_path / "pets")]

    code = export_cli.main([f"{place}/my_nets.py:build", *options, "--author", "Somebody"])

    captured = capsys.readouterr()
    assert (code, captured.err) == (0, "")
    assert "of PyTorch (limit 4)" in captured.out
    assert open_bundle(tmp_path / "pets").manifest.labels == ("cat", "dog")
    assert verify(tmp_path / "pets").holds
    assert "| exported by | Somebody |" in (tmp_path / "pets" / "README.md").read_text()


def test_pair_itself_and_arrays_do_as_well(place: Path, tmp_path: Path, capsys: Captured) -> None:
    options = ["--labels", "cat, dog", "--images", str(place / "samples.npz"), "-o", str(tmp_path / "pets")]

    assert export_cli.main([f"{place}/my_nets.py:both", *options, "--json"]) == 0

    assert json.loads(capsys.readouterr().out)["name"] == "pets"
    with torch.no_grad():
        expected = pair()[0](torch.from_numpy(np.float32(samples(6)) / np.float32(255)))[0]
    with np.load(tmp_path / "pets" / "golden.npz") as golden:
        np.testing.assert_allclose(golden["encoder_classifier.z_mean.float32"][:6][[0, 3]], expected[[0, 1]], atol=1e-6)


@pytest.mark.parametrize(
    ("source", "options", "problem"),
    [
        ("my_nets.py:one", {}, "gives Encoder, but must give two modules"),
        ("my_nets.py:broken", {}, "raises RuntimeError when it is called without arguments: no configuration"),
        ("my_nets.py:nothing", {}, "has no 'nothing'"),
        ("my_nets.py", {}, "names no object"),
        ("nowhere.py:build", {}, "no file"),
        ("my_nets.py:training", {}, "is in training mode; call .eval()"),
        ("my_nets.py:build", {"--weights": "{place}/other.safetensors"}, "does not fit"),
        ("my_nets.py:build", {"--weights": "{place}/text.safetensors"}, "is no safetensors file"),
        ("my_nets.py:build", {"--weights": "{place}/nowhere.safetensors"}, "no weights at"),
        ("my_nets.py:build", {"--weights": "{place}/whole.pt"}, "is a pickle with more than tensors in it"),
        ("my_nets.py:build", {"--images": None}, "--images is missing"),
        ("my_nets.py:build", {"--images": "{place}/samples/cat"}, "--labels is missing"),
        ("my_nets.py:build", {"--image-shape": "28x28"}, "--image-shape is '28x28', but must be channels"),
        ("my_nets.py:build", {"--data": "mnist"}, "--data is for a run folder"),
        ("my_nets.py:build", {"--labels": "cat,cow"}, "the sub-folder 'dog' of"),
        ("encoder.onnx", {}, "is one graph; name the decoder's ONNX file after it"),
        ("runs", {}, "--images is for your own networks"),
    ],
)
def test_mistake_on_the_command_line_is_one_line(
    source: str, options: dict[str, Any], problem: str, place: Path, tmp_path: Path, capsys: Captured
) -> None:
    given = {"--images": "{place}/samples", **options}
    words = [word.format(place=place) for name, value in given.items() if value for word in (name, value)]

    assert export_cli.main([str(place / source), *words, "-o", str(tmp_path / "b")]) == (
        1 if "training" in source else 2
    )
    assert problem in error_line(capsys, "vaeport-export")
    assert list(tmp_path.iterdir()) == []


def test_help_needs_no_pytorch() -> None:
    program = (
        "import sys\n"
        "from vaeport_export.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: sys.exit('torch' in sys.modules or 'onnx' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert done.returncode == 0
    assert "the file is run as your own code" in " ".join(done.stdout.split())


def test_package_is_imported_without_pytorch_until_a_name_is_used() -> None:
    program = (
        "import sys, vaeport_export\n"
        "assert 'torch' not in sys.modules\n"
        "assert set(vaeport_export.__all__) <= set(dir(vaeport_export))\n"
        "vaeport_export.export_modules, vaeport_export.export_run, vaeport_export.adapters, vaeport_export.Exported\n"
    )

    subprocess.run([sys.executable, "-c", program], check=True)


def test_installed_command_is_silent_on_stderr(runs: Path, tmp_path: Path) -> None:
    """Neither the exporter's own chatter nor a progress line, where nobody looks."""
    program = "import sys; from vaeport_export.cli import main; sys.exit(main())"

    done = subprocess.run(
        [sys.executable, "-c", program, runs / "narrow", "-o", tmp_path / "bundle"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 2
