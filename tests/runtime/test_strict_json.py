"""JSON from strangers is plain, finite and flat enough, or refused in one sentence that names the place."""

import re

import pytest

from vaeport.common.strict_json import MAX_DEPTH, parse_strict


def parsed(text: str) -> object:
    return parse_strict(text.encode("utf-8", "surrogatepass"), most=10**6)


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("18446744073709551615", 2**64 - 1),
        ("-9223372036854775808", -(2**63)),
        ("-0", 0),
        ("1.5", 1.5),
        ("1e308", 1e308),
        ("true", True),
        ("null", None),
        ('{"a": [1, "b"]}', {"a": [1, "b"]}),
        ('"\\u00e9"', "\u00e9"),
    ],
)
def test_plain_values_come_as_they_are(text: str, value: object) -> None:
    assert parsed(text) == value
    assert type(parsed(text)) is type(value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("18446744073709551616", "the whole is a number that is not finite or beyond 64 bits"),
        ("-9223372036854775809", "the whole is a number"),
        ('{"a": 184467440737095516150}', "'a' is a number that is not finite or beyond 64 bits"),
        ('{"a": [0, 1e999]}', "'a.1' is a number"),
        ("-1e999", "the whole is a number"),
        ("NaN", "the whole is a number"),
        ('{"a": {"b": -Infinity}}', "'a.b' is a number"),
        ('{"a": 1, "b": 2, "a": 3}', "the key 'a' stands twice in one object"),
        ('{"a": "\\ud800"}', "'a' has text that is no valid Unicode"),
        ('{"a": {"\\udc00": 1}}', "'a' has text that is no valid Unicode"),
        ('{"\\u00e9": NaN}', "'\\xe9' is a number"),
    ],
)
def test_what_no_reader_expects_is_refused_by_its_place(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        parsed(text)


def test_nesting_ends_at_the_limit() -> None:
    parsed(nested(MAX_DEPTH))

    with pytest.raises(ValueError, match=f"is nested too deeply, more than {MAX_DEPTH} lists and objects"):
        parsed(nested(MAX_DEPTH + 1))
    with pytest.raises(ValueError, match="nested too deeply"):
        parsed('{"a":' * (MAX_DEPTH + 1) + "1" + "}" * (MAX_DEPTH + 1))
    with pytest.raises(ValueError, match="it is nested too deeply"):
        parsed(nested(100_000))


def test_longest_place_is_cut_at_a_hundred_letters() -> None:
    with pytest.raises(ValueError, match=r"^'k{100}' is a number"):
        parsed(f'{{"{"k" * 101}": NaN}}')


def test_size_ends_at_the_limit() -> None:
    assert parse_strict(b"[1]", most=3) == [1]

    with pytest.raises(ValueError, match="it has 3 bytes, but may have 2"):
        parse_strict(b"[1]", most=2)


def test_bytes_that_are_no_text_are_a_value_error() -> None:
    with pytest.raises(ValueError, match="utf-8"):
        parse_strict(b"\xff", most=10)
