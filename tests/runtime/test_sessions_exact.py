"""What a session is set to, how a GPU is tried and given up, and what a graph's answers must be.

No GPU can be had here, so that the ways to CUDA are walked with an onnxruntime that only says what it would do.
"""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import vaeport
from vaeport.contract import GRAPHS, Shapes
from vaeport.errors import BundleError, DeviceError, InputError
from vaeport.sessions import devices, session
from vaeport.sessions.devices import parse_device, preload_cuda, why_no_cuda
from vaeport.sessions.engine import run_session
from vaeport.sessions.session import SessionOptions, first_line, open_session, read_providers
from vaeport.sessions.threads import usable_processors

MODEL = (Path(__file__).parent / "tiny/fp32/decoder/model.onnx").read_bytes()
CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"


class Ort:
    """An onnxruntime with CUDA that runs on what it is told to."""

    __version__ = "9.9"

    def __init__(self, *running: str, fails: str = "", prints: str = "", raises: Exception | None = None) -> None:
        self.asked: list[Any] = []
        self.severities: list[int] = []
        self._running, self._fails, self._prints, self._raises = list(running), fails, prints, raises

    def get_available_providers(self) -> list[str]:
        """Both."""
        return [CUDA, CPU]

    def set_default_logger_severity(self, severity: int) -> None:
        """Note it."""
        self.severities.append(severity)

    def preload_dlls(self) -> None:
        """Say what did not load."""
        print(self._prints)
        if self._raises:
            raise self._raises

    def SessionOptions(self) -> Any:  # noqa: N802 - onnxruntime's own name
        """Any attributes."""
        return SimpleNamespace(add_session_config_entry=lambda *_: None)

    def InferenceSession(self, model: bytes, settings: Any, *, providers: list[Any], enable_fallback: int) -> Any:  # noqa: N802
        """A session that says what it runs on."""
        self.asked.append(providers)
        assert enable_fallback == 0
        if self._fails and providers != [CPU]:
            raise RuntimeError(self._fails)
        running = self._running if providers != [CPU] else [CPU]
        return SimpleNamespace(get_providers=lambda: running)


def _open(ort: Ort, device: str, monkeypatch: pytest.MonkeyPatch) -> session.OpenSession:
    monkeypatch.setattr(session, "import_onnxruntime", lambda: ort)
    return open_session(MODEL, SessionOptions(device))


@pytest.mark.parametrize(("device", "index"), [("cuda", 0), ("cuda:3", 3), ("auto", 0)])
def test_gpu_that_runs_is_taken(device: str, index: int, monkeypatch: pytest.MonkeyPatch) -> None:
    ort = Ort(CUDA, CPU)

    opened = _open(ort, device, monkeypatch)

    assert (opened.device, opened.providers) == (f"cuda:{index}", (CUDA, CPU))
    assert ort.asked == [[(CUDA, {"device_id": index}), CPU]]
    assert ort.severities == [4, 2]


@pytest.mark.parametrize(
    ("ort", "says"),
    [
        (Ort(CPU), "no usable GPU or driver, or a CUDA or cuDNN library that did not load"),
        (Ort(CPU, prints="so\nFailed to load libcudnn\nFailed to load more"), r"CUDA \(Failed to load libcudnn\)"),
        (Ort(CPU, raises=OSError("Failed to load x")), r"CUDA \(Failed to load x\)"),
        (Ort(CPU, raises=RuntimeError("Failed to load y")), r"CUDA \(Failed to load y\)"),
        (Ort(CPU, fails="no device\nat all"), r"CUDA \(onnxruntime 9.9 cannot load the graph: no device\)"),
        (Ort(CPU, fails="no device", prints="Failed to load z"), r"CUDA \(Failed to load z\)"),
    ],
)
def test_gpu_that_does_not_run_is_an_error_or_the_cpu(ort: Ort, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DeviceError, match=says):
        _open(ort, "cuda", monkeypatch)
    assert ort.severities == [4, 2]

    assert _open(ort, "auto", monkeypatch).device == "cpu"
    assert ort.asked[-1] == [CPU]


def test_cpu_is_taken_at_its_word(monkeypatch: pytest.MonkeyPatch) -> None:
    ort = Ort(CUDA, CPU)

    assert _open(ort, "cpu", monkeypatch).device == "cpu"
    assert (ort.asked, ort.severities) == ([[CPU]], [])


@pytest.mark.parametrize("provider", [CUDA, (CUDA, {"device_id": 1})])
def test_first_provider_that_is_given_must_run(provider: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    options = SessionOptions(providers=(provider, CPU))
    monkeypatch.setattr(session, "import_onnxruntime", lambda: Ort(CUDA, CPU))
    assert open_session(MODEL, options).device == CUDA

    monkeypatch.setattr(session, "import_onnxruntime", lambda: Ort(CPU))
    with pytest.raises(DeviceError, match=f"was asked for first, but {CPU} would run"):
        open_session(MODEL, options)


@pytest.mark.parametrize("providers", [[], "CPU", {"a": 1}, [1], [("a", 1)], [("a", {}, 3)], [(1, {})]])
def test_other_providers_are_refused(providers: object) -> None:
    with pytest.raises(InputError, match="provider"):
        read_providers(providers)


def test_providers_are_names_and_pairs() -> None:
    assert read_providers(None) is None
    assert read_providers(["a", ("b", {"c": 1}), ["d", {}]]) == ("a", ("b", {"c": 1}), ("d", {}))


def test_onnxruntime_without_cuda_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    without: Any = SimpleNamespace(get_available_providers=lambda: [CPU])
    both = {"onnxruntime": "1", "onnxruntime-gpu": "1"}

    assert why_no_cuda(Ort()) is None  # type: ignore[arg-type]
    assert (why_no_cuda(without) or "").startswith("the installed onnxruntime has no CUDA")
    monkeypatch.setattr(devices, "installed_wheels", lambda: both)
    assert (why_no_cuda(without) or "").startswith("onnxruntime and onnxruntime-gpu are both installed")


def test_old_onnxruntime_preloads_nothing() -> None:
    assert preload_cuda(SimpleNamespace()) == ""  # type: ignore[arg-type]
    assert preload_cuda(Ort(prints="all is well")) == ""  # type: ignore[arg-type]


@pytest.mark.parametrize(("device", "index"), [("cuda:0", 0), ("cuda:9999", 9999)])
def test_gpu_has_a_number_of_at_most_four_digits(device: str, index: int) -> None:
    assert parse_device(device) == ("cuda", index)

    with pytest.raises(InputError):
        parse_device("cuda:10000")


@pytest.mark.parametrize("threads", [1, 1024])
def test_threads_may_be_their_bounds(threads: int) -> None:
    assert SessionOptions(threads=threads).threads == threads
    for outside in (0, 1025):
        with pytest.raises(InputError, match="threads is"):
            SessionOptions(threads=outside)


def test_options_become_plain_values() -> None:
    options = SessionOptions(threads=np.int64(2), spinning=np.bool_(True))  # type: ignore[arg-type]

    assert (type(options.threads), type(options.spinning)) == (int, bool)
    assert SessionOptions() == SessionOptions("cpu", None, None, None)


def _settings(options: SessionOptions, model: bytes = MODEL) -> Any:
    return open_session(model, options).session.get_session_options()


def test_session_is_set_to_sleep_and_to_forget() -> None:
    settings = _settings(SessionOptions())

    assert settings.intra_op_num_threads == usable_processors()
    assert settings.inter_op_num_threads == 1
    assert not settings.enable_mem_pattern
    assert settings.log_severity_level == 4


@pytest.mark.parametrize(("more", "set_to"), [(0, "1"), (1, "0")])
def test_large_graphs_may_spin(more: int, set_to: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert session.SPINNING_FROM_BYTES == 32_000_000
    monkeypatch.setattr(session, "SPINNING_FROM_BYTES", len(MODEL) + more)

    assert _settings(SessionOptions()).get_session_config_entry("session.intra_op.allow_spinning") == set_to


@pytest.mark.parametrize(("said", "line"), [("a\nb", "a"), ("  a ", "a"), ("", "ValueError"), ("\n", "ValueError")])
def test_first_line_of_an_error_is_told(said: str, line: str) -> None:
    assert first_line(ValueError(said)) == line


class Session:
    """A session that gives one answer to everything."""

    def __init__(self, answer: object) -> None:
        self._answer = answer

    def run(self, outputs: object, inputs: object) -> list[object]:
        """Give it."""
        return [self._answer]


def _drawn(answer: object) -> list[NDArray[np.float32]]:
    inputs = {"z": np.zeros((3, 2), np.float32), "class_probs": np.zeros((3, 4), np.float32)}
    return run_session(Session(answer), GRAPHS["decoder"], Shapes((1, 2, 2), 2, 4), inputs)


def test_answer_with_a_row_for_every_row_is_taken() -> None:
    answer = np.zeros((3, 1, 2, 2), np.float32)

    assert _drawn(answer)[0] is answer


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (np.zeros((1, 1, 2, 2), np.float32), r"float32 \[1, 1, 2, 2\]"),
        (np.zeros((4, 1, 2, 2), np.float32), r"float32 \[4, 1, 2, 2\]"),
        (np.zeros((3, 1, 2, 3), np.float32), r"float32 \[3, 1, 2, 3\]"),
        (np.zeros((3, 1, 4), np.float32), r"float32 \[3, 1, 4\]"),
        (np.zeros((3, 1, 2, 2)), r"float64 \[3, 1, 2, 2\]"),
        ([1], "list"),
        (None, "NoneType"),
    ],
)
def test_other_answers_are_refused(answer: object, found: str) -> None:
    with pytest.raises(
        BundleError, match=rf"decoder answers 3 rows with {found} for image, but must give float32 \[3, 1"
    ):
        _drawn(answer)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("rows", [[0], [1], [2], [1, 2]])
def test_answer_that_is_no_number_is_named_by_its_first_row(rows: list[int], value: float) -> None:
    answer = np.zeros((3, 1, 2, 2), np.float32)
    answer[rows, 0, 1, 1] = value

    with pytest.raises(BundleError, match=f"answers NaN or infinity for image of row {rows[0]} of 3"):
        _drawn(answer)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 5])
def test_chunks_are_put_together_in_their_order(n: int, tiny_bundle: Path) -> None:
    cut, whole = (vaeport.load(tiny_bundle, chunk_rows=rows, threads=1) for rows in (2, 100))
    z = vaeport.latents(1, n, 2)
    out = np.full((n, 1, 4, 4), 9, np.float32)

    drawn = cut.decode(z, "cat", out=out)

    assert drawn.pixels is out
    np.testing.assert_allclose(out, whole.decode(z, "cat").pixels, rtol=0, atol=1e-6)
    np.testing.assert_allclose(cut.decode(z, "cat").pixels, out, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("out", "says"),
    [
        (np.zeros((3, 1, 4, 4), np.float32), r"is float32 \[3, 1, 4, 4\], but must be float32 \[2, 1, 4, 4\]"),
        (np.zeros((2, 1, 4, 4)), "is float64"),
        ([[0]], "is list"),
    ],
)
def test_out_of_another_kind_is_refused(out: Any, says: str, tiny_model: vaeport.Model) -> None:
    with pytest.raises(InputError, match=f"out for image {says}"):
        tiny_model.decode(np.zeros((2, 2)), "cat", out=out)


def test_out_that_may_not_be_written_to_is_refused(tiny_model: vaeport.Model) -> None:
    out = np.zeros((2, 1, 4, 4), np.float32)
    out.flags.writeable = False

    with pytest.raises(InputError, match="read-only"):
        tiny_model.decode(np.zeros((2, 2)), "cat", out=out)
