"""Take a reference in whatever form it is given: a module, a factory, a program, a graph, recorded answers."""

import difflib
import importlib.util
import os
import re
import sys
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from vaeport.errors import InputError
from vaeport.sessions.session import first_line

from ..subjects.files import read_arrays, read_graph
from ..subjects.tensors import Arrays, TensorSpec, input_specs, output_specs
from .base import Reference
from .onnx_graph import OnnxReference
from .recorded import RecordedReference

ReferenceLike = Any
"""An nn.Module, a callable that returns one, an ExportedProgram, or a path: `.pt2`, `.onnx`, `.npz`, `file.py:name`."""

_FACTORY = re.compile(r"(?P<file>.+\.py):(?P<name>[A-Za-z_]\w*(\.[A-Za-z_]\w*)*)")


def is_path(reference: ReferenceLike) -> bool:
    """Whether a reference is given by path."""
    return isinstance(reference, str | os.PathLike)


def recorded_arrays(reference: ReferenceLike) -> Arrays | None:
    """Arrays of a file of recorded answers; None where the reference is something else.

    Raises:
        InputError: the file cannot be read.
    """
    if not is_path(reference) or Path(reference).suffix != ".npz":
        return None
    return read_arrays(Path(reference))


def open_reference(reference: ReferenceLike, weights: str | os.PathLike[str] | None = None) -> tuple[Any, str]:
    """What is behind a reference: an nn.Module, an ExportedProgram, or the bytes of an ONNX file.

    Args:
        reference: as the caller gave it.
        weights: file with the weights of a module.

    Returns:
        The thing, and words for it in messages.

    Raises:
        InputError: it is not there, is of another kind, raises, or the weights do not fit.
    """
    if is_path(reference):
        thing, what = _opened(os.fspath(reference))
    else:
        thing, what = reference, _words(reference)
    if isinstance(thing, bytes):
        if weights is not None:
            raise InputError(f"weights are for a PyTorch module; {what} is an ONNX file with its own")
        return thing, what
    import torch

    if isinstance(thing, torch.export.ExportedProgram):
        if weights is not None:
            raise InputError(f"weights are for a PyTorch module; {what} is an exported program with its own")
        return thing, what
    if not isinstance(thing, torch.nn.Module) and callable(thing):
        thing = _called(thing, what)
    if not isinstance(thing, torch.nn.Module):
        raise InputError(
            f"{what} is a {type(thing).__name__}; a reference is an nn.Module, a function that returns one, an "
            "ExportedProgram, or a path of a .pt2, .onnx or .npz file"
        )
    if weights is not None:
        load_weights(thing, Path(weights), what)
    return thing, what


def make_reference(
    thing: Any, what: str, *, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]
) -> tuple[Reference, list[str]]:
    """The reference of a graph from what `open_reference` gave; a module is not captured yet.

    Args:
        thing: a module, an exported program, or the content of an ONNX file.
        what: words for it.
        inputs: inputs of the candidate.
        outputs: outputs of the candidate.

    Returns:
        The reference, and sentences for the report about how it was made.

    Raises:
        InputError: it does not fit the candidate.
    """
    if isinstance(thing, bytes):
        return _onnx_reference(thing, what, inputs, outputs), []
    import torch

    from .torch_module import exported_reference, module_reference

    if isinstance(thing, torch.export.ExportedProgram):
        return exported_reference(thing, inputs=inputs, outputs=outputs, what=what)
    return module_reference(thing, inputs=inputs, outputs=outputs, what=what)


def check_answers(reference: Reference, outputs: Sequence[TensorSpec], example: Arrays, what: str) -> None:
    """Compare types and shapes of a reference's answers with the outputs of the graph.

    Args:
        reference: the reference.
        outputs: outputs of the graph.
        example: one batch of inputs.
        what: the reference in messages.

    Raises:
        InputError: it does not run on the example, or an output has another type or shape.
    """
    answers, again = (reference.answers(example, "native") for _ in range(2))
    for name, values in answers.items():
        if values.shape != again[name].shape or values.tobytes() != again[name].tobytes():
            raise InputError(
                f"{what} gives another {name!r} when it is asked twice: it draws random numbers; take them out of the "
                "module, or give them as an input"
            )
    sizes: dict[str, int] = {}
    for position, spec in enumerate(outputs):
        values = answers[spec.name]
        fits = values.ndim == len(spec.shape) and all(
            sizes.setdefault(axis, size) == size if isinstance(axis, str) else axis == size
            for axis, size in zip(spec.shape, values.shape, strict=True)
        )
        if not fits or values.dtype != np.dtype(spec.dtype):
            shape = ", ".join(map(str, spec.shape))
            raise InputError(
                f"output {position} of {what} is {values.dtype} {list(values.shape)}, the graph has {spec.name!r} as "
                f"{spec.dtype} [{shape}]; outputs are compared in order and need the same types and shapes"
            )


def recorded_reference(
    arrays: Arrays, what: str, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]
) -> RecordedReference:
    """Recorded answers as the reference of a graph.

    Args:
        arrays: inputs and outputs by name.
        what: the file in messages.
        inputs: inputs of the graph.
        outputs: outputs of the graph.

    Raises:
        InputError: an input or output of the graph is not among them.
    """
    for kind, specs in (("input", inputs), ("output", outputs)):
        for spec in specs:
            if spec.name not in arrays:
                raise InputError(
                    f"{what} has no array {spec.name!r}, an {kind} of the graph; it has {_some(list(arrays))}"
                )
    return RecordedReference(
        {spec.name: arrays[spec.name] for spec in inputs}, {spec.name: arrays[spec.name] for spec in outputs}, what
    )


def load_weights(module: Any, path: Path, what: str) -> None:
    """Load a file of weights into a module, every one of them.

    Args:
        module: an nn.Module.
        path: `.safetensors`, or `.pt`/`.pth` with nothing but tensors.
        what: the module in messages.

    Raises:
        InputError: the file cannot be read, holds more than tensors, or has other names or shapes than the module.
    """
    state = read_weights(path)
    own = module.state_dict()
    missing, extra = [name for name in own if name not in state], [name for name in state if name not in own]
    if missing or extra:
        parts = [f"{label} {_some(names)}" for label, names in (("has no", missing), ("has unknown", extra)) if names]
        raise InputError(f"{path} does not fit {what}: it {', and '.join(parts)}; give the weights of this module")
    for name, tensor in own.items():
        if state[name].shape != tensor.shape:
            raise InputError(
                f"{path} does not fit {what}: {name!r} is {list(state[name].shape)}, the module has "
                f"{list(tensor.shape)}"
            )
    module.load_state_dict(state)


def read_weights(path: Path) -> Mapping[str, Any]:
    """Tensors of a file by name; no code in the file is run.

    Raises:
        InputError: the file is not there, is damaged, or holds more than tensors.
    """
    if not path.is_file():
        raise InputError(f"no weights at {path}")
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return load_file(path)
        except (SafetensorError, OSError) as error:
            raise InputError(f"{path} is no safetensors file: {first_line(error)}") from error
    if path.suffix not in (".pt", ".pth", ".bin", ".ckpt"):
        raise InputError(f"{path}: weights are a .safetensors file, or a .pt or .pth file with nothing but tensors")
    return _unpickled(path)


def _unpickled(path: Path) -> Mapping[str, Any]:
    import pickle

    import torch

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, AttributeError, ImportError) as error:
        raise InputError(
            f"{path} is a pickle with more than tensors in it, which can run code when it is read; save the weights "
            "with safetensors.torch.save_file(module.state_dict(), ...)"
        ) from error
    except Exception as error:  # a damaged file raises errors of all kinds
        raise InputError(f"{path} cannot be read as weights: {first_line(error)}") from error
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(state, Mapping) and isinstance(state.get(key), Mapping):
            state = state[key]
    if not isinstance(state, Mapping) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise InputError(f"{path} holds a {type(state).__name__}, not weights by name; save module.state_dict()")
    return state


def _opened(path: str) -> tuple[Any, str]:
    factory = _FACTORY.fullmatch(path)
    if factory:
        return load_object(Path(factory["file"]), factory["name"]), path
    file = Path(path)
    if file.suffix == ".py":
        raise InputError(f"{path} names a file; add the name of a function or module in it, as {path}:build")
    if not file.is_file():
        raise InputError(f"no reference at {path}; give a .pt2, .onnx or .npz file, or FILE.py:NAME")
    if file.suffix == ".onnx":
        return read_graph(file)[0], file.name
    if file.suffix == ".pt2":
        return _exported(file), file.name
    if file.suffix in (".pt", ".pth", ".safetensors", ".bin", ".ckpt"):
        raise InputError(
            f"{path} holds weights; give the module they belong to, as --reference my_models.py:build --weights {path}"
        )
    raise InputError(f"{path}: a reference is a .pt2, .onnx or .npz file, or FILE.py:NAME")


def _exported(path: Path) -> Any:
    import torch

    if not zipfile.is_zipfile(path):
        raise InputError(f"{path} is no archive of torch.export.save; is it complete?")
    try:
        return torch.export.load(path)
    except Exception as error:  # the archive's reader raises errors of all kinds
        raise InputError(f"{path} cannot be read by torch.export.load: {first_line(error)}") from error


def load_object(file: Path, name: str) -> Any:
    """An object of a Python file, which is run.

    Args:
        file: the user's own file; its folder is put on the path, as Python does for a script.
        name: name in it; dots go inside.

    Raises:
        InputError: no such file or name, or the file raises.
    """
    if not file.is_file():
        raise InputError(f"no file {file}; FILE.py:NAME names a function or module in a file")
    spec = importlib.util.spec_from_file_location(f"vaeport_reference_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise InputError(f"{file} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    sys.path.insert(0, str(file.resolve().parent))
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # a stranger's file raises errors of all kinds
        raise InputError(f"{file} raises {type(error).__name__} when it is imported: {first_line(error)}") from error
    finally:
        sys.path.remove(str(file.resolve().parent))
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            own = [key for key, value in vars(module).items() if getattr(value, "__module__", "") == spec.name]
            close = difflib.get_close_matches(part, own, n=2)
            raise InputError(
                f"{file} has no {name!r}; it has {_some([*close, *(key for key in own if key not in close)])}"
            )
        found = getattr(found, part)
    return found


def _called(factory: Callable[[], Any], what: str) -> Any:
    try:
        return factory()
    except Exception as error:  # a stranger's function raises errors of all kinds
        raise InputError(
            f"{what} raises {type(error).__name__}: {first_line(error)}; it is called without arguments"
        ) from error


def _words(reference: Any) -> str:
    name = getattr(reference, "__name__", None) if not hasattr(reference, "forward") else None
    return f"{name}()" if name else type(reference).__name__


def _onnx_reference(
    content: bytes, what: str, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]
) -> OnnxReference:
    model = onnx.load_model_from_string(content)
    own_inputs, own_outputs = input_specs(model), output_specs(model)
    pairs = []
    for kind, own, given in (("input", own_inputs, inputs), ("output", own_outputs, outputs)):
        if len(own) != len(given):
            raise InputError(
                f"{what} has {len(own)} {kind}s ({_some([s.name for s in own])}), the candidate {len(given)} "
                f"({_some([s.name for s in given])}); both graphs need the same"
            )
        by_name = {spec.name: spec for spec in own}
        matched = [by_name[spec.name] for spec in given] if set(by_name) == {s.name for s in given} else list(own)
        for mine, theirs in zip(matched, given, strict=True):
            if len(mine.shape) != len(theirs.shape) or (kind == "input" and mine.dtype != theirs.dtype):
                raise InputError(
                    f"{kind} {theirs.name!r} is {theirs.dtype} {list(theirs.shape)}, in {what} {mine.name!r} is "
                    f"{mine.dtype} {list(mine.shape)}; both graphs need the same types and ranks"
                )
        pairs.append(matched)
    return OnnxReference(
        content,
        tuple(spec.name for spec in pairs[0]),
        tuple(spec.name for spec in inputs),
        tuple((own.name, spec.name) for own, spec in zip(pairs[1], outputs, strict=True)),
        what,
    )


def _some(names: Sequence[str], most: int = 4) -> str:
    shown = ", ".join(map(repr, names[:most]))
    return (f"{shown} and {len(names) - most} more" if len(names) > most else shown) or "nothing"
