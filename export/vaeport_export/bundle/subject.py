"""A sealed bundle as something that vaeport_parity compares: its graphs, its original, and what is asked."""

import atexit
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from vaeport.bundle.archive import SUFFIX
from vaeport.bundle.golden import parse_golden
from vaeport.bundle.opening import DEFAULT_BUNDLE, Bundle, open_bundle
from vaeport.common.fileio import scratch_folder
from vaeport.contract import (
    CHECKPOINT_FOLDER,
    CLASS_PROBS,
    DECODER,
    ENCODER_CLASSIFIER,
    FP32,
    GOLDEN_FILE,
    GRAPHS,
    IMAGE,
    Z_MEAN,
    Z,
)
from vaeport.errors import BundleError, BundleNotFoundError, CheckFailedError, InputError, SealError
from vaeport_parity.reference.base import Reference
from vaeport_parity.reference.onnx_graph import RuntimeReference
from vaeport_parity.reference.torch_module import TorchReference, save_original
from vaeport_parity.reporting.report import Report
from vaeport_parity.subjects.subject import Chain, Graph, Subject, SubjectOptions
from vaeport_parity.subjects.tensors import Arrays, input_specs, output_specs

from .findings import bundle_findings
from .fresh import fresh_graph
from .input_sets import asked_images, input_sets, recorded_answers
from .original import Original, read_original
from .stranger import check_onnx
from .witnesses import Witnesses

_READ: dict[tuple[str, bool, bool], Original] = {}


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
    if Path(path).is_file() and Path(path).suffix not in (SUFFIX, ".zip"):
        return None
    try:
        bundle = open_bundle(path or DEFAULT_BUNDLE)
    except BundleNotFoundError:
        return None
    except SealError as error:
        raise CheckFailedError(str(error)) from error
    precision = options.precision or FP32
    images = asked_images(bundle.manifest.shapes, options, precision=precision)
    return subject_of(bundle, precision, images=images, spot=options.data is None, trusted=options.trusted)


def subject_of(
    bundle: Bundle,
    precision: str = FP32,
    *,
    images: NDArray[np.uint8] | None = None,
    spot: bool = False,
    trusted: bool = False,
) -> Subject:
    """A bundle with the original in it.

    Args:
        bundle: the bundle.
        precision: one of its precisions.
        images: uint8 [N, C, H, W], to ask about beside the probes; the decoder gets their posterior means.
        spot: whether nobody asked for these images, so that costly backends may be spared most of them.
        trusted: whether the bundle's author is trusted: its graphs and its ONNX originals may hold control flow and
            take any time and memory.

    Raises:
        InputError: the bundle came without its original, the original is of another network, or the bundle has no
            such precision.
        BundleError: a graph's file is no ONNX model, the original cannot be read or run, or a graph of a lower
            precision cannot be run or has other outputs than the manifest says.
        SealError: the original is not the one that was sealed.
    """
    known = bundle.manifest.precisions
    if precision not in known:
        raise InputError(f"{bundle.path} has no precision {precision!r}; it has {', '.join(known)}")
    original = _original_of(bundle, trusted=trusted)
    golden = parse_golden(bundle.read(GOLDEN_FILE), bundle.manifest.shapes, known)
    graphs = {name: _graph(bundle, original, name, precision, trusted=trusted) for name in GRAPHS}
    in_full = precision == FP32
    witnesses = Witnesses(bundle, original, golden, graphs, precision)
    return Subject(
        bundle.manifest.name,
        tuple(graphs.values()),
        tuple(input_sets(bundle, original, golden, graphs, images, precision=precision, spot=spot)),
        chain=_chain() if in_full else None,
        label="" if in_full else precision,
        precisions=known,
        yardstick=original.yardstick if in_full else "onnxruntime without optimisation",
        recorded=tuple(recorded_answers(golden, precision)),
        findings=lambda rows: tuple(bundle_findings(witnesses, rows)),
        fresh=lambda graph: fresh_graph(witnesses, graph),
        blame=witnesses.blame,
        sealed=True,
        seal=lambda report: _seal(bundle, report),
        empty_batch=False,  # the host answers one by itself
        costly=original.convolutional,
    )


def _original_of(bundle: Bundle, *, trusted: bool) -> Original:
    """The original of a bundle; read once for all precisions of the bundle that was asked for last."""
    key = (bundle.digest, bundle.has(CHECKPOINT_FOLDER), trusted)
    if key not in _READ:
        original = read_original(bundle, trusted=trusted)
        _READ.clear()
        _READ[key] = original
    return _READ[key]


def _graph(bundle: Bundle, original: Original, name: str, precision: str, *, trusted: bool) -> Graph:
    file = GRAPHS[name].file(precision)
    content = bundle.read(file)
    try:
        check_onnx(content, trusted=trusted)
    except BundleError as error:
        raise BundleError(f"{bundle.path}: {file}: {error}") from error
    try:
        model = onnx.load_model_from_string(content)
        inputs, outputs = input_specs(model), output_specs(model)
    except (DecodeError, InputError) as error:
        raise BundleError(f"{bundle.path}: {file} is no ONNX model: {error}") from error
    reference: Reference = RuntimeReference(content, tuple(spec.name for spec in outputs))
    programs = None
    if precision != FP32:
        _check_answers(bundle, reference, name, file)
    if precision == FP32:
        reference = original.reference(name)
        programs = _saved(reference)
    scores = frozenset({CLASS_PROBS}) & {spec.name for spec in outputs}
    tolerances = bundle.manifest.tolerances[precision][name]
    noise = None if precision == FP32 else _noise_of(original, content, name)
    return Graph(name, content, file, inputs, outputs, reference, scores, tolerances, original=programs, noise=noise)


def _noise_of(original: Original, content: bytes, name: str) -> Callable[[Arrays, Arrays], Iterable[dict[str, float]]]:
    """As `Graph.noise`."""
    from ..precisions.bounds import quick_noise

    return lambda inputs, answers: quick_noise(original, content, name, inputs, answers)


def _check_answers(bundle: Bundle, reference: Reference, name: str, file: str) -> None:
    """A graph that is its own reference must run, and its outputs must be those of the manifest.

    Raises:
        BundleError: it does not run, or an output is missing or has another type or shape.
    """
    spec, shapes = GRAPHS[name], bundle.manifest.shapes
    inputs: Arrays = {each: np.full((2, *shapes.row(each)), 0.5, np.float32) for each in spec.inputs}
    try:
        answers = reference.answers(inputs, "native")
    except InputError as error:
        raise BundleError(f"{bundle.path}: onnxruntime cannot run {file}: {error}; export the bundle again") from error
    for output in spec.outputs:
        expected = f"float32 {[2, *shapes.row(output)]}"
        found = f"{answers[output].dtype} {list(answers[output].shape)}" if output in answers else "no such output"
        if found != expected:
            raise BundleError(
                f"{bundle.path}: {file} gives {found} for {output} of a batch of 2, the manifest says {expected}; "
                "export the bundle again"
            )


def _saved(reference: Reference) -> Path | None:
    """A passing folder with the program, for the backends that run PyTorch; None where there is no program."""
    if not isinstance(reference, TorchReference):
        return None
    until_exit = ExitStack()
    folder = until_exit.enter_context(scratch_folder("vaeport-original"))
    atexit.register(until_exit.close)
    return folder if save_original(reference, folder) else None


def _chain() -> Chain:
    links = {(DECODER, Z): (ENCODER_CLASSIFIER, Z_MEAN), (DECODER, CLASS_PROBS): (ENCODER_CLASSIFIER, CLASS_PROBS)}
    return Chain((ENCODER_CLASSIFIER, DECODER), links, (IMAGE,))


def _seal(bundle: Bundle, report: Report) -> None:
    from .sealing import seal_report

    seal_report(bundle, report)
