"""`bundle.json` as a dataclass: what a bundle is, what it holds, and how exactly it must answer."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ..contract import (
    CHECKPOINT_FOLDER,
    CONTRACT,
    FP32,
    GOLDEN_FILE,
    GRAPHS,
    MANIFEST_FILE,
    TOLERANCE_FACTOR,
    Shapes,
    Tolerance,
    yardstick_of,
)
from ..errors import BundleError
from .anomaly_scale import AnomalyCalibration, read_calibration
from .digest import with_digest
from .fields import Fields, parse_json
from .limits import MAX_CLASSES, MAX_FILE_BYTES, MAX_FILES, MAX_IMAGE_VALUES, MAX_LATENT_DIM


@dataclass(frozen=True)
class FileEntry:
    """One sealed file."""

    size: int
    """Bytes."""
    sha256: str
    """Lower-case hexadecimal digest of the content."""


Tolerances = dict[str, dict[str, dict[str, Tolerance]]]
"""By precision, graph and output name."""


@dataclass(frozen=True)
class Manifest:
    """Content of `bundle.json`."""

    name: str
    """What the bundle calls itself, `mnist-blog` for instance."""
    version: str
    """Version of the bundle, not of vaeport."""
    description: str
    """One sentence for people."""
    labels: tuple[str, ...]
    """Class names in the order of `class_probs`."""
    shapes: Shapes
    """Sizes of every tensor."""
    precisions: tuple[str, ...]
    """Folders that hold the two graphs, `fp32` first."""
    tolerances: Tolerances
    """Bounds on the error of every output, with the noise floor behind them."""
    training: dict[str, Any]
    """Configuration of the training run."""
    evaluation: dict[str, Any]
    """Figures of the model, by data set and split."""
    made_with: dict[str, str]
    """Versions of the software that made the bundle."""
    files: dict[str, FileEntry]
    """Every file but the manifest itself, by path with forward slashes."""
    detachable: tuple[str, ...] = ()
    """Folders that may be absent as a whole: an installed runtime needs no checkpoint."""
    anomaly: AnomalyCalibration | None = None
    """How held-out images score, by which anomalies are told; None where the model was never evaluated."""
    precision_figures: dict[str, Any] = field(default_factory=dict)
    """What each precision below float32 costs on the task, and where that was measured."""
    polarity: str = "auto"
    """How grey files and PIL images are read unless the caller says otherwise: `auto`, `dark-ink` or `light-ink`, which
    takes them as they are."""

    @property
    def yardstick(self) -> str:
        """What the float32 graphs must answer as, in words: their originals, of whatever kind the checkpoint has."""
        return yardstick_of(
            [name for name, spec in GRAPHS.items() if f"{CHECKPOINT_FOLDER}/{spec.original_file}" in self.files]
        )

    def to_json(self) -> str:
        """Text of `bundle.json`, its digest first: keys in a fixed order, so that equal bundles are equal bytes."""
        shapes = {"image": self.shapes.image, "latent_dim": self.shapes.latent_dim}
        fields = {**asdict(self), "shapes": shapes, "files": {k: asdict(v) for k, v in sorted(self.files.items())}}
        for name in ("anomaly", "precision_figures"):
            if not fields[name]:
                del fields[name]
        if self.polarity == _USUAL_POLARITY:
            del fields["polarity"]
        return with_digest(
            json.dumps({"contract": CONTRACT, **fields}, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        )


def parse_manifest(content: bytes) -> Manifest:
    """Read the bytes of a `bundle.json`; whether its digest holds is checked before, by `open_bundle`.

    Raises:
        BundleError: not JSON, another contract, or a field missing or wrong.
    """
    fields = parse_json(content, MANIFEST_FILE)
    contract = fields.integer("contract", least=1)
    if contract != CONTRACT:
        raise BundleError(f"{MANIFEST_FILE} follows contract {contract}, this vaeport reads contract {CONTRACT} only")
    labels = fields.texts("labels", least=1)
    shapes = fields.inner("shapes")
    channels, height, width = shapes.integers("image", count=3)
    if channels not in (1, 3):
        raise BundleError(f"{shapes.where}: 'image' must have 1 or 3 channels, but has {channels}")
    latent_dim = shapes.integer("latent_dim", least=1)
    for what, size, most in (
        ("values in an image", channels * height * width, MAX_IMAGE_VALUES),
        ("dimensions of the latent", latent_dim, MAX_LATENT_DIM),
        ("classes", len(labels), MAX_CLASSES),
    ):
        if size > most:
            raise BundleError(f"{MANIFEST_FILE} has {size} {what}, more than {most}, the most that vaeport takes")
    manifest = Manifest(
        name=fields.text("name"),
        version=fields.text("version"),
        description=fields.text("description"),
        labels=labels,
        shapes=Shapes((channels, height, width), latent_dim, len(labels)),
        precisions=fields.texts("precisions", least=1),
        tolerances=fields.items("tolerances", _by_graph),
        training=fields.free("training"),
        evaluation=fields.free("evaluation"),
        made_with=fields.items("made_with", Fields.text),
        files=fields.items("files", _file_entry),
        detachable=fields.texts("detachable"),
        anomaly=read_calibration(fields.inner("anomaly")) if "anomaly" in fields else None,
        precision_figures=fields.free("precision_figures") if "precision_figures" in fields else {},
        polarity=fields.text("polarity") if "polarity" in fields else _USUAL_POLARITY,
    )
    _check_complete(manifest)
    return manifest


def _by_graph(fields: Fields, precision: str) -> dict[str, dict[str, Tolerance]]:
    return fields.items(precision, lambda graphs, graph: graphs.items(graph, _tolerance))


def _tolerance(fields: Fields, output: str) -> Tolerance:
    inner = fields.inner(output)
    tolerance = Tolerance(inner.number("max_abs"), inner.number("noise_floor"))
    most = TOLERANCE_FACTOR * tolerance.noise_floor
    inner.check(
        tolerance.max_abs <= most * (1 + _DECIMAL_SLACK),
        "max_abs",
        f"at most {TOLERANCE_FACTOR:g} times the noise floor ({most:.6g}), the bound of the contract",
    )
    return tolerance


_DECIMAL_SLACK = 1e-6
"""What is lost where a tool writes the two numbers with fewer digits."""


_PLAIN_NAME = re.compile(
    r"(?!(?:CON|PRN|AUX|NUL|COM\d|LPT\d)(?:\.|$))[A-Z0-9_-](?:[A-Z0-9_.-]*[A-Z0-9_-])?", re.IGNORECASE | re.ASCII
)
"""A name that is the same plain file on every system: no device of Windows, no dot at the end that Windows drops."""


def _file_entry(fields: Fields, path: str) -> FileEntry:
    if not all(_PLAIN_NAME.fullmatch(part) for part in path.split("/")) or path.casefold() == MANIFEST_FILE:
        raise BundleError(f"{fields.where}: {path!r} is no plain path inside the bundle")
    inner = fields.inner(path)
    digest = inner.text("sha256")
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise BundleError(f"{inner.where}: 'sha256' must be 64 lower-case hexadecimal digits")
    size = inner.integer("size")
    inner.check(size <= MAX_FILE_BYTES, "size", f"at most {MAX_FILE_BYTES} bytes")
    return FileEntry(size, digest)


_USUAL_POLARITY = "auto"
POLARITIES = ("auto", "dark-ink", "light-ink")
"""What `polarity` may be."""


def _check_complete(manifest: Manifest) -> None:
    """Every precision has both graphs and a tolerance for each output; what answers need cannot be absent."""
    if manifest.polarity not in POLARITIES:
        raise BundleError(f"{MANIFEST_FILE}: 'polarity' must be one of {', '.join(POLARITIES)}")
    if len(manifest.files) > MAX_FILES:
        raise BundleError(f"{MANIFEST_FILE} lists {len(manifest.files)} files, more than {MAX_FILES}")
    _check_paths(manifest.files)
    if GOLDEN_FILE not in manifest.files:
        raise BundleError(f"{MANIFEST_FILE} lists no {GOLDEN_FILE}")
    if set(manifest.detachable) - {CHECKPOINT_FOLDER}:
        raise BundleError(f"{MANIFEST_FILE}: 'detachable' may name {CHECKPOINT_FOLDER!r} only")
    if manifest.precisions[0] != FP32:
        raise BundleError(f"{MANIFEST_FILE}: 'precisions' must begin with {FP32!r}, not {manifest.precisions[0]!r}")
    for precision in manifest.precisions:
        for spec in GRAPHS.values():
            if spec.file(precision) not in manifest.files:
                raise BundleError(f"{MANIFEST_FILE} lists precision {precision!r} but not {spec.file(precision)!r}")
            known = manifest.tolerances.get(precision, {}).get(spec.name, {})
            if missing := [output for output in spec.outputs if output not in known]:
                raise BundleError(f"{MANIFEST_FILE} has no tolerance for {precision}/{spec.name}: {', '.join(missing)}")


def _check_paths(files: Mapping[str, FileEntry]) -> None:
    """No two paths are one on a system that ignores case, and none is a folder of another."""
    seen: dict[str, str] = {}
    for path in files:
        twin = seen.setdefault(path.casefold(), path)
        if twin != path:
            raise BundleError(f"{MANIFEST_FILE} lists {twin!r} and {path!r}, which are one file on some systems")
    for path in files:
        parts = path.casefold().split("/")
        for count in range(1, len(parts)):
            if "/".join(parts[:count]) in seen:
                raise BundleError(f"{MANIFEST_FILE} lists {path!r}, whose folder it lists as a file")
