"""The smallest graph on which a backend still falls short, with a script that shows it and the text of an issue."""

import io
import os
import re
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx

from vaeport.common.fileio import exchange_folders, scratch_folder, staged_folder, write_folder
from vaeport.errors import OutputError

from ..backends import all_backends
from ..backends.base import Backend, environment_of
from ..judging.bounds import TOLERANCE_FACTOR
from ..locating.node_search import RunPart
from ..running.environments import interpreter_of
from ..subjects.subject import Graph
from ..subjects.tensors import Arrays
from .case import Case
from .cutting import Cut, Cutter, NotShownError
from .faults import Answer, Bench
from .issue import issue_text, issue_title
from .reduction import Reduced, fault_of, reduced
from .scripts import body_of, requirements, script_for

MODEL, INPUTS, EXPECTED, SCRIPT, ISSUE = "model.onnx", "inputs.npz", "expected.npz", "reproduce.py", "ISSUE.md"
FILES = (MODEL, INPUTS, EXPECTED, SCRIPT, ISSUE)
"""Names of the files of a reproducer."""

_RUN_SHARE = 0.5  # of the time, for one run of a candidate
_CUT_SHARE = 0.6  # of the time, for taking the graph apart
_SCRIPT_SECONDS = 60.0
_ANY_DIFFERENCE = 0.5  # allowed where entries must be equal, and differ by 1 at least


@dataclass(frozen=True)
class Reproducer:
    """What to hand to whoever is at fault; or why there is nothing."""

    name: str
    """Name of its folder: backend and graph."""
    backend: str
    """Name of the backend."""
    version: str
    """Version of its software; empty where it is not known."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Content by name of file: `model.onnx`, `inputs.npz`, `expected.npz`, `reproduce.py`, `ISSUE.md`; empty where no
    reproducer could be made."""
    nodes: int = 0
    """Nodes of the graph."""
    text: str = ""
    """What it shows, or why there is none, in a sentence."""
    confirmed: bool = False
    """Whether the script was run in the backend's own environment and ended with 1."""

    def write(self, folder: str | os.PathLike[str]) -> None:
        """Write the files into a folder, all or none; an older reproducer there is replaced.

        Raises:
            OutputError: it cannot be written, something else stands there, or there are no files.
        """
        place = Path(folder).absolute()
        if not self.files:
            raise OutputError(f"cannot write {place}: there is no reproducer, {self.text}")
        held = {path.name for path in place.iterdir()} if place.is_dir() and not place.is_symlink() else set()
        if not held:
            write_folder(place, self._fill)
            return
        if not held <= set(FILES):
            raise OutputError(f"cannot write {place}: it holds {min(held - set(FILES))}; choose another folder")
        with staged_folder(place) as stage:
            self._fill(stage)
            exchange_folders(stage, place)

    def _fill(self, folder: Path) -> None:
        for name, content in self.files.items():
            (folder / name).write_bytes(content)


def make_reproducer(
    subject_graph: Graph,
    backend: str,
    inputs: Arrays,
    expected: Arrays,
    output: str,
    tolerance: float,
    *,
    run: RunPart,
    limit: float,
    version: str = "",
    name: str = "",
) -> Reproducer | None:
    """Reduce what a backend gets wrong in a graph.

    The graph is cut to the few nodes whose error alone takes the output out of its bound. Nodes, sizes and numbers are
    then taken away while the answer stays wrong by several times the rounding noise of what is left; see `floors`. A
    graph that gets no answer is reduced as long as the backend says the same.

    Args:
        subject_graph: the graph that falls short.
        backend: name of the backend.
        inputs: a batch on which it falls short, by input name.
        expected: right answers to it, by output name.
        output: the output that falls short.
        tolerance: its bound; 0 where it must be equal.
        run: runs graphs on the backend.
        limit: seconds that all of it may take.
        version: of the backend's software.
        name: of the reproducer; backend and graph unless said otherwise.

    Returns:
        The reproducer; one without files, whose text says why, where the fault does not show by itself; None where the
        backend does not run the file at all.
    """
    known = all_backends().get(backend)
    if known is not None and known.facts.from_original:
        return None
    label = name or re.sub(r"[^\w.=-]+", "_", f"{backend}-{subject_graph.name}")
    began = time.monotonic()
    bench = Bench(backend, subject_graph.name, run, max(_RUN_SHARE * limit, 1.0))
    try:
        model = onnx.load_model_from_string(subject_graph.content)
        if mine := _wrong_file(model, inputs, expected, output, tolerance):
            return Reproducer(label, backend, version, text=mine)
        cutter = Cutter(model, inputs, output, tolerance, bench, began + _CUT_SHARE * limit)
        cut, found = _reduce(cutter, began + limit)
        return _packed(label, known, backend, version, subject_graph, cut, found, tolerance, output)
    except NotShownError as error:
        return Reproducer(label, backend, version, text=f"no reproducer: {error}")
    except Exception as error:  # noqa: BLE001 - onnx and runtimes raise errors of all kinds, and the comparison stands without
        said = " ".join(str(error).split())[:200] or type(error).__name__
        return Reproducer(label, backend, version, text=f"no reproducer: the graph could not be reduced: {said}")


def _wrong_file(model: onnx.ModelProto, inputs: Arrays, expected: Arrays, output: str, tolerance: float) -> str:
    """Why the file and not the backend is at fault; nothing where it is right."""
    from vaeport.errors import InputError

    from ..locating.tensors import difference, exact_values

    if output not in expected:
        return ""
    try:
        values = exact_values(model, inputs)[output]
    except InputError:
        return ""
    off = difference(values, expected[output])
    if not off <= max(tolerance, _ANY_DIFFERENCE if values.dtype.kind != "f" else 0):
        return f"no reproducer: the file itself is off by {off:.2g} in {output}, whatever runs it"
    return ""


def _reduce(cutter: Cutter, until: float) -> tuple[Cut, Reduced]:
    """The part that falls short, and the smallest graph that was made of it.

    Raises:
        NotShownError: the part falls short by what it does to the output alone, and not by its own rounding noise.
    """
    cut = cutter.cut()
    bench = cutter.bench
    answer = bench.answer(cut.case, until)
    if answer.kind in ("right", "unknown") and (longer := cutter.ending(cut)) is not None:
        cut, answer = longer, bench.answer(longer.case, until)
    if answer.kind in ("right", "unknown"):
        raise NotShownError(
            f"the {cut.case.nodes} nodes that lead to {cut.tensor} are off by what rounding can explain there, and yet "
            f"put {cutter.output} off by {cut.effect:.2g}"
        )
    return cut, reduced(cut.case, answer, fault_of(answer), bench, until)


def _packed(
    label: str,
    known: Backend | None,
    backend: str,
    version: str,
    graph: Graph,
    cut: Cut,
    found: Reduced,
    tolerance: float,
    output: str,
) -> Reproducer:
    """The files of a reproducer, its script run once."""
    case, answer = found.case, found.answer
    template = body_of(backend).template
    needs = requirements(known.facts, template, version) if known else backend
    title = issue_title(f"{backend} {version}".strip(), case, answer)
    silent = answer.kind == "silent"
    files = {
        MODEL: case.model.SerializeToString(deterministic=True),
        INPUTS: _npz(case.inputs),
        **({} if silent else {EXPECTED: _npz(_expected(case, answer))}),
        SCRIPT: script_for(backend, case, silent=silent, title=title, needs=needs).encode(),
    }
    code, said = _tried(known, files) if known else (None, "")
    where = f"graph {graph.name}, tensor {cut.tensor!r}" + _consequence(cut, output, tolerance, silent=silent)
    text = issue_text(
        title,
        case,
        answer,
        needs=needs,
        said=said,
        found_in=where,
        smallest=found.in_time,
        files=[name for name in files if name != SCRIPT],
    )
    files[ISSUE] = text.encode()
    whole = len(onnx.load_model_from_string(graph.content).graph.node)
    kinds = ", ".join(node.op_type for node in case.model.graph.node[:4])
    count = f"{case.nodes} node{'s' * (case.nodes != 1)}"
    sentence = f"{count} ({kinds}{', ...' * (case.nodes > 4)}) of {whole} reproduce it"
    if code not in (1, None):
        sentence += "; run as a script, without vaeport, it did not show"
    return Reproducer(label, backend, version, files, case.nodes, sentence, confirmed=code == 1)


def _consequence(cut: Cut, output: str, tolerance: float, *, silent: bool) -> str:
    if silent or not cut.effect:
        return ""
    return f"; this error alone puts the output {output!r} off by {cut.effect:.2g}, allowed {tolerance:.2g}"


def _expected(case: Case, answer: Answer) -> Arrays:
    """The right answer in float64 and how far each number may be off; numbers that are not finite are left out."""
    exact = case.exact.astype(np.float64)
    floor = answer.floor if answer.floor is not None else np.zeros(exact.shape)
    allowed = TOLERANCE_FACTOR * floor if case.exact.dtype.kind == "f" else np.maximum(floor, _ANY_DIFFERENCE)
    finite = np.isfinite(exact)
    return {"expected": np.where(finite, exact, 0), "allowed": np.where(finite, allowed, np.inf)}


def _npz(arrays: Arrays) -> bytes:
    content = io.BytesIO()
    np.savez(content, **arrays)  # type: ignore[arg-type]  # the stub takes allow_pickle for a key
    return content.getvalue()


def _tried(backend: Backend, files: Mapping[str, bytes]) -> tuple[int | None, str]:
    """Exit code of the script in the backend's own environment, and what it printed; None where it ended in no time."""
    interpreter = interpreter_of(backend.facts)
    if interpreter is None:
        return None, ""
    own = environment_of(backend.facts)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **backend.facts.variables}
    environment |= {"NODE_PATH": str(own / "node_modules"), "PYTHONDONTWRITEBYTECODE": "1"}
    if backend.facts.has_environment:
        environment = {k: v for k, v in environment.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
        environment["PATH"] = f"{own / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    with scratch_folder("vaeport-reproducer") as folder:
        for name, content in files.items():
            (folder / name).write_bytes(content)
        try:
            done = subprocess.run(
                [str(interpreter), SCRIPT],
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_SCRIPT_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None, ""
        said = done.stdout.replace(str(folder), ".").strip()
        if done.returncode not in (0, 1):
            said += f"\n{done.stderr.replace(str(folder), '.').strip()[-500:]}"
    return done.returncode, said
