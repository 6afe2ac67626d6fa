"""Strangers check their networks, by call and command, against modules, other ONNX files and recorded answers."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import safetensors.torch
from onnx import version_converter

import vaeport_parity as parity
from tests.foreign.catalogue import HANDMADE, MODULES, NETWORKS, Network, by_name, load
from tests.foreign.defects import DEFECTS, Defect
from tests.foreign.runtimes import FEWEST, INDEPENDENT, confirming, needs_environments
from vaeport_parity.cli import main

Written = Callable[[Network], Path]

SLOWER = ("mobile", "gru", "float64")
"""Networks that the command proves too, where there is time."""

RANGES = {"scalars": {"power": (1, 4), "temperature": (0.5, 3.0)}}
"""What no graph says: powers of a sum may be any whole number, and a temperature is positive."""

CONFIRMED = [by_name(name) for name in ("mobile", "attention", "gru", "tile-decoder", "sketch-encoder")]
"""Networks that five independent runtimes take and answer; each takes a minute or two."""

EVERY_DAY = {
    "keys in place of values",
    "HardSigmoid of Keras",
    "threshold moved by 5 %",
    "ArgMin for ArgMax",
    "float64 weights rounded to float32",
    "float16 weights 10 % off",
    "one row of an embedding 5 % off",
    "sign lost",
    "deviation for mean",
    "function's activation changed",
    "constant of a loop 10 % off",
    "Relu for Softplus in a branch",
}
"""Defects that are looked for in every run of the tests; the others take minutes."""


@pytest.mark.parametrize("network", MODULES, ids=lambda network: network.name)
def test_file_holds_against_its_module(network: Network, written: Written) -> None:
    report = parity.check(
        written(network),
        reference=network.module(),
        inputs=network.make_inputs(),
        scores=network.scores,
        backends="onnxruntime-all",
    )
    assert report.holds, str(report)
    assert report.rows, "something was compared"


@pytest.mark.torture
@pytest.mark.parametrize("network", MODULES, ids=lambda network: network.name)
def test_file_holds_on_every_own_backend(network: Network, written: Written) -> None:
    report = parity.check(
        written(network), reference=network.module(), inputs=network.make_inputs(), scores=network.scores
    )
    assert report.holds, str(report)


@pytest.mark.parametrize("name", ["gru", "segmentation", "recommender", "scalars"])
def test_inputs_are_made_from_the_graph(name: str, written: Written) -> None:
    network = by_name(name)
    report = parity.check(
        written(network), reference=network.module(), backends="onnxruntime-all", ranges=RANGES.get(name)
    )
    assert report.holds, str(report)


def test_integers_are_bounded_by_the_tables_that_they_index(written: Written) -> None:
    network = by_name("attention")
    report = parity.check(written(network), reference=network.module(), backends="onnxruntime-all")
    assert "99" in str(report.to_dict()), "the report says how the tokens were made"


def test_nodes_of_a_graph_need_a_range_for_indices_into_an_input(written: Written) -> None:
    network = by_name("graph")
    report = parity.check(
        written(network), reference=network.module(), ranges={"edge_index": (0, 2)}, backends="onnxruntime-all"
    )
    assert report.holds, str(report)


@pytest.mark.parametrize("name", HANDMADE)
def test_handmade_graph_holds_against_recorded_answers(name: str, tmp_path: Path) -> None:
    graph = HANDMADE[name]
    path = graph.write(tmp_path / f"{name}.onnx")
    inputs = graph.make_inputs()
    np.savez(tmp_path / "recorded.npz", **inputs, **graph.answers(inputs))  # type: ignore[arg-type]

    report = parity.check(path, reference=tmp_path / "recorded.npz", tolerance=1e-5)

    assert report.holds, str(report)


@pytest.mark.parametrize("name", HANDMADE)
def test_handmade_graph_holds_against_itself_in_float64(name: str, tmp_path: Path) -> None:
    path = HANDMADE[name].write(tmp_path / f"{name}.onnx")
    report = parity.check(path, reference=path, inputs=HANDMADE[name].make_inputs())
    assert report.holds, str(report)


@pytest.mark.parametrize("estimator", ["classifier", "forest"])
def test_estimator_holds_against_scikit_learn(estimator: str, tmp_path: Path) -> None:
    pytest.importorskip("skl2onnx")
    getattr(load("sklearn_pipeline.py"), f"write_{estimator}")(tmp_path / "e.onnx", tmp_path / "e.npz")
    report = parity.check(tmp_path / "e.onnx", reference=tmp_path / "e.npz", tolerance=1e-5)
    assert report.holds, str(report)


def optimised(source: Path, target: Path) -> Path:
    """What onnxruntime writes after its own rewriting."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(target)
    onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    return target


def converted(source: Path, target: Path) -> Path:
    """The same graph in a later opset."""
    onnx.save(version_converter.convert_version(onnx.load(source), 18), target)
    return target


@pytest.mark.parametrize("change", [optimised, converted], ids=["optimised", "converted"])
@pytest.mark.parametrize("name", ["mobile", "sketch-decoder"])
def test_changed_file_is_still_the_same_model(
    name: str, change: Callable[[Path, Path], Path], written: Written, tmp_path: Path
) -> None:
    network = by_name(name)
    candidate = change(written(network), tmp_path / "candidate.onnx")
    report = parity.check(
        candidate, reference=written(network), inputs=network.make_inputs(), backends="onnxruntime-all"
    )
    assert report.holds, str(report)


def test_quantised_file_is_not_the_same_model(written: Written, tmp_path: Path) -> None:
    from onnxruntime.quantization import quantize_dynamic

    network = by_name("attention")
    quantize_dynamic(written(network), tmp_path / "int8.onnx", op_types_to_quantize=["MatMul"])
    report = parity.check(
        tmp_path / "int8.onnx", reference=written(network), inputs=network.make_inputs(), backends="onnxruntime-all"
    )
    assert not report.holds
    assert "logits" in str(report)


@pytest.mark.parametrize(
    "defect",
    [
        pytest.param(
            defect,
            id=defect.name,
            marks=()
            if defect.name in EVERY_DAY
            else [
                pytest.mark.torture,
                pytest.mark.xfail(
                    defect.name == "branches exchanged", reason="the report names no If, only its output", strict=True
                ),
            ],
        )
        for defect in DEFECTS
    ],
)
def test_defect_is_found_with_its_place(defect: Defect, written: Written, tmp_path: Path) -> None:
    if defect.network in HANDMADE:
        handmade = HANDMADE[defect.network]
        sound, inputs = handmade.write(tmp_path / "sound.onnx"), handmade.make_inputs()
        reference: object = sound
    else:
        network = by_name(defect.network)
        sound, inputs, reference = written(network), network.make_inputs(), network.module()
    model = onnx.load(sound)
    place = defect.apply(model)
    onnx.save(model, tmp_path / "broken.onnx")

    report = parity.check(tmp_path / "broken.onnx", reference=reference, inputs=inputs, backends="onnxruntime-all")

    assert not report.holds, f"not seen: {report}"
    made = [output for node in model.graph.node if node.name == place for output in node.output]
    assert any(names(str(report), each) for each in (place, *made)), f"{place} is not named: {report}"


def names(text: str, node: str) -> bool:
    """Whether a text names a node: it, and not one whose name merely begins as its own."""
    return re.search(rf"(?<![\w/]){re.escape(node)}(?![\w/])", text) is not None


def test_report_is_written_for_people_and_programs(written: Written, tmp_path: Path) -> None:
    network = by_name("mobile")
    report = parity.check(
        written(network), reference=network.module(), inputs=network.make_inputs(), backends="onnxruntime-all"
    )
    report.write(tmp_path / "parity")
    names = {path.name for path in (tmp_path / "parity").iterdir()}
    assert {"parity.json", "junit.xml", "parity.md", "index.html"} <= names
    assert "probabilities" in (tmp_path / "parity/parity.md").read_text()


@pytest.mark.parametrize("name", ["attention", *(pytest.param(n, marks=pytest.mark.torture) for n in SLOWER)])
def test_command_proves_a_file(name: str, written: Written, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network = by_name(name)
    np.savez(tmp_path / "inputs.npz", **network.make_inputs())  # type: ignore[arg-type]
    code = main(
        [
            str(written(network)),
            "--reference",
            network.factory,
            "--inputs",
            str(tmp_path / "inputs.npz"),
            "--backends",
            "own",
        ]
    )
    printed = capsys.readouterr()
    assert code == 0, printed.out + printed.err
    assert all(len(line) <= 80 for line in printed.out.splitlines())
    assert "onnxruntime-all" in printed.out


def test_command_finds_weights_of_another_training(
    written: Written, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = by_name("mobile")
    state = {name: tensor.clone() for name, tensor in network.module().state_dict().items()}
    safetensors.torch.save_file(state, tmp_path / "right.safetensors")
    state["out.weight"] *= 1.01
    safetensors.torch.save_file(state, tmp_path / "wrong.safetensors")
    np.savez(tmp_path / "inputs.npz", **network.make_inputs())  # type: ignore[arg-type]
    command = [str(written(network)), "--reference", network.factory, "--backends", "onnxruntime-all"]
    command += ["--inputs", str(tmp_path / "inputs.npz"), "--weights"]

    assert main([*command, str(tmp_path / "right.safetensors")]) == 0
    capsys.readouterr()
    assert main([*command, str(tmp_path / "wrong.safetensors")]) == 1
    assert "/out/Gemm" in capsys.readouterr().out


def test_command_works_in_the_strangers_own_folder(written: Written, tmp_path: Path) -> None:
    network = by_name("branching")
    shutil.copy(NETWORKS / network.file, tmp_path / "my_models.py")
    shutil.copy(written(network), tmp_path / "candidate.onnx")
    np.savez(tmp_path / "inputs.npz", **network.make_inputs())  # type: ignore[arg-type]
    command: list[str | Path] = [Path(sys.executable).with_name("vaeport-parity"), "candidate.onnx"]
    command += ["--reference", "my_models.py:build", "--inputs", "inputs.npz", "--backends", "onnxruntime-all"]

    done = subprocess.run(command, check=False, cwd=tmp_path, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr
    left = {path.name for path in tmp_path.iterdir()} - {"__pycache__"}
    assert left == {"my_models.py", "candidate.onnx", "inputs.npz"}


@needs_environments
@pytest.mark.parametrize("network", CONFIRMED, ids=lambda network: network.name)
def test_independent_runtimes_confirm(network: Network, written: Written) -> None:
    report = parity.check(
        written(network),
        reference=network.module(),
        inputs=network.make_inputs(),
        backends=list(INDEPENDENT),
        locate=False,
    )
    assert len(confirming(report)) >= FEWEST, str(report)
