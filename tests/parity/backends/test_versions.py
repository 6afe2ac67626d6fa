"""Backends in a version of their own."""

from pathlib import Path

import pytest

from tests.parity.backends.graphs import CASES
from vaeport.errors import InputError
from vaeport_parity.backends import BUILT_IN
from vaeport_parity.backends.base import ENVIRONMENTS_VARIABLE
from vaeport_parity.backends.versions import Variant, backend_named, base_of
from vaeport_parity.comparison import chosen_backends
from vaeport_parity.running.environments import _commands, missing_reason
from vaeport_parity.running.execution import run_once

TOKENS = next(case for case in CASES if case.name == "tokens")


@pytest.mark.parametrize(
    ("name", "whole", "packages", "environment"),
    [
        (
            "onnxruntime==1.20.*",
            "onnxruntime-all==1.20.*",
            ("onnxruntime==1.20.*", "numpy", "ml_dtypes"),
            "onnxruntime-all==1.20.x",
        ),
        (
            "onnxruntime-none==1.20.1",
            "onnxruntime-none==1.20.1",
            ("onnxruntime==1.20.1", "numpy", "ml_dtypes"),
            "onnxruntime-none==1.20.1",
        ),
        ("tract==0.23.9", "tract==0.23.9", ("tract==0.23.9", "numpy"), "tract==0.23.9"),
        (
            "iree==3.9.0",
            "iree==3.9.0",
            ("iree-base-compiler[onnx]==3.9.0", "iree-base-runtime==3.9.0", "numpy"),
            "iree==3.9.0",
        ),
    ],
)
def test_version_has_an_environment_of_its_own(
    name: str, whole: str, packages: tuple[str, ...], environment: str, tmp_path: Path
) -> None:
    facts = backend_named(name).facts

    assert (facts.name, facts.packages, facts.environment) == (whole, packages, environment)
    (pip,) = (command for command in _commands(facts, tmp_path) if "pip" in command)
    assert pip[-len(packages) :] == list(packages)


@pytest.mark.parametrize(
    ("version", "older"),
    [("1.18.*", True), ("1.18.1", True), ("1.9.0", True), ("1.19.*", False), ("1.19.2", False), ("1.20.1", False)],
)
def test_releases_that_were_built_for_an_older_numpy_get_one(version: str, older: bool) -> None:
    assert ("numpy<2" in backend_named(f"onnxruntime=={version}").facts.packages) is older


def test_name_without_a_version_is_the_backend_itself() -> None:
    assert backend_named("tract") is BUILT_IN["tract"]
    assert base_of(backend_named("tract")) is BUILT_IN["tract"]
    assert base_of(backend_named("tract==0.23.9")) is BUILT_IN["tract"]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("onnxruntime==", "'' in 'onnxruntime==' is no version; give one such as onnxruntime==1.20.* or ==1.20.1"),
        ("onnxruntime==new", "'new' in 'onnxruntime==new' is no version; give one such as onnxruntime==1.20.*"),
        ("onnxruntime==1.*.2", "'1.*.2' in 'onnxruntime==1.*.2' is no version"),
        ("onnxruntime==1.20 --pre", "'1.20 --pre' in 'onnxruntime==1.20 --pre' is no version"),
        ("onnxruntime==../../x", "is no version"),
        ("onnxruntime=1.20", "unknown backend 'onnxruntime=1.20'; known are all, own, torch-float32"),
        ("onnxruntime>=1.20", "unknown backend 'onnxruntime>=1.20'; known are all, own, torch-float32"),
        ("tensorflow==2.0", "unknown backend 'tensorflow' in 'tensorflow==2.0'; known are torch-float32"),
        (
            "torch-float32==2.0",
            "the version of torch-float32 is that of vaeport's own environment and cannot be chosen; give torch-",
        ),
        ("jax==0.6", "the version of jax cannot be chosen; give jax alone"),
    ],
)
def test_bad_name_is_refused_in_a_sentence(name: str, sentence: str) -> None:
    with pytest.raises(InputError) as refused:
        chosen_backends(name)

    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


def test_versions_stand_beside_other_names() -> None:
    assert chosen_backends("tract, onnxruntime==1.20.*,onnxruntime-all==1.20.*,mnn@x86-64-v3") == [
        "tract",
        "onnxruntime-all==1.20.*",
        "mnn@x86-64-v3",
    ]


def test_version_that_is_missing_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENTS_VARIABLE, str(tmp_path))

    assert missing_reason(backend_named("onnxruntime==1.20.*").facts) == (
        "not installed; vaeport-parity --backends onnxruntime-all==1.20.* --install makes an environment for it"
    )


def test_variant_runs_as_its_backend_does(tmp_path: Path) -> None:
    """With this environment's onnxruntime under a name of its own: what runs is found by the backend's name."""
    plain = BUILT_IN["onnxruntime-all"]
    variant = Variant(plain, backend_named("onnxruntime@x86-64-v3").facts.__class__("renamed", module="onnxruntime"))

    outcome = run_once(variant, TOKENS.job(tmp_path / "graph"), TOKENS.sets[0], tmp_path / "job", limit=60)

    assert (outcome.missing, outcome.errors, outcome.version) == (None, {}, plain.version())
