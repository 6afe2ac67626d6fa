"""What a bundle's graphs were made from: captured PyTorch programs with their weights, or the ONNX files as given."""

import copy
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from vaeport.bundle.folder import Bundle
from vaeport.bundle.golden import Arrays
from vaeport.contract import CHECKPOINT_FOLDER, GRAPHS, WEIGHTS_FILE
from vaeport.errors import BundleError, CheckFailedError, InputError
from vaeport_parity.reference.plain_sums import PlainSums
from vaeport_parity.reference.program import CapturedModule, Program, parse_program

from ..graph.adoption import contract_form
from ..graph.running import evaluator_answers, onnxruntime_answers

_CHUNK = {torch.float32: 1000, torch.float64: 16}  # float64 is as exact in any batch, and quickest in cache


@dataclass(frozen=True, eq=False)
class Original:
    """The network behind a bundle's two graphs; each graph has a program or is an ONNX file, never both."""

    programs: Mapping[str, Program] = field(default_factory=dict)
    """Captured programs by graph."""
    weights: Mapping[str, Tensor] = field(default_factory=dict)
    """Weights of all programs, by key in the file."""
    graphs: Mapping[str, bytes] = field(default_factory=dict)
    """ONNX files by graph, of graphs that were not made in PyTorch."""
    companions: Mapping[str, bytes] = field(default_factory=dict)
    """Files that stand beside in the checkpoint; those that this class would write are taken from here first."""

    @property
    def yardstick(self) -> str:
        """What answers are compared with, in words."""
        return "the given ONNX files" if not self.programs else "PyTorch" if not self.graphs else "the original"

    @property
    def made_in(self) -> str:
        """What the networks were made from, in words."""
        return (
            "PyTorch modules" if not self.graphs else "ONNX files" if not self.programs else "a module and an ONNX file"
        )

    @property
    def convolutional(self) -> bool:
        """Whether the networks have convolutions, whose rows cost far more."""
        nodes = [node.target for program in self.programs.values() for node in program.nodes]
        operators = [node.op_type for content in self.graphs.values() for node in _parsed(content).graph.node]
        return any("conv" in target for target in nodes) or any("Conv" in kind for kind in operators)

    def module(self, graph: str) -> nn.Module:
        """A graph as a module in float32 that takes the contract's inputs and gives its outputs."""
        if graph in self.programs:
            return CapturedModule(self.programs[graph], self.weights).eval()
        return EvaluatedGraph(contract_form(self.graphs[graph], graph).SerializeToString(), graph)

    def files(self) -> dict[str, bytes]:
        """Content of the checkpoint folder, by name."""
        files: dict[str, bytes] = {
            **{GRAPHS[graph].program_file: program.to_json().encode() for graph, program in self.programs.items()},
            **{GRAPHS[graph].original_file: content for graph, content in self.graphs.items()},
        }
        if self.programs and WEIGHTS_FILE not in self.companions:
            files[WEIGHTS_FILE] = save_tensors({name: tensor.contiguous() for name, tensor in self.weights.items()})
        return {**files, **self.companions}


def original_of(parts: Mapping[str, tuple[Program, Mapping[str, Tensor]] | bytes]) -> Original:
    """Put both graphs' sources together; weights that are equal in both are kept once.

    Args:
        parts: by graph a captured program with its weights by path, or the content of an ONNX file.
    """
    weights: dict[str, Tensor] = {}
    keys: dict[str, str] = {}
    programs, graphs = {}, {}
    for graph, part in parts.items():
        if isinstance(part, bytes):
            graphs[graph] = part
            continue
        program, own = part
        named = {}
        for path, tensor in own.items():
            key = keys.setdefault(_digest(tensor), f"{graph}.{path}")
            weights.setdefault(key, tensor)
            named[path] = key
        programs[graph] = replace(program, keys=named)
    return Original(programs, weights, graphs)


def read_original(bundle: Bundle) -> Original:
    """The original that travels with a bundle; nothing in it is unpickled or evaluated.

    Raises:
        InputError: the bundle came without it.
        BundleError: a file of it is missing or damaged.
        SealError: a file is not the one that was sealed.
    """
    if not bundle.has(CHECKPOINT_FOLDER):
        raise InputError(
            f"{bundle.path} came without its {CHECKPOINT_FOLDER}/, so there is no original to compare with; "
            "`vaeport verify` compares with the recorded answers"
        )
    programs, graphs = {}, {}
    for graph, spec in GRAPHS.items():
        program, given = (f"{CHECKPOINT_FOLDER}/{name}" for name in (spec.program_file, spec.original_file))
        if program in bundle.manifest.files:
            programs[graph] = parse_program(bundle.read(program), f"{bundle.path}: {program}")
        elif given in bundle.manifest.files:
            graphs[graph] = bundle.read(given)
        else:
            raise BundleError(f"{bundle.path}: {CHECKPOINT_FOLDER}/ holds no original of {graph}; export it again")
    weights = _read_weights(bundle) if programs else {}
    original = Original(programs, weights, graphs)
    _check_shapes(original, bundle)
    return original


def torch_answers(
    module: nn.Module, graph: str, inputs: Mapping[str, NDArray[np.float32]], dtype: torch.dtype
) -> Arrays:
    """What a module answers in one precision, by output name.

    Args:
        module: the graph's module in float32; it is copied where another precision is wanted.
        graph: name of the graph.
        inputs: float32 inputs by name; converted exactly.
        dtype: `torch.float32` or `torch.float64`.
    """
    spec = GRAPHS[graph]
    converted = module if dtype == torch.float32 else copy.deepcopy(module).to(dtype)
    parts: list[tuple[torch.Tensor, ...]] = []
    n = len(inputs[spec.inputs[0]])
    with torch.no_grad():
        for first in range(0, max(n, 1), _CHUNK[dtype]):
            rows = slice(first, first + _CHUNK[dtype])
            tensors = [torch.from_numpy(inputs[name][rows]).to(dtype) for name in spec.inputs]
            answer = converted(*tensors)
            parts.append(answer if isinstance(answer, tuple) else (answer,))
    return {name: torch.cat([part[i] for part in parts]).numpy() for i, name in enumerate(spec.outputs)}


class EvaluatedGraph(nn.Module):
    """An ONNX file as a module: float32 in onnxruntime without rewriting, float64 in onnx's own evaluator."""

    def __init__(self, content: bytes, graph: str) -> None:
        super().__init__()
        self._content = content
        self._graph = graph
        self.plain = False
        """Whether float32 is computed operator by operator in numpy too, as another faithful way."""

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Answers in the contract's order."""
        spec, double = GRAPHS[self._graph], inputs[0].dtype == torch.float64
        arrays = {name: tensor.numpy() for name, tensor in zip(spec.inputs, inputs, strict=True)}
        if not len(inputs[0]):
            one = self(*(torch.zeros(1, *tensor.shape[1:], dtype=tensor.dtype) for tensor in inputs))
            return tuple(answer[:0] for answer in one)
        answers: Mapping[str, NDArray[Any]]
        if double or self.plain:
            answers = evaluator_answers(self._content, self._graph, arrays, double=double)
        else:
            answers = onnxruntime_answers(self._content, self._graph, arrays, optimised=False)
        return tuple(torch.from_numpy(np.array(answers[name])) for name in spec.outputs)

    def __deepcopy__(self, _: dict[int, Any]) -> "EvaluatedGraph":
        return EvaluatedGraph(self._content, self._graph)


@contextmanager
def plain_sums(module: nn.Module) -> Iterator[None]:
    """Inside, a module in float32 sums its products as a plain kernel does."""
    if isinstance(module, EvaluatedGraph):
        module.plain = True
        try:
            yield
        finally:
            module.plain = False
    else:
        with PlainSums():
            yield


def _read_weights(bundle: Bundle) -> dict[str, Tensor]:
    name = f"{CHECKPOINT_FOLDER}/{WEIGHTS_FILE}"
    if name not in bundle.manifest.files:
        raise BundleError(f"{bundle.path}: {CHECKPOINT_FOLDER}/ holds no {WEIGHTS_FILE}; export it again")
    try:
        weights: dict[str, Tensor] = load_tensors(bundle.read(name))
    except (ValueError, SafetensorError) as error:
        raise BundleError(f"{bundle.path}: {name} is damaged: {error}") from error
    return weights


def _check_shapes(original: Original, bundle: Bundle) -> None:
    """The original must keep the bundle's shapes, and must run at all: a program from a stranger may do neither."""
    shapes = bundle.manifest.shapes
    for graph, spec in GRAPHS.items():
        inputs = {name: np.full((2, *shapes.row(name)), 0.5, np.float32) for name in spec.inputs}
        try:
            answers = torch_answers(original.module(graph), graph, inputs, torch.float32)
        except BundleError:
            raise
        except Exception as error:
            said = " ".join(str(error).split())[:200]
            raise BundleError(
                f"{bundle.path}: the original of {graph} in {CHECKPOINT_FOLDER}/ fails: {said}"
            ) from error
        for name in spec.outputs:
            expected = (2, *shapes.row(name))
            if answers[name].shape != expected:
                raise BundleError(
                    f"{bundle.path}: the original of {graph} gives {name} {list(answers[name].shape)}, "
                    f"the bundle has {list(expected)}"
                )


def _digest(tensor: Tensor) -> str:
    content = tensor.detach().contiguous()
    digest = hashlib.sha256(f"{content.dtype} {tuple(content.shape)} ".encode())
    digest.update(content.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _parsed(content: bytes) -> onnx.ModelProto:
    try:
        return onnx.load_model_from_string(content)
    except Exception as error:
        raise CheckFailedError(f"the file is no ONNX model: {error}") from error
