"""Sessions that are opened late, shared, cut into chunks, closed, pickled and forked."""

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import vaeport
from tests.runtime.tampering import change_one_byte
from vaeport import Encoding
from vaeport.contract import GraphSpec, Shapes
from vaeport.errors import InputError, SealError
from vaeport.sessions.engine import run_session
from vaeport.sessions.session import SPINNING_FROM_BYTES, SessionOptions, open_session

DECODER = (Path(__file__).parent / "tiny/fp32/decoder/model.onnx").read_bytes()
CHUNK = 4

SIZES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 1]


@pytest.fixture
def small_chunks(tiny_bundle: Path) -> vaeport.Model:
    """A model that cuts everything into chunks of four rows."""
    return vaeport.load(tiny_bundle, threads=1, chunk_rows=CHUNK)


def _noise(n: int) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (n, 4, 4), np.uint8)


def _forms(n: int) -> Iterator[object]:
    """The same images in every grouping that a chunk could be cut across."""
    images = _noise(n)
    yield images
    yield list(images)
    yield [images[:1], images[1 : CHUNK + 2], images[CHUNK + 2 :]]


@pytest.mark.parametrize("n", SIZES)
def test_chunks_change_nothing_beyond_rounding(n: int, small_chunks: vaeport.Model, tiny_model: vaeport.Model) -> None:
    expected = tiny_model.encode(_noise(n))

    for form in _forms(n):
        encoding = small_chunks.encode(form)  # type: ignore[arg-type]
        np.testing.assert_allclose(encoding.z_mean, expected.z_mean, rtol=0, atol=1e-6)
        np.testing.assert_allclose(encoding.class_probs, expected.class_probs, rtol=0, atol=1e-6)


def test_session_never_sees_more_than_a_chunk(small_chunks: vaeport.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def watched(
        session: object, spec: GraphSpec, shapes: Shapes, feed: dict[str, NDArray[np.float32]]
    ) -> list[NDArray[np.float32]]:
        seen.append(max(map(len, feed.values())))
        return run_session(session, spec, shapes, feed)

    monkeypatch.setattr("vaeport.sessions.engine.run_session", watched)
    small_chunks.reconstruct([_noise(6), _noise(3)])

    assert sum(seen) == 2 * 9
    assert max(seen) == CHUNK


@pytest.mark.parametrize("n", SIZES)
def test_out_receives_the_drawings(n: int, small_chunks: vaeport.Model) -> None:
    out = np.full((n, 1, 4, 4), np.nan, np.float32)

    drawings = small_chunks.generate("cat", n, out=out)

    assert drawings.pixels is out
    np.testing.assert_array_equal(out, small_chunks.generate("cat", n).pixels)


def test_out_receives_the_encoding_into_strided_arrays_too(small_chunks: vaeport.Model) -> None:
    table = np.full((9, 7), np.nan, np.float32)
    out = Encoding(table[:, 0:2], table[:, 2:4], table[:, 4:7])

    encoding = small_chunks.encode(_noise(9), out=out)

    assert encoding.z_mean is out.z_mean
    expected = small_chunks.encode(_noise(9))
    np.testing.assert_array_equal(table, np.hstack([expected.z_mean, expected.z_logvar, expected.class_probs]))


@pytest.mark.parametrize(
    ("out", "words"),
    [
        (np.zeros((2, 1, 4, 4), np.float32), r"float32 \[2, 1, 4, 4\], but must be float32 \[3, 1, 4, 4\]"),
        (np.zeros((3, 1, 4, 4), np.float64), "float64"),
        ([0.0], "list"),
        (np.broadcast_to(np.float32(0), (3, 1, 4, 4)), "read-only"),
    ],
)
def test_out_that_does_not_fit_raises_input_error(out: object, words: str, tiny_model: vaeport.Model) -> None:
    with pytest.raises(InputError, match=words):
        tiny_model.generate("cat", 3, out=out)  # type: ignore[arg-type]


def test_answers_are_the_caller_s_own(tiny_model: vaeport.Model) -> None:
    first = tiny_model.generate("cat", 2).pixels
    kept = first.copy()

    tiny_model.generate("dog", 2).pixels[:] = 0

    np.testing.assert_array_equal(first, kept)


@pytest.mark.parametrize("chunk_rows", [0, -1])
def test_chunk_of_nothing_raises_input_error(chunk_rows: int, tiny_bundle: Path) -> None:
    with pytest.raises(InputError, match="chunk_rows"):
        vaeport.load(tiny_bundle, chunk_rows=chunk_rows)


def test_threads_that_all_come_first_open_one_session(tiny_bundle: Path) -> None:
    model, sessions = vaeport.load(tiny_bundle, threads=1), set()
    gate = threading.Barrier(8)

    def ask() -> None:
        gate.wait()
        sessions.add(id(model._engine.opened("decoder").session))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(sessions) == 1


def test_closed_model_answers_no_more(tiny_bundle: Path) -> None:
    with vaeport.load(tiny_bundle) as model:
        model.generate("cat")

    with pytest.raises(InputError, match="tiny was closed; load it again"):
        model.generate("cat")
    model.close()


@pytest.mark.parametrize("used", [False, True])
def test_pickle_carries_path_and_options(used: bool, tiny_bundle: Path) -> None:
    model = vaeport.load(tiny_bundle, threads=1, spinning=True, chunk_rows=3)
    if used:
        model.generate("cat")

    again = pickle.loads(pickle.dumps(model))  # noqa: S301 - our own

    assert (again.bundle, again.chunk_rows, again._engine.options) == (model.bundle, 3, model._engine.options)
    np.testing.assert_array_equal(again.generate("cat", 5).pixels, model.generate("cat", 5).pixels)
    assert len(pickle.dumps(model)) < 1000


def test_pickle_of_a_bundle_that_has_changed_raises_seal_error(tiny_bundle: Path) -> None:
    content = pickle.dumps(vaeport.load(tiny_bundle))
    change_one_byte(tiny_bundle / "fp32/decoder/model.onnx")

    with pytest.raises(SealError):
        pickle.loads(content)  # noqa: S301 - our own


def test_spawned_process_gives_the_same_bits(tiny_bundle: Path) -> None:
    model = vaeport.load(tiny_bundle, threads=1)

    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        (answer,) = pool.map(_draw, [model])

    np.testing.assert_array_equal(answer, _draw(model))


def _draw(model: vaeport.Model) -> NDArray[np.float32]:
    return model.generate("cat", 5, seed=3).pixels


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.parametrize("child", ["pass", "assert model.generate('cat', 40).pixels.tobytes() == expected"])
def test_forked_child_answers_and_ends(child: str, tiny_bundle: Path) -> None:
    # The child would wait for ever for its parent's threads, were it to destroy the parent's sessions; and for the
    # lock, had it been copied while a thread held it.
    code = f"""
import os, signal, sys, vaeport
model = vaeport.load({str(tiny_bundle)!r}, threads=3)
expected = model.generate('cat', 40).pixels.tobytes()
model._engine._lock.acquire()
pid = os.fork()
if pid == 0:
    signal.alarm(20)
    {child}
    sys.exit(7)
model._engine._lock.release()
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
assert model.generate('cat', 40).pixels.tobytes() == expected
"""

    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)

    assert (answer.returncode, answer.stderr) == (0, "")


@pytest.mark.parametrize(("asked", "set_to"), [(None, "0"), (False, "0"), (True, "1")])
def test_small_graph_s_threads_do_not_spin_unless_asked(asked: bool | None, set_to: str) -> None:
    session = open_session(DECODER, SessionOptions(threads=2, spinning=asked)).session

    assert len(DECODER) < SPINNING_FROM_BYTES
    assert session.get_session_options().get_session_config_entry("session.intra_op.allow_spinning") == set_to
