"""RNN, GRU and LSTM."""

from __future__ import annotations

from ..limits import MAX_KNOWN_VALUES
from ..reading import ATTRIBUTE_STRINGS
from .call import Call, Known

_GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
_MAX_HIDDEN = 2**20


def recurrent(call: Call) -> list[Known | None]:
    """Y [T, D, N, H] and the last states [D, N, H]; with `layout` 1 the batch comes first."""
    gates = _GATES[call.node.op_type]
    steps, rows, inputs = call.shape(0, rank=3)
    layout = call.flag("layout")
    if layout:
        steps, rows = rows, steps
    hidden = call.number("hidden_size", -1)
    direction = call.text("direction", "forward")
    if direction not in ("forward", "reverse", "bidirectional") or not 0 < hidden <= _MAX_HIDDEN:
        call.fail(f"has the direction {direction[:20]!r} and a hidden size of {hidden}")
    ways = 2 if direction == "bidirectional" else 1
    state = (rows, ways, hidden) if layout else (ways, rows, hidden)
    expected = {1: (ways, gates * hidden, inputs), 2: (ways, gates * hidden, hidden), 3: (ways, 2 * gates * hidden)}
    expected |= {4: (rows,), 5: state, 6: state, 7: (ways, 3 * hidden)}
    for index, shape in expected.items():
        if index < len(call.inputs) and call.given(index) and call.input(index).shape != shape:
            call.fail(f"has input {index} of the shape {list(call.input(index).shape)}, but must have {list(shape)}")
    call.input(1), call.input(2)
    _check_lengths(call, steps)
    if len(call.attribute("activations", ATTRIBUTE_STRINGS, ())) not in (0, _ACTIVATIONS[call.node.op_type] * ways):
        call.fail("has a wrong number of activations")
    call.work += 2 * steps * rows * ways * gates * hidden * (inputs + hidden)
    call.workspace += 2 * steps * rows * ways * gates * hidden
    whole = (rows, steps, ways, hidden) if layout else (steps, ways, rows, hidden)
    return [call.like(0, whole), call.like(0, state), call.like(0, state)]


def _check_lengths(call: Call, steps: int) -> None:
    """Lengths of the sequences, if they are given, must be known and inside."""
    if not call.given(4):
        return
    if call.input(4).size > MAX_KNOWN_VALUES or not all(0 <= length <= steps for length in call.integers(4)):
        call.fail(f"has a sequence that is longer than its {steps} steps")


_ACTIVATIONS = {"RNN": 1, "GRU": 2, "LSTM": 3}
