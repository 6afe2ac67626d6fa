"""Mistakes that strangers make with a comparison: each is one sentence that names tensor or file, and what to do."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper

from tests.foreign.catalogue import NETWORKS, Network, by_name
from tests.foreign.refusals import NOT_THERE, refused_call, refused_command

pytestmark = pytest.mark.filterwarnings("default")

ATTENTION, MOBILE = by_name("attention"), by_name("mobile")
TOKENS = ATTENTION.make_inputs()
PICTURES = MOBILE.make_inputs()


def raising_generator(rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """A generator with a misspelt key."""
    return {"picture": PICTURES["pictures"]}


CALLS: list[tuple[str, Network, dict[str, Any], tuple[str, ...]]] = [
    (
        "input-misspelt",
        ATTENTION,
        {"inputs": {"token": TOKENS["tokens"], "mask": TOKENS["mask"]}},
        ("token\\b", "tokens"),
    ),
    ("input-missing", ATTENTION, {"inputs": {"tokens": TOKENS["tokens"]}}, ("mask",)),
    (
        "input-of-floats",
        ATTENTION,
        {"inputs": {**TOKENS, "tokens": TOKENS["tokens"] + 0.5}},
        ("tokens", "int64", "float64"),
    ),
    (
        "input-of-too-many-axes",
        MOBILE,
        {"inputs": {"picture": PICTURES["picture"][None]}},
        ("picture", r"3, ?15, ?17", r"1, ?9, ?3, ?15, ?17"),
    ),
    ("input-of-wrong-size", MOBILE, {"inputs": {"picture": PICTURES["picture"][:, :, :14]}}, ("picture", "14", "15")),
    (
        "inputs-of-unlike-length",
        ATTENTION,
        {"inputs": {**TOKENS, "mask": TOKENS["mask"][:3]}},
        ("mask", "tokens|batch", "3", "5"),
    ),
    (
        "inputs-without-rows",
        MOBILE,
        {"inputs": {"picture": PICTURES["picture"][:0]}},
        ("picture|batch", "0|no row|empty"),
    ),
    (
        "input-with-nan",
        MOBILE,
        {"inputs": {"picture": PICTURES["picture"] * np.float32("nan")}},
        ("picture", "NaN|finite"),
    ),
    (
        "token-beyond-the-table",
        ATTENTION,
        {"inputs": {**TOKENS, "tokens": TOKENS["tokens"] + 99}},
        ("tokens", "99|range|index"),
    ),
    ("inputs-of-text", MOBILE, {"inputs": {"picture": np.array([["a"]])}}, ("picture", "float32|number")),
    ("inputs-file-missing", MOBILE, {"inputs": "no_inputs.npz"}, (r"no_inputs\.npz", NOT_THERE)),
    ("generator-raises", MOBILE, {"inputs": raising_generator}, ("inputs|generator", "KeyError|pictures")),
    ("range-for-nobody", ATTENTION, {"inputs": None, "ranges": {"ids": (0, 9)}}, ("ids", "tokens")),
    ("range-upside-down", ATTENTION, {"inputs": None, "ranges": {"tokens": (99, 0)}}, ("tokens", "99", "low")),
    ("backend-misspelt", MOBILE, {"backends": "onnxrutime"}, ("onnxrutime", "backend")),
    ("scores-of-nobody", MOBILE, {"scores": ("probs",)}, ("probs", "probabilities")),
    ("tolerance-negative", MOBILE, {"tolerance": -1.0}, ("tolerance", "-1")),
    ("tolerance-of-nobody", MOBILE, {"tolerance": {"probs": 1e-3}}, ("probs", "probabilities")),
    ("reference-missing", MOBILE, {"reference": "no_reference.onnx"}, (r"no_reference\.onnx", NOT_THERE)),
    ("reference-is-a-class", MOBILE, {"reference": torch.nn.Linear}, ("reference|Linear", "Module|instance|argument")),
    ("reference-is-a-number", MOBILE, {"reference": 3}, ("reference", "int|3", "Module|ONNX")),
    ("reference-of-another-network", MOBILE, {"reference": ATTENTION.module}, ("tokens", "picture")),
    ("candidate-missing", MOBILE, {"candidate": "no_candidate.onnx"}, (r"no_candidate\.onnx", NOT_THERE)),
    ("candidate-of-nonsense", MOBILE, {"candidate": b"not a graph at all"}, ("ONNX",)),
]


@pytest.mark.parametrize(("name", "network", "change", "words"), CALLS, ids=[case[0] for case in CALLS])
def test_call_is_refused(
    name: str,
    network: Network,
    change: dict[str, Any],
    words: tuple[str, ...],
    written: Callable[[Network], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import vaeport_parity as parity

    monkeypatch.chdir(tmp_path)
    right = {
        "candidate": written(network),
        "reference": network.module(),
        "inputs": network.make_inputs(),
        "backends": "onnxruntime-all",
    }
    settings = {**right, **change}
    refused_call(lambda: parity.check(settings.pop("candidate"), **settings), words, tmp_path)


def training(model: torch.nn.Module) -> torch.nn.Module:
    return model.train()


def on_meta(model: torch.nn.Module) -> torch.nn.Module:
    return model.to("meta")


class FirstOnly(torch.nn.Module):
    """Leaves one of the file's outputs out."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        return self.model(picture)[0]  # type: ignore[no-any-return]


class Noisy(FirstOnly):
    """Answers otherwise each time."""

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        return self.model(picture + 0.1 * torch.rand_like(picture))  # type: ignore[no-any-return]


def first_only(model: torch.nn.Module) -> torch.nn.Module:
    return FirstOnly(model).eval()


def noisy(model: torch.nn.Module) -> torch.nn.Module:
    return Noisy(model).eval()


REFERENCES: list[tuple[str, str, Callable[[torch.nn.Module], torch.nn.Module], tuple[str, ...]]] = [
    ("training-mode", "mobile", training, ("training mode", r"eval\(\)")),
    ("meta", "mobile", on_meta, ("reference|weight", "meta", "weights|cpu")),
    ("outputs-left-out", "detector", first_only, ("output", "4|boxes|scores")),
    ("noise-inside", "mobile", noisy, ("random|rand|twice|differ",)),
]


@pytest.mark.parametrize(("name", "network", "change", "words"), REFERENCES, ids=[case[0] for case in REFERENCES])
def test_reference_is_refused(
    name: str,
    network: str,
    change: Callable[[torch.nn.Module], torch.nn.Module],
    words: tuple[str, ...],
    written: Callable[[Network], Path],
    tmp_path: Path,
) -> None:
    import copy

    import vaeport_parity as parity

    subject = by_name(network)
    reference = change(copy.deepcopy(subject.module()))
    refused_call(
        lambda: parity.check(
            written(subject), reference=reference, inputs=subject.make_inputs(), backends="onnxruntime-all"
        ),
        words,
        tmp_path,
    )


def free_integers(path: Path) -> Path:
    """A graph that adds one to integers of which nothing says how large they may be."""
    graph = helper.make_graph(
        [helper.make_node("Add", ["count", "one"], ["next"], "add")],
        "count",
        [helper.make_tensor_value_info("count", TensorProto.INT64, ["batch"])],
        [helper.make_tensor_value_info("next", TensorProto.INT64, ["batch"])],
        [helper.make_tensor("one", TensorProto.INT64, [], [1])],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def broken_file(path: Path, sound: Path) -> Path:
    path.write_bytes(sound.read_bytes()[: sound.stat().st_size // 2])
    return path


def test_files_are_refused_by_name(
    written: Callable[[Network], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    from vaeport_parity.cli import main

    monkeypatch.chdir(tmp_path)
    sound = Path(shutil.copy(written(MOBILE), tmp_path / "mobile.onnx"))
    broken_file(tmp_path / "half.onnx", sound)
    free_integers(tmp_path / "count.onnx")
    (tmp_path / "empty.onnx").touch()
    torch.save(torch.nn.Linear(3, 3), tmp_path / "model.pt")
    np.savez(tmp_path / "pickles.npz", picture=np.array([{"a": 1}], dtype=object))
    np.savez(tmp_path / "answers.npz", picture=PICTURES["picture"], probabilities=np.zeros((9, 6), np.float32))
    (tmp_path / "half.npz").write_bytes((tmp_path / "answers.npz").read_bytes()[:900])
    factory = f"{NETWORKS / 'mobile.py'}:build"
    cases: list[tuple[list[str], tuple[str, ...]]] = [
        (["half.onnx", "--reference", factory], (r"half\.onnx", "ONNX|damaged|truncated")),
        (["empty.onnx", "--reference", factory], (r"empty\.onnx", "empty|ONNX")),
        (["model.pt", "--reference", factory], (r"model\.pt", "ONNX")),
        (["mobile.onnx", "--reference", "half.onnx"], (r"half\.onnx", "ONNX|damaged|truncated")),
        (["mobile.onnx", "--reference", "model.pt"], (r"model\.pt", r"pickle|file\.py|--weights|\.pt2")),
        (["mobile.onnx"], ("reference",)),
        (
            ["mobile.onnx", "--reference", factory, "--inputs", "pickles.npz"],
            (r"pickles\.npz", "pickle|object", "picture"),
        ),
        (["mobile.onnx", "--reference", factory, "--inputs", "half.npz"], (r"half\.npz", "damaged|npz|read")),
        (["mobile.onnx", "--reference", "answers.npz"], ("tolerance", r"answers\.npz|recorded")),
        (["mobile.onnx", "--reference", factory, "--weights", "model.pt"], (r"model\.pt", "state_dict|safetensors")),
        (["mobile.onnx", "--reference", f"{NETWORKS / 'mobile.py'}:biuld"], ("biuld", r"\bbuild\b")),
        (["count.onnx", "--reference", "count.onnx"], ("count", "--range")),
        (["mobile.onnx", "--reference", factory, "--backends", "onnxrutime"], ("onnxrutime",)),
        (["mobile.onnx", "--reference", factory, "--range", "picture"], ("--range|range", "LOW:HIGH|low:high|=")),
        (["mobile.onnx", "--reference", factory, "--tolerance", "tight"], ("tolerance", "tight")),
    ]
    failures = []
    for arguments, words in cases:
        try:
            refused_command(main, arguments, words, tmp_path, capfd)
        except AssertionError as error:
            failures.append(f"{' '.join(arguments)}: {error}")
    assert not failures, "\n".join(failures)
