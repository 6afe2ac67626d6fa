"""What a bundle says of itself, falsified and sealed again: every false claim is found, and nobody else is accused."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from tests.export.material import sealed_again
from tests.runtime.tampering import write_manifest
from vaeport.bundle.golden import parse_golden
from vaeport.bundle.opening import open_bundle
from vaeport.contract import DECODER, ENCODER_CLASSIFIER, FP32, GOLDEN_FILE, GRAPHS, MANIFEST_FILE
from vaeport_export.bundle.claims import binomial_tail
from vaeport_export.bundle.subject import subject_of
from vaeport_export.graph.running import onnxruntime_answers
from vaeport_export.precisions import convert_like
from vaeport_parity.asking.steps import make_plan
from vaeport_parity.judging.bounds import Bounds
from vaeport_parity.judging.measurement import recorded_rows
from vaeport_parity.judging.report import Finding
from vaeport_parity.reading.held import held_findings

SHIPPED = Path(__file__).parents[2] / "models"


@pytest.fixture
def blog(tmp_path: Path) -> Path:
    """A copy of the shipped bundle of the blog's network, in all its precisions, to be changed at will."""
    return Path(shutil.copytree(SHIPPED / "mnist-blog", tmp_path / "mnist-blog"))


def found(bundle: Path, precision: str = FP32) -> list[Finding]:
    """What is wrong in a bundle's own files in one precision, without running any backend."""
    subject = subject_of(open_bundle(bundle), precision)
    plan = make_plan(subject, timed=False)
    rows = tuple(recorded_rows(plan, Bounds(plan)))
    assert subject.findings is not None
    return [each for each in subject.findings(rows) if each.wrong]


def subjects(findings: list[Finding]) -> set[str]:
    return {each.subject for each in findings}


def change_manifest(bundle: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    values = json.loads((bundle / MANIFEST_FILE).read_text())
    change(values)
    write_manifest(bundle, values)
    return bundle


def change_golden(bundle: Path, change: Callable[[dict[str, np.ndarray]], object]) -> Path:
    with np.load(bundle / GOLDEN_FILE) as held:
        arrays = {name: held[name].copy() for name in held.files}
    change(arrays)
    with (bundle / GOLDEN_FILE).open("wb") as file:
        np.savez_compressed(file, **arrays)
    return sealed_again(bundle)


def change_graph(bundle: Path, precision: str, graph: str, change: Callable[[ModelProto], object]) -> Path:
    path = bundle / GRAPHS[graph].file(precision)
    model = onnx.load_model(path)
    change(model)
    path.write_bytes(model.SerializeToString(deterministic=True))
    return sealed_again(bundle)


def record_anew(bundle: Path, precision: str) -> Path:
    """Make golden answers and test case of a lower precision from the graphs as they are, as a forger would."""
    manifest = open_bundle(bundle).manifest
    golden = parse_golden((bundle / GOLDEN_FILE).read_bytes(), manifest.shapes, manifest.precisions)
    for graph, spec in GRAPHS.items():
        content = (bundle / spec.file(precision)).read_bytes()
        golden.lower[graph][precision] = dict(
            onnxruntime_answers(content, graph, golden.inputs(graph), optimised=False)
        )
        for place, name in enumerate(spec.outputs):
            file = (bundle / spec.file(precision)).parent / "test_data_set_0" / f"output_{place}.pb"
            first = golden.lower[graph][precision][name][:16]
            file.write_bytes(numpy_helper.from_array(first, name).SerializeToString())
    with (bundle / GOLDEN_FILE).open("wb") as file_:
        np.savez_compressed(file_, **golden.to_arrays())  # type: ignore[arg-type]
    return sealed_again(bundle)


@pytest.mark.parametrize("name", ["mnist-blog", pytest.param("mnist", marks=pytest.mark.torture)])
@pytest.mark.parametrize("precision", [FP32, "fp16", "int8"])
def test_shipped_bundle_claims_nothing_false(name: str, precision: str) -> None:
    assert found(SHIPPED / name, precision) == []


@pytest.mark.parametrize("precision", ["fp16", "int8"])
@pytest.mark.parametrize("name", ["mnist-blog", "mnist"])
@pytest.mark.parametrize("graph", list(GRAPHS))
def test_lower_precision_of_a_shipped_bundle_is_its_float32_file_converted(
    name: str, graph: str, precision: str
) -> None:
    full, made = ((SHIPPED / name / GRAPHS[graph].file(each)).read_bytes() for each in (FP32, precision))

    assert convert_like(full, precision, made) == made


@pytest.mark.parametrize(("precision", "factor"), [(FP32, 3), (FP32, 1000), ("fp16", 1000), ("int8", 1000)])
def test_inflated_noise_floor_is_measured_again(precision: str, factor: float, blog: Path) -> None:
    def inflate(values: dict[str, Any]) -> None:
        for outputs in values["tolerances"][precision].values():
            for bound in outputs.values():
                bound.update({key: factor * value for key, value in bound.items()})

    findings = found(change_manifest(blog, inflate), precision)

    assert subjects(findings) == {MANIFEST_FILE}
    assert len(findings) == 4
    assert all(f"the noise floor of {precision}/" in each.text for each in findings)


def exchange_labels(arrays: dict[str, np.ndarray]) -> None:
    labels = arrays["labels"]
    three, eight = labels == 3, labels == 8
    labels[three], labels[eight] = 8, 3


def shift_labels(arrays: dict[str, np.ndarray]) -> None:
    known = arrays["labels"] >= 0
    arrays["labels"][known] = (arrays["labels"][known] + 1) % 10


@pytest.mark.parametrize("change", [exchange_labels, shift_labels])
def test_golden_labels_of_known_images_must_be_theirs(change: Callable[..., None], blog: Path) -> None:
    (finding,) = found(change_golden(blog, change))

    assert finding.subject == GOLDEN_FILE
    assert "are not those that the same images have in mnist-5k" in finding.text


@pytest.mark.parametrize("change", [exchange_labels, shift_labels])
def test_golden_labels_of_unknown_images_must_be_the_network_s_classes(change: Callable[..., None], blog: Path) -> None:
    def mirror(arrays: dict[str, np.ndarray]) -> None:
        arrays["encoder_classifier.image"][:, 0, 0, 0] ^= 1  # no embedded digit any more
        change(arrays)

    findings = found(change_golden(blog, mirror))

    assert any("are not the network's classes" in each.text for each in findings)


@pytest.mark.parametrize("precision", [FP32, "fp16", "int8"])
def test_expected_answers_of_a_test_case_must_be_the_reference_s(precision: str, blog: Path) -> None:
    file = blog / precision / DECODER / "test_data_set_0/output_0.pb"
    tensor = TensorProto.FromString(file.read_bytes())
    values = numpy_helper.to_array(tensor).copy()
    values[3, 0, 14, 14] += 0.02
    file.write_bytes(numpy_helper.from_array(values, tensor.name).SerializeToString())

    (finding,) = found(sealed_again(blog), precision)

    assert finding.subject == f"{precision}/{DECODER}/test_data_set_0"
    assert finding.text.startswith("its image is off by 0.02 from")


def test_inputs_of_a_test_case_must_be_golden(blog: Path) -> None:
    file = blog / FP32 / DECODER / "test_data_set_0/input_0.pb"
    tensor = TensorProto.FromString(file.read_bytes())
    file.write_bytes(
        numpy_helper.from_array(numpy_helper.to_array(tensor)[::-1].copy(), tensor.name).SerializeToString()
    )

    (finding,) = found(sealed_again(blog))

    assert finding.text == "its z is not that of the first rows of golden.npz"


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xff", TensorProto(name="z", data_type=1, dims=[2**40]).SerializeToString()]
)
def test_damaged_test_case_is_a_finding(content: bytes, blog: Path) -> None:
    (blog / FP32 / DECODER / "test_data_set_0/input_0.pb").write_bytes(content)

    assert all(each.subject.startswith("fp32/decoder") for each in found(sealed_again(blog)))
    assert found(blog)


@pytest.mark.parametrize(
    "key", ["vaeport.contract", "vaeport.bundle", "vaeport.graph", "vaeport.shapes", "vaeport.labels"]
)
def test_metadata_of_a_graph_must_be_its_own(key: str, blog: Path) -> None:
    def change(model: ModelProto) -> None:
        for entry in model.metadata_props:
            if entry.key == key:
                entry.value = '["other"]'

    (finding,) = found(change_graph(blog, FP32, DECODER, change))

    assert finding.subject == "fp32/decoder/model.onnx"
    assert "other" in finding.text


def test_manifest_whose_labels_contradict_all_others_is_accused_alone(blog: Path) -> None:
    (finding,) = found(change_manifest(blog, lambda values: values.update(labels=values["labels"][::-1])))

    assert finding.subject == MANIFEST_FILE
    assert finding.text.startswith("labels are ['9', '8'")


def scaled(factor: float) -> Callable[[dict[str, Any]], None]:
    return lambda values: values["anomaly"].update(
        negative_elbo=[factor * score for score in values["anomaly"]["negative_elbo"]]
    )


def longer(values: dict[str, Any]) -> None:
    values["anomaly"]["negative_elbo"][-1] = 1e6


@pytest.mark.parametrize(
    "change", [scaled(1.2), scaled(0.8), longer, lambda values: values["anomaly"].update(likelihood_std=0.6)]
)
def test_anomaly_scale_must_fit_images_of_its_kind(change: Callable[..., None], blog: Path) -> None:
    (finding,) = found(change_manifest(blog, change))

    assert finding.subject == MANIFEST_FILE
    assert finding.text.startswith("the anomaly scale ")


@pytest.mark.parametrize(
    ("precision", "key", "value"),
    [
        ("fp16", "size", 311301),
        ("int8", "size_fp32", 2000000),
        ("int8", "psnr", 60.0),
        ("fp16", "psnr", None),
        ("int8", "class_probs", 1e-3),
        ("fp16", "sums", 0.0),
        ("fp16", "error", 0.001),
        ("fp16", "error_fp32", 0.05),
        ("int8", "images", 60000),
    ],
)
def test_figure_of_a_precision_must_be_what_is_measured(precision: str, key: str, value: object, blog: Path) -> None:
    change_manifest(blog, lambda values: values["precision_figures"][precision].update({key: value}))

    findings = found(blog, precision)

    assert subjects(findings) == {MANIFEST_FILE}
    assert any(f"figures of {precision}: {key} is" in each.text for each in findings)


def test_error_of_the_network_must_be_possible(blog: Path) -> None:
    def flatter(values: dict[str, Any]) -> None:
        values["evaluation"]["mnist test"]["classification_error"] = 0.0

    (finding,) = found(change_manifest(blog, flatter))

    assert finding.text.startswith("the classification error on mnist test is said to be 0.00%")


def grey(model: ModelProto) -> None:
    """Let every pixel be 0.5."""
    kind = model.graph.initializer[0].data_type
    half = TensorProto.FLOAT16 if kind == TensorProto.FLOAT16 else TensorProto.FLOAT
    last = next(node for node in model.graph.node if node.op_type == "Sigmoid" and node.output[0].startswith("image"))
    nothing = helper.make_tensor("nothing", half, [], [0.0])
    model.graph.initializer.append(nothing)
    model.graph.node.insert(
        list(model.graph.node).index(last),
        helper.make_node("Mul", [last.input[0], "nothing"], ["blank"], name="blanked"),
    )
    last.input[0] = "blank"


def negate_a_row(model: ModelProto) -> None:
    tensor = next(each for each in model.graph.initializer if each.name == "network.decoder.layers.0.weight_quantized")
    values = numpy_helper.to_array(tensor).copy()
    values[5] = -values[5]
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


def move_a_zero_point(model: ModelProto) -> None:
    tensor = next(each for each in model.graph.initializer if each.name == "sigmoid_zero_point")
    tensor.CopyFrom(numpy_helper.from_array(np.array(9, np.uint8), tensor.name))


def change_a_bias(model: ModelProto) -> None:
    tensor = next(each for each in model.graph.initializer if each.name == "network.decoder.layers.0.bias")
    values = numpy_helper.to_array(tensor).copy()
    values[5] += np.float16(0.01)
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


@pytest.mark.parametrize(
    ("precision", "change", "named"),
    [
        ("fp16", grey, "'blanked'"),
        pytest.param("int8", grey, "'blanked'", marks=pytest.mark.torture),
        pytest.param("fp16", change_a_bias, "network.decoder.layers.0.bias", marks=pytest.mark.torture),
        ("int8", negate_a_row, "network.decoder.layers.0.weight_quantized"),
        pytest.param("int8", move_a_zero_point, "sigmoid_zero_point", marks=pytest.mark.torture),
    ],
)
def test_lower_precision_is_compared_with_the_original_though_its_answers_were_recorded_anew(
    precision: str, change: Callable[[ModelProto], None], named: str, blog: Path
) -> None:
    change_graph(blog, precision, DECODER, change)
    bundle = record_anew(blog, precision)

    findings = [*found(bundle, precision), *held_findings(subject_of(open_bundle(bundle), precision))]
    wrong = [each for each in findings if each.wrong]

    assert any(named in each.text for each in wrong)
    assert subjects(wrong) <= {f"{precision}/", GRAPHS[DECODER].file(precision)}


def test_lower_precisions_of_a_changed_float32_file_are_not_accused(blog: Path) -> None:
    def change(model: ModelProto) -> None:
        tensor = next(each for each in model.graph.initializer if each.name == "network.decoder.layers.0.bias")
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) + 1, tensor.name))

    bundle = open_bundle(change_graph(blog, FP32, DECODER, change))
    subject = subject_of(bundle, "fp16")

    assert [each for each in held_findings(subject) if each.wrong] == []


def test_operators_of_another_domain_are_wrong_in_a_bundle(blog: Path) -> None:
    def change(model: ModelProto) -> None:
        product = next(node for node in model.graph.node if node.op_type == "Gemm")
        product.op_type, product.domain = "FusedGemm", "com.microsoft"
        model.opset_import.append(helper.make_opsetid("com.microsoft", 1))

    (finding,) = found(change_graph(blog, FP32, ENCODER_CLASSIFIER, change))

    assert finding.text == "it has operators outside the standard, which most runtimes lack: com.microsoft.FusedGemm"


def test_weight_that_no_question_shows_is_found_in_the_file(blog: Path) -> None:
    def change(model: ModelProto) -> None:
        tensor = next(each for each in model.graph.initializer if each.name == "network.classifier.layers.0.weight")
        values = numpy_helper.to_array(tensor).copy()
        values[7, 0] += 10  # a pixel in the corner, which is black in all digits
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))

    bundle = change_graph(blog, FP32, ENCODER_CLASSIFIER, change)

    wrong = [each for each in held_findings(subject_of(open_bundle(bundle))) if each.wrong]

    assert [each.subject for each in wrong] == ["fp32/encoder_classifier/model.onnx"]
    assert "network.classifier.layers.0.weight of node 'node_linear' (Gemm)" in wrong[0].text
    assert "in 1 of 100352 values, by up to 10" in wrong[0].text


@pytest.mark.parametrize(
    ("n", "least", "rate", "probability"), [(10, 0, 0.5, 1.0), (2, 2, 0.5, 0.25), (3, 1, 0.5, 0.875), (5, 1, 0.0, 0.0)]
)
def test_chance_of_errors_is_binomial(n: int, least: int, rate: float, probability: float) -> None:
    assert binomial_tail(n, least, rate) == pytest.approx(probability)
