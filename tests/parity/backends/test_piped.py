"""The pipe to programs of other languages, with a program that gives back what it gets."""

import sys
from pathlib import Path

import numpy as np
import pytest

from tests.parity.backends.graphs import BFLOAT16, floats
from vaeport_parity.backends.base import Arrays, GraphFile, Runner, Tensor
from vaeport_parity.backends.piped import ELEMENT_TYPES, piped_runner

ECHO = """
import struct, sys
while head := sys.stdin.buffer.read(8):
    content = sys.stdin.buffer.read(struct.unpack("<Q", head)[0])
    sys.stdout.buffer.write(struct.pack("<Q", 1 + len(content)) + bytes([0]) + content)
    sys.stdout.buffer.flush()
"""
REFUSE = """
import struct, sys
sys.stdin.buffer.read(8)
said = "x: größer".encode()
sys.stdout.buffer.write(struct.pack("<Q", 1 + len(said)) + bytes([1]) + said)
sys.stdout.buffer.flush()
sys.stdin.buffer.read()
"""
DIE = "import sys; print('no such model', file=sys.stderr); sys.exit(3)"


def runner(program: str, arrays: Arrays, folder: Path) -> Runner:
    tensors = {name: Tensor(name, values.dtype.name, values.shape) for name, values in arrays.items()}
    return piped_runner([sys.executable, "-c", program], GraphFile("g", folder, tensors, tensors, None, folder, folder))


@pytest.mark.parametrize("shape", [(), (0, 3), (2, 3), (1, 2, 1, 2, 1)])
def test_every_type_goes_there_and_back(shape: tuple[int, ...], tmp_path: Path) -> None:
    values = np.asarray(floats(*shape) * 3)
    arrays = {name: values.astype(BFLOAT16 if name == "bfloat16" else name) for name in ELEMENT_TYPES}
    arrays["strided"] = np.asfortranarray(values)
    run = runner(ECHO, arrays, tmp_path)

    for _ in range(2):
        answers = run(arrays)

    assert list(answers) == list(arrays)
    for name, given in arrays.items():
        assert answers[name].dtype == given.dtype
        assert answers[name].shape == given.shape
        assert answers[name].tobytes() == given.tobytes()


def test_what_the_program_says_is_raised(tmp_path: Path) -> None:
    arrays = {"x": floats(2)}

    with pytest.raises(RuntimeError, match="^x: größer$"):
        runner(REFUSE, arrays, tmp_path)(arrays)


def test_program_that_ends_is_told_with_its_last_words(tmp_path: Path) -> None:
    arrays = {"x": floats(100_000)}

    with pytest.raises(RuntimeError, match="^the program ended with 3: no such model$"):
        runner(DIE, arrays, tmp_path)(arrays)


def test_type_that_is_not_carried_is_refused(tmp_path: Path) -> None:
    arrays = {"x": np.array([1 + 1j])}

    with pytest.raises(TypeError, match="the pipe takes no complex128, the type of the input 'x'"):
        runner(ECHO, arrays, tmp_path)
