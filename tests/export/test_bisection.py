from itertools import pairwise

import pytest
from onnx import ModelProto, NodeProto, TensorProto, helper

from vaeport_parity.locating.bisection import Found, first_bad_node


def model_of(*nodes: NodeProto) -> ModelProto:
    names = [name for node in nodes for name in node.output]
    infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in names]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])]
    return helper.make_model(helper.make_graph(nodes, "g", inputs, infos[-1:], value_info=infos[:-1]))


def row_of(length: int) -> ModelProto:
    """x -> t0 -> t1 -> ..."""
    names = ["x", *(f"t{index}" for index in range(length))]
    return model_of(*(helper.make_node("Neg", [a], [b], name=b) for a, b in pairwise(names)))


def found_in(model: ModelProto, output: str, bad: set[str], unknown: set[str] | None = None) -> tuple[Found, list[str]]:
    asked: list[str] = []

    def judge(tensor: str) -> bool | None:
        asked.append(tensor)
        return None if tensor in (unknown or ()) else tensor in bad

    found = first_bad_node(model, output, judge)
    assert found is not None
    return found, asked


@pytest.mark.parametrize("first", [0, 1, 31, 62, 63])
def test_first_bad_node_of_a_row_is_found_with_few_questions(first: int) -> None:
    found, asked = found_in(row_of(64), "t63", {f"t{index}" for index in range(first, 64)})

    assert (found.node.name, found.unknown, found.in_time) == (f"t{first}", (), True)
    assert len(asked) == len(set(asked)) <= 8


def test_good_output_has_no_bad_node() -> None:
    assert first_bad_node(row_of(3), "t2", lambda _: False) is None
    assert first_bad_node(row_of(3), "t2", lambda _: None) is None


def test_unknown_tensors_are_passed_over_and_counted() -> None:
    found, _ = found_in(row_of(16), "t15", {f"t{index}" for index in range(7, 16)}, {"t6", "t7", "t8"})

    assert (found.node.name, found.unknown) == ("t9", ("t6", "t7", "t8"))
    assert found.last_good is not None
    assert found.last_good.name == "t5"


def test_bad_branch_beside_a_good_one_is_found() -> None:
    model = model_of(
        helper.make_node("Neg", ["x"], ["a"], name="a"),
        helper.make_node("Neg", ["a"], ["b"], name="b"),
        helper.make_node("Abs", ["x"], ["c"], name="c"),
        helper.make_node("Abs", ["c"], ["d"], name="d"),
        helper.make_node("Add", ["b", "d"], ["sum"], name="sum"),
    )

    found, _ = found_in(model, "sum", {"a", "b", "sum"})

    assert found.node.name == "a"


def test_what_a_node_reads_may_be_unknown_though_a_good_branch_stands_between() -> None:
    model = model_of(
        helper.make_node("Neg", ["x"], ["a"], name="a"),
        helper.make_node("Abs", ["x"], ["b"], name="b"),
        helper.make_node("Add", ["a", "b"], ["sum"], name="sum"),
    )

    found, _ = found_in(model, "sum", {"sum"}, {"a"})

    assert (found.node.name, found.unknown) == ("sum", ("a",))


def test_bad_tensor_behind_an_unknown_one_is_found_though_a_good_branch_stands_between() -> None:
    model = model_of(
        helper.make_node("Neg", ["x"], ["a"], name="a"),
        helper.make_node("Neg", ["a"], ["b"], name="b"),
        helper.make_node("Neg", ["b"], ["c"], name="c"),
        helper.make_node("Abs", ["x"], ["d"], name="d"),
        helper.make_node("Add", ["c", "d"], ["sum"], name="sum"),
    )

    found, _ = found_in(model, "sum", {"b", "sum"}, {"c"})

    assert (found.node.name, found.unknown) == ("b", ())


def test_long_branch_is_bisected_too() -> None:
    names = ["x", *(f"t{index}" for index in range(64))]
    branch = [helper.make_node("Neg", [a], [b], name=b) for a, b in pairwise(names)]
    side = helper.make_node("Abs", ["x"], ["side"], name="side")
    model = model_of(*branch, side, helper.make_node("Add", ["t63", "side"], ["sum"], name="sum"))

    found, asked = found_in(model, "sum", {"sum", *(f"t{index}" for index in range(20, 64))})

    assert found.node.name == "t20"
    assert len(asked) <= 16


def test_end_of_the_time_leaves_what_was_known() -> None:
    answers = iter([True, True, False])  # for t15, t7 and t3

    def judge(_: str) -> bool:
        try:
            return next(answers)
        except StopIteration:
            raise TimeoutError from None

    found = first_bad_node(row_of(16), "t15", judge)

    assert found is not None
    assert (found.node.name, found.in_time) == ("t7", False)
    assert found.unknown == ("t4", "t5", "t6")
