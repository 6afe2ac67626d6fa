import shutil
import time
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from onnx import ModelProto, numpy_helper

from tests.export.crooked import Crooked, enlarging, refusing, unchanged
from tests.export.material import digits, edit_onnx, exported, sealed_again
from vaeport.bundle.opening import open_bundle
from vaeport_export.bundle.subject import subject_of
from vaeport_parity.backends import BACKENDS
from vaeport_parity.backends.torch_eager import TorchEager
from vaeport_parity.comparison import compare
from vaeport_parity.judging.report import BackendReport
from vaeport_parity.locating.ladder import RUNGS
from vaeport_parity.reading.differences import describe
from vaeport_parity.subjects.subject import Subject

ENCODER, DECODER = "encoder_classifier", "decoder"

Install = Callable[..., Crooked]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    def install_one(name: str, change: Callable[[ModelProto], None]) -> Crooked:
        backend = Crooked(name, change)
        monkeypatch.setitem(BACKENDS, name, backend)
        return backend

    return install_one


def located(subject: Subject, *names: str, limit: float = 600) -> tuple[BackendReport, ...]:
    return compare(subject, names, isolated=False, limit=limit).backends


def made_by(subject: Subject, graph: str, kind: str, output: int = 0) -> tuple[str, str]:
    """A tensor that the first node of a kind makes, and the node in words."""
    model = onnx.load_model_from_string(subject.graph(graph).content)
    node = next(node for node in model.graph.node if node.op_type == kind)
    return node.output[output], describe(node)


@pytest.mark.parametrize(
    ("graph", "kind", "output"),
    [
        (DECODER, "Concat", 0),
        (DECODER, "Erf", 0),
        (DECODER, "Sigmoid", 0),
        (ENCODER, "Erf", 0),
        (ENCODER, "Softmax", 0),
        (ENCODER, "Split", 1),
        (ENCODER, "Exp", 0),
    ],
)
def test_node_that_a_backend_computes_wrongly_is_named(
    graph: str, kind: str, output: int, narrow_subject: Subject, install: Install
) -> None:
    tensor, node = made_by(narrow_subject, graph, kind, output)
    install("crooked", enlarging(tensor, graph))

    (found,) = located(narrow_subject, "crooked")

    assert found.place.startswith(f"{graph}, {node} is off by ")
    assert found.place.endswith(
        "; the file is right: torch-export, onnx-reference, onnxruntime-none and onnxruntime-all hold"
    )
    assert found.rung == "crooked"


def test_error_that_does_not_show_in_the_output_is_not_the_place(narrow_subject: Subject, install: Install) -> None:
    def barely_then_badly(model: ModelProto) -> None:
        enlarging("linear", DECODER, by=1.000001)(model)
        enlarging("image", DECODER)(model)

    install("crooked", barely_then_badly)

    (found,) = located(narrow_subject, "crooked")

    assert "'node_sigmoid'" in found.place


def test_cut_graphs_without_an_answer_are_unknown_and_not_bad(narrow_subject: Subject, install: Install) -> None:
    def refused(model: ModelProto) -> bool:
        """Those that end with a part of GELU."""
        last = next(node for node in model.graph.node if model.graph.output[0].name in node.output)
        return last.op_type in ("Div", "Erf", "Add")

    tensor, erf = made_by(narrow_subject, DECODER, "Erf")
    install("crooked", refusing(refused, enlarging(tensor, DECODER)))

    (found,) = located(narrow_subject, "crooked")

    assert found.place.startswith("decoder, node 'node_gelu'")
    assert "; it may be an earlier one after node 'node_linear' (Gemm of cat, " in found.place
    assert f", {tensor}, " in found.place
    assert " the graph gives no answer to compare; " in found.place
    assert erf not in found.place


def test_backend_that_takes_whole_graphs_only_has_no_node(narrow_subject: Subject, install: Install) -> None:
    def cut(model: ModelProto) -> bool:
        return model.graph.output[0].name not in ("z_mean", "image")

    install("crooked", refusing(cut, enlarging("gelu", DECODER)))

    (found,) = located(narrow_subject, "crooked")

    assert found.place.startswith("decoder, node 'node_sigmoid' (Sigmoid of view) is off by ")
    assert "; it may be an earlier one: cut off at cat, linear, " in found.place


def test_operator_that_a_backend_does_not_know_is_named_with_what_it_said(
    narrow_subject: Subject, install: Install
) -> None:
    def has_erf(model: ModelProto) -> bool:
        return any(node.op_type == "Erf" for node in model.graph.node)

    install("crooked", refusing(has_erf, unchanged))

    (found,) = located(narrow_subject, "crooked")

    _, erf = made_by(narrow_subject, ENCODER, "Erf")
    assert found.place.startswith(f"{ENCODER}, {erf} gives no answer: cannot be loaded: it takes no such graph; the ")


def test_backend_that_answers_no_part_of_a_graph_is_not_put_down_to_a_node(
    narrow_subject: Subject, install: Install
) -> None:
    install("crooked", refusing(lambda _: True, unchanged))

    (found,) = located(narrow_subject, "crooked")

    _, first = made_by(narrow_subject, ENCODER, "Reshape")
    assert found.place.startswith(f"{ENCODER}, no part of it that was tried gets an answer, not even {first}: ")


def test_search_ends_with_its_share_of_the_time(narrow_subject: Subject, install: Install) -> None:
    def slow(model: ModelProto) -> None:
        time.sleep(0.6 if len(model.graph.output) == 1 and len(model.graph.node) < 10 else 0)
        enlarging("cat", DECODER)(model)

    install("crooked", slow)

    (found,) = located(narrow_subject, "crooked", limit=4)

    assert "it may be an earlier one: there was no time to try all" in found.place


@pytest.mark.parametrize("rung", RUNGS[2:])
def test_runtime_before_the_backend_that_falls_short_is_the_first_rung(
    rung: str, narrow_subject: Subject, install: Install
) -> None:
    install("crooked", enlarging("gelu", DECODER))
    install(rung, enlarging("linear", DECODER))

    (found,) = located(narrow_subject, "crooked")

    assert found.rung == rung
    assert f"; {rung} already falls short: decoder, node 'node_linear'" in found.place


def test_wrong_capture_is_the_first_rung(narrow_subject: Subject, install: Install) -> None:
    install("torch-export", enlarging("gelu", DECODER))
    install("crooked", enlarging("gelu", DECODER))

    (found,) = located(narrow_subject, "crooked")

    assert found.rung == "torch-export"
    assert found.place.startswith("torch-export: decoder/image ")


def test_rung_outside_the_report_is_run_once_for_all_backends(narrow_subject: Subject, install: Install) -> None:
    rung = install("onnxruntime-none", unchanged)
    for name in ("crooked", "bent"):
        install(name, enlarging("gelu", DECODER))

    found = located(narrow_subject, "crooked", "bent")

    assert [one.rung for one in found] == ["crooked", "bent"]
    assert rung.loaded == [ENCODER, DECODER]


def test_optimisation_level_is_not_blamed_on_a_higher_one(narrow_subject: Subject, install: Install) -> None:
    install("onnxruntime-basic", enlarging("gelu", DECODER))
    higher = install("onnxruntime-all", unchanged)

    (found,) = located(narrow_subject, "onnxruntime-basic")

    assert found.rung == "onnxruntime-basic"
    assert higher.loaded == []


def test_operator_that_nobody_knows_is_named(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unheard_of(model: ModelProto) -> None:
        next(node for node in model.graph.node if node.op_type == "Sigmoid").op_type = "Mystery"

    edit_onnx(copy, DECODER, unheard_of)
    monkeypatch.setitem(BACKENDS, "onnx-reference", TorchEager("float32"))

    (found,) = located(subject_of(open_bundle(sealed_again(copy))), "onnxruntime-none")

    assert found.place.startswith("fp32/decoder/model.onnx: node 'node_sigmoid' (Mystery of view) gives nothing (")
    assert "it is a Sigmoid in the export" in found.place


def add_to_last_bias(model: ModelProto) -> None:
    tensor = next(each for each in model.graph.initializer if each.name == "network.decoder.layers.2.bias")
    values = numpy_helper.to_array(tensor).copy()
    values[3] += 0.5
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


def test_fault_of_a_graph_below_the_exporters_opset_is_placed(copy: Path) -> None:
    def older(model: ModelProto) -> None:
        add_to_last_bias(model)
        model.opset_import[0].version = 17

    edit_onnx(copy, DECODER, older)

    (found,) = located(subject_of(open_bundle(sealed_again(copy))), "onnxruntime-all")

    assert "node 'node_linear_1' (Gemm of " in found.place
    assert "bias differs from that of the export in 1 of 784 values, by up to 0.5" in found.place


def test_backend_past_its_time_limit_is_told_and_not_searched(narrow_subject: Subject) -> None:
    (found,) = compare(narrow_subject, ["onnx-reference"], limit=0.2).backends

    assert found.place.startswith(f"{ENCODER}: gave no answer: {ENCODER}, batch ")
    assert "ran past its time limit of 0.2 s" in found.place


@pytest.fixture(scope="module")
def lower(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("lower") / "blog"
    return exported(runs / "blog", place, precisions=("fp16", "int8"), dataset=digits())


def test_node_of_a_float16_graph_is_named(lower: Path, install: Install) -> None:
    install("crooked", enlarging("linear", DECODER, by=2))

    (found,) = located(subject_of(open_bundle(lower), "fp16"), "crooked")

    assert found.place.startswith("decoder, node 'node_linear' (Gemm of cat, ")
    assert found.place.endswith("; the file is right: onnxruntime-none and onnxruntime-all hold")


def test_changed_bias_of_a_float16_graph_is_named(lower: Path, tmp_path: Path) -> None:
    changed = Path(shutil.copytree(lower, tmp_path / "blog"))
    path = changed / "fp16" / DECODER / "model.onnx"
    model = onnx.load(path)
    add_to_last_bias(model)
    path.write_bytes(model.SerializeToString(deterministic=True))

    report = compare(subject_of(open_bundle(sealed_again(changed)), "fp16"), ["onnxruntime-all"], isolated=False)

    wrong = [finding.text for finding in report.findings if finding.wrong]
    assert any(text.startswith("node 'node_linear_1' (Gemm of ") and "bias differs" in text for text in wrong)


def test_graph_with_integers_has_no_node_but_its_rungs(lower: Path, install: Install) -> None:
    install("crooked", refusing(lambda _: True, unchanged))

    (found,) = located(subject_of(open_bundle(lower), "int8"), "crooked")

    assert found.place.startswith(f"{ENCODER}/z_mean gave no answer: ")
    assert found.place.endswith("; the file is right: onnx-reference, onnxruntime-none and onnxruntime-all hold")
