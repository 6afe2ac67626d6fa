from collections.abc import Mapping

import pytest

from vaeport_parity.locating.bisection import FirstBad, first_bad


class Made:
    """Tensors by what they are made of, in the order of the computation."""

    def __init__(self, reads: Mapping[str, tuple[str, ...]]) -> None:
        self.reads = reads

    def above(self, tensor: str) -> list[str]:
        wanted = {tensor}
        for name in reversed(list(self.reads)):
            if name in wanted:
                wanted.update(self.reads[name])
        return [name for name in self.reads if name in wanted]


def row_of(length: int) -> Made:
    """x -> t0 -> t1 -> ..."""
    return Made({f"t{index}": (f"t{index - 1}" if index else "x",) for index in range(length)})


def found_in(graph: Made, output: str, bad: set[str], unknown: set[str] | None = None) -> tuple[FirstBad, list[str]]:
    asked: list[str] = []

    def judge(tensor: str) -> bool | None:
        asked.append(tensor)
        return None if tensor in (unknown or ()) else tensor in bad

    found = first_bad(graph, output, judge)
    assert found is not None
    return found, asked


@pytest.mark.parametrize("first", [0, 1, 31, 62, 63])
def test_first_bad_tensor_of_a_row_is_found_with_few_questions(first: int) -> None:
    found, asked = found_in(row_of(64), "t63", {f"t{index}" for index in range(first, 64)})

    assert (found.tensor, found.unknown, found.in_time) == (f"t{first}", (), True)
    assert len(asked) == len(set(asked)) <= 8


def test_good_output_has_no_bad_tensor() -> None:
    assert first_bad(row_of(3), "t2", lambda _: False) is None
    assert first_bad(row_of(3), "t2", lambda _: None) is None


def test_unknown_tensors_are_passed_over_and_counted() -> None:
    found, _ = found_in(row_of(16), "t15", {f"t{index}" for index in range(7, 16)}, {"t6", "t7", "t8"})

    assert (found.tensor, found.unknown) == ("t9", ("t6", "t7", "t8"))
    assert found.last_good == "t5"


def test_bad_branch_beside_a_good_one_is_found() -> None:
    graph = Made(
        {
            "a": ("x",),
            "b": ("a",),
            "c": ("x",),
            "d": ("c",),
            "sum": (
                "b",
                "d",
            ),
        }
    )

    found, _ = found_in(graph, "sum", {"a", "b", "sum"})

    assert found.tensor == "a"


def test_what_a_node_reads_may_be_unknown_though_a_good_branch_stands_between() -> None:
    graph = Made(
        {
            "a": ("x",),
            "b": ("x",),
            "sum": (
                "a",
                "b",
            ),
        }
    )

    found, _ = found_in(graph, "sum", {"sum"}, {"a"})

    assert (found.tensor, found.unknown) == ("sum", ("a",))


def test_bad_tensor_behind_an_unknown_one_is_found_though_a_good_branch_stands_between() -> None:
    graph = Made(
        {
            "a": ("x",),
            "b": ("a",),
            "c": ("b",),
            "d": ("x",),
            "sum": (
                "c",
                "d",
            ),
        }
    )

    found, _ = found_in(graph, "sum", {"b", "sum"}, {"c"})

    assert (found.tensor, found.unknown) == ("b", ())


def test_long_branch_is_bisected_too() -> None:
    branch = row_of(64).reads
    graph = Made({**branch, "side": ("x",), "sum": ("t63", "side")})

    found, asked = found_in(graph, "sum", {"sum", *(f"t{index}" for index in range(20, 64))})

    assert found.tensor == "t20"
    assert len(asked) <= 16


def test_end_of_the_time_leaves_what_was_known() -> None:
    answers = iter([True, True, False])  # for t15, t7 and t3

    def judge(_: str) -> bool:
        try:
            return next(answers)
        except StopIteration:
            raise TimeoutError from None

    found = first_bad(row_of(16), "t15", judge)

    assert found is not None
    assert (found.tensor, found.in_time) == ("t7", False)
    assert found.unknown == ("t4", "t5", "t6")
