"""What each reader of the public API's arguments takes, and the sentence by which it refuses the rest."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vaeport.common.arguments import as_integer, file_path, flag, one_of, real_number, shown, text, whole_number
from vaeport.common.arrays import (
    MAX_MAGNITUDE,
    MOST_VALUES,
    bad_rows,
    check_answer_size,
    check_rows,
    empty,
    plain_array,
    read_rows,
)
from vaeport.common.fileio import exchange_folders, remove
from vaeport.common.plain import plain_text
from vaeport.errors import InputError


class Index:
    """An integer of somebody's own."""

    def __index__(self) -> int:
        """Seven."""
        return 7


class Broken:
    """Raises whatever it is asked."""

    def __index__(self) -> int:
        """Fail."""
        raise ZeroDivisionError

    def __fspath__(self) -> str:
        """Fail."""
        raise ZeroDivisionError


@pytest.mark.parametrize("value", [7, np.int8(7), np.uint64(7), np.array(7), Index()])
def test_integers_of_all_kinds_are_python_s(value: object) -> None:
    number = whole_number(value, "n", least=7, most=7)

    assert (number, type(number)) == (7, int)


@pytest.mark.parametrize(
    "value", [True, np.True_, 7.0, np.float64(7), "7", None, np.array([7]), np.array(7.0), Broken()]
)
def test_other_values_are_no_integers(value: object) -> None:
    assert as_integer(value) is None
    with pytest.raises(InputError, match="n is .*, but must be a whole number$"):
        whole_number(value, "n")


@pytest.mark.parametrize(
    ("least", "most", "said"),
    [
        (0, None, " of at least 0"),
        (None, 5, " of at most 5"),
        (0, 5, " from 0 to 5"),
        (0, 2**64 - 1, " from 0 to 2**64 - 1"),
        (0, 2**31, " from 0 to 2**31"),
        (0, 2**31 - 1, " from 0 to 2147483647"),
        (0, 2**40 + 5, f" from 0 to {2**40 + 5}"),
        (0, 2**64, " from 0 to 2**64"),
    ],
)
def test_range_is_told_in_words(least: int | None, most: int | None, said: str) -> None:
    outside = -1 if least is not None else 6

    with pytest.raises(InputError) as caught:
        whole_number(outside, "n", least=least, most=most)

    assert str(caught.value) == f"n is {outside}, but must be a whole number{said}"


def test_integers_may_be_their_bounds_and_no_more() -> None:
    assert (whole_number(3, "n", least=3), whole_number(3, "n", most=3)) == (3, 3)
    for value, bounds in ((2, {"least": 3}), (4, {"most": 3})):
        with pytest.raises(InputError):
            whole_number(value, "n", **bounds)


@pytest.mark.parametrize("value", [2, 2.0, np.float16(2), np.int8(2), np.array(2.0), np.array(2)])
def test_real_numbers_of_all_kinds_are_floats(value: object) -> None:
    number = real_number(value, "x", least=2, most=2)

    assert (number, type(number)) == (2.0, float)


@pytest.mark.parametrize(
    "value",
    [1.999, 3.001, float("nan"), float("inf"), 10**400, -(10**400), True, np.True_, 2j, "2", None, np.array([2.0])],
)
def test_other_values_are_no_real_numbers(value: object) -> None:
    with pytest.raises(InputError, match=r"x is .*, but must be a number from 2 to 3$") as caught:
        real_number(value, "x", least=2.0, most=3.0)

    assert type(caught.value) is InputError


@pytest.mark.parametrize(
    ("read", "value", "says"),
    [
        (lambda value: one_of(value, "a", ("b", "c")), "d", "a is 'd', but must be one of b, c"),
        (lambda value: one_of(value, "a", ("b",)), 1, "a is 1, but must be one of b"),
        (lambda value: flag(value, "a"), 1, "a is 1, but must be True or False"),
        (lambda value: text(value, "a"), b"b", "a is b'b', but must be a string"),
        (lambda value: file_path(value, "a"), b"b", "a is b'b', but must be a path: a string or a pathlib.Path"),
        (lambda value: file_path(value, "a"), 1, "a is 1, but must be a path: a string or a pathlib.Path"),
        (lambda value: file_path(value, "a"), "b\0", r"a is 'b\x00', but a path can hold neither NUL nor"),
        (lambda value: file_path(value, "a"), "\ud800", r"a is '\ud800', but a path can hold neither NUL nor"),
        (lambda value: file_path(value, "a"), Broken(), "a is of type Broken, which does not say what its path is"),
    ],
)
def test_refusal_is_one_sentence(read: Callable[[object], object], value: object, says: str) -> None:
    with pytest.raises(InputError) as caught:
        read(Broken if value is Broken else value)

    assert str(caught.value).startswith(says)
    assert type(caught.value) is InputError


def test_strings_flags_and_paths_become_plain() -> None:
    word: Any = type("Word", (str,), {"__str__": lambda self: "other"})("b")

    for found in (one_of(word, "a", ("b",)), text(word, "a")):
        assert (found, type(found)) == ("b", str)
    assert (flag(True, "a"), flag(np.False_, "a"), type(flag(np.True_, "a"))) == (True, False, bool)
    assert file_path(word, "a") == file_path(Path("b"), "a") == Path("b")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (np.zeros((2, 3), np.int8), "an array of int8 with shape [2, 3]"),
        (np.float32(1.5), "1.5"),
        (np.str_("a"), "of type str_"),
        (2**256 - 1, str(2**256 - 1)),
        (2**256, "an integer of 257 bits"),
        ("a" * 58, repr("a" * 58)),
        ("a" * 59, "'" + "a" * 56 + "..."),
        (b"a" * 100, "b'" + "a" * 55 + "..."),
        (1.5, "1.5"),
        (None, "None"),
        (True, "True"),
        (2j, "2j"),
        ([1], "of type list"),
        (type("T" * 70, (), {})(), "of type " + "T" * 57 + "..."),
    ],
)
def test_wrong_value_is_repeated_shortly(value: object, said: str) -> None:
    assert shown(value) == said


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        ("a b", "a b"),
        ("a\x1b[31m", r"a\x1b[31m"),
        ("a\n\u202e", r"a\n\u202e"),
        ("\u00a0\u3000\u200c\u200d\n", "\u00a0\u3000\u200c\u200d\\n"),
        ("\ud800ä", r"\ud800ä"),
    ],
)
def test_text_for_a_terminal_is_plain(given: str, plain: str) -> None:
    assert plain_text(given) == plain


def test_answers_may_be_as_large_as_is_allowed() -> None:
    assert MOST_VALUES == 2**33
    for n, row in ((2**33, ()), (2**33, (0,)), (2**30, (2, 4))):
        check_answer_size(n, row, "rows")
        with pytest.raises(InputError, match=rf"{n + 1} rows of \[.*\] numbers each are too many at once"):
            check_answer_size(n + 1, row, "rows")


def test_memory_that_is_not_there_is_one_sentence() -> None:
    assert empty((2, 3), np.float32).shape == (2, 3)
    for shape in ((2**46, 2**10), (2**62, 2**62)):
        with pytest.raises(InputError, match="no memory for an answer of shape"):
            empty(shape, np.float32)


def test_subclasses_of_arrays_become_arrays() -> None:
    plain = np.zeros((1, 2))

    assert plain_array(plain, "x") is plain
    assert type(plain_array(np.zeros((1, 2)).view(np.recarray), "x")) is np.ndarray
    with pytest.raises(InputError, match="x is a masked array"):
        plain_array(np.ma.masked_array(plain), "x")


def test_rows_are_read_as_float32_of_their_own() -> None:
    given = np.array([[1.0, 2.0]], np.float32)

    assert read_rows(given, "x", 2) is not given
    for value in (given, [1, 2], [[1, 2]], np.array([1, 2], np.int8)):
        rows = read_rows(value, "x", 2)
        assert (rows.dtype.name, rows.tolist()) == ("float32", [[1, 2]])


@pytest.mark.parametrize("value", [[1], [1, 2, 3], [[[1, 2]]]])
def test_rows_of_another_shape_are_refused(value: object) -> None:
    with pytest.raises(InputError, match="x has shape"):
        read_rows(value, "x", 2)


@pytest.mark.parametrize(
    ("bad", "said"), [(np.nan, "NaN"), (np.inf, "an infinite number"), (-np.inf, "an infinite number"), (3.0, "3")]
)
def test_first_bad_row_is_named(bad: float, said: str) -> None:
    rows = np.zeros((4, 2))
    rows[[1, 3], 1] = bad

    with pytest.raises(InputError, match=rf"\b1\b.*{said}|{said}.*\b1\b"):
        check_rows(rows, "x", least=-2, most=2)
    assert bad_rows(rows, -2, 2).tolist() == [1, 3]


@pytest.mark.parametrize("edge", [-2, 2])
def test_rows_may_be_their_bounds(edge: float) -> None:
    check_rows(np.full((2, 2), edge, float), "x", least=-2, most=2)
    check_rows(np.zeros((0, 2)), "x", least=1, most=2)

    assert bad_rows(np.full((2, 2), edge, float), -2, 2).tolist() == []
    assert read_rows([[MAX_MAGNITUDE, -MAX_MAGNITUDE]], "x", 2).shape == (1, 2)


@pytest.mark.parametrize("without", [False, True])
def test_folders_change_places(without: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("stage", "target"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    if without:
        monkeypatch.setattr("ctypes.CDLL", lambda *_, **__: object())  # a system that cannot swap

    exchange_folders(tmp_path / "stage", tmp_path / "target")

    assert (tmp_path / "target/file").read_text() == "stage"
    if (tmp_path / "stage").exists():
        assert (tmp_path / "stage/file").read_text() == "target"
    assert {path.name for path in tmp_path.iterdir()} <= {"stage", "target"}


def test_swap_that_fails_half_way_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.CDLL", lambda *_, **__: object())
    for name in ("stage", "target"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    replace = Path.replace

    def failing(self: Path, to: Path) -> Path:
        if self.name == "stage":
            raise OSError(28, "full")
        return replace(self, to)

    monkeypatch.setattr(Path, "replace", failing)

    with pytest.raises(OSError, match="full"):
        exchange_folders(tmp_path / "stage", tmp_path / "target")
    assert (tmp_path / "target/file").read_text() == "target"
    assert {path.name for path in tmp_path.iterdir()} == {"stage", "target"}


def test_what_is_removed_is_gone_and_what_is_not_there_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/file").touch()
    (tmp_path / "file").touch()

    for name in ("folder", "file", "nothing"):
        remove(tmp_path / name)

    assert list(tmp_path.iterdir()) == []
