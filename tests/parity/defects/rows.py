"""Defects that some rows or runs alone show: by the batch's size, by what the image is, by chance."""

from collections.abc import Callable, Iterator

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper

from vaeport.images.scaling import from_uint8
from vaeport_train.data import load_dataset

from .editing import DECODER, ENCODER, Change, before, constants, golden_arrays, graph, made, node_of, spliced
from .kinds import BLOG, CONV, Defect, Plant

_PIXELS = [1, 2, 3]


def _rows_of(source: str) -> Iterator[NodeProto]:
    """Nodes that give the batch's size as `rows`, int64 [1]."""
    yield made("Shape", source, "all_sizes", "sizes_of_batch")
    yield made("Gather", "all_sizes at_rows", "rows", "rows_of_batch", axis=0)


def by_batch(output: str, source: str, condition: Callable[[], list[NodeProto]], numbers: dict[str, object]) -> Change:
    """An output is 0.01 off where a condition on the batch's size, `rows`, holds: it gives `astray`, bool [1]."""

    def change(model: ModelProto) -> None:
        constants(model, at_rows=[0], amount=0.01, **numbers)
        nodes = [
            *_rows_of(source),
            *condition(),
            made("Cast", "astray", "as_number", "astray_as_number", to=TensorProto.FLOAT),
            made("Mul", "as_number amount", "drift", "drift_of_batch"),
            made("Add", "raw drift", "cooked", "drifted"),
        ]
        spliced(model, output, nodes)

    return change


def _exactly(size: int) -> Change:
    return by_batch("linear_1", "z", lambda: [made("Equal", "rows limit", "astray", "is_size")], {"limit": [size]})


def _from(size: int) -> Change:
    def condition() -> list[NodeProto]:
        return [made("GreaterOrEqual", "rows limit", "astray", "is_large")]

    return by_batch("linear_1", "z", condition, {"limit": [size]})


def _odd(model: ModelProto) -> None:
    def condition() -> list[NodeProto]:
        return [
            made("Mod", "rows two", "rest", "rest_of_two"),
            made("Equal", "rest one_left", "odd", "is_odd"),
            made("Greater", "rows eight", "many", "is_many"),
            made("And", "odd many", "astray", "odd_and_many"),
        ]

    numbers: dict[str, object] = {"two": [2], "one_left": [1], "eight": [8]}
    by_batch("linear_1", "z", condition, numbers)(model)


def _rows_beyond(limit: int, output: str, source: str, *shape: int) -> Change:
    """Rows of a batch from a number on come out as 0.5: a buffer that was too small."""

    def change(model: ModelProto) -> None:
        constants(model, at_rows=[0], limit=limit, gone=0.5, zero=0, step=1, as_column=[-1, *shape], scalar=[0])
        nodes = [
            *_rows_of(source),
            made("Squeeze", "rows scalar", "count", "count_of_rows"),
            made("Range", "zero count step", "numbers", "number_of_row"),
            made("Less", "numbers limit", "inside", "inside_buffer"),
            made("Reshape", "inside as_column", "inside_column", "inside_by_row"),
            made("Where", "inside_column raw gone", "cooked", "cut_rows"),
        ]
        spliced(model, output, nodes)

    return change


def _last_row_lost(model: ModelProto) -> None:
    """The last row of a batch of 9 or more is not computed: zeros stand there."""
    constants(model, at_rows=[0], zero=0, step=1, as_column=[-1, 1, 1, 1], scalar=[0], gone=0.0, few=9)
    nodes = [
        *_rows_of("z"),
        made("Squeeze", "rows scalar", "count", "count_of_rows"),
        made("Range", "zero count step", "numbers", "number_of_row"),
        made("Sub", "count step", "last", "last_of_rows"),
        made("Less", "numbers last", "inside", "before_last"),
        made("Less", "count few", "small", "small_batch"),
        made("Or", "inside small", "right", "right_rows"),
        made("Reshape", "right as_column", "right_column", "right_by_row"),
        made("Where", "right_column raw gone", "cooked", "lost_rows"),
    ]
    spliced(model, "image", nodes)


def _branch_on_batch(model: ModelProto) -> None:
    """If the batch has 100 rows, another branch is taken, which is a little off."""

    def branch(name: str, nodes: list[NodeProto]) -> object:
        info = helper.make_tensor_value_info(f"{name}_out", TensorProto.FLOAT, None)
        return helper.make_graph(nodes, name, [], [info])

    constants(model, at_rows=[0], hundred=[100], scalar=[0], amount=0.01)
    right = branch("usual", [made("Identity", "linear_1_before", "usual_out", "usual_way")])
    wrong = branch("special", [made("Add", "linear_1_before amount", "special_out", "special_way")])
    nodes = [
        *_rows_of("z"),
        made("Equal", "rows hundred", "is_hundred", "compare_rows"),
        made("Squeeze", "is_hundred scalar", "chosen", "chosen_way"),
        made("If", "chosen", "cooked", "branch_on_batch", then_branch=wrong, else_branch=right),
    ]
    spliced(model, "linear_1", nodes)


def _branch_that_does_nothing(model: ModelProto) -> None:
    """Both branches are alike today; the graph is another one by the batch's size all the same."""
    _branch_on_batch(model)
    node = node_of(model, "branch_on_batch")
    wrong = next(each.g for each in node.attribute if each.name == "then_branch")
    del wrong.node[:]
    wrong.node.append(made("Identity", "linear_1_before", "special_out", "special_way"))


def _image_mean(source: str) -> list[NodeProto]:
    return [made("ReduceMean", f"{source} over_pixels", "of_image", "mean_of_image", keepdims=0)]


def by_image(output: str, nodes: list[NodeProto], numbers: dict[str, object], *, amount: float = 0.05) -> Change:
    """An output of the encoder is off where nodes say `astray`, bool [N], of an image."""

    def change(model: ModelProto) -> None:
        constants(model, over_pixels=_PIXELS, amount=amount, as_rows=[-1, 1], **numbers)
        own = [NodeProto.FromString(node.SerializeToString()) for node in nodes]
        more = [
            made("Cast", "astray", "as_number", "astray_as_number", to=TensorProto.FLOAT),
            made("Reshape", "as_number as_rows", "as_column", "astray_by_row"),
            made("Mul", "as_column amount", "drift", "drift_of_image"),
            made("Add", "raw drift", "cooked", "drifted"),
        ]
        spliced(model, output, [*own, *more])

    return change


_OUTPUT = {BLOG: "linear_3", CONV: "add_297"}
_DRIFT = ("drifted", "drift_of_image", "astray_as_number")


def _alone() -> list[NodeProto]:
    return [*_rows_of("image"), made("Equal", "rows one_row", "single", "is_alone")]


def _extreme(name: str, nodes: list[NodeProto], numbers: dict[str, object], base: str) -> Defect:
    """Wrong for one kind of image where it is alone in its batch."""
    whole = [*_image_mean("image"), *_alone(), *nodes, made("And", "kind single", "astray", "kind_alone")]
    numbers = {"at_rows": [0], "one_row": [1], **numbers}
    return Defect(name, base, graph(by_image(_OUTPUT[base], whole, numbers), ENCODER), (*_DRIFT, "kind_alone"))


def _range_of(low: str, high: str) -> list[NodeProto]:
    return [
        made("GreaterOrEqual", f"of_image {low}", "above", "above_low"),
        made("LessOrEqual", f"of_image {high}", "below", "below_high"),
        made("And", "above below", "kind", "kind_of_image"),
    ]


_FAINT = [
    made("ReduceMax", "image over_pixels", "brightest", "brightest_of_image", keepdims=0),
    made("Less", "brightest limit", "dim", "is_dim"),
    made("Greater", "brightest nothing", "there", "is_there"),
    made("And", "dim there", "kind", "kind_of_image"),
]

EXTREMES = [
    _extreme("a blank image alone", _range_of("low", "high"), {"low": -1.0, "high": 0.0}, BLOG),
    _extreme("a full image alone", _range_of("low", "high"), {"low": 0.9999, "high": 2.0}, BLOG),
    _extreme("an inverted image alone", _range_of("low", "high"), {"low": 0.7, "high": 0.98}, CONV),
    _extreme("a faint image alone", _FAINT, {"limit": 0.35, "nothing": 0.0}, BLOG),
    _extreme("a blank image alone", _range_of("low", "high"), {"low": -1.0, "high": 0.0}, CONV),
]
"""Images at the edge of what is allowed, each alone in its batch."""


def _one_in_a_thousand(output: str) -> Plant:
    """Wrong for the images whose mean is that of one embedded digit, which is none of the golden images."""

    def plant(folder: object) -> None:
        digits = from_uint8(load_dataset("mnist-5k").evaluation_images()).mean(axis=(1, 2, 3), dtype=np.float64)
        known = from_uint8(golden_arrays(folder)["encoder_classifier.image"]).mean(axis=(1, 2, 3), dtype=np.float64)  # type: ignore[arg-type]
        every = np.sort(np.concatenate([digits, known]))
        apart = [np.sort(np.abs(every - mean))[1] for mean in digits]
        chosen = float(digits[int(np.argmax(np.where(np.abs(digits - np.median(digits)) < 0.03, apart, 0)))])
        numbers: dict[str, object] = {"low": chosen - 2e-6, "high": chosen + 2e-6}
        nodes = [*_image_mean("image"), *_range_of("low", "high"), made("Identity", "kind", "astray", "as_found")]
        graph(by_image(output, nodes, numbers, amount=0.1), ENCODER)(folder)  # type: ignore[arg-type]

    return plant


def _random(kind: str, amount: float, output: str = "linear_1", **attributes: object) -> Change:
    def change(model: ModelProto) -> None:
        constants(model, amount=amount)
        nodes = [
            made(kind, "raw", "noise", "drawn_noise", **attributes),
            made("Mul", "noise amount", "faint_noise", "scaled_noise"),
            made("Add", "raw faint_noise", "cooked", "with_noise"),
        ]
        spliced(model, output, nodes)

    return change


def _random_in_function(model: ModelProto) -> None:
    body = [
        made("RandomNormalLike", "x", "noise", "inner_noise"),
        made("Sub", "noise noise", "none", "inner_none"),
        made("Add", "x none", "y", "inner_sum"),
    ]
    function = helper.make_function("local", "Quiet", ["x"], ["y"], body, [helper.make_opsetid("", 18)])
    model.functions.append(function)
    model.opset_import.append(helper.make_opsetid("local", 1))
    call = made("Quiet", "raw", "cooked", "call_quiet")
    call.domain = "local"
    spliced(model, "linear_1", [call])


def _dropout(model: ModelProto) -> None:
    constants(model, ratio=1e-6)
    model.graph.initializer.append(helper.make_tensor("training", TensorProto.BOOL, [], [True]))
    spliced(model, "sigmoid", [made("Dropout", "raw ratio training", "cooked", "left_on")])


def _flipped(model: ModelProto) -> None:
    """Images are read upside down."""
    constants(model, start=[27], end=[-29], axis=[2], step=[-1])
    before(model, "image", [made("Slice", "raw start end axis step", "cooked", "upside_down")])


def _batch(name: str, change: Change, *where: str, trusted: bool = False, base: str = BLOG) -> Defect:
    return Defect(name, base, graph(change, DECODER), where, trusted=trusted)


_BY_SIZE = ("drifted", "drift_of_batch", "astray_as_number")

ROWS = [
    _batch("a batch of 3 is off", _exactly(3), *_BY_SIZE),
    _batch("a batch of 64 is off", _exactly(64), *_BY_SIZE),
    _batch("a batch of 100 is off", _exactly(100), *_BY_SIZE),
    _batch("a batch of 300 is off", _exactly(300), *_BY_SIZE),
    _batch("batches from 1,000 on are off", _from(1000), *_BY_SIZE),
    _batch("odd batches from 9 on are off", _odd, *_BY_SIZE),
    _batch("rows beyond the 64th are lost", _rows_beyond(64, "image", "z", 1, 1, 1), "cut_rows"),
    _batch("rows beyond the 256th are lost", _rows_beyond(256, "image", "z", 1, 1, 1), "cut_rows", base=CONV),
    _batch("the last row is not computed", _last_row_lost, "lost_rows"),
    _batch("a branch for batches of 100", _branch_on_batch, "branch_on_batch", "special_way", "special", trusted=True),
    _batch(
        "a branch on the batch's size that does nothing",
        _branch_that_does_nothing,
        "branch_on_batch",
        "special_way",
        trusted=True,
    ),
    *EXTREMES,
    Defect("one image in a thousand", BLOG, _one_in_a_thousand(_OUTPUT[BLOG]), (*_DRIFT, "as_found")),
    Defect("one image in a thousand", CONV, _one_in_a_thousand(_OUTPUT[CONV]), (*_DRIFT, "as_found")),
    Defect("images upside down", BLOG, graph(_flipped, ENCODER), ("upside_down",)),
    _batch("noise far below the floor", _random("RandomNormalLike", 1e-12), "drawn_noise"),
    _batch("noise that is not repeatable", _random("RandomUniformLike", 1e-4), "drawn_noise"),
    _batch("noise with a seed", _random("RandomNormalLike", 1e-12, seed=3.0), "drawn_noise"),
    _batch("noise inside a function", _random_in_function, "inner_noise", "call_quiet", "Quiet"),
    _batch("dropout left on", _dropout, "left_on"),
]
"""All of these."""
