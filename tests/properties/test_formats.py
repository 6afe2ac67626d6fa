"""Manifest and golden file: what is written is read back equal, and what is not as it should be is a BundleError."""

import io
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties.conftest import TINY
from tests.properties.oracles import bits
from vaeport.bundle.anomaly_scale import LIKELIHOODS, AnomalyCalibration
from vaeport.bundle.digest import read_digest, with_digest
from vaeport.bundle.golden import Golden, parse_golden
from vaeport.bundle.manifest import POLARITIES, FileEntry, Manifest, parse_manifest
from vaeport.contract import DECODER, ENCODER_CLASSIFIER, FP32, GRAPHS, Shapes, Tolerance
from vaeport.errors import BundleError, SealError
from vaeport.model.classes import label_index

TEXTS = st.text(st.characters(exclude_categories=("C", "Z"), include_characters=" "), min_size=1, max_size=12)
KEYS = st.text(max_size=6)
BOUNDS = st.floats(0, 1e300)
TOLERANCES = st.builds(lambda floor, factor: Tolerance(floor * factor, floor), st.floats(0, 1e299), st.floats(0, 4))
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63) + 1, 2**63 - 1),
        st.floats(allow_nan=False, allow_infinity=False),
        KEYS,
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)
FREE = st.dictionaries(KEYS, VALUES, max_size=3)
PARTS = st.from_regex(r"\A[A-Za-z0-9_\-][A-Za-z0-9_.\-]{0,8}\Z")
ENTRIES = st.builds(FileEntry, st.integers(0, 2**31), st.text("0123456789abcdef", min_size=64, max_size=64))


@st.composite
def scales(draw: st.DrawFn) -> AnomalyCalibration:
    """How held-out images score."""
    levels = (0.0, *sorted(draw(st.lists(st.floats(0, 100), max_size=4))), 100.0)
    scores = sorted(draw(st.lists(st.floats(-1e300, 1e300), min_size=len(levels), max_size=len(levels))))
    likelihood, std = draw(st.sampled_from(LIKELIHOODS)), draw(st.floats(1e-300, 1e300))
    return AnomalyCalibration(draw(TEXTS), draw(st.integers(1, 10**9)), likelihood, std, levels, tuple(scores))


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    """Manifests as an export may write them."""
    labels = tuple(draw(st.lists(TEXTS, min_size=1, max_size=5, unique=True)))
    sides, latent_dim = draw(st.tuples(st.integers(1, 300), st.integers(1, 300))), draw(st.integers(1, 65536))
    precisions = (FP32, *draw(st.lists(st.sampled_from(["fp16", "int8", "bf16"]), max_size=2, unique=True)))
    needed = [spec.file(precision) for precision in precisions for spec in GRAPHS.values()]
    others = draw(st.lists(st.lists(PARTS, min_size=1, max_size=3).map("/".join), max_size=3))
    names = [*needed, "golden.npz", "checkpoint/config.json"]
    for name in others:
        if not _is_taken(name, ["bundle.json", *names]):
            names.append(name)
    return Manifest(
        name=draw(TEXTS),
        version=draw(TEXTS),
        description=draw(TEXTS),
        labels=labels,
        shapes=Shapes((draw(st.sampled_from([1, 3])), *sides), latent_dim, len(labels)),
        precisions=precisions,
        tolerances={
            precision: {spec.name: {name: draw(TOLERANCES) for name in spec.outputs} for spec in GRAPHS.values()}
            for precision in precisions
        },
        training=draw(FREE),
        evaluation=draw(FREE),
        made_with=draw(st.dictionaries(KEYS, TEXTS, max_size=3)),
        files={name: draw(ENTRIES) for name in sorted(names)},
        detachable=draw(st.sampled_from([(), ("checkpoint",)])),
        anomaly=draw(st.one_of(st.none(), scales())),
        precision_figures=draw(FREE),
        polarity=draw(st.sampled_from(POLARITIES)),
    )


@given(manifest=manifests())
def test_manifest_is_read_back_equal(manifest: Manifest) -> None:
    content = manifest.to_json().encode()

    again = parse_manifest(content)

    assert again == manifest
    assert again.to_json().encode() == content
    assert read_digest(content).startswith("sha256:")


@given(manifest=manifests(), place=st.integers(0, 2**20), flip=st.integers(1, 255))
def test_no_byte_of_a_manifest_can_change(manifest: Manifest, place: int, flip: int) -> None:
    content = bytearray(manifest.to_json().encode())
    content[place % len(content)] ^= flip

    with pytest.raises(SealError):
        read_digest(bytes(content))


@given(data=st.data())
def test_manifest_with_any_value_in_any_place_is_read_or_a_bundle_error(data: st.DataObject) -> None:
    value: Any = json.loads((TINY / "bundle.json").read_text(encoding="utf-8"))
    inner: Any = value
    key = data.draw(st.sampled_from(sorted(inner)))
    while isinstance(inner[key], dict) and inner[key] and data.draw(st.booleans()):
        inner = inner[key]
        key = data.draw(st.sampled_from(sorted(inner)))
    strange = st.sampled_from([10**400, -1, 1e308, 2**63, "\ud800", "a\nb", "", [[]], {}, [None], "../x", 0.1, True])
    inner[key] = data.draw(st.one_of(strange, VALUES))

    _is_read_or_refused(json.dumps(value).encode())


@given(content=st.one_of(st.binary(max_size=60), VALUES.map(lambda value: json.dumps(value).encode())))
def test_what_is_no_manifest_is_a_bundle_error(content: bytes) -> None:
    with pytest.raises(BundleError):
        parse_manifest(content)


@given(opening=st.sampled_from(["[", '{"a":', '[{"a":']), levels=st.integers(1, 5000), closed=st.booleans())
def test_nesting_of_any_depth_is_a_bundle_error(opening: str, levels: int, closed: bool) -> None:
    ending = {"[": "]", '{"a":': "}", '[{"a":': "}]"}[opening] * levels if closed else ""

    with pytest.raises(BundleError):
        parse_manifest(f'{{"contract": 2, "training": {opening * levels}0{ending}}}'.encode())


@given(
    fields=st.dictionaries(KEYS.filter(lambda key: key != "digest"), VALUES, min_size=1, max_size=4),
    extra=st.binary(min_size=1, max_size=4),
)
def test_digest_is_that_of_every_other_byte(fields: dict[str, Any], extra: bytes) -> None:
    content = with_digest(json.dumps(fields, indent=2) + "\n").encode()

    assert read_digest(content).startswith("sha256:")
    with pytest.raises(SealError):
        read_digest(content + extra)


@given(data=st.data())
def test_golden_file_is_read_back_equal(data: st.DataObject) -> None:
    shapes = Shapes(
        (data.draw(st.sampled_from([1, 3])), data.draw(st.integers(1, 4)), 2), data.draw(st.integers(1, 5)), 2
    )
    precisions = (FP32, *data.draw(st.sampled_from([(), ("int8",), ("fp16", "int8")])))
    rows = {graph: data.draw(st.integers(1, 4)) for graph in GRAPHS}
    chance = np.random.default_rng(data.draw(st.integers(0, 2**16)))
    golden = Golden(
        images=chance.integers(0, 256, (rows[ENCODER_CLASSIFIER], *shapes.image), np.uint8),
        labels=chance.integers(-1, 2, rows[ENCODER_CLASSIFIER]),
        z=chance.standard_normal((rows[DECODER], shapes.latent_dim)).astype(np.float32),
        class_probs=chance.random((rows[DECODER], 2), np.float32),
        answers={
            graph: {kind: _answers(graph, kind, rows, shapes, chance) for kind in ("float32", "float64")}
            for graph in GRAPHS
        },
        lower={
            graph: {kind: _answers(graph, "float32", rows, shapes, chance) for kind in precisions[1:]}
            for graph in GRAPHS
        },
    )
    file = io.BytesIO()
    save = data.draw(st.sampled_from([np.savez, np.savez_compressed]))
    save(file, **golden.to_arrays())  # type: ignore[arg-type]  # the stub takes allow_pickle for a key

    again = parse_golden(file.getvalue(), shapes, precisions)

    assert bits(list(again.to_arrays().values())) == bits(list(golden.to_arrays().values()))
    assert list(again.to_arrays()) == list(golden.to_arrays())


@given(
    changes=st.lists(st.tuples(st.integers(0, 2**20), st.integers(1, 255)), min_size=1, max_size=4),
    cut=st.integers(0, 3),
)
def test_damaged_golden_file_is_read_or_a_bundle_error(changes: list[tuple[int, int]], cut: int) -> None:
    manifest = parse_manifest((TINY / "bundle.json").read_bytes())
    content = bytearray((TINY / "golden.npz").read_bytes())
    for place, flip in changes:
        content[place % len(content)] ^= flip
    if not cut:
        del content[changes[0][0] % len(content) :]

    try:
        golden = parse_golden(bytes(content), manifest.shapes)
    except BundleError:
        return
    assert golden.images.shape[1:] == manifest.shapes.image


@given(manifest=manifests())
def test_every_label_has_its_own_index(manifest: Manifest) -> None:
    assert [label_index(manifest, label) for label in manifest.labels] == list(range(len(manifest.labels)))


def _is_taken(name: str, names: list[str]) -> bool:
    """Whether a system that ignores case has a file or folder of this name already."""
    wanted, present = f"{name}/".casefold(), [f"{other}/".casefold() for other in names]
    return any(wanted.startswith(other) or other.startswith(wanted) for other in present)


def _answers(
    graph: str, kind: str, rows: dict[str, int], shapes: Shapes, chance: np.random.Generator
) -> dict[str, np.ndarray[Any, Any]]:
    return {
        name: chance.standard_normal((rows[graph], *shapes.row(name))).astype(kind) for name in GRAPHS[graph].outputs
    }


def _is_read_or_refused(content: bytes) -> None:
    try:
        manifest = parse_manifest(content)
    except BundleError as error:
        if not str(error).strip():
            raise
        return
    assert parse_manifest(manifest.to_json().encode()) == manifest
