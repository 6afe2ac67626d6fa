"""What people get who install vaeport: the wheel alone, in environments that hold nothing else."""

import json
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.e2e.environments import CHECKOUT, Environment

pytestmark = pytest.mark.wheel

PACKAGES = {"vaeport", "vaeport_export", "vaeport_parity", "vaeport_train"}

MAX_OWN_BYTES = 7_000_000
"""Room for vaeport itself in site-packages, beside its shipped bundles."""


def _assert_one_sentence(answer: subprocess.CompletedProcess[str], words: str) -> None:
    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr.count("\n") == 1
    assert ": error: " in answer.stderr
    assert words in answer.stderr


def test_wheel_holds_the_four_packages_and_their_data(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())

    assert {f"{package}/py.typed" for package in PACKAGES} <= names
    assert "vaeport_train/data/mnist_5k.npz" in names
    assert "vaeport_train/configuration/presets/blog.toml" in names
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == PACKAGES


def test_wheel_holds_every_source_file(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())

    for part in ("runtime", "export", "train"):
        assert {path.relative_to(CHECKOUT / part).as_posix() for path in (CHECKOUT / part).rglob("*.py")} <= names


def test_wheel_holds_the_shipped_bundles_without_their_checkpoints(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("vaeport/bundles/")}
    shipped = {folder.name for folder in (CHECKOUT / "models").iterdir() if folder.is_dir()}

    assert {name.split("/")[2] for name in names} == shipped
    assert {f"vaeport/bundles/{bundle}/bundle.json" for bundle in shipped} <= names
    assert not [name for name in names if "checkpoint" in name]


def test_wheel_holds_no_tests(wheel: Path) -> None:
    names = [Path(name) for name in zipfile.ZipFile(wheel).namelist()]
    assert not [name for name in names if name.name.startswith("test_") and name.suffix == ".py"]


def test_licences_travel_with_the_wheel(wheel: Path) -> None:
    names = [name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/licenses/" in name]

    assert {Path(name).name for name in names} == {"LICENSE", "LICENSE-mnist-5k.md"}


def test_runtime_imports_without_pytorch_and_onnx(cpu: Environment) -> None:
    code = """
import importlib, importlib.util, pkgutil, sys, vaeport
names = [module.name for module in pkgutil.walk_packages(vaeport.__path__, "vaeport.")]
for name in names:
    if name != "vaeport.__main__":  # to import it is to run it
        importlib.import_module(name)
absent = [name for name in ("torch", "onnx", "onnxscript", "safetensors", "pydantic", "matplotlib", "tqdm", "pooch")
          if importlib.util.find_spec(name) is None]
print(len(names), *absent)
"""
    count, *absent = cpu.evaluate(code).split()

    assert int(count) > 20
    assert absent == ["torch", "onnx", "onnxscript", "safetensors", "pydantic", "matplotlib", "tqdm", "pooch"]


def test_installed_package_is_the_one_that_runs(cpu: Environment) -> None:
    place = Path(cpu.evaluate("import vaeport; print(vaeport.__file__)").strip())

    assert "site-packages" in place.parts
    assert CHECKOUT not in place.parents


def test_verify_proves_the_default_bundle(cpu: Environment) -> None:
    answer = cpu.run("vaeport", "verify", "--json")

    assert (answer.returncode, answer.stderr) == (0, "")
    assert json.loads(answer.stdout)["holds"] is True


def test_generate_then_classify_with_the_default_bundle(cpu: Environment) -> None:
    drawn = cpu.run("vaeport", "generate", "7", "-n", "1", "--temperature", "0", "-o", "seven.png")
    with Image.open(cpu.folder / "seven.png") as page:
        tile = np.asarray(page.convert("L"))[-58:-2, 2:58]
    Image.fromarray(tile).save(cpu.folder / "tile.png")

    answer = cpu.run("vaeport", "classify", "tile.png", "--json")

    assert (drawn.returncode, drawn.stderr, answer.returncode, answer.stderr) == (0, "", 0, "")
    assert json.loads(answer.stdout)[0]["label"] == "7"


def test_reconstruct_with_the_default_bundle(cpu: Environment) -> None:
    Image.new("L", (40, 40), 30).save(cpu.folder / "dark.jpg")

    answer = cpu.run("vaeport", "reconstruct", "dark.jpg", "-o", "pair.png")

    assert (answer.returncode, answer.stderr) == (0, "")
    assert (cpu.folder / "pair.png").is_file()


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("vaeport-train", "fit", "-o", "run"), "pip install 'vaeport[train]'"),
        (("vaeport-export", "run", "-o", "bundle"), "pip install 'vaeport[export,cpu]'"),
        (("vaeport-parity",), "pip install 'vaeport[export,cpu]'"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_command_without_its_extra_names_what_to_install(
    command: tuple[str, ...], words: str, cpu: Environment
) -> None:
    before = sorted(path.name for path in cpu.folder.iterdir())

    _assert_one_sentence(cpu.run(*command), words)

    assert sorted(path.name for path in cpu.folder.iterdir()) == before


@pytest.mark.parametrize("command", ["vaeport", "vaeport-train", "vaeport-export", "vaeport-parity"])
def test_help_needs_no_extra(command: str, bare: Environment) -> None:
    answer = bare.run(command, "--help")

    assert (answer.returncode, answer.stderr) == (0, "")
    assert "exit codes:" in answer.stdout


def test_classify_without_onnxruntime_names_what_to_install(bare: Environment) -> None:
    Image.new("L", (28, 28)).save(bare.folder / "digit.png")

    _assert_one_sentence(bare.run("vaeport", "classify", "digit.png"), "vaeport[cpu]")


def test_info_needs_no_onnxruntime(bare: Environment) -> None:
    answer = bare.run("vaeport", "info")

    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout.startswith("mnist ")


def test_vaeport_takes_little_room(cpu: Environment, capsys: pytest.CaptureFixture[str]) -> None:
    code = """
import importlib.metadata
sizes = {True: 0, False: 0}
for file in importlib.metadata.files("vaeport"):
    sizes["vaeport/bundles/" in file.as_posix()] += file.locate().stat().st_size
print(sizes[False], sizes[True])
"""
    own, bundles = map(int, cpu.evaluate(code).split())

    with capsys.disabled():
        print(f"\nvaeport installed: {own / 1e6:.2f} MB, and {bundles / 1e6:.2f} MB of bundles")
    assert own <= MAX_OWN_BYTES
