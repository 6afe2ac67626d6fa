"""Changes to the original in a bundle's `checkpoint/`: its record, its captured programs, its weights."""

from __future__ import annotations

import functools
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save as save_arrays
from torch._ops import OpOverload

from vaeport.contract import GRAPHS

from .bundle import Files
from .byte_changes import changed
from .graph_changes import change_graph
from .graph_values import INTEGERS
from .json_changes import change_json

_BLOG = Path(__file__).parents[3] / "models/mnist-blog/checkpoint"
_CONFIG, _WEIGHTS = "checkpoint/config.json", "checkpoint/model.safetensors"
_PROGRAMS = tuple(f"checkpoint/{spec.program_file}" for spec in GRAPHS.values())
_PIXELS, _LATENT, _CLASSES, _HIDDEN = 16, 2, 3, 5
_LARGE_SIDE, _SMALL_SIDE = 28, 4
_DTYPES = ("float32", "float64", "int64", "bool", "float16", "complex64", "uint8", "bfloat16", "quint8", "x")


@functools.cache
def checkpoint_files() -> Files:
    """The checkpoint of `mnist-blog`, cut down to the sizes of the tiny bundle, on random weights."""
    config = json.loads((_BLOG / "config.json").read_bytes())
    config["config"]["network"] |= {
        "latent_dim": _LATENT,
        "encoder_hidden": [_HIDDEN],
        "classifier_hidden": [_HIDDEN],
        "decoder_hidden": [_HIDDEN],
    }
    config["data"] |= {"labels": ["cat", "dog", "owl"], "image_shape": [1, _SMALL_SIDE, _SMALL_SIDE]}
    files: Files = {_CONFIG: json.dumps(config, indent=2).encode()}
    for name in _PROGRAMS:
        program = json.loads((_BLOG.parent / name).read_bytes())
        files[name] = json.dumps(_smaller(program), separators=(",", ":")).encode()
    sizes = {
        "encoder": (_PIXELS, 2 * _LATENT),
        "classifier": (_PIXELS, _CLASSES),
        "decoder": (_LATENT + _CLASSES, _PIXELS),
    }
    rng, weights = np.random.default_rng(0), {}
    for part, (taken, given) in sizes.items():
        for layer, (columns, rows) in {0: (taken, _HIDDEN), 2: (_HIDDEN, given)}.items():
            weights[f"{part}.layers.{layer}.weight"] = rng.normal(size=(rows, columns)).astype(np.float32)
            weights[f"{part}.layers.{layer}.bias"] = rng.normal(size=rows).astype(np.float32)
    files[_WEIGHTS] = save_arrays(weights, {"vaeport": json.dumps({"epochs": config["config"]["training"]["epochs"]})})
    return files


def change_checkpoint(files: Files, dice: random.Random) -> tuple[str, Files]:
    """Change a bundle's original in one way.

    Args:
        files: a bundle with the files of `checkpoint_files`.
        dice: random numbers of this case.

    Returns:
        The name of the change, and the files that are other now; None in place of a content removes it.
    """
    drawn = dice.random()
    if drawn < 0.3:
        return "checkpoint: change the record", {_CONFIG: change_json(json.loads(files[_CONFIG]), dice)}
    program = dice.choice(_PROGRAMS)
    if drawn < 0.45:
        return "checkpoint: change a program", {program: change_json(json.loads(files[program]), dice, indent=None)}
    if drawn < 0.7:
        return "checkpoint: call another operator", {program: _with_operator(files[program], dice)}
    if drawn < 0.92:
        return "checkpoint: change the weights", {_WEIGHTS: _with_header(files[_WEIGHTS], dice)}
    name = dice.choice((_CONFIG, _WEIGHTS, *_PROGRAMS))
    return "checkpoint: change bytes", {name: changed(files[name], dice)}


def change_given_graph(files: Files, dice: random.Random) -> tuple[str, Files]:
    """Put ONNX files in place of the programs, one of them changed; arguments and result as of `change_checkpoint`."""
    given = {f"checkpoint/{spec.original_file}": files[spec.file("fp32")] for spec in GRAPHS.values()}
    name = dice.choice(sorted(given))
    what, content = change_graph(given[name], dice)
    return f"checkpoint: given {what}", {**given, name: content}


def _smaller(value: Any) -> Any:
    """A program of 28 x 28 images for 4 x 4 ones."""
    if isinstance(value, dict):
        return {key: _smaller(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_smaller(inner) for inner in value]
    return _SMALL_SIDE if value == _LARGE_SIDE and isinstance(value, int) else value


def _with_header(content: bytes, dice: random.Random) -> bytes:
    """A weights file with another header, or another length of it, or other values behind it."""
    end = 8 + int.from_bytes(content[:8], "little")
    header, values = json.loads(content[8:end]), content[end:]
    kind = dice.randrange(5)
    if kind == 0:
        return changed(content, dice)
    if kind == 1:
        number = dice.choice((0, 1, end, 2**31, 2**63, 2**64 - 1))
        return number.to_bytes(8, "little") + content[8:]
    if kind == 2:
        name = dice.choice([name for name in header if name != "__metadata__"])
        field = dice.choice(("dtype", "shape", "data_offsets"))
        lies: dict[str, Any] = {
            "dtype": dice.choice(("F64", "I64", "BOOL", "F8_E4M3", "BF16", "X", "", 3)),
            "shape": dice.choice(([2**62, 4], [0], [], [2**32, 2**32], [-1], [1] * 3000, header[name]["shape"][::-1])),
            "data_offsets": dice.choice(([0, 0], [0, 2**63], [4, 0], [0, 4], [0, 1, 2], [])),
        }
        header[name][field] = lies[field]
    text = json.dumps(header).encode() if kind == 2 else change_json(header, dice, indent=None)
    if kind == 3:
        values = dice.choice((b"", values[:-4], values + bytes(4), changed(values, dice)))
    return len(text).to_bytes(8, "little") + text + values


def _with_operator(content: bytes, dice: random.Random) -> bytes:
    """A program with one more operator of PyTorch's, with arguments of the kinds that it takes."""
    program = json.loads(content)
    known = [*program["inputs"], *program["tensors"], *(node["name"] for node in program["nodes"])]
    overload = dice.choice(aten_operators())
    taken = overload._schema.arguments  # noqa: SLF001 - PyTorch has no other place that says so
    args = [_argument(str(each.type), known, dice) for each in taken if not each.kwarg_only]
    kwargs = {
        each.name: _argument(str(each.type), known, dice) for each in taken if each.kwarg_only and dice.random() < 0.3
    }
    while args and dice.random() < 0.3:
        args.pop()
    place = dice.randrange(len(program["nodes"]) + 1)
    program["nodes"].insert(place, {"name": "extra", "target": str(overload), "args": args, "kwargs": kwargs})
    later = program["nodes"][place + 1 :]
    if later and dice.random() < 0.6:
        dice.choice(later)["args"][:1] = [{"ref": "extra"}]
    elif dice.random() < 0.6:
        program["results"][0] = {"ref": "extra"}
    return json.dumps(program).encode()


@functools.cache
def aten_operators() -> tuple[OpOverload, ...]:
    """Every operator of `aten`, in the order of its name."""
    found = []
    for name in sorted(torch._C._dispatch_get_all_op_names()):  # noqa: SLF001 - there is no other list
        space, _, rest = name.partition("::")
        packet, _, overload = rest.partition(".")
        held = getattr(torch.ops.aten, packet, None) if space == "aten" else None
        one = getattr(held, overload or "default", None)
        if isinstance(one, OpOverload):
            found.append(one)
    return tuple(found)


def _argument(kind: str, known: list[str], dice: random.Random) -> Any:
    """A plausible argument of a type of TorchScript."""
    if kind.startswith("Optional["):
        return None if dice.random() < 0.5 else _argument(kind[9:-1], known, dice)
    if kind.startswith("List["):
        return [_argument(kind[5:-1], known, dice) for _ in range(dice.choice((0, 1, 2, 2, 4)))]
    if kind == "Tensor":
        return {"ref": dice.choice(known)}
    if kind in ("int", "SymInt", "number"):
        return dice.choice(INTEGERS[: dice.choice((8, 19))])
    if kind == "float":
        return dice.choice((0.0, 1.0, -1.0, 1e30, 0.5))
    if kind == "bool":
        return dice.random() < 0.5
    if kind == "str":
        return dice.choice(("none", "mean", "x", "ij", "ij,jk->ik"))
    return dice.choice(({"dtype": dice.choice(_DTYPES)}, {"device": "cpu"}, {"layout": "strided"}, None))
