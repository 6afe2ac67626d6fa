"""The commands that draw, restyle, sample and measure: what they print and what they write."""

import csv
import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import vaeport
from tests.runtime.tampering import change_one_byte, read_manifest, write_manifest
from tests.runtime.terminal import Terminal
from vaeport.errors import MissingExtraError


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_bundle: Path) -> Path:
    """The working folder: `tiny/`, and two images in `scans/`, one of them deeper, beside a text."""
    monkeypatch.chdir(tmp_path)
    Path("scans/deep").mkdir(parents=True)
    noise = np.random.default_rng(0).integers(0, 256, (2, 4, 4), np.uint8)
    Image.fromarray(noise[0]).save("scans/b.png")
    Image.fromarray(noise[1]).save("scans/deep/a.JPG", quality=100)
    Path("scans/notes.txt").write_text("hello\n")
    assert tiny_bundle == tmp_path / "tiny"
    return tmp_path


def _picture(path: str) -> tuple[str, tuple[int, int]]:
    with Image.open(path) as picture:
        return str(picture.format), picture.size


@pytest.mark.usefixtures("place")
def test_folder_stands_for_the_images_in_it(vaeport_command: Terminal) -> None:
    answer = json.loads(vaeport_command(["classify", "scans", "-b", "tiny", "--json"]).out)

    assert [row["file"] for row in answer] == ["scans/b.png", "scans/deep/a.JPG"]


@pytest.mark.usefixtures("place")
def test_standard_input_is_an_image(monkeypatch: pytest.MonkeyPatch, vaeport_command: Terminal) -> None:
    expected = json.loads(vaeport_command(["classify", "scans/b.png", "-b", "tiny", "--json"]).out)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(Path("scans/b.png").read_bytes())))

    answer = json.loads(vaeport_command(["classify", "-", "-b", "tiny", "--json"]).out)

    assert answer == [{**expected[0], "file": "-"}]


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["classify", "-", "-"], "standard input (-) is named twice"),
        (["classify", "empty"], "the folder empty holds no image"),
        (["interpolate", "scans", "scans/b.png", "-o", "out.gif"], "3 images were named"),
        (["interpolate", "scans/b.png", "scans/b.png", "-n", "1", "-o", "out.gif"], "steps is 1"),
        (["restyle", "scans", "-l", "bird", "-o", "out.png"], "knows cat, dog, owl"),
        (["dataset", "bird", "-o", "out"], "knows cat, dog, owl"),
        (["dataset", "-o", "scans"], "something stands there already"),
        (["style-grid", "--start", "-1", "-o", "out.png"], "start is -1"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_done_is_one_sentence_and_leaves_nothing(
    arguments: list[str], words: str, monkeypatch: pytest.MonkeyPatch, vaeport_command: Terminal
) -> None:
    Path("empty").mkdir()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))

    outcome = vaeport_command([*arguments, "-b", "tiny"])

    assert (outcome.code, outcome.out) == (2, "")
    assert words in outcome.err
    assert outcome.err.count("\n") == 1
    assert not list(Path().glob("*out*"))


@pytest.mark.usefixtures("place")
def test_classify_as_csv(vaeport_command: Terminal) -> None:
    answer = vaeport.load("tiny").classify(["scans/b.png", "scans/deep/a.JPG"])

    outcome = vaeport_command(["classify", "scans", "-b", "tiny", "--csv"])

    header, *rows = csv.reader(io.StringIO(outcome.out))
    assert header == ["file", "label", "confidence", "rejected", "p(cat)", "p(dog)", "p(owl)"]
    assert [row[1] for row in rows] == list(answer.labels)
    np.testing.assert_allclose([[float(p) for p in row[4:]] for row in rows], answer.class_probs, rtol=1e-6)


@pytest.mark.usefixtures("place")
def test_classify_marks_what_is_rejected(vaeport_command: Terminal) -> None:
    shown = vaeport_command(["classify", "scans", "-b", "tiny", "--reject-below", "1"]).out
    told = json.loads(vaeport_command(["classify", "scans", "-b", "tiny", "--reject-below", "1", "--json"]).out)

    assert shown.count("rejected (") == 2
    assert [row["rejected"] for row in told] == [True, True]


@pytest.mark.usefixtures("place")
def test_classify_takes_the_fit(vaeport_command: Terminal) -> None:
    Image.new("L", (9, 9), 255).save("white.png")

    refused = vaeport_command(["classify", "white.png", "-b", "tiny", "--fit", "none"])

    assert refused.code == 2
    assert "the picture is 9x9, this model takes 4x4" in refused.err
    assert vaeport_command(["classify", "white.png", "-b", "tiny", "--fit", "mnist"]).code == 0


@pytest.mark.usefixtures("place")
def test_reconstruct_says_how_unusual_images_are(tiny_bundle: Path, vaeport_command: Terminal) -> None:
    expected = vaeport.load("tiny").anomaly_score(["scans/b.png", "scans/deep/a.JPG"]).percentile

    answer = json.loads(vaeport_command(["reconstruct", "scans", "-b", "tiny", "-o", "pair.png", "--json"]).out)
    manifest = read_manifest(tiny_bundle)
    del manifest["anomaly"]
    write_manifest(tiny_bundle, manifest)
    silent = vaeport_command(["reconstruct", "scans", "-b", "tiny", "-o", "pair.png"])

    np.testing.assert_allclose([row["anomaly_percentile"] for row in answer["images"]], expected, atol=1e-3)
    assert "unusual" not in silent.out


@pytest.mark.usefixtures("place")
def test_restyle_draws_what_it_saw_and_every_class(vaeport_command: Terminal) -> None:
    all_classes = vaeport_command(["restyle", "scans", "-b", "tiny", "-o", "all.png"])
    some = json.loads(
        vaeport_command(["restyle", "scans", "-l", "owl", "-l", "cat", "-b", "tiny", "-o", "some.png", "--json"]).out
    )

    assert all_classes.out == "all.png: 2 handwritings as cat, dog, owl\n"
    assert some["labels"] == ["owl", "cat"]
    assert [_picture(name)[1][0] for name in ("all.png", "some.png")] == [4 * 10 + 2, 3 * 10 + 2]


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(("name", "form", "size"), [("way.png", "PNG", (5 * 10 + 2, 12)), ("way.GIF", "GIF", (16, 16))])
def test_interpolate_writes_a_strip_or_a_film(
    name: str, form: str, size: tuple[int, int], vaeport_command: Terminal
) -> None:
    outcome = vaeport_command(["interpolate", "scans/b.png", "scans/deep/a.JPG", "-n", 5, "-b", "tiny", "-o", name])

    assert outcome.out == f"{name}: 5 drawings from scans/b.png to scans/deep/a.JPG\n"
    assert _picture(name) == (form, size)


@pytest.mark.usefixtures("place")
def test_handwriting_of_the_style_grid_can_be_drawn_again(vaeport_command: Terminal) -> None:
    grid = ["style-grid", "-n", 3, "--start", 5, "--seed", 2, "-b", "tiny", "-o", "grid.png"]
    again = ["generate", "owl", "-n", 1, "--start", 6, "--seed", 2, "-b", "tiny", "-o", "again.png"]

    told = json.loads(vaeport_command([*grid, "--json"]).out)
    vaeport_command(again)

    assert (told["rows"], told["labels"]) == ([5, 6, 7], ["cat", "dog", "owl"])
    with Image.open("grid.png") as page, Image.open("again.png") as one:
        tiles = np.asarray(page.crop((page.width - 32, page.height - 32, page.width, page.height)))
        np.testing.assert_array_equal(tiles[12:20, 22:30], np.asarray(one)[-10:-2, 2:10])


@pytest.mark.usefixtures("place")
def test_dataset_writes_folders_or_arrays(vaeport_command: Terminal) -> None:
    folders = vaeport_command(["dataset", "owl", "cat", "-n", 2, "-b", "tiny", "-o", "set"])
    arrays = json.loads(vaeport_command(["dataset", "-n", 2, "-b", "tiny", "-o", "set.npz", "--json"]).out)

    assert folders.out.endswith("set: 4 images, 2 of each of owl, cat, seed 0\n")
    assert sorted(path.as_posix() for path in Path("set").rglob("*.png")) == [
        "set/cat/0.png",
        "set/cat/1.png",
        "set/owl/0.png",
        "set/owl/1.png",
    ]
    assert (arrays["images"], arrays["output"]) == (6, "set.npz")


@pytest.mark.usefixtures("place")
def test_bench_measures_every_batch(vaeport_command: Terminal) -> None:
    told = json.loads(
        vaeport_command(["bench", "--batch", 1, "--batch", 3, "--seconds", "0.01", "-b", "tiny", "--json"]).out
    )

    assert [(row["verb"], row["batch"]) for row in told["speeds"]] == [
        ("encode", 1),
        ("decode", 1),
        ("encode", 3),
        ("decode", 3),
    ]
    for row in told["speeds"]:
        assert row["images_per_second"] == pytest.approx(row["batch"] / row["milliseconds"] * 1e3)


@pytest.mark.usefixtures("place")
def test_doctor_finds_nothing_in_the_way(vaeport_command: Terminal) -> None:
    outcome = vaeport_command(["doctor", "tiny"])

    assert (outcome.code, outcome.err) == (0, "")
    for word in (
        "versions ",
        "CPUExecutionProvider",
        "CUDA ",
        "threads ",
        "telemetry   off",
        "seal holds",
        "nothing stands in the way",
    ):
        assert word in outcome.out


@pytest.mark.usefixtures("place")
def test_doctor_names_a_broken_seal(vaeport_command: Terminal) -> None:
    change_one_byte(Path("tiny/golden.npz"))

    outcome = vaeport_command(["doctor", "tiny", "--json"])

    told = json.loads(outcome.out)
    assert (outcome.code, told["holds"]) == (1, False)
    assert "golden.npz" in told["problems"][0]


@pytest.mark.usefixtures("place")
def test_doctor_names_both_wheels(monkeypatch: pytest.MonkeyPatch, vaeport_command: Terminal) -> None:
    wheels = {"onnxruntime": "1.31.1", "onnxruntime-gpu": "1.31.0"}
    monkeypatch.setattr("vaeport.checks.doctor.installed_wheels", lambda: wheels)

    outcome = vaeport_command(["doctor", "tiny"])

    assert outcome.code == 1
    assert "onnxruntime and onnxruntime-gpu are both installed and overwrite each other" in outcome.out


def test_doctor_says_who_left_telemetry_on(monkeypatch: pytest.MonkeyPatch, vaeport_command: Terminal) -> None:
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "0")

    assert "ORT_DISABLE_TELEMETRY is '0'" in vaeport_command(["doctor"]).out


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion_knows_verbs_and_options(shell: str, vaeport_command: Terminal) -> None:
    pytest.importorskip("shtab", exc_type=ImportError)

    outcome = vaeport_command(["completion", shell])

    assert (outcome.code, outcome.err) == (0, "")
    for word in ("style-grid", "reject-below", "polarity"):
        assert word in outcome.out


def test_completion_without_its_extra_names_what_to_install(
    monkeypatch: pytest.MonkeyPatch, vaeport_command: Terminal
) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)

    outcome = vaeport_command(["completion", "bash"])

    assert outcome.code == MissingExtraError.exit_code
    assert "pip install 'vaeport[completion]'" in outcome.err


def test_version_is_printed(vaeport_command: Terminal) -> None:
    outcome = vaeport_command(["--version"])

    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith("vaeport ")
