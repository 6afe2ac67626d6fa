"""Every block of docs/export.md runs, and every mistake in its table is answered with the sentence beside it."""

import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import load_file

import vaeport
from tests.documentation import blocks, commands, rows_under, run_command, run_python
from vaeport.bundle.opening import open_bundle

pytestmark = pytest.mark.filterwarnings("default")

PAGE = "export.md"
CLASSES = ("cat", "dog")
EXPORT = "vaeport-export my_nets.py:build --images samples -o out/pets"

SOFTMAX = ".softmax(dim=1)"
MEAN = "return self.mean(hidden)"
HIDDEN = "hidden = self.body(image)"
LINEAR = "nn.Linear(4 + 2, 3 * 16 * 16)"
PIXELS = ".view(-1, 3, 16, 16)"

MISTAKES: dict[str, tuple[tuple[tuple[str, str], ...], str]] = {
    "no softmax": (((SOFTMAX, ""),), ""),
    "pixels from a tanh": ((("nn.Sigmoid()", "nn.Tanh()"),), ""),
    "a row of pixels": (((PIXELS, ""),), ""),
    "no `.eval()`": ((("EncoderClassifier().eval()", "EncoderClassifier()"),), ""),
    "a sample, or dropout": (((MEAN, f"{MEAN} + torch.randn_like(self.mean(hidden))"),), ""),
    "a fixed batch": (((PIXELS, ".view(32, 3, 16, 16)"),), ""),
    "a branch on values": (((HIDDEN, f"{HIDDEN}\n        if hidden.max() > 9:\n            hidden = hidden / 9"),), ""),
    "statistics of the batch": (((HIDDEN, "hidden = self.body(image - image.mean(dim=0))"),), ""),
    "diverged weights": (((LINEAR, f"{LINEAR}.apply(lambda m: nn.init.constant_(m.bias, float('nan')))"),), ""),
    "weights as a pickled module": ((), "--weights whole.pt"),
    "too few labels": ((), "--labels cat"),
}
"""By name in the table: old and new text of the page's `my_nets.py`, and options of the command."""


@pytest.fixture
def page_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with what the reader of the page has: `samples/` and `samples.npz`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "my_nets", raising=False)
    torch.manual_seed(0)
    images = np.random.default_rng(0).integers(0, 256, (120, 3, 16, 16), np.uint8)
    np.savez(tmp_path / "samples.npz", images=images)
    for index, image in enumerate(images):
        file = tmp_path / "samples" / CLASSES[index % 2] / f"{index}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image.transpose(1, 2, 0)).save(file)
    return tmp_path


def test_every_block_of_the_page_runs(page_folder: Path) -> None:
    run_python(PAGE)
    for graph in ("encoder_classifier", "decoder"):
        shutil.copy(page_folder / f"out/pets/fp32/{graph}/model.onnx", page_folder / f"{graph.split('_')[0]}.onnx")
    (page_folder / "nets.py").write_text(blocks("training.md", "python")[1])

    codes = {command: run_command(command) for command in commands(PAGE)}

    assert len(codes) == 6
    assert set(codes.values()) == {0}, codes
    for name in ("pets", "converted", "adapted", "own"):
        assert vaeport.verify(page_folder / "out" / name).holds
    sealed = load_file(page_folder / "out/pets/checkpoint/model.safetensors")
    given = load_file(page_folder / "model.safetensors")
    np.testing.assert_array_equal(sealed["decoder.0.weight"], given["decoder.0.weight"])
    assert open_bundle(page_folder / "out/pets").manifest.anomaly is not None


def test_table_has_every_mistake_that_is_tried() -> None:
    assert {name for name, _ in rows_under(PAGE, "What is checked before anything is written")} == set(MISTAKES)


@pytest.mark.parametrize(
    ("mistake", "sentence"), rows_under(PAGE, "What is checked before anything is written"), ids=list(MISTAKES)
)
def test_sentence_of_the_table_is_what_the_command_says(
    mistake: str, sentence: str, page_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edits, options = MISTAKES[mistake]
    code = blocks(PAGE, "python")[0]
    for old, new in edits:
        assert code.count(old) == 1, old
        code = code.replace(old, new)
    (page_folder / "my_nets.py").write_text(code)
    torch.save(torch.nn.Linear(1, 1), page_folder / "whole.pt")

    exit_code = run_command(f"{EXPORT} {options}")

    pattern = ".+".join(re.escape(part) for part in sentence.split("…"))
    assert exit_code in (1, 2)
    assert re.fullmatch(f"vaeport-export: error: {pattern}\n", capsys.readouterr().err)
    assert not (page_folder / "out/pets").exists()
