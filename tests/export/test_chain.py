from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto, numpy_helper

from tests.export.material import compared, edit_onnx, sealed_again
from vaeport_parity.judging.chain import chain_shares
from vaeport_parity.judging.report import ChainShares
from vaeport_parity.reporting.report import Report
from vaeport_parity.reporting.sentences import row_sentence

ENCODER, DECODER = "encoder_classifier", "decoder"


def one_pixel(*errors: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.array(errors).reshape(-1, 1, 1, 1)


def test_shares_are_of_the_largest_error_and_sum_to_it() -> None:
    shares = chain_shares([(one_pixel(1.0, 3.0), one_pixel(-4.0, 2.0))], (ENCODER, DECODER))

    assert shares == ChainShares(before=3.0, last=2.0, before_max=3.0, last_max=4.0, graphs=(ENCODER, DECODER))
    assert shares.graph == ENCODER


def test_no_pictures_have_no_shares() -> None:
    assert chain_shares([(one_pixel(), one_pixel())], (ENCODER, DECODER)) is None


def shares_of(report: Report, backend: str) -> ChainShares:
    shares = next(row.shares for row in report.of(backend) if row.graph == "chain")
    assert shares is not None
    return shares


def enlarge_weights(model: ModelProto) -> None:
    for tensor in model.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT and np.prod(tensor.dims) > 1:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * np.float32(1.01), tensor.name))


@pytest.mark.parametrize("graph", [ENCODER, DECODER])
def test_error_of_the_chain_is_put_down_to_the_graph_that_made_it(graph: str, copy: Path) -> None:
    edit_onnx(copy, graph, enlarge_weights)

    report = compared(sealed_again(copy), "onnxruntime-all")

    shares, (chain,) = shares_of(report, "onnxruntime-all"), (row for row in report.rows if row.graph == "chain")
    own = shares.before_max if graph == ENCODER else shares.last_max
    others = shares.last_max if graph == ENCODER else shares.before_max
    assert not chain.holds
    assert shares.graph == graph
    assert others <= chain.tolerance < own
    assert abs(shares.before + shares.last) == pytest.approx(chain.figures.error_float64)
    assert str(shares) in row_sentence(chain)


def test_latents_that_are_no_numbers_are_the_encoders(copy: Path) -> None:
    def poison(model: ModelProto) -> None:
        for tensor in model.graph.initializer:
            if tensor.data_type == onnx.TensorProto.FLOAT and np.prod(tensor.dims) > 1:
                values = np.full_like(numpy_helper.to_array(tensor), np.nan)
                tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))

    edit_onnx(copy, ENCODER, poison)

    report = compared(sealed_again(copy), "onnxruntime-all")

    shares = shares_of(report, "onnxruntime-all")
    assert (shares.graph, shares.before_max, shares.last_max) == (ENCODER, float("inf"), 0.0)
    assert report.to_dict()["rows"][-1]["shares"]["before"] == "inf"


def test_chain_that_holds_carries_its_shares_into_the_json(bundles: Path) -> None:
    report = compared(bundles / "narrow", "onnxruntime-none")

    told = next(row for row in report.to_dict()["rows"] if row["graph"] == "chain")["shares"]
    assert set(told) == {"before", "last", "before_max", "last_max", "graphs", "graph"}
    assert 0 < told["last_max"] < 1e-5
