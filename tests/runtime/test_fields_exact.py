"""What each reader of a manifest's fields takes at its bounds, and the manifest's own limits, one step in and out."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.runtime.tampering import read_manifest, write_manifest
from vaeport.bundle import limits
from vaeport.bundle.fields import Fields, parse_json
from vaeport.bundle.manifest import Manifest, parse_manifest
from vaeport.bundle.opening import open_bundle
from vaeport.errors import BundleError, BundleNotFoundError

MAX = sys.float_info.max

READERS: dict[str, Callable[[Fields], object]] = {
    "text": lambda fields: fields.text("x"),
    "integer": lambda fields: fields.integer("x"),
    "integer from 3": lambda fields: fields.integer("x", least=3),
    "number": lambda fields: fields.number("x"),
    "texts": lambda fields: fields.texts("x"),
    "texts from 2": lambda fields: fields.texts("x", least=2),
    "integers": lambda fields: fields.integers("x", count=2),
    "numbers": lambda fields: fields.numbers("x", least=2),
    "inner": lambda fields: list(fields.inner("x")),
    "free": lambda fields: fields.free("x"),
    "items": lambda fields: fields.items("x", Fields.integer),
}


@pytest.mark.parametrize(
    ("reader", "value", "read"),
    [
        ("text", "a b", "a b"),
        ("integer", 0, 0),
        ("integer", 7, 7),
        ("integer from 3", 3, 3),
        ("number", 0, 0.0),
        ("number", 0.0, 0.0),
        ("number", MAX, MAX),
        ("number", 5, 5.0),
        ("texts", [], ()),
        ("texts", ["a", "b"], ("a", "b")),
        ("texts from 2", ["a", "b"], ("a", "b")),
        ("integers", [1, 2], (1, 2)),
        ("numbers", [-1, 0.5], (-1.0, 0.5)),
        ("numbers", [-MAX, MAX, 0], (-MAX, MAX, 0.0)),
        ("inner", {"b": 1, "a": 2}, ["b", "a"]),
        ("free", {"a": [None]}, {"a": [None]}),
        ("items", {"b": 1, "a": 2}, {"b": 1, "a": 2}),
    ],
)
def test_value_within_its_bounds_is_read(reader: str, value: object, read: object) -> None:
    found = READERS[reader](Fields({"x": value}, "where"))

    assert found == read
    assert type(found) is type(read)


@pytest.mark.parametrize(
    ("reader", "value"),
    [
        ("text", ""),
        ("text", "a\n"),
        ("text", 1),
        ("integer", -1),
        ("integer", True),
        ("integer", 1.0),
        ("integer from 3", 2),
        ("number", -0.001),
        ("number", True),
        ("number", float("inf")),
        ("number", "1"),
        ("texts", "ab"),
        ("texts", ["a", ""]),
        ("texts", ["a", "a"]),
        ("texts from 2", ["a"]),
        ("integers", [1]),
        ("integers", [1, 2, 3]),
        ("integers", [0, 1]),
        ("integers", [True, 1]),
        ("integers", [1.0, 1]),
        ("integers", {"0": 1, "1": 2}),
        ("numbers", [1]),
        ("numbers", [1, float("-inf")]),
        ("numbers", [True, 1]),
        ("numbers", ["1", 1]),
        ("numbers", {"a": 1, "b": 2}),
        ("inner", [1]),
        ("free", [1]),
        ("items", [1]),
        ("items", {"a": -1}),
    ],
)
def test_value_outside_its_bounds_is_refused_by_its_name(reader: str, value: object) -> None:
    with pytest.raises(BundleError, match=r"^where: '[xa]'") as caught:
        READERS[reader](Fields({"x": value}, "where"))

    assert type(caught.value) is BundleError


@pytest.mark.parametrize("reader", READERS)
def test_field_that_is_missing_is_told(reader: str) -> None:
    with pytest.raises(BundleError, match="where lacks 'x'"):
        READERS[reader](Fields({"y": 1}, "where"))


def test_fields_of_something_else_are_none() -> None:
    with pytest.raises(BundleError, match=r"where must be a JSON object, but is \[1\]"):
        Fields([1], "where")


def test_check_says_what_was_expected() -> None:
    fields = Fields({"x": 3}, "where")
    fields.check(True, "x", "even")

    with pytest.raises(BundleError, match="where: 'x' must be even, but is 3"):
        fields.check(False, "x", "even")
    assert "x" in fields
    assert "y" not in fields


@pytest.mark.parametrize(("length", "shown"), [(58, '"' + "a" * 58 + '"'), (59, '"' + "a" * 56 + "...")])
def test_long_value_is_cut_in_its_error(length: int, shown: str) -> None:
    with pytest.raises(BundleError) as caught:
        Fields({"x": "a" * length}, "where").integer("x")

    assert str(caught.value) == f"where: 'x' must be a whole number of at least 0, but is {shown}"


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63 - 1)])
def test_whole_numbers_are_those_of_63_bits(number: int) -> None:
    assert "x" in parse_json(json.dumps({"x": [number]}).encode(), "where")

    with pytest.raises(BundleError, match="where: 'x' holds a whole number beyond"):
        parse_json(json.dumps({"x": [number + (1 if number > 0 else -1)]}).encode(), "where")


def _nested(levels: int) -> bytes:
    """An object with lists in it, of so many levels in all."""
    return b'{"x": ' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}"


def test_json_may_be_sixty_four_levels_deep() -> None:
    assert limits.MAX_JSON_DEPTH == 64
    parse_json(_nested(64), "where")

    for levels in (65, 66, 100_000):
        with pytest.raises(BundleError, match="where is nested deeper than 64 levels"):
            parse_json(_nested(levels), "where")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'{"x": 1, "x": 1}', "stands twice"),
        (b'{"x": NaN}', "NaN is no JSON number"),
        (b'{"x": -Infinity}', "-Infinity is no JSON number"),
        (b'{"x": 1e999}', "beyond what float64 can hold"),
        (b'{"x": "\\ud800"}', "half of a surrogate pair"),
        (b'{"\\ud800": 1}', "a key holds half of a surrogate pair"),
        (b"\xff", "not valid JSON"),
        (b"[]", r"must be a JSON object, but is \[\]"),
    ],
)
def test_json_that_programs_read_differently_is_refused(content: bytes, says: str) -> None:
    with pytest.raises(BundleError, match=says):
        parse_json(content, "where")


def _changed(bundle: Path, change: Callable[[dict[str, Any]], object]) -> Manifest:
    manifest = read_manifest(bundle)
    change(manifest)
    return parse_manifest(json.dumps(manifest).encode())


SIZES: list[tuple[str, Callable[[dict[str, Any], int], object], int]] = [
    ("values in an image", lambda m, n: m["shapes"].update(image=[1, 1, n]), 2**23),
    ("dimensions of the latent", lambda m, n: m["shapes"].update(latent_dim=n), 65_536),
    ("classes", lambda m, n: m.update(labels=[str(i) for i in range(n)]), 65_536),
]


@pytest.mark.parametrize(("what", "change", "most"), SIZES, ids=[what for what, *_ in SIZES])
def test_sizes_of_a_model_are_bounded(
    what: str, change: Callable[[dict[str, Any], int], object], most: int, tiny_bundle: Path
) -> None:
    _changed(tiny_bundle, lambda manifest: change(manifest, most))

    with pytest.raises(BundleError, match=f"has {most + 1} {what}, more than {most}"):
        _changed(tiny_bundle, lambda manifest: change(manifest, most + 1))


@pytest.mark.parametrize(("channels", "taken"), [(1, True), (2, False), (3, True), (4, False)])
def test_images_are_grey_or_of_three_colours(channels: int, taken: bool, tiny_bundle: Path) -> None:
    def change(manifest: dict[str, Any]) -> None:
        manifest["shapes"]["image"] = [channels, 4, 4]

    if taken:
        assert _changed(tiny_bundle, change).shapes.image == (channels, 4, 4)
    else:
        with pytest.raises(BundleError, match=f"1 or 3 channels, but has {channels}"):
            _changed(tiny_bundle, change)


def test_image_s_values_are_counted_over_all_axes(tiny_bundle: Path) -> None:
    for image in ([3, 2**11, 2**11], [1, 2**12, 2**11 + 1]):
        with pytest.raises(BundleError, match="values in an image"):
            _changed(tiny_bundle, lambda manifest, image=image: manifest["shapes"].update(image=image))  # type: ignore[misc]


@pytest.mark.parametrize(("contract", "taken"), [(1, False), (2, True), (3, False)])
def test_only_the_second_contract_is_read(contract: int, taken: bool, tiny_bundle: Path) -> None:
    if taken:
        _changed(tiny_bundle, lambda manifest: manifest.update(contract=contract))
    else:
        with pytest.raises(BundleError, match=f"follows contract {contract}, this vaeport reads contract 2 only"):
            _changed(tiny_bundle, lambda manifest: manifest.update(contract=contract))


@pytest.mark.parametrize(("size", "taken"), [(0, True), (2**31, True), (2**31 + 1, False), (-1, False)])
def test_file_may_be_as_large_as_protobuf_allows(size: int, taken: bool, tiny_bundle: Path) -> None:
    def change(manifest: dict[str, Any]) -> None:
        manifest["files"]["golden.npz"]["size"] = size

    if taken:
        assert _changed(tiny_bundle, change).files["golden.npz"].size == size
    else:
        with pytest.raises(BundleError, match="'size' must be"):
            _changed(tiny_bundle, change)


@pytest.mark.parametrize("digest", ["A" * 64, "a" * 63, "a" * 65, "g" * 64])
def test_sums_are_sixty_four_lower_case_digits(digest: str, tiny_bundle: Path) -> None:
    with pytest.raises(BundleError, match="64 lower-case hexadecimal digits"):
        _changed(tiny_bundle, lambda manifest: manifest["files"]["golden.npz"].update(sha256=digest))


def test_manifest_lists_at_most_four_thousand_and_ninety_six_files(tiny_bundle: Path) -> None:
    entry = {"size": 0, "sha256": "0" * 64}
    room = 4096 - len(read_manifest(tiny_bundle)["files"])

    assert len(_changed(tiny_bundle, lambda m: m["files"].update({f"f{i}": entry for i in range(room)})).files) == 4096
    with pytest.raises(BundleError, match="lists 4097 files, more than 4096"):
        _changed(tiny_bundle, lambda m: m["files"].update({f"f{i}": entry for i in range(room + 1)}))


@pytest.mark.parametrize("path", ["a/b/c", "a.b", "A-Z_0.9", "0", "console", "com10", "nulls.txt", "_"])
def test_plain_paths_are_taken(path: str, tiny_bundle: Path) -> None:
    entry = {"size": 0, "sha256": "0" * 64}

    assert path in _changed(tiny_bundle, lambda manifest: manifest["files"].update({path: entry})).files


@pytest.mark.parametrize(
    "path", ["", "/a", "a/", "a//b", "..", "a/../b", ".a", "a.", "a b", "ä", "a\\b", "aux.txt", "LPT1", "prn", "com1.x"]
)
def test_other_paths_are_refused(path: str, tiny_bundle: Path) -> None:
    entry = {"size": 0, "sha256": "0" * 64}

    with pytest.raises(BundleError, match="is no plain path inside the bundle"):
        _changed(tiny_bundle, lambda manifest: manifest["files"].update({path: entry}))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda m: m.update(polarity="light"), "'polarity' must be one of auto, dark-ink, light-ink"),
        (lambda m: m.update(detachable=["fp32"]), "'detachable' may name 'checkpoint' only"),
        (lambda m: m.update(precisions=["fp16"]), "must begin with 'fp32', not 'fp16'"),
        (lambda m: m.update(precisions=["fp32", "fp16"]), "lists precision 'fp16' but not 'fp16/encoder"),
        (lambda m: m["tolerances"]["fp32"].pop("decoder"), "no tolerance for fp32/decoder: image"),
        (lambda m: m["files"].pop("golden.npz"), "lists no golden.npz"),
    ],
)
def test_manifest_that_is_not_complete_is_refused(
    change: Callable[[dict[str, Any]], object], says: str, tiny_bundle: Path
) -> None:
    with pytest.raises(BundleError, match=says):
        _changed(tiny_bundle, change)


def test_text_of_a_manifest_leaves_out_what_is_usual(tiny_bundle: Path) -> None:
    bare = _changed(
        tiny_bundle, lambda m: (m.pop("anomaly"), m.pop("precision_figures", None), m.pop("polarity", None))
    )
    told = _changed(tiny_bundle, lambda m: m.update(polarity="dark-ink", precision_figures={"a": 1}))

    assert not {"anomaly", "precision_figures", "polarity"} & set(json.loads(bare.to_json()))
    assert {"anomaly", "precision_figures", "polarity"} <= set(json.loads(told.to_json()))
    assert (bare.anomaly, bare.precision_figures, bare.polarity) == (None, {}, "auto")
    assert list(json.loads(told.to_json())["files"]) == sorted(told.files)
    assert told.to_json().endswith("}\n")
    assert parse_manifest(told.to_json().encode()) == told


def test_limits_of_a_bundle_are_those_that_are_stated() -> None:
    named = {name: value for name, value in vars(limits).items() if name.startswith("MAX_")}

    assert named == {
        "MAX_MANIFEST_BYTES": 4_194_304,
        "MAX_JSON_DEPTH": 64,
        "MAX_JSON_INTEGER": 9_223_372_036_854_775_807,
        "MAX_FILES": 4096,
        "MAX_FILE_BYTES": 2_147_483_648,
        "MAX_FOLDER_DEPTH": 16,
        "MAX_ARCHIVE_BYTES": 1_073_741_824,
        "MAX_IMAGE_VALUES": 8_388_608,
        "MAX_LATENT_DIM": 65_536,
        "MAX_CLASSES": 65_536,
        "MAX_GOLDEN_BYTES": 268_435_456,
        "MAX_GOLDEN_ARRAYS": 1024,
    }


@pytest.mark.parametrize(("length", "shown"), [(200, "a" * 200), (201, "a" * 197 + "...")])
def test_long_name_of_a_bundle_is_cut(length: int, shown: str) -> None:
    with pytest.raises(BundleNotFoundError) as caught:
        open_bundle("a" * length)

    assert str(caught.value).startswith(f"'{shown}' does not exist, and is no shipped bundle (shipped: mnist")


def test_manifest_as_large_as_is_allowed_is_read(tiny_bundle: Path) -> None:
    size = len((tiny_bundle / "bundle.json").read_bytes())

    for extra, says in ((0, "broken seal|digest"), (1, "larger than 4194304 bytes")):
        write_manifest(tiny_bundle, read_manifest(tiny_bundle) | {"training": {}})
        content = (tiny_bundle / "bundle.json").read_bytes()
        padded = content + b" " * (limits.MAX_MANIFEST_BYTES + extra - len(content))
        (tiny_bundle / "bundle.json").write_bytes(padded)
        with pytest.raises(BundleError, match=says):
            open_bundle(tiny_bundle)
    assert size < limits.MAX_MANIFEST_BYTES
