"""A PyTorch network as the reference: captured into a program where that can be done, else run as it is."""

import contextlib
import copy
import inspect
import io
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from vaeport.errors import CheckFailedError, InputError
from vaeport.sessions.session import first_line

from ..subjects.tensors import Arrays, TensorSpec
from .base import NoPlainSumsError, Precision
from .captured import CapturedModule
from .plain_sums import PlainSums
from .program import Program, program_of

WORDS = "PyTorch"

_NARROW = (torch.float16, torch.bfloat16, torch.float32)


@dataclass(eq=False)
class TorchReference:
    """A module that answers as its author's does."""

    module: nn.Module
    """Takes tensors in the order of `arguments`."""
    arguments: tuple[str, ...]
    """Names of the graph's inputs, in the order in which the module takes them."""
    outputs: tuple[str, ...]
    """Names of the graph's outputs."""
    keywords: tuple[str, ...] = ()
    """Names of the module's arguments where it takes them by name; empty where by order."""
    captured: Program | None = None
    """The operators that are run, where the network could be captured."""
    words: str = WORDS
    has_noise: bool = True
    any_inputs: bool = True
    _double: nn.Module | None = field(default=None, repr=False)
    _modeless: bool = field(default=False, repr=False)

    def answers(self, inputs: Arrays, precision: Precision, *, plain: bool = False) -> Arrays:
        """Answers by output name, as of `Reference`; rows of a bounded program may be run in parts."""
        wide = precision == "float64"
        tensors = [_tensor(inputs[name], wide=wide) for name in self.arguments]
        module = self._widened() if wide else self.module
        default = torch.get_default_dtype()
        try:
            if wide:
                torch.set_default_dtype(torch.float64)
            with torch.no_grad():
                parts = [self._in_mode(module, part, plain=plain, wide=wide) for part in _parts(module, tensors)]
        except NoPlainSumsError:
            raise
        except Exception as error:  # a stranger's module raises errors of all kinds
            shapes = ", ".join(f"{name} {list(values.shape)}" for name, values in inputs.items())
            raise InputError(f"{self.words} refuses {shapes}: {first_line(error)}") from error
        finally:
            torch.set_default_dtype(default)
        return self._named([flat_outputs(part) for part in parts])

    def _named(self, parts: Sequence[list[Any]]) -> Arrays:
        """The graph's outputs by name, from what the module returned to each part of the rows."""
        if len(parts[0]) != len(self.outputs):
            raise InputError(
                f"{self.words} gives {len(parts[0])} outputs, the graph has {len(self.outputs)} "
                f"({', '.join(self.outputs)}); return as many tensors, in the same order"
            )
        if len(parts) == 1:
            return {name: to_array(value) for name, value in zip(self.outputs, parts[0], strict=True)}
        return {
            name: np.concatenate([to_array(part[place]) for part in parts]) for place, name in enumerate(self.outputs)
        }

    def _in_mode(self, module: nn.Module, tensors: Sequence[Tensor], *, plain: bool, wide: bool) -> Any:
        if plain:
            if self._modeless:
                raise NoPlainSumsError("the network compiles parts of itself")
            with PlainSums():  # type: ignore[no-untyped-call]  # torch has no types here
                return self._call(module, tensors)
        if wide and self.captured is None and not self._modeless:
            try:
                with _InFloat64():  # type: ignore[no-untyped-call]
                    return self._call(module, tensors)
            except Exception:  # noqa: BLE001 - torch.cond compiles its branches, which no mode survives
                self._modeless = True
                torch.compiler.reset()  # else it goes on with what it compiled inside the mode
        return self._call(module, tensors)

    def _call(self, module: nn.Module, tensors: Sequence[Tensor]) -> Any:
        if self.keywords:
            return module(**dict(zip(self.keywords, tensors, strict=True)))
        return module(*tensors)

    def _widened(self) -> nn.Module:
        if self._double is None:
            self._double = copy.deepcopy(self.module).double()
        return self._double


class _InFloat64(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has no types here
    """Widens the types that eager code names: a conversion to float32 inside would lose what float64 has."""

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run the operator with float64 in place of narrower types."""
        named = {
            key: torch.float64 if key == "dtype" and value in _NARROW else value
            for key, value in (kwargs or {}).items()
        }
        widened = [torch.float64 if isinstance(value, torch.dtype) and value in _NARROW else value for value in args]
        return func(*widened, **named)


def module_reference(
    module: nn.Module, *, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec], what: str
) -> tuple[TorchReference, list[str]]:
    """A module, run as it is, as the reference of a graph.

    Args:
        module: in evaluation mode, on the CPU.
        inputs: inputs of the graph.
        outputs: outputs of the graph.
        what: the module in messages, such as `my_models.py:build`.

    Returns:
        The reference, and sentences for the report about how it was made.

    Raises:
        InputError: the module is in training mode, not on the CPU, or takes another number of inputs.
    """
    check_state(module, what)
    arguments, keywords, notes = _bound(module, inputs, what)
    return TorchReference(module, arguments, tuple(spec.name for spec in outputs), keywords), notes


def exported_reference(
    exported: torch.export.ExportedProgram, *, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec], what: str
) -> tuple[TorchReference, list[str]]:
    """An exported program as the reference of a graph; arguments and results as of `module_reference`.

    Raises:
        InputError: the program takes or gives another number of tensors, or has something that cannot be run anew.
    """
    names = tuple(spec.name for spec in outputs)
    try:
        program, weights = program_of(exported, names)
        module = CapturedModule(program, weights)
    except CheckFailedError as error:
        raise InputError(f"{what} cannot be the reference: {error}") from error
    if len(program.inputs) != len(inputs):
        raise InputError(
            f"{what} takes {len(program.inputs)} inputs ({', '.join(program.inputs)}), the graph has "
            f"{len(inputs)} ({', '.join(spec.name for spec in inputs)})"
        )
    given = tuple(spec.name for spec in inputs)
    order = program.inputs if set(program.inputs) == set(given) else given
    return TorchReference(module, order, names, captured=program), []


def captured_reference(
    reference: TorchReference, *, inputs: Sequence[TensorSpec], example: Arrays, what: str
) -> tuple[TorchReference, list[str]]:
    """The same network as a captured program, where torch.export can make one with the graph's symbolic axes.

    Args:
        reference: a module that is run as it is.
        inputs: inputs of the graph.
        example: one batch of inputs, of at least two rows.
        what: the module in messages.

    Returns:
        The captured program, where it answers as the module does within rounding, else the reference as it was; and
        sentences for the report about the reason.
    """
    if reference.captured is not None:
        return reference, []
    captured, why = _captured(reference, inputs, example)
    if captured is None:
        return reference, [f"{what} is run as it is: {why}."]
    difference = _difference(reference, captured, example)
    if difference:
        return reference, [f"{what} is run as it is: its captured program {difference}."]
    return captured, []


def save_original(reference: TorchReference, folder: Path) -> bool:
    """Write `program.json` and `weights.safetensors` for the backends that run PyTorch; False if nothing was captured.

    Args:
        reference: the reference.
        folder: an empty folder.
    """
    if reference.captured is None:
        return False
    from safetensors.torch import save  # its save_file hides a full disk behind an error of its own

    (folder / "program.json").write_text(reference.captured.to_json(), encoding="utf-8")
    state = reference.module.state_dict()
    weights = {path: state[path].contiguous().clone() for path in reference.captured.tensors.values()}
    (folder / "weights.safetensors").write_bytes(save(weights))
    return True


def check_state(module: nn.Module, what: str) -> None:
    """Refuse a module that cannot be a reference as it is.

    Raises:
        InputError: parts of it are in training mode, or weights are not on the CPU.
    """
    tensors = [*module.named_parameters(), *module.named_buffers()]
    for name, tensor in tensors:
        if tensor.device.type == "meta":
            raise InputError(f"{what}: the weight {name!r} is on the device meta, without values; load weights into it")
        if tensor.device.type != "cpu":
            raise InputError(f"{what}: the weight {name!r} is on {tensor.device}; call .cpu() on the module")
    training = [(name, type(part).__name__) for name, part in module.named_modules() if part.training]
    changed = next(((name, kind) for name, kind in training if _differs_in_training(kind)), None)
    if changed:
        raise InputError(f"{what} is in training mode ({changed[1]} {changed[0]!r} would change answers); call .eval()")
    if training:
        raise InputError(f"{what} is in training mode; call .eval()")


def flat_outputs(answer: Any) -> list[Any]:
    """What a module returned, as a list: tuples, lists, dicts and dataclasses taken apart, None left out."""
    if hasattr(answer, "to_tuple"):  # output classes of transformers and diffusers
        answer = answer.to_tuple()
    return [leaf for leaf in tree_leaves(answer) if leaf is not None]


def to_array(value: Any) -> NDArray[Any]:
    """A tensor or number as an array; bfloat16 has the type of ml_dtypes."""
    if not isinstance(value, Tensor):
        return np.asarray(value)
    value = value.detach().cpu().contiguous()
    if value.dtype == torch.bfloat16:
        raw: NDArray[Any] = value.view(torch.int16).numpy()
        return raw.view(ml_dtypes.bfloat16)
    array: NDArray[Any] = value.numpy()
    return array


def _parts(module: nn.Module, tensors: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    """The rows of a batch, as many at once as a bounded program may run; all of them for any other module."""
    if not isinstance(module, CapturedModule) or not module.captured_bounded:
        yield list(tensors)
        return
    rows, size = len(tensors[0]), module.captured_rows(tensors)
    for first in range(0, max(rows, 1), size):
        yield [tensor[first : first + size] for tensor in tensors]


def _tensor(values: NDArray[Any], *, wide: bool) -> Tensor:
    values = np.asarray(values, order="C")
    if values.dtype == ml_dtypes.bfloat16:
        tensor = torch.from_numpy(values.view(np.int16).copy()).view(torch.bfloat16)
    elif not values.flags.writeable:
        tensor = torch.from_numpy(values.copy())
    else:
        tensor = torch.from_numpy(values)
    return tensor.double() if wide and tensor.is_floating_point() else tensor


def _differs_in_training(kind: str) -> bool:
    return "Norm" in kind or "Dropout" in kind or "DropPath" in kind


def _bound(
    module: nn.Module, inputs: Sequence[TensorSpec], what: str
) -> tuple[tuple[str, ...], tuple[str, ...], list[str]]:
    """Which input of the graph is given for which argument of forward: by name where all names fit, else by order."""
    names = tuple(spec.name for spec in inputs)
    try:
        parameters = inspect.signature(module.forward).parameters.values()
    except (TypeError, ValueError):
        return names, (), []
    if any(each.kind is each.VAR_POSITIONAL for each in parameters):
        return names, (), []
    plain = [each.name for each in parameters if each.kind is not each.VAR_KEYWORD]
    required = [each.name for each in parameters if each.default is each.empty and each.name in plain]
    if set(names) <= set(plain) and set(required) <= set(names):
        return (names, (), []) if tuple(plain[: len(names)]) == names else (names, names, [])
    if not len(required) <= len(names) <= len(plain):
        raise InputError(
            f"{what} takes {len(required)} inputs ({', '.join(required)}), the graph has {len(names)} "
            f"({', '.join(names)}); give a module with the graph's inputs"
        )
    return names, (), [f"Inputs are given to {what} in the graph's order: {_pairs(names, plain)}."]


def _pairs(names: Sequence[str], parameters: Sequence[str]) -> str:
    return ", ".join(f"{name} as {parameter}" for name, parameter in zip(names, parameters, strict=False))


def _captured(
    reference: TorchReference, inputs: Sequence[TensorSpec], example: Arrays
) -> tuple[TorchReference | None, str]:
    """The module as a captured program with the graph's symbolic axes, or why it has none."""
    shapes = {spec.name: spec.shape for spec in inputs}
    args = tuple(_tensor(example[name], wide=False) for name in reference.arguments)
    dynamic = [
        {place: torch.export.Dim.AUTO for place, axis in enumerate(shapes[name]) if isinstance(axis, str)}
        for name in reference.arguments
    ]
    kwargs = dict(zip(reference.keywords, args, strict=True)) if reference.keywords else None
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")  # torch.export warns of its own deprecations, and prints whole graphs
            exported = torch.export.export(
                reference.module,
                () if kwargs else args,
                kwargs,
                dynamic_shapes=_dynamic(reference, dynamic),
            )
        fixed = _fixed_axis(exported, [shapes[name] for name in reference.arguments], reference.arguments)
        if fixed:
            return None, f"torch.export fixes the axis {fixed}"
        program, weights = program_of(exported, reference.outputs)
    except Exception as error:  # noqa: BLE001 - torch.export raises errors of all kinds
        return None, f"torch.export cannot capture it ({first_line(error)[:160]})"
    module = CapturedModule(program, weights)
    return TorchReference(module, reference.arguments, reference.outputs, captured=program), ""


def _dynamic(reference: TorchReference, dynamic: list[dict[int, Any]]) -> Any:
    if reference.keywords:
        return dict(zip(reference.keywords, dynamic, strict=True))
    parameters = inspect.signature(reference.module.forward).parameters.values()
    gathers = any(each.kind is each.VAR_POSITIONAL for each in parameters)
    return (tuple(dynamic),) if gathers else tuple(dynamic)


def _fixed_axis(
    exported: torch.export.ExportedProgram, shapes: Sequence[tuple[int | str, ...]], names: Sequence[str]
) -> str:
    """The first symbolic axis of the graph that the program has as a number; empty where there is none."""
    users = set(exported.graph_signature.user_inputs)
    nodes = [node for node in exported.graph.nodes if node.op == "placeholder" and node.name in users]
    for name, shape, node in zip(names, shapes, nodes, strict=True):
        for axis, size in zip(shape, node.meta["val"].shape, strict=True):
            if isinstance(axis, str) and isinstance(size, int):
                return f"{axis!r} of {name!r}"
    return ""


def _difference(eager: TorchReference, captured: TorchReference, example: Arrays) -> str:
    """How a program's answers differ from the module's own by more than rounding; empty where they do not."""
    right, answers = (each.answers(example, "float64") for each in (eager, captured))
    native = captured.answers(example, "native")
    for name, values in right.items():
        if answers[name].shape != values.shape:
            return f"gives {name} as {list(answers[name].shape)} instead of {list(values.shape)}"
        if values.dtype.kind in "biu":
            if not np.array_equal(values, answers[name]):
                return f"gives another {name}"
            continue
        finite = np.isfinite(values)
        off = np.max(np.abs(answers[name] - values), initial=0.0, where=finite)
        floor = np.max(np.abs(native[name].astype(np.float64) - values), initial=0.0, where=finite)
        scale = np.max(np.abs(values), initial=0.0, where=finite)
        if off > max(floor, 1e-7 * scale):
            return f"gives {name} with a difference of {off:.2g}"
    return ""
