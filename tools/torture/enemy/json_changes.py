"""Changes to JSON that know its structure: every type at every place, and text that no encoder would write."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from typing import Any

_RAW = "@@raw:{}@@"

_MOST_SHOWN = 1e100
"""Numbers from here on become neither texts nor other numbers: Python would refuse some."""

RAW_TEXTS = (
    "1e999",
    "-1e999",
    "1e-999",
    "-0",
    "1E+2",
    "1" + "0" * 30,
    "1" + "0" * 400,
    "-1" + "0" * 5000,
    "0." + "3" * 3000,
    "NaN",
    "-Infinity",
    "[" * 900 + "]" * 900,
    "[" * 100_000 + "]" * 100_000,
    '{"a":' * 500 + "1" + "}" * 500,
    '{"a":1,"a":2}',
    '"\\ud800"',
    '"\\u0000"',
    '"\ud83d\ude00"'.encode("utf-16", "surrogatepass").decode("utf-16"),
    '"unfinished',
    "[1,]",
    "'single'",
    "tru",
    "01",
    "/* c */ 1",
    "",
)
"""Text put where a value stood, as it is."""

VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    2,
    3,
    0.5,
    -0.0,
    1.0,
    1e-300,
    1.7e308,
    255,
    256,
    65535,
    65536,
    65537,
    2**23,
    2**31 - 1,
    2**31,
    2**53 + 1,
    2**63 - 1,
    2**63,
    2**64,
    10**30,
    "",
    " ",
    "1",
    "fp32",
    "fp16",
    "cat",
    "../../etc/passwd",
    "/dev/zero",
    "checkpoint/config.json",
    "\x00",
    "\x1b[31mred",
    "line\nbreak",
    "\u202eright to left",
    "\ufeffmark",
    "e\u0301",
    "\U0001f600",
    "x" * 300,
    "x" * 100_000,
    "aten.from_file.default",
    "%s{0.__class__}",
    [],
    {},
    [[]],
    [None],
    [1, 1, 1],
    [1, 4, 4],
    [3, 4, 4],
    [-1, 4, 4],
    [0, 0, 0],
    [1, 2**31, 2**31],
    [1, 16384, 16384],
    [1.0, 4.0, 4.0],
    ["cat", "dog", "owl"],
    ["cat", "cat", "owl"],
    ["cat", 1],
    [16384] * 20,
    list(range(3000)),
    {"a": 1},
    {"": ""},
    {"ref": "x"},
    {"float": "nan"},
    {"dtype": "float64"},
)
"""Values put where another stood."""


def change_json(value: Any, dice: random.Random, *, indent: int | None = 2) -> bytes:
    """Text of another JSON value than this, by one to three changes; at times it is no JSON at all.

    Args:
        value: what was written; it is not touched.
        dice: random numbers of this case.
        indent: as of `json.dumps`.
    """
    root = [json.loads(json.dumps(value))]
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        holder, key = _place(root, dice)
        dice.choice(_CHANGES)(holder, key, dice)
    text = json.dumps(root[0], indent=indent, ensure_ascii=dice.random() < 0.2)
    for number, raw in enumerate(RAW_TEXTS):
        text = text.replace(json.dumps(_RAW.format(number)), raw)
    return text.encode("utf-8", "surrogatepass") + b"\n"


def _place(root: list[Any], dice: random.Random) -> tuple[Any, Any]:
    """A list or object, and the index or key of a value in it: every level is as likely as the one above."""
    holder: Any = root
    key: Any = 0
    while True:
        value = holder[key]
        if not isinstance(value, list | dict) or not value or dice.random() < 0.15:
            return holder, key
        holder, key = value, dice.choice(list(value) if isinstance(value, dict) else range(len(value)))


def _put_value(holder: Any, key: Any, dice: random.Random) -> None:
    holder[key] = _value(dice)


def _value(dice: random.Random) -> Any:
    """A value of its own: later changes may change it."""
    return copy.deepcopy(dice.choice(VALUES))


def _put_text(holder: Any, key: Any, dice: random.Random) -> None:
    holder[key] = _RAW.format(dice.randrange(len(RAW_TEXTS)))


def _bend(holder: Any, key: Any, dice: random.Random) -> None:
    """A value near the one that stands there."""
    value = holder[key]
    if isinstance(value, bool) or value is None:
        holder[key] = not value
    elif isinstance(value, int):
        near = (value + 1, value - 1, -value, value * 2, str(value) if abs(value) < _MOST_SHOWN else 0)
        holder[key] = dice.choice((*near, value + 0.5, float(value)) if abs(value) < _MOST_SHOWN else near)
    elif isinstance(value, float):
        close = (value * 2, -value, value + 1e-9, repr(value))
        holder[key] = dice.choice((*close, int(value)) if abs(value) < _MOST_SHOWN else close)
    elif isinstance(value, str):
        place = dice.randrange(len(value) + 1)
        extra = dice.choice(("", "x", "\0", "\x1b", "/", "..", " ", "\u0301", "9"))
        holder[key] = value[:place] + extra + value[place + dice.randrange(2) :]
    elif isinstance(value, list):
        holder[key] = dice.choice((value[:-1], value + value[-1:], value[::-1], value * 2, value[:1] * len(value)))
    else:
        names = list(value)
        dice.shuffle(names)
        holder[key] = {name: value[name] for name in names[dice.randrange(2) :]}


def _remove(holder: Any, key: Any, _: random.Random) -> None:
    if len(holder) > 1:
        del holder[key]


def _rename(holder: Any, key: Any, dice: random.Random) -> None:
    if isinstance(holder, dict):
        holder[dice.choice((key.upper(), f"{key} ", f"{key}\0", "../x", "", key[:-1], "\u202e", "\n"))] = holder.pop(
            key
        )


def _add(holder: Any, _key: Any, dice: random.Random) -> None:
    if isinstance(holder, dict):
        holder[dice.choice(("extra", "__class__", "fp64", "../x", "", "\u0000", "digest", "x" * 5000))] = _value(dice)
    elif len(holder) < 50:
        holder.insert(dice.randrange(len(holder) + 1), _value(dice))


def _wrap(holder: Any, key: Any, dice: random.Random) -> None:
    holder[key] = dice.choice(([holder[key]], {"a": holder[key]}, [holder[key]] * 2))


def _swap(holder: Any, key: Any, dice: random.Random) -> None:
    other = dice.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    holder[key], holder[other] = holder[other], holder[key]


_CHANGES: tuple[Callable[[Any, Any, random.Random], None], ...] = (
    *(_put_value,) * 6,
    *(_put_text,) * 2,
    *(_bend,) * 6,
    *(_remove,) * 2,
    _rename,
    _add,
    _wrap,
    _swap,
)
