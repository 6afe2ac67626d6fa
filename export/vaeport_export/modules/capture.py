"""Turn a module into a captured program, every failure one sentence with the line of the author's code."""

import contextlib
import copy
import io
import logging
import traceback
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vaeport.contract import BATCH, GRAPHS, Shapes
from vaeport.errors import CheckFailedError
from vaeport_parity.reference.captured import CapturedModule
from vaeport_parity.reference.program import Program, program_of

_CAPTURED_BATCH = 3
_TRIED_BATCHES = (1, 2, 5)
_DIFFERENCE = {torch.float32: 1e-4, torch.float64: 1e-9}
"""Largest difference of a captured program from its module, in units of the largest answer: fused kernels round
otherwise, a wrong capture is far off."""


def captured(module: nn.Module, graph: str, shapes: Shapes) -> tuple[Program, dict[str, Tensor]]:
    """Capture a module with a free batch, and compare the program with it.

    Args:
        module: takes the contract's inputs, gives its outputs; in evaluation mode, on the CPU.
        graph: which graph of the contract it is.
        shapes: sizes of the tensors.

    Returns:
        The program, and its weights by path in the module.

    Raises:
        CheckFailedError: the module cannot be captured, or its program answers otherwise; one sentence.
    """
    spec = GRAPHS[graph]
    examples = _inputs(graph, shapes, _CAPTURED_BATCH)
    axes = tuple({0: torch.export.Dim(BATCH)} for _ in examples)
    try:
        with torch.no_grad(), warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")  # torch's own deprecations; on stderr it prints whole graphs
            _hush()
            exported = torch.export.export(module, tuple(examples.values()), dynamic_shapes=axes)
        _name_sizes(exported)
        program, weights = program_of(exported, spec.outputs)
    except CheckFailedError as error:
        raise CheckFailedError(f"{graph}: {error}") from error
    except Exception as error:
        raise CheckFailedError(f"{graph}: {_capture_problem(error)}") from error
    _compare(module, CapturedModule(program, weights), graph, shapes)
    return program, weights


def users_line(error: BaseException) -> str:
    """Where in the author's code an error arose, as ` (nets.py, line 12: code)`; empty where that is not known."""
    inside = (str(Path(torch.__file__).parent), str(Path(__file__).parents[1]), "<")
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in chain:
        chain.append(current)
        current = current.__cause__ or current.__context__
    for each in reversed(chain):
        for frame in reversed(traceback.extract_tb(each.__traceback__)):
            if not frame.filename.startswith(inside) and "vaeport_parity" not in frame.filename:
                code = f": {frame.line}" if frame.line else ""
                return f" ({Path(frame.filename).name}, line {frame.lineno}{code})"
    return ""


def _name_sizes(exported: "torch.export.ExportedProgram") -> None:
    """Write the size in place of -1 where it is known: with -1, PyTorch cannot reshape an empty batch."""
    for node in exported.graph.nodes:
        if node.op != "call_function" or node.target not in _RESHAPES or len(node.args) < 2:
            continue
        sizes, made = node.args[1], node.meta.get("val")
        if not isinstance(sizes, list | tuple) or -1 not in sizes or made is None:
            continue
        size = made.shape[list(sizes).index(-1)]
        if isinstance(size, int):
            node.args = (node.args[0], [size if each == -1 else each for each in sizes])


_RESHAPES = (torch.ops.aten.view.default, torch.ops.aten.reshape.default)


def _compare(module: nn.Module, program: CapturedModule, graph: str, shapes: Shapes) -> None:
    for dtype, limit in _DIFFERENCE.items():
        eager, ours = (copy.deepcopy(each).to(dtype) for each in (module, program))
        for batch in _TRIED_BATCHES:
            inputs = [tensor.to(dtype) for tensor in _inputs(graph, shapes, batch).values()]
            try:
                with torch.no_grad():
                    answers = _tuple(ours(*inputs))
            except Exception as error:
                raise CheckFailedError(
                    f"{graph}: the captured network fails on a batch of {batch}: {_first_line(error)}; take the batch "
                    "from the input (image.shape[0], flatten(1)) and never write it as a number"
                ) from error
            try:
                with torch.no_grad():
                    expected = _tuple(eager(*inputs))
            except Exception:
                if dtype == torch.float32:
                    raise
                expected = answers  # the author's code names float32 somewhere; the program does not keep that
            for name, answer, wanted in zip(GRAPHS[graph].outputs, answers, expected, strict=True):
                scale = float(wanted.abs().max())
                difference = float((answer - wanted).abs().max()) if answer.shape == wanted.shape else float("inf")
                if not difference <= limit * max(scale, 1.0):
                    raise CheckFailedError(
                        f"{graph}: the captured network differs from the module on a batch of {batch}: {name} is off "
                        f"by {difference:.2g}; look for sizes or branches that depend on the batch or on values"
                    )


def _inputs(graph: str, shapes: Shapes, batch: int) -> dict[str, Tensor]:
    """Inputs of every kind: pixels and latents between, classes as probabilities."""
    made: dict[str, Tensor] = {}
    for place, name in enumerate(GRAPHS[graph].inputs):
        row = shapes.row(name)
        size = batch * int(torch.tensor(row).prod())
        ramp = ((torch.arange(size, dtype=torch.float32) * (37 + place)) % 101 / 100).reshape(batch, *row)
        made[name] = ramp
    if "class_probs" in made and shapes.classes:
        raised = made["class_probs"] + 0.1
        made["class_probs"] = raised / raised.sum(dim=1, keepdim=True)
    return made


def _capture_problem(error: BaseException) -> str:
    text, line = str(error), users_line(error)
    if "data-dependent" in text or "DataDependent" in type(error).__name__ or "Could not guard" in text:
        return (
            f"the network branches on values of its input{line}, and a graph cannot; use torch.where, or arithmetic "
            "with masks"
        )
    if "specialized" in text or "Constraints violated" in text or "constant" in text:
        return (
            f"the network fixes the batch at {_CAPTURED_BATCH} or another number{line}; take it from the input "
            "(image.shape[0], flatten(1)) and never write it as a number"
        )
    return f"PyTorch cannot capture the network{line}: {_first_line(error)}"


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__


def _tuple(answer: Any) -> tuple[Tensor, ...]:
    return tuple(answer) if isinstance(answer, tuple | list) else (answer,)


def _hush() -> None:
    """Its logs repeat the error over dozens of lines."""
    for name in ("torch.export", "torch.fx", "torch._dynamo", "torch.fx.experimental.symbolic_shapes"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
