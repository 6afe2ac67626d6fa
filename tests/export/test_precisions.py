import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import vaeport
from tests.export.material import digits, sealed_again
from tests.export.test_pytest_plugin import pytest_run
from vaeport.bundle.golden import parse_golden
from vaeport.bundle.opening import open_bundle
from vaeport.checks.verification import verify
from vaeport.cli import main as vaeport_main
from vaeport.contract import DECODER, ENCODER_CLASSIFIER, GOLDEN_FILE, GRAPHS, IMAGE
from vaeport.errors import BundleError, InputError
from vaeport_export import cli
from vaeport_export.bundle.subject import subject_of
from vaeport_export.precisions import GATES, Gate, chosen_precisions, convert
from vaeport_export.precisions.gates import PrecisionFigures, missed
from vaeport_export.sources.run import export_run, run_material, run_original
from vaeport_parity.comparison import compare
from vaeport_train.running.checkpoint import load_checkpoint

LOWER = ("fp16", "int8")
FIGURES = PrecisionFigures(10000, "mnist test", 0.0021, 0.0021, 0.1, 1e-6, 40.0, 280, 1000)


@pytest.fixture(scope="module")
def lower(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle `blog` in all precisions. Only to be read."""
    place = tmp_path_factory.mktemp("lower") / "blog"
    export_run(runs / "blog", place, name="blog", precisions=LOWER, dataset=digits())
    return place


def model(bundle: Path, precision: str, graph: str) -> onnx.ModelProto:
    return onnx.load_model(bundle / GRAPHS[graph].file(precision))


def weight_types(bundle: Path, precision: str, graph: str) -> set[int]:
    return {t.data_type for t in model(bundle, precision, graph).graph.initializer if len(t.dims) > 1}


@pytest.mark.parametrize("images", [1, 65, 130])
def test_int8_is_calibrated_on_any_number_of_images(images: int, bundles: Path) -> None:
    content = (bundles / "narrow" / GRAPHS[ENCODER_CLASSIFIER].file("fp32")).read_bytes()
    inputs = {IMAGE: digits().development.images[:images].astype(np.float32) / np.float32(255)}

    made = onnx.load_model_from_string(convert(content, "int8", inputs))

    assert TensorProto.INT8 in {tensor.data_type for tensor in made.graph.initializer}


@pytest.mark.parametrize("graph", list(GRAPHS))
def test_int8_rounds_no_output_to_steps(graph: str, colours: Path) -> None:
    content = (colours / GRAPHS[graph].file("fp32")).read_bytes()
    inputs = parse_golden((colours / GOLDEN_FILE).read_bytes(), open_bundle(colours).manifest.shapes).inputs(graph)

    made = onnx.load_model_from_string(convert(content, "int8", inputs))

    makers = {name: node.op_type for node in made.graph.node for name in node.output}
    assert "DequantizeLinear" in makers.values()
    assert "DequantizeLinear" not in [makers[output.name] for output in made.graph.output]


def test_bundle_names_its_precisions_and_what_they_cost(lower: Path) -> None:
    manifest = open_bundle(lower).manifest

    assert manifest.precisions == ("fp32", *LOWER)
    for name in LOWER:
        figures = PrecisionFigures(**manifest.precision_figures[name])
        assert missed(figures, GATES[name]) == ""
        assert (figures.images, figures.judged_on) == (200, "mnist-5k held-out")
        sizes = [sum((lower / s.file(p)).stat().st_size for s in GRAPHS.values()) for p in ("fp32", name)]
        assert [figures.size_fp32, figures.size] == sizes
    assert "| int8 | " in (lower / "README.md").read_text()


@pytest.mark.parametrize("graph", list(GRAPHS))
def test_weights_are_of_the_precision(graph: str, lower: Path) -> None:
    assert weight_types(lower, "fp16", graph) == {TensorProto.FLOAT16}
    assert TensorProto.INT8 in weight_types(lower, "int8", graph)


@pytest.mark.parametrize("graph", list(GRAPHS))
def test_int8_weights_leave_a_bit_free_for_processors_that_add_pairs_in_16_bits(graph: str, lower: Path) -> None:
    weights = [t for t in model(lower, "int8", graph).graph.initializer if t.data_type == TensorProto.INT8 and t.dims]

    assert max(int(np.abs(numpy_helper.to_array(t).astype(int)).max()) for t in weights) <= 64


@pytest.mark.parametrize("precision", LOWER)
@pytest.mark.parametrize("graph", list(GRAPHS))
def test_tensors_and_metadata_are_those_of_float32(graph: str, precision: str, lower: Path) -> None:
    full, less = model(lower, "fp32", graph), model(lower, precision, graph)

    assert (list(less.graph.input), list(less.graph.output)) == (list(full.graph.input), list(full.graph.output))
    assert list(less.metadata_props) == list(full.metadata_props)
    assert (less.ir_version, list(less.opset_import)) == (full.ir_version, list(full.opset_import))


@pytest.mark.parametrize("precision", LOWER)
def test_model_runs_in_the_precision_and_answers_nearly_the_same(precision: str, lower: Path) -> None:
    images = digits().development.images[:32]
    full, less = vaeport.load(lower), vaeport.load(lower, precision=precision)

    drawn, expected = less.reconstruct(images).drawings.pixels, full.reconstruct(images).drawings.pixels

    assert less.precision == precision
    assert 0 < np.abs(drawn - expected).max() < 0.2


@pytest.mark.skipif(shutil.which("qemu-x86_64") is None, reason="qemu-x86_64 is not installed")
def test_int8_answers_alike_on_a_processor_without_vnni(lower: Path, tmp_path: Path) -> None:
    """Haswell has AVX2 and adds two products in 16 bits; with weights of 8 bits it is off by tenths."""
    script = (
        "import sys, numpy, vaeport\n"
        "from vaeport_train.data import load_dataset\n"
        "images = load_dataset('mnist-5k').development.images[:8]\n"
        "model = vaeport.load(sys.argv[1], precision='int8', threads=1)\n"
        "numpy.save(sys.argv[2], model.reconstruct(images).drawings.pixels)\n"
    )
    python, paths = Path(sys.executable).resolve(), os.pathsep.join(filter(None, sys.path))
    for name, emulator in (("here", []), ("haswell", ["qemu-x86_64", "-cpu", "Haswell"])):
        subprocess.run(
            [*emulator, str(python), "-c", script, str(lower), str(tmp_path / f"{name}.npy")],
            env={**os.environ, "PYTHONPATH": paths},
            check=True,
            capture_output=True,
        )

    np.testing.assert_allclose(np.load(tmp_path / "haswell.npy"), np.load(tmp_path / "here.npy"), atol=1e-5)


def test_verify_holds_in_every_precision(lower: Path) -> None:
    report = verify(lower)

    assert report.holds
    assert {check.precision for check in report.checks} == {"fp32", *LOWER}


def test_verify_says_in_which_precision_a_bundle_falls_short(
    lower: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = Path(shutil.copytree(lower, tmp_path / "blog"))
    with np.load(bundle / GOLDEN_FILE) as file:
        arrays = dict(file)
    arrays["encoder_classifier.z_mean.int8"] += 1
    np.savez(bundle / GOLDEN_FILE, **arrays)

    code = vaeport_main(["verify", str(sealed_again(bundle))])

    assert code == 1
    assert "blog does NOT answer in int8 as when it was made: z_mean is off by 1.00e+00" in capsys.readouterr().out


@pytest.mark.parametrize("precision", LOWER)
def test_a_row_does_not_depend_on_its_batch(precision: str, lower: Path) -> None:
    images = digits().development.images[:9].astype(np.float32) / np.float32(255)
    encode = vaeport.load(lower, precision=precision).encode

    together = encode(images).z_mean

    np.testing.assert_array_equal(together, np.concatenate([encode(image[None]).z_mean for image in images]))


def test_same_run_gives_the_same_bytes(lower: Path, runs: Path, tmp_path: Path) -> None:
    export_run(runs / "blog", tmp_path / "blog", name="blog", precisions=LOWER, dataset=digits())

    for name in open_bundle(lower).manifest.files:
        assert (tmp_path / "blog" / name).read_bytes() == (lower / name).read_bytes(), name


@pytest.mark.parametrize("precision", LOWER)
def test_parity_is_compared_and_sealed_for_each_precision(precision: str, lower: Path) -> None:
    report = json.loads((lower / precision / "parity.json").read_text())

    assert (report["label"], report["holds"]) == (precision, True)
    assert {one["name"] for one in report["backends"]} & {"torch-float32", "torch-export"} == set()


def test_pytest_has_a_test_for_each_output_of_each_precision(lower: Path, tmp_path: Path) -> None:
    done = pytest_run(lower, tmp_path, "--vaeport-precision", "all")

    assert done.returncode == 0, done.stdout
    assert "16 passed, 1 skipped" in done.stdout


def test_pytest_takes_precisions_by_name_each_once(lower: Path, tmp_path: Path) -> None:
    done = pytest_run(lower, tmp_path, "--vaeport-precision", "int8, fp16,int8")

    assert done.returncode == 0, done.stdout
    assert "10 passed, 1 skipped" in done.stdout


def test_a_wrong_weight_in_a_lower_precision_is_caught(lower: Path, tmp_path: Path) -> None:
    bundle = Path(shutil.copytree(lower, tmp_path / "blog"))
    path = bundle / GRAPHS["decoder"].file("int8")
    changed = onnx.load_model(path)
    scale = next(t for t in changed.graph.initializer if t.name.endswith("_scale") and len(t.dims) == 1)
    scale.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(scale) * 4, scale.name))
    path.write_bytes(changed.SerializeToString(deterministic=True))

    subject = subject_of(open_bundle(sealed_again(bundle)), "int8")
    report = compare(subject, ["onnxruntime-all"], isolated=False)

    assert not report.holds


def test_precision_that_costs_too_much_is_left_out_and_told(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(GATES, "int8", Gate(0.10, 1.0, 90.0, 0.30))
    data = dataclasses.replace(digits(), skipped=("a.png cannot be read",))
    monkeypatch.setattr("vaeport_train.data.load_dataset", lambda *_, **__: data)

    code = cli.main([str(runs / "blog"), "-o", str(tmp_path / "b"), "--precision", "int8,fp16"])

    captured = capsys.readouterr()
    assert code == 1
    assert "vaeport-export: skipped: a.png cannot be read" in captured.err
    assert "vaeport-export: int8 was not written: its reconstructions have" in captured.err
    assert "wanted are 90 dB" in captured.err
    assert open_bundle(tmp_path / "b").manifest.precisions == ("fp32", "fp16")
    assert not (tmp_path / "b" / "int8").exists()


@pytest.mark.parametrize(
    ("figures", "problem"),
    [
        ({}, ""),
        ({"error": 0.0031}, ""),
        ({"error": 0.0032}, "0.110 points above float32's, allowed are 0.10"),
        ({"psnr": 34.99}, "34.99 dB against float32's, wanted are 35 dB"),
        ({"psnr": None}, ""),
        ({"sums": 0.00784}, "sum to 1 within 0.0078 only, wanted is 0.001"),
        ({"size": 301}, "0.3010 of float32's bytes, allowed are 0.30"),
    ],
)
def test_gate_of_int8(figures: dict[str, float], problem: str) -> None:
    said = missed(dataclasses.replace(FIGURES, **figures), GATES["int8"])  # type: ignore[arg-type]

    assert problem in said if problem else said == ""


def test_precision_needs_the_data_of_the_run(runs: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="give the run's data"):
        export_run(runs / "blog", tmp_path / "b", precisions=("int8",))
    checkpoint = load_checkpoint(runs / "blog")
    original = run_original(checkpoint, lambda name: (runs / "blog" / name).read_bytes())
    moved = dataclasses.replace(digits(), name="elsewhere", licence="mine")
    assert run_material(checkpoint, original, moved).name == "elsewhere held-out"
    other = dataclasses.replace(digits(), held_out=100)
    with pytest.raises(InputError, match="800 images of mnist-5k that are not in mnist-5k as it is given now"):
        export_run(runs / "blog", tmp_path / "b", precisions=("int8",), dataset=other)
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize(("text", "names"), [("", ()), ("int8", ("int8",)), ("int8, fp16", LOWER)])
def test_precisions_are_chosen_by_name(text: str, names: tuple[str, ...]) -> None:
    assert chosen_precisions(text) == names


@pytest.mark.parametrize(("text", "unknown"), [("fp16,int4", "int4"), (",", ""), ("fp32", "fp32")])
def test_unknown_precision_is_refused_with_the_known(text: str, unknown: str) -> None:
    with pytest.raises(InputError, match=f"unknown precision '{unknown}'; beside fp32 there are fp16, int8"):
        chosen_precisions(text)


@pytest.mark.parametrize("option", ["--data", "--data-dir"])
def test_data_without_a_precision_is_refused(
    option: str, runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = cli.main([str(runs / "narrow"), "-o", str(tmp_path / "b"), option, "photos"])

    assert code == 2
    assert "--data and --data-dir are for --precision" in capsys.readouterr().err
    assert not (tmp_path / "b").exists()


def test_bundle_without_the_precision_is_refused(bundles: Path) -> None:
    with pytest.raises(InputError, match="has no precision 'int8'; it has fp32"):
        subject_of(open_bundle(bundles / "narrow"), "int8")


@pytest.mark.parametrize("precision", ["fp32", *LOWER])
def test_parity_of_a_file_that_is_no_model_is_one_sentence(precision: str, lower: Path, tmp_path: Path) -> None:
    bundle = Path(shutil.copytree(lower, tmp_path / "blog"))
    path = bundle / GRAPHS[DECODER].file(precision)
    path.write_bytes(path.read_bytes()[:1000])
    damaged = open_bundle(sealed_again(bundle))

    with pytest.raises(BundleError, match=f"{precision}/decoder/model.onnx: the file is cut off or damaged"):
        subject_of(damaged, precision)


@pytest.mark.parametrize("precision", LOWER)
def test_parity_of_a_graph_that_does_not_run_is_one_sentence(precision: str, lower: Path, tmp_path: Path) -> None:
    bundle = Path(shutil.copytree(lower, tmp_path / "blog"))
    shutil.copyfile(bundle / GRAPHS[DECODER].file(precision), bundle / GRAPHS[ENCODER_CLASSIFIER].file(precision))
    damaged = open_bundle(sealed_again(bundle))

    with pytest.raises(BundleError, match=f"onnxruntime cannot run {precision}/encoder_classifier/model.onnx"):
        subject_of(damaged, precision)


@pytest.mark.parametrize("precision", LOWER)
def test_parity_of_a_graph_with_other_outputs_is_one_sentence(precision: str, lower: Path, tmp_path: Path) -> None:
    bundle = Path(shutil.copytree(lower, tmp_path / "blog"))
    path = bundle / GRAPHS[DECODER].file(precision)
    changed = onnx.load_model(path)
    (output,) = changed.graph.output
    for node in changed.graph.node:
        node.output[:] = ["drawn" if name == output.name else name for name in node.output]
    changed.graph.node.append(helper.make_node("Concat", ["drawn", "drawn"], [output.name], axis=2))
    output.type.tensor_type.shape.dim[2].dim_param = "rows"
    path.write_bytes(changed.SerializeToString(deterministic=True))
    damaged = open_bundle(sealed_again(bundle))

    said = rf"{precision}/decoder/model.onnx gives float32 \[2, 1, 56, 28\] for image.*\[2, 1, 28, 28\]"
    with pytest.raises(BundleError, match=said):
        subject_of(damaged, precision)


@pytest.mark.parametrize("precision", LOWER)
def test_parity_of_a_graph_without_an_output_is_one_sentence(precision: str, lower: Path, tmp_path: Path) -> None:
    bundle = Path(shutil.copytree(lower, tmp_path / "blog"))
    path = bundle / GRAPHS[ENCODER_CLASSIFIER].file(precision)
    changed = onnx.load_model(path)
    last = changed.graph.output.pop()
    path.write_bytes(changed.SerializeToString(deterministic=True))
    damaged = open_bundle(sealed_again(bundle))

    with pytest.raises(BundleError, match=f"model.onnx gives no such output for {last.name}"):
        subject_of(damaged, precision)


def test_comparing_only_the_original_below_float32_is_refused(lower: Path) -> None:
    with pytest.raises(InputError, match="torch-float32 runs the PyTorch original, which blog has not"):
        compare(subject_of(open_bundle(lower), "int8"), ["torch-float32"], isolated=False)
