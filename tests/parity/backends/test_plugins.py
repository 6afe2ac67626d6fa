import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.parity.backends.graphs import CASES
from vaeport_parity.backends import BUILT_IN, BrokenPlugin, PluginBackend
from vaeport_parity.backends.base import ENVIRONMENTS_VARIABLE
from vaeport_parity.backends.plugins import GROUP, plugin_backends
from vaeport_parity.running.environments import missing_reason
from vaeport_parity.running.execution import run_once

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "docs/examples/unpacked_backend.py"
TOKENS = next(case for case in CASES if case.name == "tokens")

Install = Callable[[str, str], None]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of installed packages."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    yield folder
    for name, module in list(sys.modules.items()):
        if str(folder) in str(getattr(module, "__file__", "")):
            del sys.modules[name]


@pytest.fixture
def register(site: Path) -> Install:
    """Makes a folder of installed packages hold a distribution with one entry point."""

    def make(name: str, value: str) -> None:
        info = site / f"{name.replace('-', '_')}-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        (info / "entry_points.txt").write_text(f"[{GROUP}]\n{name} = {value}\n")

    return make


def answers(backend: PluginBackend, folder: Path) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    outcome = run_once(backend, TOKENS.job(folder / "graph"), TOKENS.sets[0], folder / "job", limit=60)
    assert (outcome.missing, outcome.errors) == (None, {})
    return outcome.answers[0]


def test_example_of_the_how_to_is_the_file() -> None:
    assert EXAMPLE.read_text() in (ROOT / "docs/how-to-add-a-backend.md").read_text()


def test_example_runs_in_a_process_of_its_own(site: Path, register: Install, tmp_path: Path) -> None:
    shutil.copy(EXAMPLE, site)
    register("onnxruntime-unpacked", "unpacked_backend:BACKEND")

    backend = plugin_backends(BUILT_IN)["onnxruntime-unpacked"]

    assert isinstance(backend, PluginBackend)
    found = answers(backend, tmp_path)
    assert np.allclose(found["scores"], TOKENS.answers(TOKENS.sets[0])["scores"], atol=1e-5)


def test_module_inside_a_package_is_found_with_its_neighbours(site: Path, register: Install, tmp_path: Path) -> None:
    package = site / "strangers"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "words.py").write_text("NAME = 'renamed'\n")
    source = EXAMPLE.read_text().replace('"onnxruntime-unpacked"', "NAME")
    source = source.replace("from vaeport_parity", "from .words import NAME\nfrom vaeport_parity")
    (package / "inner.py").write_text(source + "\nclass Holder:\n    both = (BACKEND,)\n")
    register("strangers", "strangers.inner:Holder.both")

    backend = plugin_backends(BUILT_IN)["renamed"]

    assert isinstance(backend, PluginBackend)
    assert set(answers(backend, tmp_path)) == {"scores"}


def test_plugin_runs_in_the_environment_that_its_facts_name(
    site: Path, register: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An environment with numpy alone, which neither vaeport nor onnxruntime is in."""
    monkeypatch.setenv(ENVIRONMENTS_VARIABLE, str(tmp_path / "environments"))
    source = EXAMPLE.read_text().replace('module="onnxruntime"', 'module="unheard", packages=("unheard", "numpy")')
    (site / "elsewhere.py").write_text(source)
    register("elsewhere", "elsewhere:BACKEND")
    backend = plugin_backends(BUILT_IN)["onnxruntime-unpacked"]
    assert "--install" in (missing_reason(backend.facts) or "")
    environment = tmp_path / "environments/onnxruntime-unpacked"
    make_environment_with_numpy(environment)
    (environment / ".vaeport-ready").write_text("unheard\nnumpy\n")

    outcome = run_once(backend, TOKENS.job(tmp_path / "graph"), TOKENS.sets[0], tmp_path / "job", limit=60)

    assert outcome.missing == "No module named 'onnxruntime'"


def make_environment_with_numpy(folder: Path) -> None:
    import venv

    venv.create(folder, with_pip=False, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    for installed in Path(np.__file__).parents[1].glob("numpy*"):
        (packages / installed.name).symlink_to(installed)


@pytest.mark.parametrize(
    ("source", "value", "sentence"),
    [
        (
            "raise RuntimeError('no licence')",
            "broken:BACKEND",
            "the plug-in broken:BACKEND cannot be loaded: no licence",
        ),
        ("", "broken:BACKEND", "the plug-in broken:BACKEND cannot be loaded: it has no BACKEND"),
        (
            "BACKEND = object()",
            "broken:BACKEND",
            "the plug-in broken:BACKEND cannot be loaded: BACKEND holds object, which has no facts, version() and load",
        ),
        ("", "absent:BACKEND", "the plug-in absent:BACKEND cannot be loaded: No module named 'absent'"),
        (
            "import sys; sys.exit(3)",
            "broken:BACKEND",
            "the plug-in broken:BACKEND cannot be loaded: it ends the program",
        ),
        (
            EXAMPLE.read_text().replace("onnxruntime-unpacked", "openvino"),
            "broken:BACKEND",
            "the plug-in broken:BACKEND brings a backend 'openvino', but there is one of this name already",
        ),
    ],
)
def test_broken_plugin_is_missing_with_one_sentence(
    source: str, value: str, sentence: str, site: Path, register: Install, tmp_path: Path
) -> None:
    (site / "broken.py").write_text(source)
    register("stranger", value)

    backend = plugin_backends(BUILT_IN)["stranger"]

    assert isinstance(backend, BrokenPlugin)
    outcome = run_once(backend, TOKENS.job(tmp_path / "graph"), TOKENS.sets[0], tmp_path / "job", limit=60)
    assert outcome.missing is not None
    assert outcome.missing.startswith(sentence)
    assert "\n" not in outcome.missing
