"""The commands that write, what each may leave behind, and a process that forks to run them.

PyTorch and the commands are imported once; every run is a fork of that process, which itself computes nothing, and
ends as a process of its own does. Runs work in `FOLDER/work` and have `FOLDER/tmp` for temporary files.
"""

import atexit
import importlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

PATIENCE = 300.0
"""Seconds after which a run is said to hang."""

PARTS = ("fit", "export", "dataset", "generate", "report")
"""Names of the writers, in the order in which they are tried."""

_TENSORBOARD = "tensorboard"
_CACHE = "torchinductor_"  # an empty folder that PyTorch makes when it is imported, and keeps
_TIMES = ("seconds", "images_per_second")
_OPENED_FOR_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_PATH_EVENTS = frozenset({"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link"})
_NARROW = ("latent_dim=4", "encoder_hidden=[8]", "classifier_hidden=[8]", "decoder_hidden=[8]")
_FIT = (*(f"network.{size}" for size in _NARROW), "training.batch_size=60", "training.epochs=2")


@dataclass(frozen=True)
class Writer:
    """A command that writes."""

    name: str
    """Which of the trial's parts it belongs to."""
    command: Callable[[Path, Path], list[str]]
    """The command's words, by the folder of the materials and the folder that it works in."""
    before: Callable[[Path, Path], None] | None = None
    """Puts into the folder what stands there before."""
    goes_on: bool = False
    """Whether it may leave a beginning from which another command goes on."""
    alone: bool = True
    """Whether it starts no other processes that write."""


@dataclass(frozen=True)
class Ended:
    """How a run ended."""

    status: int
    """Exit code, negative for a signal."""
    output: str
    """What it printed."""
    seconds: float
    """Wall time."""


Disturbance = Callable[[int, str, str], None]
"""Called in the run before each call that writes, with its number from 1 on, its kind and the path."""


def writers() -> list[Writer]:
    """Every writer, those of one part beside each other."""
    return [
        Writer("fit", _fit, goes_on=True),
        Writer("export", lambda material, _: ["vaeport-export", f"{material}/run", "-o", "bundle"]),
        Writer(
            "export",
            lambda material, _: ["vaeport-export", f"{material}/run", "-o", "bundle", "--replace"],
            lambda material, work: _copy(material / "other", work / "bundle"),
        ),
        Writer("dataset", partial(_runtime, "dataset", "-n", "6", "-o", "set")),
        Writer("dataset", partial(_runtime, "dataset", "-n", "6", "-o", "set.npz"), partial(_old, "set.npz")),
        Writer("generate", partial(_runtime, "generate", "-n", "3", "-o", "new/drawn.png")),
        Writer("generate", partial(_runtime, "generate", "-n", "3", "-o", "drawn.png"), partial(_old, "drawn.png")),
        Writer("report", _parity, alone=False),
        Writer("report", _parity, lambda material, work: _copy(material / "report", work / "report"), alone=False),
    ]


class Server:
    """Runs commands in forks, on materials that it makes first.

    Args:
        folder: where the materials are made; an empty folder.
        parts: names of the writers that will be run, as of `PARTS`.
        bundle: what the runtime's commands take; None exports one.
    """

    def __init__(self, folder: Path, parts: Collection[str], *, bundle: Path | None = None) -> None:
        os.environ["OMP_NUM_THREADS"] = "1"
        self.material = folder / "material"
        self._output = folder / "output.txt"
        self.material.mkdir(parents=True)
        trains = bundle is None or bool({"fit", "export"} & set(parts))
        self._mains = _imported(trains=trains, compares=trains or "report" in parts)
        if bundle is not None:
            _copy(bundle, self.material / "bundle")
        self._make_materials(trains=trains, parts=parts)

    def run(
        self,
        folder: Path,
        words: list[str],
        *,
        kill_after: float = PATIENCE,
        disturb: Disturbance | None = None,
    ) -> Ended:
        """Run a command in `folder/work` and wait for it.

        Args:
            folder: of the case.
            words: the command.
            kill_after: seconds after which it is killed by SIGKILL, if it still runs; by default, one that hangs.
            disturb: called before each call that writes into the folder.
        """
        self._output.write_text("")
        began = time.monotonic()
        pid = os.fork()
        if not pid:
            self._become(folder, words, disturb)
        while (found := os.waitpid(pid, os.WNOHANG)) == (0, 0) and time.monotonic() - began < kill_after:
            time.sleep(0.002)
        if found == (0, 0):
            os.kill(pid, signal.SIGKILL)
            found = os.waitpid(pid, 0)
        seconds = time.monotonic() - began
        return Ended(os.waitstatus_to_exitcode(found[1]), self.output(), seconds)

    def output(self) -> str:
        """What the last run has printed."""
        return self._output.read_text(errors="replace")

    def new_case(self, folder: Path, writer: Writer) -> None:
        """Make the folder of a case anew, with what stands there before."""
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "work").mkdir(parents=True)
        (folder / "tmp").mkdir()
        if writer.before is not None:
            writer.before(self.material, folder / "work")

    def _become(self, folder: Path, words: list[str], disturb: Disturbance | None) -> None:
        """Be the command, from a fresh fork to its end."""
        code = 70
        atexit._clear()  # noqa: SLF001 - what the parent would do at its own end
        try:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            output = os.open(self._output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o666)
            os.dup2(output, 1)
            os.dup2(output, 2)
            sys.stdout, sys.stderr = (os.fdopen(number, "w", closefd=False) for number in (1, 2))
            os.chdir(folder / "work")
            os.environ["TMPDIR"] = str(folder / "tmp")
            tempfile.tempdir = None
            if disturb is not None:
                _watch(folder, disturb)
            code = self._mains[words[0]](words[1:])
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 1
        except BaseException:  # noqa: BLE001 - a traceback is what the trial looks for
            traceback.print_exc()
        finally:
            atexit._run_exitfuncs()  # noqa: SLF001 - as at the end of any process
            with suppress(OSError, ValueError):
                sys.stdout.flush()
            with suppress(OSError, ValueError):
                sys.stderr.flush()
            os._exit(code)

    def _make_materials(self, *, trains: bool, parts: Collection[str]) -> None:
        case, material = self.material.parent / "making", self.material
        wanted: list[tuple[list[str], str, str]] = []
        if trains:
            _write_digits(material / "digits.npz")
            wanted.append((_fit(material, case), "run", "run"))
        if not (material / "bundle").exists():
            wanted.append((["vaeport-export", f"{material}/run", "-o", "bundle"], "bundle", "bundle"))
        if "export" in parts:
            other = ["vaeport-export", f"{material}/run", "-o", "bundle", "--bundle-version", "0.9"]
            wanted.append((other, "bundle", "other"))
        if "report" in parts:
            wanted.append((_parity(material, case, bound="3e-4"), "report", "report"))
        for words, made, name in wanted:
            self.new_case(case, Writer("material", lambda *_: []))
            ended = self.run(case, words)
            if ended.status != 0:
                raise RuntimeError(f"{' '.join(words)} failed: {ended.output}")
            (case / "work" / made).rename(material / name)
        shutil.rmtree(case, ignore_errors=True)


class Undisturbed:
    """What a writer leaves, how long it takes and what it calls, where nothing disturbs it; run twice for that.

    Args:
        server: runs it.
        folder: to run it in; what it left stays there.
        writer: the writer.
    """

    def __init__(self, server: Server, folder: Path, writer: Writer) -> None:
        self.writer = writer
        self.calls: tuple[str, ...]
        """Kind of each call that writes."""
        self.most_bytes: int
        """What it takes of its disk at the most, if nothing else writes there."""
        words = writer.command(server.material, folder / "work")
        server.new_case(folder, writer)
        self.before = contents(folder / "work")
        ended = server.run(folder, words)
        if ended.status != 0:
            raise RuntimeError(f"{writer.name} failed undisturbed: {ended.output}")
        self.seconds, self.after = ended.seconds, contents(folder / "work")
        log = folder / "calls"
        server.new_case(folder, writer)
        free = _free(folder)
        server.run(folder, words, disturb=lambda _, kind, __: _add_line(log, f"{kind} {_free(folder)}"))
        lines = [line.split() for line in log.read_text().splitlines()]
        self.calls = tuple(kind for kind, _ in lines)
        self.most_bytes = max(free - int(left) for _, left in lines)
        if found := differences(contents(folder / "work"), self.after):
            raise RuntimeError(f"{writer.name} is not the same twice: {found}")


def next_command(writer: Writer, material: Path, work: Path) -> list[str]:
    """The command with which a user goes on after a crash: the same, or the one that takes up a run."""
    if writer.goes_on and (work / "run/config.json").exists():
        return ["vaeport-train", "resume", "run", "--data", f"{material}/digits.npz", "--quiet"]
    return writer.command(material, work)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder by its path, without the times that training measured, and TensorBoard's, which are times.

    Folders are named with a slash at the end. Passing names are left out; `litter` has them.
    """
    found: dict[str, bytes] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if any(part.endswith(".vaeport-tmp") for part in name.parts) or _TENSORBOARD in name.parts:
            continue
        if path.is_dir():
            found[f"{name}/"] = b""
        else:
            content = path.read_bytes()
            found[str(name)] = _without_times(content) if path.name == "metrics.jsonl" else content
    return found


def litter(folder: Path) -> list[str]:
    """What is left of the work of a case: passing names, and anything in its folder for temporary files."""
    temporary = [f"tmp/{path.name}" for path in (folder / "tmp").iterdir() if not path.name.startswith(_CACHE)]
    names = [str(path.relative_to(folder)) for path in (folder / "work").rglob(".*")]
    return sorted(temporary + names)


def files_of(found: dict[str, bytes]) -> dict[str, bytes]:
    """Contents without folders: one that was made for a file which never came is nobody's half."""
    return {name: content for name, content in found.items() if not name.endswith("/")}


def differences(found: dict[str, bytes], expected: dict[str, bytes]) -> str:
    """The names in which two folders differ, in a few words; nothing where they do not."""
    names = [name for name in sorted({*found, *expected}) if found.get(name) != expected.get(name)]
    return ", ".join(names[:5])


def broken_run(run: Path) -> str:
    """Why a run folder is no beginning to go on from; nothing where it is one, or there is none."""
    from PIL import Image

    from vaeport.errors import VaeportError
    from vaeport_train.running.checkpoint import load_record, load_safetensors
    from vaeport_train.running.run import load_examples

    if not run.exists():
        return ""
    try:
        load_record(run)
        if (run / "examples.npz").exists():
            load_examples(run)
        for path in run.glob("[!.]*"):
            if path.suffix == ".safetensors":
                load_safetensors(path)
            elif path.suffix in (".png", ".gif"):
                with Image.open(path) as picture:
                    picture.load()
        lines = (run / "metrics.jsonl").read_text().splitlines() if (run / "metrics.jsonl").exists() else []
        any(json.loads(line) is None for line in lines)
    except (VaeportError, OSError, ValueError, SyntaxError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _imported(*, trains: bool, compares: bool) -> dict[str, Callable[[list[str]], int]]:
    """The commands, with all that is slow to import."""
    names = ["vaeport.model.model"] if compares or trains else []
    names += ["vaeport_parity.checking", "vaeport_export.bundle.subject"] if compares else []
    if trains:
        names += [
            "matplotlib.figure",
            "onnxscript",
            "torch.onnx",
            "torch._dynamo",
            "tensorboard.summary.writer.record_writer",
            "vaeport_train.api",
        ]
        names += ["vaeport_export.pipeline", "vaeport_export.sources.run"]
    programs = {"vaeport": "vaeport", "vaeport-parity": "vaeport_parity"} if compares else {"vaeport": "vaeport"}
    if trains:
        programs |= {"vaeport-train": "vaeport_train", "vaeport-export": "vaeport_export"}
    for name in names:
        importlib.import_module(name)
    return {name: importlib.import_module(f"{package}.cli").main for name, package in programs.items()}


def _free(folder: Path) -> int:
    disk = os.statvfs(folder)
    return disk.f_bfree * disk.f_frsize


def _add_line(path: Path, line: str) -> None:
    with open(path, "a") as file:  # noqa: PTH123 - in a hook, as little as possible
        file.write(f"{line}\n")


def _watch(folder: Path, disturb: Disturbance) -> None:
    """Call the disturbance before each call of this process that writes below a folder; for the rest of its life."""
    place, number, busy = f"{folder}/", 0, False
    fsync = os.fsync

    def note(kind: str, path: str) -> None:
        nonlocal number, busy
        if busy:
            return
        busy, number = True, number + 1
        try:
            disturb(number, kind, path)
        finally:
            busy = False

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if not (isinstance(path, str | bytes) and isinstance(flags, int) and flags & _OPENED_FOR_WRITING):
                return
        elif event not in _PATH_EVENTS:
            return
        name = os.fsdecode(arguments[0]) if isinstance(arguments[0], str | bytes) else ""
        full = os.path.join(os.getcwd(), name)  # noqa: PTH109, PTH118 - in a hook, nothing that opens files
        if full.startswith(place):
            note(event, full)

    def synced(descriptor: int) -> None:
        note("fsync", os.readlink(f"/proc/self/fd/{descriptor}"))  # noqa: PTH115 - as above
        fsync(descriptor)

    os.fsync = synced  # type: ignore[assignment]
    sys.addaudithook(hook)


def _fit(material: Path, _: Path) -> list[str]:
    settings = [word for setting in _FIT for word in ("--set", setting)]
    return ["vaeport-train", "fit", "-o", "run", "--data", f"{material}/digits.npz", "--quiet", *settings]


def _runtime(verb: str, *words: str) -> list[str]:
    *options, material, _ = words
    return ["vaeport", verb, *options, "-b", f"{material}/bundle"]


def _parity(material: Path, _: Path, *, bound: str = "2e-4") -> list[str]:
    graph = f"{material}/bundle/fp32/decoder/model.onnx"
    options = ["--backends", "onnxruntime-all", "--no-locate", "--tolerance", bound, "--report", "report"]
    return ["vaeport-parity", graph, "--reference", graph, *options]


def _old(name: str, _: Path, work: Path) -> None:
    (work / name).write_bytes(b"what stood there before")


def _copy(source: Path, target: Path) -> None:
    shutil.copytree(source, target)


def _without_times(content: bytes) -> bytes:
    lines = [json.loads(line) for line in content.splitlines()]
    return repr([{name: value for name, value in line.items() if name not in _TIMES} for line in lines]).encode()


def _write_digits(path: Path) -> None:
    from vaeport_train.data import load_dataset

    whole = load_dataset("mnist-5k")
    some = whole.development.take(np.arange(240))
    np.savez(path, images=some.images, labels=some.labels, class_names=np.array(whole.class_names))
