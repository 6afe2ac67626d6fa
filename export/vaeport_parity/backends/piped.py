"""Graphs run by a program of another language, which is asked through its standard input and answers on its output.

A message is its length in bytes as uint64, then so many bytes. A request holds the inputs of a run. An answer holds one
byte, 0, and the outputs, or 1 and a sentence that says why there are none. A tensor is its element type as one byte,
by the number that ONNX gives it, its rank as one byte, its sizes as uint64, and its values. Numbers are little-endian,
and outputs come in the order of the graph.
"""

import contextlib
import subprocess
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .base import Arrays, GraphFile, Runner, contiguous, numpy_dtype, refuse_types

ELEMENT_TYPES = {
    "float32": 1,
    "uint8": 2,
    "int8": 3,
    "uint16": 4,
    "int16": 5,
    "int32": 6,
    "int64": 7,
    "bool": 9,
    "float16": 10,
    "float64": 11,
    "uint32": 12,
    "uint64": 13,
    "bfloat16": 16,
}
"""Numbers of ONNX's element types that are carried."""

_NAMES = {number: name for name, number in ELEMENT_TYPES.items()}
_SECONDS_TO_END = 10
_LENGTH = np.dtype("<u8")


def piped_runner(command: Sequence[str], graph: GraphFile) -> Runner:
    """Start a program that has loaded a graph; it ends when this process does.

    Raises:
        TypeError: the graph has an input or output of a type that is not carried.
        RuntimeError: on a run, where the program says so or has ended.
    """
    refuse_types(graph, ELEMENT_TYPES, "the pipe")
    log = graph.scratch / "stderr.txt"
    with log.open("wb") as errors:
        program = subprocess.Popen(list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)

    def take(count: int) -> bytes:
        content = program.stdout.read(count) if program.stdout else b""
        if len(content) < count:
            code = program.wait()
            said = log.read_text(errors="replace").strip().splitlines()
            raise RuntimeError(f"the program ended with {code}: {said[-1] if said else 'without a word'}")
        return content

    def run(inputs: Arrays) -> Mapping[str, Any]:
        request = b"".join(_packed(inputs[name]) for name in graph.inputs)
        try:
            if program.stdin:
                program.stdin.write(_length(len(request)) + request)
                program.stdin.flush()
        except BrokenPipeError:
            pass  # what it said is read below
        answer = take(int(np.frombuffer(take(_LENGTH.itemsize), _LENGTH)[0]))
        if answer[0]:
            raise RuntimeError(answer[1:].decode(errors="replace"))
        return _unpacked(answer, list(graph.outputs))

    weakref.finalize(run, _end, program)  # when nobody runs it any more, or when this process ends
    return run


def _end(program: "subprocess.Popen[bytes]") -> None:
    """Let the program end by itself, so that neither it nor what it started writes to its folder any longer."""
    for stream in (program.stdin, program.stdout):
        with contextlib.suppress(OSError):
            if stream:
                stream.close()
    try:
        program.wait(_SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        program.kill()
        program.wait()


def _length(number: int) -> bytes:
    return np.array(number, _LENGTH).tobytes()


def _packed(values: NDArray[Any]) -> bytes:
    head = bytes([ELEMENT_TYPES[values.dtype.name], values.ndim])
    return b"".join([head, *map(_length, values.shape), contiguous(values).tobytes()])


def _unpacked(answer: bytes, names: Sequence[str]) -> Arrays:
    """Tensors behind the first byte of an answer."""
    at, tensors = 1, {}
    for name in names:
        dtype, rank = numpy_dtype(_NAMES[answer[at]]), answer[at + 1]
        shape = np.frombuffer(answer, _LENGTH, rank, at + 2)
        at += 2 + _LENGTH.itemsize * rank
        count = int(np.prod(shape, dtype=np.int64))
        values = np.frombuffer(answer[at : at + count * dtype.itemsize], dtype)
        tensors[name] = values.reshape([int(size) for size in shape]).copy()
        at += count * dtype.itemsize
    return tensors
