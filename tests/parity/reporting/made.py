"""Reports as data, of the kinds that comparisons make: what holds, what falls short, names from strangers."""

from typing import Any

from vaeport_parity.judging.figures import Figures
from vaeport_parity.judging.report import BackendReport, ChainShares, Finding, Row
from vaeport_parity.reporting.report import Report

HOSTILE = "<script>alert(1)</script>|`x`\x1b[31m\n<b>"
"""A name that would break a page, a table, XML or a terminal if it were taken as it is."""

NOT_INSTALLED = "not installed; vaeport-parity --backends {} --install makes an environment for it"


def figures(error: float = 1e-7) -> Figures:
    """Figures of an output that is off by so much."""
    return Figures(error, error / 2, error, error / 10, error / 2, (5, 4, 3, 2, 1, 0, 0, 0), 120.0)


def row(backend: str = "tract", output: str = "y", error: float = 1e-7, **changes: Any) -> Row:
    """A row with a noise floor of 1e-7, of which four are allowed."""
    fields: dict[str, Any] = {
        "graph": "graph",
        "figures": figures(error),
        "noise_floor": 1e-7,
        "tolerance": 4e-7,
        "rows": 300,
        "by_set": {"probes": error, "edges": error / 2},
        "worst": ("probes", 3),
    }
    return Row(backend, output=output, **{**fields, **changes})


def backend(name: str = "tract", **changes: Any) -> BackendReport:
    """A backend that counts."""
    return BackendReport(name, **{"version": "1.2.3", "counts": True, "remark": "", **changes})


def report(*rows: Row, backends: tuple[BackendReport, ...] = (backend(),), **changes: Any) -> Report:
    """A report on a graph that is compared with another file."""
    fields: dict[str, Any] = {"name": "candidate.onnx", "samples": 300, "yardstick": "original.onnx"}
    return Report(backends=backends, rows=rows, **{**fields, **changes})


def broken() -> Report:
    """Two backends that go wrong at one place, one that holds, one that refuses, three that are missing."""
    place = "candidate.onnx: node 'sub' (Sub of b, a) reads a, b in original.onnx; onnxruntime-none holds"
    backends = (
        backend("onnxruntime-all", place=place),
        backend("tract", place=place),
        backend("jax"),
        backend("ncnn", place="graph, node 'embed' (Gather of table, tokens) gives no answer: no int64"),
        backend("tvm", version="", missing=NOT_INSTALLED.format("tvm")),
        backend("iree", version="", missing=NOT_INSTALLED.format("iree")),
        backend("onnxruntime-cuda", version="", missing="the program nvidia-smi is not installed"),
    )
    rows = (
        row("onnxruntime-all", error=1e-3),
        row("tract", error=2e-3),
        row("jax"),
        row("ncnn", rows=0, failed="graph, batch 7: no int64", by_set={}),
    )
    notes = ("tokens are seeded integers 0 <= x < 99, read from a Gather's table",)
    left_out = ("graph, length=4096: the reference does not take this size",)
    return report(*rows, backends=backends, notes=notes, left_out=left_out)


def crowded() -> Report:
    """25 backends, some with long names and versions, and outputs of hostile, long and wide names."""
    names = [f"backend-number-{index}" for index in range(24)]
    names.append("a-backend-of-somebody-with-a-very-long-name-indeed")
    outputs = ("y", "encoder/layers.11/output/LayerNorm/MatMul:0_with_a_name_without_end", HOSTILE, "ストライド")
    backends, rows = [], []
    for index, name in enumerate(names):
        missing = NOT_INSTALLED.format(name) if index % 5 == 4 else None
        place = f"candidate.onnx: node {HOSTILE!r} (Sub of {HOSTILE}, a) is off" if index % 7 == 3 else ""
        version = "" if missing else "1.31.0.dev20261101+cpu with another-package 0.12.345"
        refusals = ("graph, batch 0: it takes no empty batch, as it says in a long sentence of its own",) * (index == 2)
        backends.append(backend(name, version=version, missing=missing, place=place, refusals=refusals))
        if missing is None:
            rows += [row(name, output, 1e-7 if not place else 1e-3) for output in outputs]
            rows.append(row(name, "best", 0.0, exact=True, tolerance=0.0, noise_floor=0.0, mismatches=3 * bool(place)))
    return report(*rows, backends=tuple(backends))


def chained() -> Report:
    """A bundle's report: two graphs and their chain, recorded answers, flips, durations, images, given rows."""
    shares = ChainShares(1e-7, 2e-8, 1e-7, 3e-8, ("encoder", "decoder"))
    heat = tuple(tuple(0.1 * column for column in range(8)) for _ in range(8))
    backends = tuple(
        backend(
            name,
            counts=name != "mnn",
            given_samples=1000 if name == "tract" else 500,
            milliseconds={"encoder x 1": 1.0, "decoder x 1": 0.5, "encoder x 257": 90.0, "decoder x 257": 30.0},
        )
        for name in ("onnxruntime-all", "tract", "mnn")
    )
    rows = []
    for name in ("golden.npz", *(each.name for each in backends)):
        far = 1e-5 if name == "mnn" else 1e-7
        flips = None if name == "golden.npz" else 2 if name == "mnn" else 0
        rows.append(row(name, "class_probs", far, graph="encoder", flips=flips, flips_by_set={"test": flips or 0}))
        rows.append(row(name, "image", 1e-7, graph="decoder", heat=heat))
        if name != "golden.npz":
            rows.append(row(name, "image", 1e-7, graph="chain", shares=shares, heat=heat))
    findings = (Finding("fp32/encoder/model.onnx", "onnxruntime from 1.17 on loads it", wrong=False),)
    return report(
        *rows,
        backends=backends,
        name="pets",
        yardstick="PyTorch",
        given_samples=1000,
        machine="a CPU",
        findings=findings,
    )


def precisions() -> list[Report]:
    """Three precisions of a bundle: one that holds, two that fall short at one place."""
    place = "fp16/decoder/model.onnx: node 'mul' is off"
    bad = [
        report(
            row("onnxruntime-all", error=1e-3),
            row("tract", error=error),
            backends=(backend("onnxruntime-all", place=place), backend("tract", place=place)),
            name="pets",
            label=label,
        )
        for label, error in (("fp16", 1e-3), ("int8", 1e-7))
    ]
    return [chained(), *bad]
