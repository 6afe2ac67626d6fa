"""Captured programs as an enemy would write them: what each does, the error that it ends in, and words of it."""

import json
from typing import Any

from vaeport.errors import BundleError, InputError

Step = tuple[Any, ...]
Case = tuple[bytes, type[Exception], str]

X, W = {"ref": "x"}, {"ref": "w"}
ROWS = 2


def ref(name: str) -> dict[str, str]:
    return {"ref": name}


def dtype(name: str) -> dict[str, str]:
    return {"dtype": name}


def program(*steps: Step, **changes: Any) -> bytes:
    """The text of a program on x [2, 16] and the weight w [16, 16]; a step is name, operator, arguments, options."""
    nodes = [dict(zip(("name", "target", "args", "kwargs"), (*step, {})[:4], strict=True)) for step in steps]
    values = {
        "format": 1,
        "inputs": ["x"],
        "outputs": ["y"],
        "tensors": {"w": "w"},
        "buffers": [],
        "nodes": nodes,
        "results": [ref(nodes[-1]["name"]) if nodes else X],
        "keys": {},
    }
    return json.dumps({**values, **changes}).encode()


def one(target: str, *args: Any, **kwargs: Any) -> bytes:
    return program(("y", target, list(args), kwargs))


VIEW = ("v", "aten.expand.default", [W, [10**9, 16, 16]])
"""A view of a billion matrices, which takes no memory."""
PIXELS = ("p", "aten.reshape.default", [X, [-1, 1, 4, 4]])
KERNEL = ("k", "aten.reshape.default", [W, [16, 1, 4, 4]])
WHOLE = ("i", "aten.to.dtype", [X, dtype("int64")])
FLAT = ("f", "aten.flatten.using_ints", [W])


def filled(name: str, shape: list[int], value: object, kind: str = "int64") -> Step:
    return (name, "aten.full.default", [shape, value], {"dtype": dtype(kind)})


FAR = filled("far", [2, 2], 10**12)
FAR_ROW = filled("far", [2], 10**12)
LEAST, MINUS = filled("least", [2, 64], -(2**63)), filled("minus", [2, 64], -1)
STATE = ("h", "aten.full.default", [[1, 2, 3], 0.5])
STEPS = ("s", "aten.reshape.default", [X, [1, -1, 16]])
CUT = "no captured program"
MUCH, LONG, DEEP = "MiB for 2 rows", "operations for each of 2 rows", "nested too deeply"
NOT_ALLOWED = "is not known or not allowed"


def refused(content: bytes, words: str = NOT_ALLOWED) -> Case:
    """When it is parsed."""
    return content, BundleError, words


def stopped(words: str, *steps: Step) -> Case:
    """Before or while it runs."""
    return program(*steps), InputError, words


MEMORY: dict[str, Case] = {
    "full": stopped(MUCH, ("y", "aten.full.default", [[10**5, 10**5], 1.0])),
    "zeros on the processor": stopped(MUCH, ("y", "aten.zeros.default", [[10**10]], {"device": {"device": "cpu"}})),
    "arange": stopped(MUCH, ("y", "aten.arange.default", [10**10])),
    "a window": stopped(MUCH, ("y", "aten.kaiser_window.default", [10**10])),
    "expand, then copy": stopped(MUCH, VIEW, ("y", "aten.clone.default", [ref("v")])),
    "repeat": stopped(MUCH, ("y", "aten.repeat.default", [X, [10**5, 10**5]])),
    "tile": stopped(MUCH, ("y", "aten.tile.default", [X, [10**5, 10**5]])),
    "repeat_interleave": stopped(MUCH, ("y", "aten.repeat_interleave.self_int", [X, 10**10])),
    "one_hot": stopped(MUCH, WHOLE, ("y", "aten.one_hot.default", [ref("i"), 10**9])),
    "pad": stopped(MUCH, ("y", "aten.pad.default", [X, [10**9, 10**9]])),
    "upsample": stopped(MUCH, PIXELS, ("y", "aten.upsample_nearest2d.vec", [ref("p"), [10**5, 10**5], None])),
    "adaptive pool": stopped(MUCH, PIXELS, ("y", "aten.adaptive_avg_pool2d.default", [ref("p"), [10**5, 10**5]])),
    "convolution of padding": stopped(
        MUCH, PIXELS, KERNEL, ("y", "aten.conv2d.default", [ref("p"), ref("k"), None, [1, 1], [10**5, 10**5]])
    ),
    "transposed convolution": stopped(
        MUCH,
        PIXELS,
        ("k", "aten.reshape.default", [W, [1, 16, 4, 4]]),
        ("y", "aten.conv_transpose2d.input", [ref("p"), ref("k"), None, [10**4, 10**4]]),
    ),
    "patches of a wide convolution": stopped(
        MUCH,
        filled("a", [1, 1, 2000, 2000], 0.5, "float64"),
        filled("b", [1, 1, 500, 500], 0.5, "float64"),
        ("y", "aten.conv2d.default", [ref("a"), ref("b")]),
    ),
    "im2col": stopped(
        MUCH,
        filled("a", [1, 1, 1000, 1000], 0.5, "float32"),
        ("y", "aten.im2col.default", [ref("a"), [500, 500], [1, 1], [0, 0], [1, 1]]),
    ),
    "outer products": stopped(
        MUCH, ("a", "aten.kron.default", [W, W]), ("y", "aten.kron.default", [ref("a"), ref("a")])
    ),
    "einsum": stopped(MUCH, ("y", "aten.einsum.default", ["ij,kl,mn,op->ijklmnop", [W, W, W, W]])),
    "meshgrid": stopped(
        MUCH,
        FLAT,
        ("g", "aten.meshgrid.indexing", [[ref("f")] * 6], {"indexing": "ij"}),
        ("o", "getitem", [ref("g"), 0]),
        ("y", "aten.contiguous.default", [ref("o")]),
    ),
    "a Fourier transform": stopped(MUCH, ("y", "aten.fft_fft.default", [X, 10**10])),
    "a histogram": stopped(MUCH, ("y", "aten.histc.default", [X, 10**10])),
    "indices of nothing": stopped(MUCH, ("y", "aten.nonzero_static.default", [X], {"size": 10**10})),
    "a size that is computed": stopped(
        MUCH,
        ("n", "aten.sym_size.int", [X, 0]),
        ("m", "mul", [ref("n"), 10**12]),
        ("y", "aten.full.default", [[ref("m")], 1.0]),
    ),
    "a size beyond 64 bits": stopped(
        "beyond 64 bits",
        ("n", "aten.sym_size.int", [X, 0]),
        *((f"n{each}" if each else "m", "mul", [ref("n"), 2**62]) for each in range(2)),
    ),
    "many that stay": stopped(
        MUCH,
        *((f"a{each}", "aten.full.default", [[2**20], float(each)]) for each in range(100)),
        ("y", "aten.cat.default", [[ref(f"a{each}") for each in range(100)]]),
    ),
    "a billion rows": stopped("into more than 4096", VIEW, ("u", "aten.unbind.int", [ref("v")])),
    "a billion pieces": stopped("into more than 4096", VIEW, ("u", "aten.split.Tensor", [ref("v"), 1])),
    **{
        f"a billion parts of {name}": stopped(
            "but may cut into 4096", VIEW, ("u", f"aten.{name}", [ref("v"), 10**9]), ("y", "getitem", [ref("u"), 0])
        )
        for name in ("chunk.default", "unsafe_chunk.default", "tensor_split.sections", "vsplit.int")
    },
}
TIME: dict[str, Case] = {
    "sum of a view": stopped(LONG, VIEW, ("y", "aten.sum.default", [ref("v")])),
    "a wide pool": stopped(
        LONG,
        filled("a", [1, 1, 3000, 3000], 1.0, "float32"),
        ("y", "aten.max_pool2d.default", [ref("a"), [1000, 1000], [1, 1]]),
    ),
    "products of whole numbers": stopped(LONG, filled("a", [2048, 2048], 1), ("y", "aten.mm.default", [ref("a")] * 2)),
    "thousands of products": stopped(
        LONG,
        ("e", "aten.expand.default", [W, [1024, 16, 16]]),
        ("m0", "aten.reshape.default", [ref("e"), [512, 512]]),
        *((f"m{each + 1}", "aten.mm.default", [ref(f"m{each}")] * 2) for each in range(3000)),
    ),
    "thousands of exponentials": stopped(
        LONG,
        filled("m0", [1024, 1024], 0.5, "float32"),
        *((f"m{each + 1}", "aten.exp.default", [ref(f"m{each}")]) for each in range(3000)),
    ),
    "decompositions": stopped(
        LONG, filled("a", [4096, 4096], 0.5, "float32"), ("y", "aten.linalg_svdvals.default", [ref("a")])
    ),
    "a network of a billion layers": stopped(
        "1 to 4096 layers",
        STEPS,
        STATE,
        ("y", "aten.gru.input", [ref("s"), ref("h"), [W] * 4, True, 10**9, 0.0, False, False, False]),
    ),
    "9,000 operators": refused(program(*((f"a{each}", "aten.relu.default", [X]) for each in range(9000))), "too many"),
}
CRASHES: dict[str, Case] = {
    **{
        f"least number by -1, {name}": stopped(
            "divides the least whole number by -1",
            LEAST,
            MINUS,
            ("y", target, [ref("least"), ref("minus")], options),
        )
        for name, target, options in (
            ("trunc", "aten.div.Tensor_mode", {"rounding_mode": "trunc"}),
            ("floor", "aten.floor_divide.default", {}),
            ("rest", "aten.remainder.Tensor", {}),
            ("in place", "aten.div_.Tensor_mode", {"rounding_mode": "trunc"}),
        )
    },
    "by 0": stopped("ZeroDivisionError", WHOLE, ("y", "aten.floor_divide.default", [ref("i"), ref("i")])),
    "recurrent weights of another size": stopped(
        "weights that fit an input of 16 and a state of 3",
        STEPS,
        STATE,
        ("y", "aten.lstm.input", [ref("s"), [ref("h")] * 2, [W] * 4, True, 1, 0.0, False, False, False]),
    ),
    "statistics of another size": stopped(
        "statistics of 16 channels",
        filled("o", [1], 0.5, "float32"),
        ("y", "aten._native_batch_norm_legit_no_training.default", [X, *[ref("o")] * 4, 0.1, 1e-5]),
    ),
    **{
        f"an index beyond, {name}": stopped(words, step, ("y", f"aten.{name}", arguments))
        for name, step, arguments, words in (
            ("gather.default", FAR, [X, 1, ref("far")], "out of bounds"),
            ("take.default", FAR, [X, ref("far")], "out of range"),
            ("embedding.default", FAR_ROW, [W, ref("far")], "out of range"),
            ("index.Tensor", FAR_ROW, [X, [ref("far")]], "out of bounds"),
            ("_unsafe_index.Tensor", FAR_ROW, [X, [ref("far")]], "out of bounds"),
            ("scatter.value", FAR, [X, 1, ref("far"), 1.0], "out of bounds"),
            ("scatter_add.default", FAR, [X, 1, ref("far"), X], "out of bounds"),
            ("index_add.default", FAR_ROW, [X, 0, ref("far"), X], "out of bounds"),
            ("index_select.default", FAR_ROW, [X, 0, ref("far")], "out of range"),
            ("nll_loss.default", FAR_ROW, [X, ref("far")], "out of bounds"),
        )
    },
    "a stride of 0": stopped(
        "stride", PIXELS, KERNEL, ("y", "aten.conv2d.default", [ref("p"), ref("k"), None, [0, 0]])
    ),
    "no groups": stopped(
        "groups", PIXELS, KERNEL, ("y", "aten.conv2d.default", [ref("p"), ref("k"), None, [1, 1], [0, 0], [1, 1], 0])
    ),
    "a mode that is none": stopped(
        "mode 9",
        PIXELS,
        filled("g", [2, 4, 4, 2], 0.5, "float32"),
        ("y", "aten.grid_sampler.default", [ref("p"), ref("g"), 9, 9, False]),
    ),
}
FORBIDDEN = [
    "as_strided.default",
    "set_.source_Tensor",
    "resize_.default",
    "from_file.default",
    "save.default",
    "bernoulli.default",
    "rand_like.default",
    "randn_like.default",
    "multinomial.default",
    "normal_.default",
    "empty_like.default",
    "new_empty.default",
    "record_stream.default",
    "to_sparse.default",
    "view.dtype",
    "relu.out",
    "add.out",
    "_foreach_add.Scalar",
    "quantize_per_tensor.default",
    "mvlgamma.default",
    "segment_reduce.default",
    "lstm.data",
    "add.t",
    "mul.left_t",
    "warn.default",
    "manual_seed.default",
]
REACH: dict[str, Case] = {
    "writes into a weight": stopped("writes into a weight", ("y", "aten.add_.Tensor", [W, 1.0])),
    "writes into a view of a weight": stopped(
        "writes into a weight", ("v", "aten.t.default", [W]), ("y", "aten.mul_.Tensor", [ref("v"), 2.0])
    ),
    "copies into a weight": stopped("writes into a weight", ("y", "aten.copy_.default", [W, X])),
    "a shape that depends on values": stopped("nonzero", ("y", "aten.nonzero.default", [X])),
    "a number that depends on values": stopped(
        "scalar", ("s", "aten.sum.default", [X]), ("y", "aten.item.default", [ref("s")])
    ),
    "arithmetic on tensors": stopped("is for numbers", ("y", "pow", [2, X])),
    "a tensor taken apart": stopped("getitem takes", ("y", "getitem", [X, 0])),
    **{f"operator {name}": refused(one(f"aten.{name}", X)) for name in FORBIDDEN},
    "device meta": refused(one("aten.zeros.default", [1], device="meta"), "must be null or name a device"),
    "device cuda": refused(one("aten.to.device", X, "cuda", dtype("float32")), "must be null or name a device"),
    "a type by number": refused(one("aten.to.dtype", X, 12), "must be null or name a dtype"),
    "a memory format by number": refused(one("aten.clone.default", X, memory_format=2), "must be null or name"),
    "a generator": refused(one("aten.zeros.default", [1], generator=1), "takes other arguments"),
    "an argument too many": refused(one("aten.relu.default", X, X), "takes other arguments"),
    "an unknown argument": refused(one("aten.relu.default", X, out=X), "takes other arguments"),
    "text for a number": refused(one("aten.add.Scalar", X, "1"), "is no text"),
    "dropout": refused(one("aten.dropout.default", X, 0.5, True), "dropout in training mode"),
    "dropout by reference": refused(one("aten.dropout.default", X, 0.5, W), "dropout in training mode"),
    "statistics of the batch": refused(
        one("aten.batch_norm.default", X, None, None, W, W, True, 0.1, 1e-5, False), "BatchNorm in training mode"
    ),
    "arithmetic by name": refused(one("mul", 2, 2, x=1), "takes no arguments by name"),
    "another library": refused(one("prims.add.default", X, X)),
    "an attribute": refused(one("aten.relu.__class__", X)),
    "a result that is text": refused(program(("y", "aten.relu.default", [X]), results=["text"]), "a result must be"),
}
TEXTS: dict[str, Case] = {
    "a list": refused(b"[]", "must be a JSON object"),
    "lists without end": refused(b"[" * 10**5, DEEP),
    "lists in arguments": refused(one("aten.relu.default", json.loads("[" * 70 + "]" * 70)), DEEP),
    "a key twice": refused(program(("y", "aten.relu.default", [X])).replace(b'"keys"', b'"format"'), "stands twice"),
    "10^400": refused(one("aten.add.Scalar", X, 0).replace(b"[0]", b"[0]").replace(b", 0]", b", 1" + b"0" * 400 + b"]"),
                      "not finite or beyond"),
    "1e999": refused(one("aten.add.Scalar", X, 7).replace(b", 7]", b", 1e999]"), "not finite"),
    "NaN": refused(one("aten.add.Scalar", X, 7).replace(b", 7]", b", NaN]"), "not finite"),
    "half a surrogate": refused(program(("y", "aten.relu.default", [X]), outputs=["\ud800"]), "no valid Unicode"),
    "nine megabytes": refused(b'{"format": "' + b"x" * 9 * 2**20 + b'"}', "may have 8388608"),
    "nothing": refused(b"{}", "it lacks 'format'"),
    "nodes that are none": refused(program(nodes=[1]), CUT),
    "nodes by name": refused(program(nodes={"a": 1}), CUT),
    "tensors in a list": refused(program(("y", "aten.relu.default", [X]), tensors=["w"]), CUT),
    "a weight a thousand modules down": refused(
        program(("y", "aten.relu.default", [X]), tensors={"w": "a." * 1000 + "a"}), "deeper than 32 modules"
    ),
    "a weight that is not there": (
        program(("y", "aten.relu.default", [X]), tensors={"w": "other"}), BundleError, "which is not there"
    ),
    "a weight named as an attribute": (
        program(("y", "aten.relu.default", [X]), tensors={"w": "w"}, keys={"forward": "w"}).replace(
            b'"w": "w"', b'"w": "forward"', 1
        ),
        BundleError,
        "no module can have",
    ),
}  # fmt: skip
PROGRAMS = {**MEMORY, **TIME, **CRASHES, **REACH, **TEXTS}
"""All by name."""
