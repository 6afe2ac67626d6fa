"""Graphs run by a program of another language, which is asked through its standard input and answers on its output.

A request is the number of rows as int32, then the float32 values of each input. An answer is int32 0 and the values of
each output, or int32 1, the length of a message as int32, and the message. All numbers are little-endian.
"""

import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .base import GraphFile, Runner

_INT = np.dtype("<i4")
_FLOAT = np.dtype("<f4")


def piped_runner(command: Sequence[str], graph: GraphFile) -> Runner:
    """Start a program that has loaded a graph; it ends when this process does.

    Raises:
        RuntimeError: on a run, where the program says so or has ended.
    """
    errors = (graph.scratch / "stderr.txt").open("w+b")
    program = subprocess.Popen(list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)

    def take(count: int, dtype: np.dtype[Any]) -> NDArray[Any]:
        content = program.stdout.read(count * dtype.itemsize) if program.stdout else b""
        if len(content) < count * dtype.itemsize:
            errors.seek(0)
            said = errors.read().decode(errors="replace").strip().splitlines()
            raise RuntimeError(f"the program ended with {program.wait()}: {said[-1] if said else 'without a word'}")
        return np.frombuffer(content, dtype)

    def run(inputs: dict[str, NDArray[Any]]) -> Mapping[str, Any]:
        batch = len(next(iter(inputs.values())))
        values = [np.ascontiguousarray(inputs[name], _FLOAT).tobytes() for name in graph.inputs]
        try:
            if program.stdin:
                program.stdin.write(b"".join([np.array(batch, _INT).tobytes(), *values]))
                program.stdin.flush()
        except BrokenPipeError:
            pass  # what it said is read below
        if take(1, _INT)[0]:
            length = int(take(1, _INT)[0])
            raise RuntimeError(take(length, np.dtype("u1")).tobytes().decode(errors="replace"))
        return {
            name: take(batch * int(np.prod(row)), _FLOAT).reshape(batch, *row).copy()
            for name, row in graph.outputs.items()
        }

    return run
