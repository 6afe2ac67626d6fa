"""One network of the study: its runtimes, its defects, and both as one JSON file."""

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from onnx import ModelProto

from vaeport.common.fileio import write_text
from vaeport_parity.asking.steps import Step

from .cases import GRAPH, MORE, MORE_ROWS, Case, make_case, noise
from .defects import Defect, converter_defects, sized_defects
from .effects import Effects
from .networks import Network, network
from .rules import RULES, calibrated, floors, profile, profile_excess
from .runtimes import judge


@dataclass(frozen=True)
class JudgedDefect:
    """One defect of one network, in onnxruntime."""

    kind: str
    """As of `Defect.kind`."""
    place: str
    """Tensor or node."""
    size: float
    """Relative size; 0 for a kind that has none."""
    effect: float | None
    """Largest change of the answers in float64, in noise floors; None where it is not known."""
    ratio: float
    """Largest error in noise floors; infinite where onnxruntime does not run it."""
    rules: Mapping[str, float]
    """Excess by name of each of `RULES`; above 1 the rule sees it."""
    profile: float
    """Largest ratio of a percentile of the error to the calibrated one."""


def study(
    given: Network,
    runtimes: Sequence[str],
    *,
    limit: float,
    defects: Literal["all", "converters", "none"] = "all",
    more_rows: int = MORE_ROWS,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Everything about one network, as JSON holds it.

    Args:
        given: the network.
        runtimes: names of backends.
        limit: seconds that each may take.
        defects: which of them are tried; `converters` leaves those of chosen sizes out.
        more_rows: rows beside the probes.
        progress: called with what is run next.
    """
    with tempfile.TemporaryDirectory(prefix="vaeport-tolerance-") as place:
        progress("export, reference")
        case = make_case(given, Path(place), more_rows=more_rows)
        known = calibrated(noise(case))
        judged = []
        for name in runtimes:
            progress(name)
            judged.append(asdict(judge(name, case, known, Path(place) / name, limit=limit)))
        progress("defects")
        tried = judged_defects(case, known, sized=defects == "all") if defects != "none" else ()
        found = [asdict(each) for each in tried]
    floor = {given.name: case.floor(given.name) for given in case.subject.input_sets}
    return {
        "name": given.name,
        "kind": given.kind,
        "weights": given.weights,
        "nodes": len(onnx.load_model_from_string(case.graph.content).graph.node),
        "floors": floor,
        "largest": float(np.abs(case.plan.expectations.of(GRAPH, "probes", 0, 300).float64[case.output]).max()),
        "runtimes": judged,
        "defects": found,
    }


def study_into(folder: Path, kind: str, seed: int, runtimes: Sequence[str], *, limit: float) -> str:
    """Study one network on one thread and write `KIND-SEED.json`; runtimes are added to a file that is there.

    Args:
        folder: where it is written, made if need be.
        kind: of the network.
        seed: of the network.
        runtimes: names of backends.
        limit: seconds that each may take.

    Returns:
        What was done, in a few words.
    """
    torch.set_num_threads(1)
    began, path = time.monotonic(), folder / f"{kind}-{seed}.json"
    known = json.loads(path.read_text()) if path.is_file() else None
    have = {each["runtime"] for each in known["runtimes"]} if known else set()
    wanted = [name for name in runtimes if name not in have]
    if known and not wanted:
        return f"{kind}-{seed}: is there"
    result = study(network(kind, seed), wanted, limit=limit, defects="none" if known else "all")
    if known:
        result = known | {"runtimes": [*known["runtimes"], *result["runtimes"]]}
    folder.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(result))  # infinite figures stand as they do in Python's JSON
    return f"{kind}-{seed}, {', '.join(wanted)}: {time.monotonic() - began:.0f} s"


def judged_defects(case: Case, known: NDArray[np.float64], *, sized: bool = True) -> Iterator[JudgedDefect]:
    """Every defect of a network in onnxruntime, on all its input sets at once.

    Args:
        case: the network.
        known: its calibrated percentiles.
        sized: whether defects of chosen sizes are tried beside those of converters.
    """
    model = onnx.load_model_from_string(case.graph.content)
    effects = Effects(case)
    for defect in sized_defects(model, _seed(case)) if sized else ():
        yield _judged(case, known, defect, effects)
    for defect in converter_defects(model, _seed(case)):
        yield _judged(case, known, defect, effects)


def _seed(case: Case) -> int:
    return sum(case.network.name.encode())


def _judged(case: Case, known: NDArray[np.float64], defect: Defect, effects: Effects) -> JudgedDefect:
    effect = effects.of(defect.weight) if defect.weight else None
    ratio, excess, spread = 0.0, dict.fromkeys((rule.name for rule in RULES), 0.0), 0.0
    try:
        run = _runner(defect.model)
        for given in case.subject.input_sets:
            if given.name == MORE:
                continue
            step = Step(GRAPH, given.name, 0, len(given))
            found, native, exact = case.parts_of(step, {case.output: run(given.rows(0, len(given))["x"])})
            ratio = max(ratio, floors(found, native, exact, case.floor(given.name)))
            excess = {rule.name: max(excess[rule.name], rule.excess(found, native)) for rule in RULES}
            if given.name == "probes":
                spread = profile_excess(profile(found, exact), known)
    except Exception:  # noqa: BLE001 - onnxruntime raises errors of all kinds; a graph that does not run is seen
        ratio = spread = float("inf")
        excess = dict.fromkeys(excess, float("inf"))
    return JudgedDefect(defect.kind, defect.place, defect.size, effect, ratio, excess, spread)


def _runner(model: ModelProto) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])

    def run(x: NDArray[np.float32]) -> NDArray[np.float32]:
        answers: NDArray[np.float32] = session.run(None, {"x": x})[0]
        return answers

    return run
