"""A sealed bundle as something that vaeport_parity compares: its graphs, its PyTorch original, and what is asked."""

import atexit
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto

from vaeport.bundle.folder import DEFAULT_BUNDLE, Bundle, open_bundle
from vaeport.bundle.golden import Golden, parse_golden
from vaeport.checks.comparison import max_abs_error
from vaeport.contract import (
    BATCH,
    CLASS_PROBS,
    DECODER,
    ENCODER_CLASSIFIER,
    FP32,
    GOLDEN_FILE,
    GRAPHS,
    IMAGE,
    MANIFEST_FILE,
    Z_MEAN,
    GraphSpec,
    Z,
)
from vaeport.errors import BundleError, BundleNotFoundError, CheckFailedError, InputError, SealError
from vaeport_parity.judging.preflight import host_path
from vaeport_parity.reference.base import Reference
from vaeport_parity.reference.onnx_graph import RuntimeReference
from vaeport_parity.reference.torch_module import captured_reference, module_reference, save_original
from vaeport_parity.reporting.report import Finding, Report, Row
from vaeport_parity.subjects.subject import CHAIN, Chain, Graph, InputSet, Recorded, Subject, SubjectOptions
from vaeport_parity.subjects.tensors import Arrays, input_specs, output_specs
from vaeport_train.running.checkpoint import Checkpoint
from vaeport_train.running.trained import sealed_checkpoint

from ..modules.vae import graph_modules
from .probes import PROBE_ROWS, doubtful_rows, from_pixels, hard_inputs, probe_inputs, probe_rows

_PIXELS_EVERY = 6  # golden images of a network with convolutions that are asked about as raw pixels, too
_LEVELS = 255.0
_METADATA = ("vaeport.contract", "vaeport.bundle", "vaeport.graph", "vaeport.labels", "vaeport.shapes")


def find_bundle(path: str, options: SubjectOptions) -> Subject | None:
    """The subject at a path or under a shipped name; None where a file stands there, which is no bundle.

    An entry point of the group `vaeport_parity.subjects`.

    Args:
        path: folder or shipped name; empty for the default bundle.
        options: precision and data.

    Raises:
        CheckFailedError: the bundle is not as it was sealed.
        InputError: the bundle, its precision or the data cannot be used.
    """
    if Path(path).is_file():
        return None
    try:
        bundle = open_bundle(path or DEFAULT_BUNDLE)
    except BundleNotFoundError:
        return None
    except SealError as error:
        raise CheckFailedError(str(error)) from error
    images = _images(bundle, options) if options.data else None
    return subject_of(bundle, options.precision or FP32, images=images)


def subject_of(bundle: Bundle, precision: str = FP32, *, images: NDArray[np.uint8] | None = None) -> Subject:
    """A bundle with the checkpoint in it.

    Args:
        bundle: the bundle.
        precision: one of its precisions.
        images: uint8 [N, C, H, W], to ask about beside the probes; the decoder gets their posterior means.

    Raises:
        InputError: the bundle came without its checkpoint, the checkpoint is of another network, or the bundle has no
            such precision.
        BundleError: a graph's file is no ONNX model.
        SealError: the checkpoint is not the one that was sealed.
    """
    known = bundle.manifest.precisions
    if precision not in known:
        raise InputError(f"{bundle.path} has no precision {precision!r}; it has {', '.join(known)}")
    checkpoint = sealed_checkpoint(bundle)
    golden = parse_golden(bundle.read(GOLDEN_FILE), bundle.manifest.shapes, bundle.manifest.precisions)
    graphs = tuple(_graph(bundle, checkpoint, name, precision) for name in GRAPHS)
    by_name = {graph.name: graph for graph in graphs}
    recorded = tuple(
        Recorded(
            GOLDEN_FILE,
            name,
            dict(golden.inputs(name)),
            tuple(dict(answers) for answers in golden.references(name, precision)),
        )
        for name in GRAPHS
    )
    chain = Chain(
        (ENCODER_CLASSIFIER, DECODER),
        {(DECODER, Z): (ENCODER_CLASSIFIER, Z_MEAN), (DECODER, CLASS_PROBS): (ENCODER_CLASSIFIER, CLASS_PROBS)},
        (IMAGE,),
    )
    costly = probe_rows(checkpoint.network) < PROBE_ROWS
    return Subject(
        bundle.manifest.name,
        graphs,
        tuple(_input_sets(bundle, checkpoint, golden, by_name, images, costly=costly, precision=precision)),
        chain=chain if precision == FP32 else None,
        label="" if precision == FP32 else precision,
        precisions=tuple(known),
        yardstick="PyTorch" if precision == FP32 else "onnxruntime without optimisation",
        recorded=recorded,
        findings=lambda rows: tuple(_findings(bundle, checkpoint, by_name, golden, precision, rows)),
        fresh=(lambda graph: _fresh(bundle, checkpoint, by_name[graph])) if precision == FP32 else None,
        seal=lambda report: _seal(bundle, report),
        empty_batch=precision == FP32,  # in float16 onnxruntime cannot always take one
        costly=costly,
    )


def _graph(bundle: Bundle, checkpoint: Checkpoint, name: str, precision: str) -> Graph:
    file = GRAPHS[name].file(precision)
    content = bundle.read(file)
    try:
        model = onnx.load_model_from_string(content)
        inputs, outputs = input_specs(model), output_specs(model)
    except (DecodeError, InputError) as error:
        raise BundleError(f"{bundle.path}: {file} is no ONNX model: {error}") from error
    reference: Reference
    original = None
    if precision == FP32:
        module = graph_modules(checkpoint.network)[name]
        eager, _ = module_reference(module, inputs=inputs, outputs=outputs, what=name)
        example = {key: np.full((2, *bundle.manifest.shapes.row(key)), 0.5, np.float32) for key in GRAPHS[name].inputs}
        reference, _ = captured_reference(eager, inputs=inputs, example=example, what=name)
        folder = Path(tempfile.mkdtemp(prefix="vaeport-original-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        original = folder if save_original(reference, folder) else None
    else:
        reference = RuntimeReference(content, tuple(spec.name for spec in outputs))
    scores = frozenset({CLASS_PROBS}) & {spec.name for spec in outputs}
    tolerances = bundle.manifest.tolerances[precision][name]
    return Graph(name, content, file, inputs, outputs, reference, scores, tolerances, original)


def _input_sets(
    bundle: Bundle,
    checkpoint: Checkpoint,
    golden: Golden,
    graphs: Mapping[str, Graph],
    images: NDArray[np.uint8] | None,
    *,
    costly: bool,
    precision: str,
) -> Iterator[InputSet]:
    shapes = bundle.manifest.shapes
    for graph, inputs in probe_inputs(golden, shapes, rows=probe_rows(checkpoint.network)).items():
        yield InputSet("probes", graph, dict(inputs), cuts="sizes")
    for graph, inputs in hard_inputs(shapes).items():
        yield InputSet("hard", graph, dict(inputs))
    pixels = {IMAGE: golden.images[:: _PIXELS_EVERY if costly else 1]}
    divisors = {IMAGE: _LEVELS}
    yield InputSet("pixels", ENCODER_CLASSIFIER, dict(pixels), divisors=divisors)
    if precision == FP32:
        yield InputSet("pixels", CHAIN, dict(pixels), divisors=divisors)
    whole = golden.images[golden.labels >= 0] if images is None else images
    candidates: Arrays = {IMAGE: from_pixels(whole)}
    expected = _in_chunks(graphs[ENCODER_CLASSIFIER].reference, candidates)
    rows = doubtful_rows(expected[CLASS_PROBS])
    yield InputSet("doubtful", ENCODER_CLASSIFIER, {IMAGE: candidates[IMAGE][rows]}, cuts="alone", again=True)
    if images is not None:
        latents: Arrays = {
            Z: expected[Z_MEAN].astype(np.float32),
            CLASS_PROBS: expected[CLASS_PROBS].astype(np.float32),
        }
        yield InputSet("test", ENCODER_CLASSIFIER, candidates, cuts="chunks", given=True)
        yield InputSet("test", DECODER, latents, cuts="chunks", given=True)


def _in_chunks(reference: Reference, inputs: Arrays, size: int = 1000) -> Arrays:
    rows = len(next(iter(inputs.values())))
    parts = [
        reference.answers({key: values[first : first + size] for key, values in inputs.items()}, "native")
        for first in range(0, rows, size)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _fresh(bundle: Bundle, checkpoint: Checkpoint, graph: Graph) -> bytes:
    from ..graph.onnx_file import GraphDescription, export_graph

    manifest = bundle.manifest
    sealed = onnx.load_model_from_string(graph.content)
    opset = max(entry.version for entry in sealed.opset_import if entry.domain in ("", "ai.onnx"))
    description = GraphDescription(manifest.name, manifest.labels, manifest.shapes)
    return export_graph(graph_modules(checkpoint.network)[graph.name], graph.name, description, opset=opset)


def _seal(bundle: Bundle, report: Report) -> None:
    from .sealing import seal_report

    seal_report(bundle, report)


def _images(bundle: Bundle, options: SubjectOptions) -> NDArray[np.uint8]:
    from vaeport_train.data import FolderOptions, load_dataset

    shape = bundle.manifest.shapes.image
    dataset = load_dataset(options.data or "", data_dir=options.data_dir, folder_options=FolderOptions(shape))
    if dataset.image_shape != shape:
        raise InputError(f"{bundle.path} takes images {list(shape)}, {dataset.name} has {list(dataset.image_shape)}")
    return dataset.evaluation_images()


def _findings(
    bundle: Bundle,
    checkpoint: Checkpoint,
    graphs: Mapping[str, Graph],
    golden: Golden,
    precision: str,
    rows: Sequence[Row],
) -> Iterator[Finding]:
    """What breaks the contract in a bundle's own files."""
    trained, labels = checkpoint.record.data.labels, bundle.manifest.labels
    if trained != labels:
        yield Finding(MANIFEST_FILE, f"labels are {list(labels)}, the checkpoint has {list(trained)}")
    for graph in graphs.values():
        model = onnx.load_model_from_string(graph.content)
        for text in _faults(model, graph, GRAPHS[graph.name], bundle, precision):
            yield Finding(graph.file, text)
    wrong = {row.graph for row in rows if row.backend == GOLDEN_FILE and not row.holds}
    if precision == FP32 and wrong == {ENCODER_CLASSIFIER} and _recorded_by_256(bundle, golden, graphs):
        yield Finding(GOLDEN_FILE, "its answers are to pixels divided by 256; the contract divides by 255")
        return
    whose = "the checkpoint's" if precision == FP32 else f"those of the {precision} file"
    for name in sorted(wrong):
        yield Finding(GOLDEN_FILE, f"its answers of {name} are not {whose}")


def _recorded_by_256(bundle: Bundle, golden: Golden, graphs: Mapping[str, Graph]) -> bool:
    images = golden.images.astype(np.float32) / np.float32(256)
    expected = graphs[ENCODER_CLASSIFIER].reference.answers({IMAGE: images}, "float64")
    return all(
        max_abs_error(golden.answers[ENCODER_CLASSIFIER]["float64"][name], values)
        <= bundle.manifest.tolerances[FP32][ENCODER_CLASSIFIER][name].max_abs
        for name, values in expected.items()
    )


def _faults(model: ModelProto, graph: Graph, spec: GraphSpec, bundle: Bundle, precision: str) -> Iterator[str]:
    shapes, labels = bundle.manifest.shapes, bundle.manifest.labels
    for tensor in model.graph.initializer:
        if tensor.data_location == TensorProto.EXTERNAL:
            yield f"weight {tensor.name!r} lies outside the file"
        if precision == FP32 and tensor.data_type in (TensorProto.FLOAT16, TensorProto.BFLOAT16):
            kind = TensorProto.DataType.Name(tensor.data_type).lower()
            yield f"weight {tensor.name!r} is {kind} in a float32 graph"
    for given, names in ((graph.inputs, spec.inputs), (graph.outputs, spec.outputs)):
        found = [(each.name, each.shape) for each in given]
        expected = [(name, (BATCH, *shapes.row(name))) for name in names]
        for one, wanted in zip(found, expected, strict=False):
            if one != wanted:
                yield f"{one[0]} is {list(one[1])}, the contract has {wanted[0]} {list(wanted[1])}"
        if len(found) != len(expected):
            yield f"it has {len(found)} tensors where the contract has {len(expected)}"
    props = {entry.key: entry.value for entry in model.metadata_props}
    for key in _METADATA:
        if key not in props:
            yield f"metadata {key!r} is missing"
    if "vaeport.labels" in props and tuple(json.loads(props["vaeport.labels"])) != labels:
        yield f"labels of the graph are {props['vaeport.labels']}, bundle.json has {json.dumps(labels)}"
    if path := host_path(graph.content):
        yield f"it names a path of the machine that made it: {path}"
