"""ONNX files of other tools become bundles: other names, axes and opsets, functions, external weights."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

import vaeport
from tests.export.strangers import samples
from vaeport.bundle.opening import open_bundle
from vaeport.checks.verification import verify
from vaeport.cli import main as vaeport_main
from vaeport.errors import CheckFailedError, InputError
from vaeport_export import export_modules
from vaeport_export.bundle.subject import subject_of
from vaeport_export.graph.adoption import contract_form, read_onnx
from vaeport_parity.cli import main as parity_main
from vaeport_parity.comparison import compare

PIXELS, LATENT, CLASSES = 3 * 16 * 16, 4, 2
LABELS = ["cat", "dog"]


def weights(name: str, *shape: int) -> TensorProto:
    values = np.random.default_rng(len(name)).normal(size=shape) / np.sqrt(shape[0])
    return numpy_helper.from_array(values.astype(np.float32), name)


def encoder(opset: int = 17, batch: str = "N") -> ModelProto:
    """As another tool writes it: own names, an own batch axis, an older opset."""
    nodes = [
        helper.make_node("Flatten", ["pixels"], ["flat"], "flatten"),
        helper.make_node("MatMul", ["flat", "to_mean"], ["mu"], "mean"),
        helper.make_node("MatMul", ["flat", "to_logvar"], ["log_sigma2"], "logvar"),
        helper.make_node("MatMul", ["flat", "to_class"], ["z_mean"], "class"),  # a name of the contract, inside
        helper.make_node("Softmax", ["z_mean"], ["probabilities"], "softmax", axis=-1),
    ]
    graph = helper.make_graph(
        nodes,
        "other",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, [batch, 3, 16, 16])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, size])
            for name, size in (("mu", LATENT), ("log_sigma2", LATENT), ("probabilities", CLASSES))
        ],
        [
            weights("to_mean", PIXELS, LATENT),
            weights("to_logvar", PIXELS, LATENT),
            weights("to_class", PIXELS, CLASSES),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def decoder() -> ModelProto:
    nodes = [
        helper.make_node("Concat", ["latent", "condition"], ["code"], "concat", axis=1),
        helper.make_node("MatMul", ["code", "to_pixels"], ["logits"], "pixels"),
        helper.make_node("Sigmoid", ["logits"], ["rows"], "sigmoid"),
        helper.make_node("Reshape", ["rows", "shape"], ["picture"], "reshape"),
    ]
    graph = helper.make_graph(
        nodes,
        "other",
        [
            helper.make_tensor_value_info("latent", TensorProto.FLOAT, ["M", LATENT]),
            helper.make_tensor_value_info("condition", TensorProto.FLOAT, ["M", CLASSES]),
        ],
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["M", 3, 16, 16])],
        [
            weights("to_pixels", LATENT + CLASSES, PIXELS),
            numpy_helper.from_array(np.array([0, 3, 16, 16], np.int64), "shape"),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def saved(folder: Path, first: ModelProto | None = None, second: ModelProto | None = None) -> tuple[Path, Path]:
    paths = folder / "e.onnx", folder / "d.onnx"
    onnx.save(first or encoder(), paths[0])
    onnx.save(second or decoder(), paths[1])
    return paths


@pytest.fixture(scope="module")
def adopted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of a pair of ONNX files. Only to be read."""
    folder = tmp_path_factory.mktemp("adopted")
    first, second = saved(folder)
    export_modules(first, second, labels=LABELS, images=samples(), out=folder / "bundle")
    return folder / "bundle"


def test_files_of_another_tool_become_a_bundle_that_verifies_and_draws(adopted: Path) -> None:
    model = vaeport.load(adopted, threads=1)

    assert verify(adopted).holds
    assert model.classify(samples(2))[1].label in LABELS
    assert model.generate("dog", 2, seed=1).pixels.shape == (2, 3, 16, 16)


def test_answers_are_those_of_the_files(adopted: Path) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(adopted.parent / "e.onnx"), providers=["CPUExecutionProvider"])
    mean, logvar, probs = session.run(None, {"pixels": samples(3).astype(np.float32) / np.float32(255)})

    encoding = vaeport.load(adopted, threads=1).encode(samples(3))

    np.testing.assert_allclose(encoding.z_mean, mean, atol=1e-5)
    np.testing.assert_allclose(encoding.z_logvar, logvar, atol=1e-5)
    np.testing.assert_allclose(encoding.class_probs, probs, atol=1e-6)


def test_original_is_the_given_files(adopted: Path) -> None:
    names = {name for name in open_bundle(adopted).manifest.files if name.startswith("checkpoint/")}

    assert names == {"checkpoint/encoder_classifier.onnx", "checkpoint/decoder.onnx"}
    given = onnx.load(adopted.parent / "d.onnx")
    assert onnx.load(adopted / "checkpoint" / "decoder.onnx") == given


def test_parity_measures_against_the_files_in_float64(adopted: Path) -> None:
    report = compare(subject_of(open_bundle(adopted)), "own", isolated=False)

    assert report.holds, report
    assert report.yardstick == "the given ONNX files"
    assert "torch-float32" not in {row.backend for row in report.rows}


def test_verify_and_parity_name_the_files_as_what_answers_are_compared_with(
    adopted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert vaeport_main(["verify", str(adopted)]) == 0
    assert parity_main([str(adopted), "--backends", "onnxruntime-all"]) == 0

    verified, compared = capsys.readouterr().out.split("HOLDS: ")
    assert "bundle answers as the given ONNX files do: at most " in verified
    assert verified.endswith("times the float32 rounding noise of the given ONNX files\n")
    assert compared.startswith("bundle answers as the given ONNX files do: ")
    assert "PyTorch" not in verified + compared


def test_opsets_are_kept_or_raised_to_the_lowest_that_is_offered(adopted: Path) -> None:
    opsets = [onnx.load(adopted / "fp32" / graph / "model.onnx").opset_import[0].version for graph in
              ("encoder_classifier", "decoder")]  # fmt: skip

    assert opsets == [18, 21]


def test_command_takes_two_files(tmp_path: Path) -> None:
    first, second = saved(tmp_path)
    np.savez(tmp_path / "samples.npz", images=samples(3))
    program = "import sys; from vaeport_export.cli import main; sys.exit(main())"
    options = ["--labels", "cat,dog", "--images", str(tmp_path / "samples.npz"), "-o", str(tmp_path / "pets")]

    done = subprocess.run(
        [sys.executable, "-c", program, first, second, *options], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert verify(tmp_path / "pets").holds


def test_external_weights_are_taken_in(tmp_path: Path) -> None:
    first, _ = saved(tmp_path)
    model = onnx.load(first)
    onnx.save(model, tmp_path / "outside.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0)

    content = read_onnx(tmp_path / "outside.onnx")

    (tmp_path / "weights.bin").unlink()
    assert onnx.load_model_from_string(content).graph.initializer[0].raw_data
    with pytest.raises(InputError, match="weights.bin"):
        read_onnx(tmp_path / "outside.onnx")


def test_names_of_the_contract_in_another_order_are_sorted() -> None:
    model = encoder(18)
    for info, name in zip(model.graph.output, ("class_probs", "z_logvar", "z_mean_"), strict=True):
        info.name = name
    model.graph.output[2].name = "z_mean"
    for node, name in zip(model.graph.node[1:], ("class_probs", "z_logvar", "logits", "z_mean"), strict=True):
        node.output[0] = name
    model.graph.node[4].input[0] = "logits"
    model.graph.input[0].name = model.graph.node[0].input[0] = "image"

    form = contract_form(model.SerializeToString(), "encoder_classifier")

    assert [info.name for info in form.graph.output] == ["z_mean", "z_logvar", "class_probs"]


def foreign(model: ModelProto) -> None:
    model.graph.node[0].domain = "com.example"
    model.opset_import.append(helper.make_opsetid("com.example", 1))


def fixed(model: ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 4


def doubled(model: ModelProto) -> None:
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.DOUBLE


def fewer(model: ModelProto) -> None:
    del model.graph.output[-1]


def last(model: ModelProto) -> None:
    for dim, size in zip(model.graph.input[0].type.tensor_type.shape.dim[1:], (16, 16, 3), strict=True):
        dim.dim_value = size


def open_sizes(model: ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_param = "height"


def logits(model: ModelProto) -> None:
    model.graph.node[4].op_type = "Sigmoid"
    del model.graph.node[4].attribute[:]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (foreign, "operators of the domain 'com.example' .Flatten."),
        (fixed, "input image has a fixed batch of 4; export it with a dynamic first axis"),
        (doubled, "input image is DOUBLE, but must be FLOAT"),
        (fewer, r"the file has 2 outputs \(mu, log_sigma2\), but must have 3: z_mean"),
        (last, r"image is \[batch, 16, 16, 3\] in the file, .* transpose it"),
        (open_sizes, r"image is \['batch', 3, 'height', 16\] in the file"),
        (logits, "class_probs are from .* but must be probabilities"),
    ],
)
def test_file_that_breaks_the_contract_is_refused(
    change: Callable[[ModelProto], None], complaint: str, tmp_path: Path
) -> None:
    model = encoder(18)
    change(model)
    first, second = saved(tmp_path, model)

    with pytest.raises((CheckFailedError, InputError), match=complaint) as caught:
        export_modules(first, second, labels=LABELS, images=samples(), out=tmp_path / "bundle")

    assert "\n" not in str(caught.value)
    assert not (tmp_path / "bundle").exists()


@pytest.mark.parametrize("content", [b"", b"\x80\x04pickle", b"not a model at all" * 10])
def test_file_that_is_no_onnx_model_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "e.onnx").write_bytes(content)

    with pytest.raises(InputError, match="cannot be read as an ONNX file"):
        read_onnx(tmp_path / "e.onnx")


def test_labels_that_are_swapped_in_a_copy_are_found(adopted: Path, tmp_path: Path) -> None:
    from tests.export.material import edit_onnx, sealed_again

    copy = Path(shutil.copytree(adopted, tmp_path / "bundle"))
    edit_onnx(copy, "decoder", lambda model: setattr(model.metadata_props[3], "value", '["dog", "cat"]'))

    report = compare(subject_of(open_bundle(sealed_again(copy))), "onnxruntime-all", isolated=False)

    assert [finding.text for finding in report.findings if finding.wrong] == [
        'labels of the graph are ["dog", "cat"], bundle.json has ["cat", "dog"]'
    ]
