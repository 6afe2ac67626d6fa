"""A manifest is read strictly: whatever is wrong with it is one BundleError of one sentence."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.runtime.tampering import read_manifest, write_manifest
from vaeport import open_bundle
from vaeport.bundle.manifest import Manifest, parse_manifest
from vaeport.errors import BundleError

TINY = {key: value for key, value in read_manifest(Path(__file__).parent / "tiny").items() if key != "digest"}
GRAPH = "fp32/decoder/model.onnx"
BOUND = TINY["tolerances"]["fp32"]["decoder"]["image"]


def _parse(value: object) -> Manifest:
    return parse_manifest(json.dumps(value).encode())


def _refusal(value: object) -> str:
    """The one sentence with which a manifest is refused."""
    with pytest.raises(BundleError) as caught:
        _parse(value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_manifest_survives_the_round_trip() -> None:
    manifest = parse_manifest(json.dumps(TINY).encode())

    assert parse_manifest(manifest.to_json().encode()) == manifest
    assert {key: value for key, value in json.loads(manifest.to_json()).items() if key != "digest"} == TINY


def test_unknown_fields_are_left_alone() -> None:
    assert _parse({**TINY, "note": "from a newer writer"}) == _parse(TINY)


@pytest.mark.parametrize("field", sorted(set(TINY) - {"anomaly"}))
def test_missing_field_is_named(field: str) -> None:
    assert repr(field) in _refusal({key: value for key, value in TINY.items() if key != field})


@pytest.mark.parametrize("wrong", [None, True, -1, 1.5, "", [], [1], {"x": None}])
@pytest.mark.parametrize("field", sorted(set(TINY) - {"training", "evaluation", "detachable"}))
def test_field_of_a_wrong_type_is_named(field: str, wrong: object) -> None:
    assert field in _refusal({**TINY, field: wrong})


@pytest.mark.parametrize("wrong", [None, 1, "text", [1], True])
@pytest.mark.parametrize("field", ["training", "evaluation", "detachable", "precision_figures"])
def test_free_field_of_a_wrong_type_is_named(field: str, wrong: object) -> None:
    assert field in _refusal({**TINY, field: wrong})


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda m: m.update(contract=1), "contract 1"),
        (lambda m: m.update(labels=[]), "labels"),
        (lambda m: m.update(labels=["cat", "cat", "owl"]), "labels"),
        (lambda m: m["shapes"].update(image=[2, 4, 4]), "channels"),
        (lambda m: m["shapes"].update(image=[1, 4]), "image"),
        (lambda m: m["shapes"].update(image=[1, 0, 4]), "image"),
        (lambda m: m["shapes"].update(latent_dim=0), "latent_dim"),
        (lambda m: m.update(precisions=["fp32", "fp16"]), "fp16"),
        (lambda m: m.update(precisions=["int8", "fp32"]), "'precisions' must begin with 'fp32', not 'int8'"),
        (lambda m: m["files"].pop(GRAPH), GRAPH),
        (lambda m: m["files"].pop("golden.npz"), r"golden.npz"),
        (lambda m: m["tolerances"]["fp32"]["decoder"].pop("image"), "fp32/decoder"),
        (lambda m: m["tolerances"]["fp32"]["decoder"]["image"].update(max_abs=-1), "max_abs"),
        (lambda m: m["tolerances"]["fp32"]["decoder"]["image"].update(max_abs="1"), "max_abs"),
        (lambda m: m["tolerances"]["fp32"]["decoder"]["image"].update(max_abs=10**400), "max_abs"),
        (
            lambda m: m["tolerances"]["fp32"]["decoder"]["image"].update(max_abs=5, noise_floor=1),
            "'max_abs' must be at most 4 times the noise floor",
        ),
        (lambda m: m["files"][GRAPH].update(sha256="0" * 63), "sha256"),
        (lambda m: m["files"][GRAPH].update(sha256="G" * 64), "sha256"),
        (lambda m: m["files"][GRAPH].update(size=True), "size"),
        (lambda m: m["files"][GRAPH].pop("size"), "size"),
    ],
)
def test_wrong_detail_is_named(change: Callable[[dict[str, Any]], object], named: str) -> None:
    manifest = copy.deepcopy(TINY)
    change(manifest)

    assert named in _refusal(manifest)


@pytest.mark.parametrize(
    "path",
    ["../outside", "/etc/passwd", "a/../b", "a//b", "./a", "a/", "", "a\\b", "C:/a", "bundle.json", "a\nb", "ä.txt"],
)
def test_path_that_might_leave_the_folder_is_refused(path: str) -> None:
    entry = TINY["files"][GRAPH]

    assert "no plain path inside the bundle" in _refusal({**TINY, "files": {**TINY["files"], path: entry}})


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe{}",
        b"\xef\xbb\xbf{}",
        b"[]",
        b"1",
        b"null",
        b'{"contract": 1, "contract": 1}',
        b'{"contract": NaN}',
        b'{"contract": Infinity}',
        b'{"training": {"x": -Infinity}}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"contract": ' + b"1" * 5000 + b"}",
        b'{"contract": 1} trailing',
    ],
    ids=lambda content: repr(content[:24]),
)
def test_broken_json_is_one_bundle_error(content: bytes) -> None:
    with pytest.raises(BundleError, match=r"^bundle\.json") as caught:
        parse_manifest(content)

    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("size", [10**15, 2**63, 10**30])
def test_declared_size_beyond_memory_breaks_the_seal(size: int, tiny_bundle: Path) -> None:
    manifest = read_manifest(tiny_bundle)
    manifest["files"][GRAPH]["size"] = size
    write_manifest(tiny_bundle, manifest)

    with pytest.raises(BundleError, match=r"model\.onnx"):
        open_bundle(tiny_bundle)


def test_huge_manifest_is_not_read(tiny_bundle: Path) -> None:
    with (tiny_bundle / "bundle.json").open("ab") as file:
        file.truncate(2**40)  # a hole: it takes no space on the disk

    with pytest.raises(BundleError, match="larger than .* bytes"):
        open_bundle(tiny_bundle)


@pytest.mark.parametrize("text", ["a\nb", "a\x1b[31mb", "\ud800"])
@pytest.mark.parametrize("field", ["name", "version", "description"])
def test_text_that_a_terminal_cannot_show_is_refused(field: str, text: str) -> None:
    assert field in _refusal({**TINY, field: text})


def test_label_that_a_terminal_cannot_show_is_refused() -> None:
    assert "labels" in _refusal({**TINY, "labels": ["cat", "d\nog", "owl"]})


@pytest.mark.parametrize("path", ["checkpoint/CON.json", "nul", "a/Com1", "golden.npz.", "BUNDLE.JSON", "."])
def test_path_that_another_system_reads_as_something_else_is_refused(path: str) -> None:
    entry = TINY["files"][GRAPH]

    assert "no plain path inside the bundle" in _refusal({**TINY, "files": {**TINY["files"], path: entry}})


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("GOLDEN.npz", "'golden.npz' and 'GOLDEN.npz', which are one file on some systems"),
        ("golden.npz/inner", "'golden.npz/inner', whose folder it lists as a file"),
        ("Fp32/Decoder/model.onnx/x", "whose folder it lists as a file"),
    ],
)
def test_paths_that_cannot_stand_side_by_side_are_refused(path: str, sentence: str) -> None:
    entry = TINY["files"][GRAPH]

    assert sentence in _refusal({**TINY, "files": {**TINY["files"], path: entry}})


def test_labels_of_any_script_stand_in_the_file_as_they_are() -> None:
    manifest = _parse({**TINY, "labels": ["кот", "犬", "owl"]})

    assert "кот" in manifest.to_json()
    assert "犬" in manifest.to_json()
