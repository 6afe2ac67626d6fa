"""Weights beside an ONNX file are read from plain files in its folder, whatever path the file names."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from vaeport.errors import InputError
from vaeport_export.graph.adoption import read_onnx
from vaeport_parity.subjects.files import read_graph

LOCATIONS = {
    "/etc/passwd": "no path inside its own folder",
    "../secret": "no path inside its own folder",
    "a/../../secret": "no path inside its own folder",
    "a/..": "no path inside its own folder",
    "..\\secret": "no path inside its own folder",
    "C:\\secret": "no path inside its own folder",
    "C:secret": "no path inside its own folder",
    "\\\\host\\share": "no path inside its own folder",
    "": "no path inside its own folder",
    ".": "no path inside its own folder",
    "a\0b": "no path inside its own folder",
    "missing": "is missing",
    "link": "is a link",
    "linked/secret": "is a link",
    "hard/link": "is missing",
    "folder": "no plain file",
    "x" * 5000: "is missing",
}


def tensor(location: str) -> TensorProto:
    made = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[2], data_location=TensorProto.EXTERNAL)
    made.external_data.add(key="location", value=location)
    return made


def initializer(model: ModelProto, location: str) -> None:
    model.graph.initializer.append(tensor(location))


def constant(model: ModelProto, location: str) -> None:
    model.graph.node.insert(0, helper.make_node("Constant", [], ["c"], value=tensor(location)))


def branch(model: ModelProto, location: str) -> None:
    inner = helper.make_graph([helper.make_node("Constant", [], ["c"], value=tensor(location))], "inner", [], [])
    model.graph.node.append(helper.make_node("If", ["x"], ["z"], then_branch=inner, else_branch=inner))


def function(model: ModelProto, location: str) -> None:
    node = helper.make_node("Constant", [], ["c"], value=tensor(location))
    model.functions.append(helper.make_function("own", "f", [], ["c"], [node], [helper.make_opsetid("", 18)]))


PLACES: dict[str, Callable[[ModelProto, str], None]] = {
    "initializer": initializer,
    "constant": constant,
    "branch": branch,
    "function": function,
}
READERS: dict[str, Callable[[Path], object]] = {"parity": read_graph, "export": read_onnx}


def saved(folder: Path, change: Callable[[ModelProto, str], None], location: str) -> Path:
    info = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [2]) for name in ("x", "y")]
    node = helper.make_node("Identity", ["x"], ["y"])
    model = helper.make_model(helper.make_graph([node], "g", info[:1], info[1:]))
    change(model, location)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    return folder / "model.onnx"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with links out of it, and a secret beside it."""
    made = tmp_path / "model"
    (made / "folder").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    for secret in (tmp_path / "secret", tmp_path / "elsewhere/secret"):
        secret.write_bytes(bytes(8))
    (made / "link").symlink_to(tmp_path / "secret")
    (made / "linked").symlink_to(tmp_path / "elsewhere")
    return made


@pytest.mark.parametrize("read", list(READERS))
@pytest.mark.parametrize("location", list(LOCATIONS), ids=[ascii(each)[:30] for each in LOCATIONS])
def test_path_out_of_the_folder_is_refused(location: str, read: str, folder: Path) -> None:
    path = saved(folder, initializer, location)

    with pytest.raises(InputError, match=LOCATIONS[location]) as caught:
        READERS[read](path)

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("read", list(READERS))
@pytest.mark.parametrize("place", list(PLACES))
def test_path_is_refused_wherever_the_tensor_is(place: str, read: str, folder: Path) -> None:
    path = saved(folder, PLACES[place], "../secret")

    with pytest.raises(InputError, match="no path inside its own folder"):
        READERS[read](path)


@pytest.mark.parametrize("read", list(READERS))
def test_weights_in_the_folder_are_read(read: str, folder: Path) -> None:
    (folder / "folder/weights").write_bytes(np.array([1, 2], np.float32).tobytes())

    answered = READERS[read](saved(folder, initializer, "folder/weights"))

    content = answered[0] if isinstance(answered, tuple) else answered
    assert isinstance(content, bytes)
    model = onnx.load_model_from_string(content)
    assert numpy_helper.to_array(model.graph.initializer[0]).tolist() == [1, 2]
