"""Paths, names, switches and digests of `load`, `open_bundle` and `verify`, and the choices of how images are read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import vaeport
from tests.properties.conftest import TINY
from tests.properties.oracles import bits
from tests.properties.strategies import Digit, junk, no_numbers
from vaeport.errors import InputError, VaeportError
from vaeport.images.fitting import Fit, Polarity

OPENINGS: dict[str, Callable[..., Any]] = {
    "load": vaeport.load,
    "open_bundle": vaeport.open_bundle,
    "verify": vaeport.verify,
}
PATHS = st.one_of(
    st.text(),
    st.text(st.characters(codec=None), max_size=6),
    st.text(min_size=200, max_size=300),
    st.sampled_from(
        ["", ".", "/", "..", "~", "\0", "a\0b", "\ud800", "/dev/null", "/proc/self/mem", "mnist\n", "x" * 9000]
    ),
    st.sampled_from([Path(), Path("/"), Path("no such"), TINY / "bundle.json", TINY / "fp32", TINY / "nothing"]),
)
WORDS = st.one_of(
    st.text(max_size=12), no_numbers(), st.sampled_from(["CPU", "cuda:-1", "cuda:", "cpu ", "fp32 ", Digit.ONE, 0])
)


@pytest.mark.parametrize("opening", OPENINGS)
@given(path=st.one_of(PATHS, junk()))
def test_path_of_no_bundle_is_refused(opening: str, path: Any) -> None:
    assume(not isinstance(path, str) or path not in vaeport.shipped_bundles())

    with pytest.raises(VaeportError) as caught:
        OPENINGS[opening](path)

    assert str(caught.value).strip()
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    ("opening", "option"),
    [
        ("open_bundle", "digest"),
        *(
            (opening, option)
            for opening in ("load", "verify")
            for option in ("device", "digest", "threads", "providers")
        ),
    ],
)
@given(value=st.one_of(WORDS, junk()))
def test_wrong_option_is_refused(opening: str, option: str, value: Any) -> None:
    assume(value is not None)
    assume(not (isinstance(value, str) and (value in ("cpu", "auto") or value.startswith("cuda"))))
    assume(not (option == "threads" and isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 1024))

    with pytest.raises(VaeportError) as caught:
        OPENINGS[opening](TINY, **{option: value})

    assert str(caught.value).strip()


@pytest.mark.parametrize("option", ["precision", "spinning"])
@given(value=st.one_of(WORDS, junk()))
def test_wrong_option_of_load_is_refused(option: str, value: Any) -> None:
    assume(value is not None and not (option == "spinning" and isinstance(value, bool | np.bool_)))

    with pytest.raises(VaeportError):
        vaeport.load(TINY, **{option: value}).close()


@given(digits=st.text("0123456789abcdef", min_size=64, max_size=64), place=st.integers(0, 63), digit=st.integers(1, 15))
def test_another_digest_is_refused_and_its_own_is_taken(digits: str, place: int, digit: int) -> None:
    own = vaeport.open_bundle(TINY).digest
    at = len("sha256:") + place
    close = f"{own[:at]}{(int(own[at], 16) + digit) % 16:x}{own[at + 1 :]}"

    for other in (f"sha256:{digits}", close):
        with pytest.raises(VaeportError, match="digest"):
            vaeport.open_bundle(TINY, digest=other)
    assert vaeport.open_bundle(TINY, digest=own).digest == own


@given(
    polarity=st.one_of(WORDS, st.sampled_from(["auto", "dark-ink", "light-ink"])),
    fit=st.one_of(WORDS, st.sampled_from(["resize", "mnist", "none"])),
)
def test_unknown_choice_of_reading_is_refused(polarity: Any, fit: Any, model: vaeport.Model) -> None:
    read = polarity is None or (isinstance(polarity, str) and polarity in ("auto", "dark-ink", "light-ink"))
    known = read and isinstance(fit, str) and fit in ("resize", "mnist", "none")
    images = np.zeros((2, 4, 4), np.uint8)

    for verb in (model.encode, model.classify, model.reconstruct, model.restyle, model.anomaly_score):
        if known:
            verb(images, polarity=polarity, fit=fit)
        else:
            with pytest.raises(InputError):
                verb(images, polarity=polarity, fit=fit)


@given(
    polarity=st.sampled_from([None, "auto", "dark-ink", "light-ink"]),
    fit=st.sampled_from(["resize", "mnist", "none"]),
    seed=st.integers(0, 99),
)
def test_choices_of_reading_leave_arrays_alone(
    polarity: Polarity | None, fit: Fit, seed: int, model: vaeport.Model
) -> None:
    images = np.random.default_rng(seed).integers(0, 256, (2, 4, 4), np.uint8)

    assert bits(model.encode(images, polarity=polarity, fit=fit)) == bits(model.encode(images))
