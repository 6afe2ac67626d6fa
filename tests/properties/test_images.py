"""Images in any array, layout and container: the answer of a plain float32 array to the bit, or an ImageError."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import vaeport
from tests.properties.oracles import arrays_in, attempt, bits, hold, images
from tests.properties.strategies import Given, StreamError, broken_stream, given_arrays, junk
from vaeport.errors import InputError
from vaeport.images.batch import to_batch

Verb = Callable[[vaeport.Model, Any], object]

VERBS: dict[str, Verb] = {
    "read_images": lambda model, given: model.read_images(given),
    "encode": lambda model, given: model.encode(given),
    "classify": lambda model, given: model.classify(given, reject_below=0.5),
    "reconstruct": lambda model, given: model.reconstruct(given),
    "restyle": lambda model, given: model.restyle(given, ["owl", 0]),
    "anomaly_score": lambda model, given: model.anomaly_score(given),
    "encode_iter": lambda model, given: list(model.encode_iter([given])),
}

FITTING = st.tuples(st.integers(0, 6)).flatmap(
    lambda n: st.sampled_from([(4, 4), (1, 4, 4), (4, 4, 1), (*n, 4, 4), (*n, 1, 4, 4), (*n, 4, 4, 1)])
)
SHAPES = st.one_of(
    FITTING,
    FITTING,
    FITTING,
    st.lists(st.integers(0, 5), max_size=5).map(tuple),
    st.lists(st.sampled_from([0, 1, 4]), max_size=5).map(tuple),
)
ARRAYS = given_arrays(
    SHAPES, likely=("u1", "f4", "f8"), bad=(np.nan, np.inf, -np.inf, -0.001, 1.001, 255.0, -1e-300, 1e300, 1 + 2**-52)
)


@pytest.mark.parametrize("verb", VERBS)
@given(given_images=ARRAYS)
def test_array_counts_as_its_plain_copy_or_is_refused(verb: str, given_images: Given, model: vaeport.Model) -> None:
    before = given_images.array.tobytes()

    hold(lambda value: VERBS[verb](model, value), given_images.array, images(given_images))

    assert given_images.array.tobytes() == before


@pytest.mark.parametrize("verb", VERBS)
@given(kind=st.sampled_from(["f4", "f8", "u1"]), n=st.integers(1, 6))
def test_answer_shares_no_memory_with_the_images(verb: str, kind: str, n: int, model: vaeport.Model) -> None:
    array = np.zeros((n, 1, 4, 4), kind)

    answer = VERBS[verb](model, array)

    assert not any(np.shares_memory(array, part) for part in arrays_in(answer))


@given(parts=st.lists(ARRAYS, max_size=3), wrap=st.sampled_from(["list", "tuple", "iterator", "nested", "generator"]))
def test_several_arrays_count_as_one_after_the_other(parts: list[Given], wrap: str, model: vaeport.Model) -> None:
    verdicts = [images(part) for part in parts]
    many = [part.array for part in parts]
    forms: dict[str, Callable[[], Any]] = {
        "list": lambda: many,
        "tuple": lambda: tuple(many),
        "iterator": lambda: iter(many),
        "nested": lambda: [many, [], ()],
        "generator": lambda: (part for part in many),
    }

    answer, _ = attempt(lambda: model.encode(forms[wrap]()))

    if answer is None:
        assert not all(verdict.taken for verdict in verdicts)
        return
    assert all(verdict.taken is not False for verdict in verdicts)
    plain = np.concatenate([np.zeros((0, 1, 4, 4), np.float32), *(verdict.value for verdict in verdicts)])
    assert answer.z_mean.shape == (len(plain), 2)
    np.testing.assert_array_equal(model.read_images(many), plain)


@pytest.mark.parametrize("verb", VERBS)
@given(what=junk())
def test_what_is_no_image_is_refused(verb: str, what: object, model: vaeport.Model) -> None:
    answer, error = attempt(lambda: VERBS[verb](model, what))

    assert error is not None or len(arrays_in(answer)[0]) == 0  # containers with nothing in them


@pytest.mark.parametrize("argument", ["first", "second"])
@given(given_images=ARRAYS)
def test_interpolation_takes_one_image_at_each_end(argument: str, given_images: Given, model: vaeport.Model) -> None:
    other = np.zeros((4, 4), np.float32)
    verdict = images(given_images)

    def call(value: Any) -> object:
        ends = {"first": other, "second": other, argument: value}
        return model.interpolate(**ends, steps=3)

    if verdict.taken and len(verdict.value) != 1:
        with pytest.raises(InputError):
            call(given_images.array)
    else:
        hold(call, given_images.array, verdict)


@given(
    rows=st.integers(0, 9), batch=st.integers(1, 5), taken=st.integers(0, 9), kind=st.sampled_from(["u1", "f4", ">f8"])
)
def test_stream_is_encoded_batch_by_batch_and_no_further_than_needed(
    rows: int, batch: int, taken: int, kind: str, model: vaeport.Model
) -> None:
    stream = np.random.default_rng(rows).integers(0, 2, (rows, 4, 4)).astype(kind)
    seen = 0

    def source() -> Iterator[Any]:
        nonlocal seen
        for row in stream:
            seen += 1
            yield row

    answers = [answer for answer, _ in zip(model.encode_iter(source(), batch=batch), range(taken), strict=False)]

    assert seen <= (taken + 1) * batch
    for number, answer in enumerate(answers):
        assert bits(answer) == bits(model.encode(stream[number * batch : (number + 1) * batch]))


@given(good=st.integers(0, 5), batch=st.integers(1, 4))
def test_error_of_the_callers_own_stream_passes_through(good: int, batch: int, model: vaeport.Model) -> None:
    rows = [np.zeros((4, 4), np.uint8)] * good
    answers = model.encode_iter(broken_stream(rows), batch=batch)

    before = [next(answers) for _ in range(good // batch)]

    assert all(len(answer) == batch for answer in before)
    with pytest.raises(StreamError):
        next(answers)


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb != "encode_iter"])
@given(bits_of_rows=st.integers(34, 56), kind=st.sampled_from(["u1", "f4", "?"]), channels=st.sampled_from([(), (1,)]))
def test_array_that_only_pretends_to_be_large_is_refused_at_once(
    verb: str, bits_of_rows: int, kind: str, channels: tuple[int, ...], model: vaeport.Model
) -> None:
    huge = np.broadcast_to(np.zeros((), kind), (2**bits_of_rows, *channels, 4, 4))

    with pytest.raises(InputError):
        VERBS[verb](model, huge)


@given(
    shape=st.sampled_from([(2, 3), (4, 4), (3, 1)]),
    n=st.integers(0, 3),
    channels=st.sampled_from(["first", "last"]),
    seed=st.integers(0, 2**16),
)
def test_colour_planes_are_found_first_and_last(shape: tuple[int, int], n: int, channels: str, seed: int) -> None:
    planes = np.random.default_rng(seed).integers(0, 256, (n, 3, *shape), np.uint8)
    given_planes = planes if channels == "first" else np.moveaxis(planes, 1, -1)

    batch = to_batch(given_planes, (3, *shape))

    np.testing.assert_array_equal(batch, planes.astype(np.float32) / np.float32(255))
