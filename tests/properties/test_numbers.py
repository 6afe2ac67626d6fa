"""Numbers of every type in every argument: taken as Python's own, or refused by an InputError."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import vaeport
from tests.properties.conftest import TINY
from tests.properties.oracles import hold, real, whole
from tests.properties.strategies import far_reals, far_wholes, no_numbers, no_wholes, reals, wholes
from vaeport.errors import InputError

IMAGES = np.zeros((3, 4, 4), np.uint8)
LAST = 2**64 - 1

Call = Callable[[vaeport.Model, Any], object]


@dataclass(frozen=True)
class Argument:
    """One argument of one call, and which numbers it takes."""

    call: Call
    """Makes the call with a value."""
    least: float
    """Smallest number that is taken."""
    most: float
    """Largest number that is taken."""
    tried: float | None = None
    """Largest number that the test can afford, where that is less."""


def _saved(save: Callable[[Path], Path]) -> bytes:
    with TemporaryDirectory() as folder:
        return save(Path(folder) / "file").read_bytes()


def _loaded(**options: Any) -> object:
    with vaeport.load(TINY, **options) as model:
        return model.encode(IMAGES)


WHOLES = {
    "generate n": Argument(lambda model, value: model.generate(0, value), 0, 2**62, 9),
    "generate seed": Argument(lambda model, value: model.generate(0, 2, seed=value), 0, LAST),
    "generate start": Argument(lambda model, value: model.generate(0, 2, start=value), 0, LAST - 1),
    "style_grid n": Argument(lambda model, value: model.style_grid(value), 0, 2**62, 9),
    "style_grid seed": Argument(lambda model, value: model.style_grid(1, seed=value), 0, LAST),
    "sample_dataset n": Argument(lambda model, value: model.sample_dataset(value), 0, 2**62, 9),
    "sample_dataset seed": Argument(lambda model, value: model.sample_dataset(1, seed=value), 0, LAST),
    "sample_dataset start": Argument(lambda model, value: model.sample_dataset(1, start=value), 0, (LAST + 1) // 3 - 1),
    "interpolate steps": Argument(lambda model, value: model.interpolate(IMAGES[0], IMAGES[1], value), 2, 2**16, 9),
    "encode_iter batch": Argument(lambda model, value: list(model.encode_iter(IMAGES, batch=value)), 1, 2**31 - 1),
    "latents seed": Argument(lambda _, value: vaeport.latents(value, 2, 3), 0, LAST),
    "latents n": Argument(lambda _, value: vaeport.latents(0, value, 3), 0, 2**62, 99),
    "latents dim": Argument(lambda _, value: vaeport.latents(0, 2, value), 0, 2**62, 99),
    "latents start": Argument(lambda _, value: vaeport.latents(0, 2, 3, start=value), 0, LAST - 1),
    "latents step": Argument(lambda _, value: vaeport.latents(0, 2, 3, step=value), 1, LAST),
    "load threads": Argument(lambda _, value: _loaded(threads=value), 1, 1024, 3),
    "load chunk_rows": Argument(lambda _, value: _loaded(threads=1, chunk_rows=value), 1, 2**31 - 1),
    "save columns": Argument(
        lambda model, value: _saved(lambda path: model.generate(0, 2).save(path, columns=value)), 1, 10_000, 20
    ),
    "save scale": Argument(
        lambda model, value: _saved(lambda path: model.generate(0, 2).save(path, scale=value)), 1, 64, 5
    ),
    "save_gif scale": Argument(
        lambda model, value: _saved(lambda path: model.generate(0, 2).save_gif(path, scale=value)), 1, 64, 5
    ),
    "save_gif milliseconds": Argument(
        lambda model, value: _saved(lambda path: model.generate(0, 2).save_gif(path, milliseconds=value)), 10, 60_000
    ),
    "StyleGrid.save scale": Argument(
        lambda model, value: _saved(lambda path: model.style_grid(1).save(path, scale=value)), 1, 64, 5
    ),
}

REALS = {
    "generate temperature": Argument(lambda model, value: model.generate(0, 2, temperature=value), 0, 1e6),
    "style_grid temperature": Argument(lambda model, value: model.style_grid(2, temperature=value), 0, 1e6),
    "sample_dataset temperature": Argument(lambda model, value: model.sample_dataset(2, temperature=value), 0, 1e6),
    "classify reject_below": Argument(lambda model, value: model.classify(IMAGES, reject_below=value), 0, 1),
}


@pytest.mark.parametrize("name", WHOLES)
@given(data=st.data())
def test_whole_number_counts_as_pythons_own(name: str, data: st.DataObject, model: vaeport.Model) -> None:
    argument = WHOLES[name]
    most = int(argument.most if argument.tried is None else argument.tried)
    value = data.draw(wholes(int(argument.least), most))

    hold(lambda given: argument.call(model, given), value, whole(value, least=int(argument.least), most=most))


@pytest.mark.parametrize("name", WHOLES)
@given(value=st.one_of(no_wholes(), far_wholes()))
@example(value=10**5000)
@example(value=np.int8(-1))
def test_other_than_a_whole_number_in_range_is_refused(name: str, value: object, model: vaeport.Model) -> None:
    argument = WHOLES[name]
    if _means_none(name, value):
        return

    with pytest.raises(InputError) as caught:
        argument.call(model, value)

    # A row too far is told of both numbers that led there.
    assert any(word in str(caught.value) for word in (name.rpartition(" ")[2], "rows"))


@pytest.mark.parametrize("name", [name for name in WHOLES if WHOLES[name].tried is not None])
@given(value=st.integers(2**34, 2**63))
def test_answer_that_no_memory_could_hold_is_refused(name: str, value: int, model: vaeport.Model) -> None:
    with pytest.raises(InputError):
        WHOLES[name].call(model, value)


@pytest.mark.parametrize("name", REALS)
@given(data=st.data())
def test_number_counts_as_pythons_own(name: str, data: st.DataObject, model: vaeport.Model) -> None:
    argument = REALS[name]
    value = data.draw(reals(argument.least, argument.most))

    hold(lambda given: argument.call(model, given), value, real(value, least=argument.least, most=argument.most))


@pytest.mark.parametrize("name", REALS)
@given(data=st.data())
def test_other_than_a_number_in_range_is_refused(name: str, data: st.DataObject, model: vaeport.Model) -> None:
    argument = REALS[name]
    value = data.draw(st.one_of(no_numbers(), far_reals(argument.least, argument.most)))

    with pytest.raises(InputError) as caught:
        argument.call(model, value)

    assert name.rpartition(" ")[2] in str(caught.value)


def _means_none(name: str, value: object) -> bool:
    """Whether the value is None where that stands for a default."""
    return value is None and name == "load threads"
