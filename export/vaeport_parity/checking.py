"""`check`: does an ONNX graph answer as its reference does, on every backend?"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from vaeport.common.fileio import scratch_folder
from vaeport.errors import InputError

from .asking.inputs import Ranges
from .building import Bound, GraphRequest, InputsLike, make_subject
from .comparison import TIME_LIMIT, chosen_backends, compare, install_backends
from .reference.loading import ReferenceLike
from .reporting.report import Report
from .subjects.files import GraphLike
from .trial import Reproduce

_DEFAULT_NAME = "graph"


def check(
    candidate: GraphLike | Mapping[str, GraphLike],
    *,
    reference: ReferenceLike | Mapping[str, ReferenceLike],
    weights: str | Path | None = None,
    inputs: InputsLike | Mapping[str, InputsLike] = None,
    ranges: Ranges | None = None,
    scores: Sequence[str] = (),
    tolerance: Bound = None,
    links: Mapping[str, str] | None = None,
    backends: str | Sequence[str] = "own",
    install: bool = False,
    time_limit: float = TIME_LIMIT,
    locate: bool = True,
    reproduce: Reproduce = "no",
    name: str | None = None,
    seed: int = 0,
    progress: Callable[[str], None] = lambda _: None,
) -> Report:
    """Compare an ONNX graph, on every backend, with what it was made from.

    The reference's own rounding noise (its native answers against float64, in several batch sizes and summed term by
    term) is measured first; a float output may be off by four times that. Integer and boolean outputs must be equal.

    Args:
        candidate: path, content or ModelProto of an ONNX graph; or several by name, in the order in which they run.
        reference: an nn.Module in evaluation mode or a function that returns one, an ExportedProgram, or a path:
            another `.onnx` file, a `.pt2` archive (only one of your own: reading it unpickles what it holds), an `.npz`
            file of recorded inputs and outputs, or `my_models.py:build`. For several graphs, by name.
        weights: `.safetensors` file for the module that the reference is or returns.
        inputs: arrays by input name, the path of an `.npz` file, or a function of a numpy Generator that returns such
            arrays; None draws them from the graph's types. For several graphs, by name.
        ranges: `{input: (low, high)}` for drawn inputs, low <= x < high; needed for integers unless they index a table.
        scores: outputs whose largest entry along the last axis is a class; classes that change are counted.
        tolerance: largest absolute error, of all float outputs or by output, in place of the measured bound; needed
            for recorded answers.
        links: for several graphs, `{"graph.input": "graph.output"}`; None links inputs to outputs of the same name.
        backends: `own` (what vaeport's extras bring), `all`, or names.
        install: first make environments for backends that are missing.
        time_limit: seconds that each backend may take.
        locate: whether the first wrong node is looked for where a backend falls short.
        reproduce: for which backends that fall short the smallest graph that does so is made, with a script and the
            text of an issue: `no`, those that are `deciding`, or `all`; `report.write` writes them.
        name: name in the report; the file's name if None.
        seed: seed of everything that is drawn.
        progress: called with the name of each step.

    Returns:
        The report: `.holds`, `str(report)` with backend, output, ratio and place, `.write(folder)`.

    Raises:
        InputError: a file, module, input or option does not fit; one sentence that says what to do.
        MissingExtraError: PyTorch, onnx or onnxruntime is not installed.

    Example:
        >>> import numpy as np, torch, vaeport_parity as parity
        >>> module = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Tanh()).eval()
        >>> batch = torch.export.Dim("batch")
        >>> _ = torch.onnx.export(module, (torch.ones(2, 4),), "tanh.onnx", input_names=["x"], output_names=["y"],
        ...     dynamic_shapes=({0: batch},), dynamo=True, verbose=False)
        >>> x = np.random.default_rng(0).standard_normal((20, 4)).astype(np.float32)
        >>> report = parity.check("tanh.onnx", reference=module, inputs={"x": x}, backends="onnxruntime-all")
        >>> assert report.holds, report
    """
    chosen = chosen_backends(backends)
    if not time_limit > 0:
        raise InputError(f"the time limit is {time_limit:g} s; give seconds above 0")
    requests = _requests(candidate, reference, weights, inputs, ranges, scores, tolerance)
    if install:
        install_backends(chosen, progress)
    with scratch_folder("vaeport-parity") as place:
        subject = make_subject(requests, name=name or _name_of(candidate), folder=place, links=links, seed=seed)
        return compare(
            subject,
            chosen,
            limit=time_limit,
            timed=False,
            locate=locate,
            reproduce=reproduce,
            progress=progress,
        )


def _requests(
    candidate: GraphLike | Mapping[str, GraphLike],
    reference: ReferenceLike | Mapping[str, ReferenceLike],
    weights: str | Path | None,
    inputs: InputsLike | Mapping[str, InputsLike],
    ranges: Ranges | None,
    scores: Sequence[str],
    tolerance: Bound,
) -> dict[str, GraphRequest]:
    if not isinstance(candidate, Mapping):
        return {_DEFAULT_NAME: GraphRequest(candidate, reference, weights, inputs, ranges, scores, tolerance)}
    if not candidate:
        raise InputError("no graph was given; name at least one")
    if not isinstance(reference, Mapping) or set(reference) != set(candidate):
        raise InputError(f"give a reference for each graph: {{{', '.join(map(repr, candidate))}}}")
    given: Mapping[str, Any] = inputs if isinstance(inputs, Mapping) else {}
    if inputs is not None and (not isinstance(inputs, Mapping) or not set(given) <= set(candidate)):
        raise InputError(f"give inputs by graph, one of {', '.join(map(repr, candidate))}")
    return {
        graph: GraphRequest(
            file,
            reference[graph],
            weights,
            given.get(graph),
            ranges,
            scores,
            tolerance,
            shared=True,
        )
        for graph, file in candidate.items()
    }


def _name_of(candidate: GraphLike | Mapping[str, GraphLike]) -> str:
    if isinstance(candidate, Mapping):
        return " and ".join(candidate)
    if isinstance(candidate, str | Path):
        return Path(candidate).name
    return _DEFAULT_NAME
