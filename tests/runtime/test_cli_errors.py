"""Whatever goes wrong is one sentence on stderr, the right exit code, and no file left."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.runtime.tampering import change_one_byte
from tests.runtime.terminal import Outcome, Terminal
from vaeport.sessions.session import import_onnxruntime

has_cuda = "CUDAExecutionProvider" in import_onnxruntime().get_available_providers()

Run = Callable[..., Outcome]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_bundle: Path, digit: Path) -> Path:
    """The working folder, which holds `tiny/`, `digit.png`, and images that are none."""
    monkeypatch.chdir(tmp_path)
    Path("text.png").write_text("hello, this is text\n")
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    Image.fromarray(noise).save("cut.png")
    Path("cut.png").write_bytes(Path("cut.png").read_bytes()[:2000])
    Path("empty.png").touch()
    assert (tiny_bundle, digit) == (tmp_path / "tiny", tmp_path / "digit.png")
    return tmp_path


@pytest.fixture
def run(folder: Path, vaeport_command: Terminal) -> Run:
    """Run a command that must fail: no answer, one sentence, and the folder as it was."""

    def failing(*arguments: object) -> Outcome:
        before = sorted(path.name for path in folder.iterdir())
        outcome = vaeport_command(arguments)
        assert outcome.out == ""
        assert sorted(path.name for path in folder.iterdir()) == before
        return outcome

    return failing


def _assert_one_sentence(outcome: Outcome, code: int, words: str) -> None:
    assert outcome.code == code
    assert outcome.err.startswith("vaeport: error: ")
    assert outcome.err.count("\n") == 1
    assert words in outcome.err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["no-such-command"],
        ["classify"],
        ["classify", "digit.png", "--no-such-option"],
        ["classify", "digit.png", "--polarity", "sideways"],
        ["classify", "digit.png", "--threads", "0"],
        ["generate"],
        ["generate", "-n", "0", "-o", "out.png"],
        ["generate", "-n", "-3", "-o", "out.png"],
        ["generate", "-n", "many", "-o", "out.png"],
        ["generate", "--seed", "1.5", "-o", "out.png"],
        ["generate", "--temperature", "hot", "-o", "out.png"],
        ["reconstruct", "digit.png"],
        ["info", "tiny", "extra"],
    ],
    ids=" ".join,
)
def test_bad_usage_ends_with_2(arguments: list[str], run: Run) -> None:
    outcome = run(*arguments)

    assert outcome.code == 2
    assert "error: " in outcome.err.splitlines()[-1]


@pytest.mark.parametrize("verb", [["classify"], ["reconstruct", "-o", "out.png"]])
@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("missing.png", "no such image file: missing.png"),
        ("text.png", "text.png is not an image"),
        ("cut.png", "cut.png"),
        ("empty.png", "empty.png is not an image"),
        ("tiny", "the folder tiny holds no image"),
        ("x" * 300, "File name too long"),
    ],
)
def test_file_that_is_no_image_ends_with_2(verb: list[str], file: str, words: str, run: Run) -> None:
    _assert_one_sentence(run(*verb, "digit.png", file, "-b", "tiny"), 2, words)


def test_wrong_label_ends_with_2(run: Run) -> None:
    _assert_one_sentence(run("generate", "cat", "bird", "-b", "tiny", "-o", "out.png"), 2, "knows cat, dog, owl")


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--seed", "-1", "seed is -1"),
        ("--seed", str(2**64), "seed is"),
        ("--temperature", "nan", "temperature is nan"),
        ("--temperature", "1e39", "temperature is 1e+39"),
        ("-n", str(10**15), "too many at once"),
        ("--device", "gpu", "device is 'gpu'"),
        ("--threads", str(10**12), "threads is"),
    ],
)
def test_value_out_of_range_ends_with_2(option: str, value: str, words: str, run: Run) -> None:
    _assert_one_sentence(run("generate", "-b", "tiny", "-o", "out.png", f"{option}={value}"), 2, words)


VERBS = [
    ["info", "{bundle}"],
    ["verify", "{bundle}"],
    ["classify", "digit.png", "-b", "{bundle}"],
    ["generate", "-b", "{bundle}", "-o", "out.png"],
    ["reconstruct", "digit.png", "-b", "{bundle}", "-o", "out.png"],
    ["restyle", "digit.png", "-b", "{bundle}", "-o", "out.png"],
    ["interpolate", "digit.png", "digit.png", "-b", "{bundle}", "-o", "out.gif"],
    ["style-grid", "-b", "{bundle}", "-o", "out.png"],
    ["dataset", "-b", "{bundle}", "-o", "out.npz"],
]
each_verb = pytest.mark.parametrize("verb", VERBS, ids=[verb[0] for verb in VERBS])


def _of(verb: list[str], bundle: str) -> list[str]:
    return [part.format(bundle=bundle) for part in verb]


@each_verb
@pytest.mark.parametrize(
    ("bundle", "words"), [("no-such", "shipped: "), ("digit.png", "is a file"), (".", "no vaeport")]
)
def test_no_bundle_ends_with_2(verb: list[str], bundle: str, words: str, run: Run) -> None:
    _assert_one_sentence(run(*_of(verb, bundle)), 2, words)


@each_verb
def test_broken_manifest_ends_with_2(verb: list[str], run: Run) -> None:
    Path("tiny/bundle.json").write_text('{"contract": 1,')

    _assert_one_sentence(run(*_of(verb, "tiny")), 2, "bundle.json is not valid JSON")


@each_verb
def test_changed_byte_ends_with_2_where_no_check_was_asked_for(verb: list[str], run: Run) -> None:
    change_one_byte(Path("tiny/fp32/decoder/model.onnx"))

    _assert_one_sentence(run(*_of(verb, "tiny")), 1 if verb[0] == "verify" else 2, "broken seal")


@pytest.mark.skipif(has_cuda, reason="this onnxruntime has CUDA")
@pytest.mark.parametrize("verb", VERBS[1:], ids=[verb[0] for verb in VERBS[1:]])
def test_cuda_request_without_gpu_ends_with_3(verb: list[str], run: Run) -> None:
    _assert_one_sentence(run(*_of(verb, "tiny"), "--device", "cuda"), 3, "vaeport[cuda]")


@pytest.mark.parametrize("output", ["tiny", "digit.png/out.png", "x" * 300 + ".png", ""])
@pytest.mark.parametrize("verb", VERBS[3:], ids=[verb[0] for verb in VERBS[3:]])
def test_output_that_cannot_be_written_ends_with_2(verb: list[str], output: str, run: Run) -> None:
    arguments = [*_of(verb, "tiny")[:-1], output]

    _assert_one_sentence(run(*arguments), 2, "cannot write")


def test_failing_command_leaves_an_older_picture(folder: Path, run: Run) -> None:
    (folder / "out.png").write_bytes(b"older")

    run("generate", "bird", "-b", "tiny", "-o", "out.png")

    assert (folder / "out.png").read_bytes() == b"older"
