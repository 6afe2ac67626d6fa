"""Classes by name, index and probability, in every type that can carry them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import vaeport
from tests.properties.oracles import Verdict, attempt, hold
from tests.properties.strategies import (
    BrokenIndex,
    Given,
    Index,
    OwnInteger,
    far_wholes,
    given_arrays,
    junk,
    no_wholes,
    numpy_integers,
)
from vaeport.errors import InputError, LabelError

NAMES = ("cat", "dog", "owl")
K = len(NAMES)
Z = np.array([[0.5, -1], [2, 0.25]], np.float32)

ONE: dict[str, Callable[[vaeport.Model, Any], object]] = {
    "generate": lambda model, label: model.generate(label, 2),
    "decode": lambda model, label: model.decode(Z, label),
    "interpolate": lambda model, label: model.interpolate(np.eye(4), np.zeros((4, 4)), 3, label=label),
}
MANY: dict[str, Callable[[vaeport.Model, Any], object]] = {
    "decode": lambda model, labels: model.decode(Z, labels),
    "restyle": lambda model, labels: model.restyle(np.eye(4), labels),
    "style_grid": lambda model, labels: model.style_grid(1, labels=labels),
    "sample_dataset": lambda model, labels: model.sample_dataset(1, labels=labels),
}

INDICES = st.integers(0, K - 1)
FORMS = st.one_of(
    INDICES.map(lambda index: (index, index)),
    INDICES.map(lambda index: (NAMES[index], index)),
    INDICES.map(lambda index: (np.str_(NAMES[index]), index)),
    INDICES.map(lambda index: (OwnInteger(index), index)),
    numpy_integers(0, K - 1).map(lambda index: (index, int(index))),
)
"""A label in some form, and its index."""

WRONG = st.one_of(
    no_wholes().filter(lambda value: value is not None and not isinstance(value, np.ndarray | list | dict)),
    far_wholes(),
    st.integers(min_value=K),
    numpy_integers(K, 100),
    st.text().filter(lambda name: name not in NAMES),
    st.sampled_from(["Cat", "cat ", " cat", "cat\0", b"cat", np.bytes_(b"cat"), "\u0441at", 0.0, np.float32(1), True]),
)


@pytest.mark.parametrize("verb", ONE)
@given(form=FORMS)
def test_label_counts_as_its_index(verb: str, form: tuple[Any, int], model: vaeport.Model) -> None:
    hold(lambda label: ONE[verb](model, label), form[0], Verdict(True, form[1]))


@pytest.mark.parametrize("verb", ONE)
@given(label=WRONG)
def test_unknown_label_is_refused(verb: str, label: Any, model: vaeport.Model) -> None:
    with pytest.raises(InputError):
        ONE[verb](model, label)


@pytest.mark.parametrize("verb", MANY)
@given(forms=st.tuples(FORMS, FORMS), wrap=st.sampled_from([list, tuple]))
def test_labels_count_as_their_indices(
    verb: str, forms: tuple[tuple[Any, int], ...], wrap: type[list[Any]], model: vaeport.Model
) -> None:
    indices = [index for _, index in forms]
    twice = verb == "sample_dataset" and indices[0] == indices[1]

    hold(lambda labels: MANY[verb](model, labels), wrap(form for form, _ in forms), Verdict(not twice, indices))


@pytest.mark.parametrize("verb", MANY)
@given(pair=st.permutations(range(K)), kind=st.sampled_from(["i1", ">i4", "u8", "U3", "O"]), names=st.booleans())
def test_array_of_labels_counts_as_its_indices(
    verb: str, pair: list[int], kind: str, names: bool, model: vaeport.Model
) -> None:
    indices = pair[:2]
    many = [NAMES[index] if names or kind == "U3" else index for index in indices]
    if names and kind not in "UO":
        kind = "U3"

    hold(lambda labels: MANY[verb](model, labels), np.array(many, kind), Verdict(True, indices))


@pytest.mark.parametrize("verb", MANY)
@given(good=FORMS, wrong=WRONG, first=st.booleans())
def test_one_unknown_label_among_known_ones_is_refused(
    verb: str, good: tuple[Any, int], wrong: Any, first: bool, model: vaeport.Model
) -> None:
    with pytest.raises(LabelError):
        MANY[verb](model, [wrong, good[0]] if first else [good[0], wrong])


@pytest.mark.parametrize("verb", MANY)
@given(labels=st.one_of(junk(), st.builds(BrokenIndex), st.builds(Index, st.integers(0, 9))))
def test_anything_else_is_refused_or_a_known_label(verb: str, labels: Any, model: vaeport.Model) -> None:
    answer, error = attempt(lambda: MANY[verb](model, labels))

    assert (answer is None) == (error is not None)


@given(
    probs=given_arrays(
        st.sampled_from([(2, K), (2, K), (2, K), (3, K), (2, 2), (K,), (0, K), (2, K, 1), ()]),
        likely=("f4", "f8"),
        bad=(np.nan, np.inf, -np.inf, -0.5, 7.0, 1e300),
    )
)
def test_probabilities_count_as_their_plain_copy(probs: Given, model: vaeport.Model) -> None:
    array = probs.plain
    if array.dtype.kind != "f":
        return  # then they are labels, row by row
    fits = array.shape == (2, K) and probs.layout != "masked"
    fits = fits and bool(((array >= 0) & (array <= 1)).all())

    with np.errstate(over="ignore", under="ignore"):
        plain = np.ascontiguousarray(array.astype(np.float32)) if fits else None

    hold(lambda labels: model.decode(Z, labels), probs.array, Verdict(fits, plain))
