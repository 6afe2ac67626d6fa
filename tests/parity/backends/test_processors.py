"""Which instruction set a processor has, and what backends do to be limited to another."""

import platform
from pathlib import Path

import pytest

from vaeport_parity.backends.processors import LEVELS, TARGET_VARIABLE
from vaeport_parity.backends.versions import backend_named
from vaeport_parity.running.machine import processor

CPUINFO = Path(__file__).with_name("cpuinfo")


def shown(name: str, folder: Path) -> Path:
    """A root whose `proc/cpuinfo` is a recorded one."""
    (folder / "proc").mkdir()
    (folder / "proc/cpuinfo").write_text((CPUINFO / f"{name}.txt").read_text())
    return folder


@pytest.mark.parametrize(
    ("name", "architecture", "level", "model", "features"),
    [
        ("nehalem", "x86_64", "x86-64-v2", "Intel(R) Core(TM) i7 CPU         920  @ 2.67GHz", ("sse4_2",)),
        (
            "haswell",
            "x86_64",
            "x86-64-v3",
            "Intel(R) Core(TM) i7-4770 CPU @ 3.40GHz",
            ("sse4_2", "avx", "fma", "avx2"),
        ),
        (
            "epyc_genoa",
            "x86_64",
            "x86-64-v4",
            "AMD EPYC",
            ("sse4_2", "avx", "fma", "avx2", "avx512f", "avx512_vnni", "avx512_bf16"),
        ),
        (
            "sapphire_rapids",
            "AMD64",
            "x86-64-v4",
            "Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz",
            (
                *("sse4_2", "avx", "fma", "avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16"),
                "amx",
            ),
        ),
        ("raspberry_pi_4", "aarch64", "armv8.0-a", "Cortex-A72", ("asimd",)),
        ("neoverse_n1", "arm64", "armv8.2-a", "Neoverse N1", ("asimd", "asimdhp", "asimddp")),
        (
            "neoverse_v2",
            "aarch64",
            "armv8.6-a",
            "Neoverse V2",
            ("asimd", "asimdhp", "asimddp", "bf16", "i8mm", "sve", "sve2"),
        ),
    ],
)
def test_processor_is_read_from_what_linux_shows(
    name: str, architecture: str, level: str, model: str, features: tuple[str, ...], tmp_path: Path
) -> None:
    found = processor(shown(name, tmp_path), variables={}, architecture=architecture)

    assert (found.name, found.level, found.features, found.limits) == (model, level, features, ())


def test_level_needs_every_feature_of_it(tmp_path: Path) -> None:
    """Without BMI2, programs that are built for x86-64-v3 die."""
    root = shown("haswell", tmp_path)
    text = (root / "proc/cpuinfo").read_text()
    (root / "proc/cpuinfo").write_text(text.replace(" bmi2 ", " "))

    assert processor(root, variables={}, architecture="x86_64").level == "x86-64-v2"


def test_limited_run_names_what_it_was_limited_to(tmp_path: Path) -> None:
    variables = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "HOME": "/"}

    found = processor(shown("epyc_genoa", tmp_path), variables=variables, architecture="x86_64")

    assert found.limits == ("ATEN_CPU_CAPABILITY=avx2", "ONEDNN_MAX_CPU_ISA=AVX2")
    assert str(found).endswith("limited by ATEN_CPU_CAPABILITY=avx2, ONEDNN_MAX_CPU_ISA=AVX2")
    assert str(found).startswith("AMD EPYC, x86-64-v4 (")


def test_unknown_system_says_its_architecture(tmp_path: Path) -> None:
    assert processor(tmp_path, variables={}, architecture="riscv64").level == "riscv64"
    assert processor(tmp_path, variables={}, architecture="x86_64").level == "x86_64"


def test_library_with_a_switch_of_its_own_is_not_emulated() -> None:
    torch, iree = (backend_named(name).facts for name in ("torch-float32@x86-64-v3", "iree@x86-64-v2"))

    assert torch.variables["ATEN_CPU_CAPABILITY"] == "avx2"
    assert "ATEN_CPU_CAPABILITY=avx2" in torch.remark
    assert iree.variables[TARGET_VARIABLE] == "nehalem"
    assert (torch.emulator, iree.emulator) == ((), ())


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the emulated processor is of this architecture")
def test_library_without_a_switch_is_emulated_with_the_wheels_that_it_has() -> None:
    plain, limited = (backend_named(name).facts for name in ("tract", "tract@x86-64-v3"))

    assert limited.emulator == ("qemu-x86_64-static", "-cpu", "Haswell")
    assert "qemu-x86_64-static" in limited.programs
    assert (limited.packages, limited.environment) == (plain.packages, plain.environment)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="aarch64 is another architecture than this one")
def test_other_architecture_has_an_environment_of_its_own() -> None:
    facts = backend_named("onnxruntime==1.31.*@armv8.2-a").facts

    assert facts.architecture == "aarch64"
    assert facts.packages == ("onnxruntime==1.31.*", "numpy", "ml_dtypes")
    assert facts.environment == "onnxruntime-all==1.31.x-aarch64"
    assert facts.emulator[:3] == ("qemu-aarch64-static", "-cpu", "neoverse-n1")


@pytest.mark.skipif(platform.machine() != "x86_64", reason="what is another architecture depends on this one")
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("tract@avx2", f"unknown instruction set 'avx2' in tract@avx2; known are {', '.join(LEVELS)}"),
        ("tract@", f"unknown instruction set '' in tract@; known are {', '.join(LEVELS)}"),
        (
            "onnxruntime-node@x86-64-v3",
            "onnxruntime-node cannot be limited to x86-64-v3: it computes in programs that it starts itself",
        ),
        (
            "tinygrad@x86-64-v3",
            "tinygrad cannot be limited to x86-64-v3: it computes in programs that it starts itself",
        ),
        ("mnn@armv8.2-a", "mnn@armv8.2-a cannot be had: it converts graphs in a program that it starts itself"),
        (
            "onnx-reference@armv8.0-a",
            "onnx-reference@armv8.0-a cannot be had: the backend has no packages of its own to install for it",
        ),
    ],
)
def test_what_cannot_be_limited_is_refused_in_a_sentence(name: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=".") as refused:
        backend_named(name)

    assert str(refused.value) == sentence
