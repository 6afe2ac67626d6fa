"""What travels in a bundle's checkpoint is data: a pickle in its place is refused, and never unpickled."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tests.export.material import sealed_again
from vaeport.bundle.opening import open_bundle
from vaeport.errors import BundleError, VaeportError
from vaeport_export.bundle.original import read_original
from vaeport_export.bundle.subject import find_bundle
from vaeport_parity.subjects.subject import SubjectOptions
from vaeport_train.running.trained import load_trained

FILES = ("encoder_classifier.json", "decoder.json", "model.safetensors")


class Fuse:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.path,)


def exported_program(path: Path, fuse: Fuse) -> None:
    """A .pt2 archive with the fuse beside its weights."""
    program = torch.export.export(nn.Linear(2, 2).eval(), (torch.zeros(2, 2),))
    torch.export.save(program, path, extra_files={"fuse.pkl": pickle.dumps(fuse).decode("latin1")})


PICKLES: dict[str, Callable[[Path, Fuse], object]] = {
    "pickle": lambda path, fuse: path.write_bytes(pickle.dumps(fuse)),
    "pt": lambda path, fuse: torch.save({"a": fuse}, path),
    "pt2": exported_program,
}


@pytest.mark.parametrize("kind", list(PICKLES))
@pytest.mark.parametrize("name", FILES)
def test_pickle_in_a_bundle_is_refused_and_not_unpickled(name: str, kind: str, copy: Path, tmp_path: Path) -> None:
    fuse = Fuse(tmp_path / "ran")
    PICKLES[kind](copy / "checkpoint" / name, fuse)
    sealed_again(copy)

    for take in (
        lambda: read_original(open_bundle(copy)),
        lambda: find_bundle(str(copy), SubjectOptions()),
    ):
        with pytest.raises(BundleError) as caught:
            take()
        assert "\n" not in str(caught.value)
    if name == "model.safetensors":
        with pytest.raises(VaeportError):
            load_trained(copy)
    assert not (tmp_path / "ran").exists()


def test_pickle_beside_the_original_is_left_alone(copy: Path, tmp_path: Path) -> None:
    torch.save({"a": Fuse(tmp_path / "ran")}, copy / "checkpoint" / "model.pt")

    read_original(open_bundle(sealed_again(copy)))

    assert not (tmp_path / "ran").exists()


def crafted(copy: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    path = copy / "checkpoint" / "decoder.json"
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))
    return sealed_again(copy)


@pytest.mark.parametrize(
    "change",
    [
        lambda values: values["nodes"][0].update(target="aten.from_file.default"),
        lambda values: values["nodes"][0].update(target="aten.zeros.default", args=[[10**14]], kwargs={}),
        lambda values: values["keys"].update(dict.fromkeys(values["keys"], "nowhere")),
        lambda values: values.update(tensors=dict.fromkeys(values["tensors"], "__class__.x")),
        lambda values: values.update(inputs=values["inputs"][:1]),
        lambda values: values.update(outputs=["image", "more"]),
    ],
    ids=["reads a file", "fills the memory", "weights are missing", "dunder", "an input less", "an output more"],
)
def test_crafted_program_in_a_bundle_is_one_sentence(change: Callable[[dict[str, Any]], object], copy: Path) -> None:
    bundle = open_bundle(crafted(copy, change))

    with pytest.raises(BundleError) as caught:
        read_original(bundle)

    assert "\n" not in str(caught.value)
    assert "decoder" in str(caught.value) or "weight" in str(caught.value)
