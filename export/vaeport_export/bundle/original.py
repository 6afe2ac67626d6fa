"""What a bundle's graphs were made from: captured PyTorch programs with their weights, or the ONNX files as given."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import onnx
import torch
from safetensors.torch import save as save_tensors
from torch import Tensor

from vaeport.bundle.opening import Bundle
from vaeport.contract import CHECKPOINT_FOLDER, GRAPHS, WEIGHTS_FILE, yardstick_of
from vaeport.errors import BundleError, CheckFailedError, InputError, VaeportError
from vaeport_parity.reference.base import Reference
from vaeport_parity.reference.captured import CapturedModule
from vaeport_parity.reference.onnx_graph import OnnxReference
from vaeport_parity.reference.program import Program, parse_program
from vaeport_parity.reference.torch_module import TorchReference
from vaeport_parity.subjects.tensors import Arrays
from vaeport_train.running.tensor_file import read_tensors

from ..graph.adoption import contract_form
from .stranger import check_costs, check_onnx


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
        return yardstick_of(self.graphs)

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

    def module(self, graph: str) -> CapturedModule:
        """The program of a graph on its weights, in float32; bounded, for it may be a stranger's."""
        module = CapturedModule(self.programs[graph], self.weights, bounded=True)
        module.eval()
        return module

    def reference(self, graph: str) -> Reference:
        """Gives the answers that a graph must give."""
        spec = GRAPHS[graph]
        if graph in self.programs:
            # Its weights are saved by path, for the backends that run PyTorch.
            program = replace(self.programs[graph], keys={})
            return TorchReference(self.module(graph), spec.inputs, spec.outputs, captured=program)
        form = contract_form(self.graphs[graph], graph).SerializeToString()
        outputs = tuple((name, name) for name in spec.outputs)
        return OnnxReference(form, spec.inputs, spec.inputs, outputs, f"the given {spec.original_file}")

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


def read_original(bundle: Bundle, *, trusted: bool = False) -> Original:
    """The original that travels with a bundle; nothing in it is unpickled or evaluated.

    Args:
        bundle: the bundle.
        trusted: whether its author is trusted: ONNX files may hold control flow and take any time and memory.

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
            graphs[graph] = _checked(bundle, given, trusted=trusted)
        else:
            raise BundleError(f"{bundle.path}: {CHECKPOINT_FOLDER}/ holds no original of {graph}; export it again")
    weights = _read_weights(bundle) if programs else {}
    original = Original(programs, weights, graphs)
    _check_shapes(original, bundle, trusted=trusted)
    return original


def _read_weights(bundle: Bundle) -> dict[str, Tensor]:
    name = f"{CHECKPOINT_FOLDER}/{WEIGHTS_FILE}"
    if name not in bundle.manifest.files:
        raise BundleError(f"{bundle.path}: {CHECKPOINT_FOLDER}/ holds no {WEIGHTS_FILE}; export it again")
    content = bundle.read(name)
    try:
        return read_tensors(content)[0]
    except ValueError as error:
        raise BundleError(f"{bundle.path}: {name} is damaged: {error}") from error


def _checked(bundle: Bundle, name: str, *, trusted: bool) -> bytes:
    content = bundle.read(name)
    try:
        check_onnx(content, trusted=trusted)
    except BundleError as error:
        raise BundleError(f"{bundle.path}: {name}: {error}") from error
    return content


def _check_shapes(original: Original, bundle: Bundle, *, trusted: bool) -> None:
    """The original must keep the bundle's shapes, and must run at all: a program from a stranger may do neither."""
    shapes = bundle.manifest.shapes
    for graph, spec in GRAPHS.items():
        inputs: Arrays = {name: np.full((2, *shapes.row(name)), 0.5, np.float32) for name in spec.inputs}
        try:
            if graph in original.graphs and not trusted:
                check_costs(contract_form(original.graphs[graph], graph).SerializeToString(), spec, shapes)
            answers = original.reference(graph).answers(inputs, "native")
        except VaeportError as error:
            raise BundleError(f"{bundle.path}: the original of {graph} cannot be run: {error}") from error
        except Exception as error:  # onnx raises errors of all kinds
            said = " ".join(str(error).split())[:200]
            raise BundleError(f"{bundle.path}: the original of {graph} cannot be read: {said}") from error
        for name in spec.outputs:
            expected = (2, *shapes.row(name))
            if answers[name].shape != expected or answers[name].dtype != np.float32:
                raise BundleError(
                    f"{bundle.path}: the original of {graph} gives {name} as {answers[name].dtype} "
                    f"{list(answers[name].shape)}, the bundle has float32 {list(expected)}"
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
