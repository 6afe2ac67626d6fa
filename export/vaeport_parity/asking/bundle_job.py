"""A bundle's questions as files and plain values, which a backend's process reads."""

from pathlib import Path

import onnx
import torch
from safetensors.torch import save_file

from vaeport.contract import CLASS_PROBS, DECODER, ENCODER_CLASSIFIER, GRAPHS, Z_MEAN, Z
from vaeport_export.bundle.subject import Subject
from vaeport_export.modules.vae import example_inputs

from ..reference.program import program_of
from ..running.arrays import write_arrays
from ..running.execution import ChainJob, GraphJob, Job, SetFile
from ..subjects.tensors import input_specs, output_specs
from .steps import CHAIN, Questions

_PIXEL_RANGE = 255.0


def bundle_job(subject: Subject, asked: Questions, folder: Path) -> Job:
    """Write graphs, originals and input sets once for all backends.

    Args:
        subject: the bundle with its checkpoint.
        asked: what to ask.
        folder: a folder to write into, made if need be.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sets = {}
    for (graph, name), each in asked.sets.items():
        path = folder / f"{graph}.{name}.npz"
        write_arrays(path, each.inputs)
        pixels = [key for key, values in each.inputs.items() if values.dtype.name == "uint8"]
        sets[f"{graph}.{name}"] = SetFile(path, divisors=dict.fromkeys(pixels, _PIXEL_RANGE))
    links = {
        f"{DECODER}.{Z}": f"{ENCODER_CLASSIFIER}.{Z_MEAN}",
        f"{DECODER}.{CLASS_PROBS}": f"{ENCODER_CLASSIFIER}.{CLASS_PROBS}",
    }
    graphs = tuple(_graph_job(subject, graph, folder / graph) for graph in GRAPHS)
    return Job(graphs, sets, asked.steps, ChainJob(CHAIN, (ENCODER_CLASSIFIER, DECODER), links))


def _graph_job(subject: Subject, graph: str, original: Path) -> GraphJob:
    model = onnx.load_model_from_string(subject.onnx(graph))
    original.mkdir()
    module = subject.module(graph)
    examples = tuple(example_inputs(graph, subject.bundle.manifest.shapes).values())
    axes = tuple({0: torch.export.Dim.DYNAMIC} for _ in examples)
    program, weights = program_of(torch.export.export(module, examples, dynamic_shapes=axes), GRAPHS[graph].outputs)
    (original / "program.json").write_text(program.to_json())
    save_file({name: tensor.clone().contiguous() for name, tensor in weights.items()}, original / "weights.safetensors")
    path = subject.bundle.path / subject.file(graph)
    return GraphJob(graph, path, input_specs(model), output_specs(model), original)
