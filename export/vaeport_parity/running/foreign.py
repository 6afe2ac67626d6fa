"""Environments of another architecture, which an emulator runs: a Python of Debian's, and wheels beside it."""

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

from ..backends.base import Facts
from ..backends.processors import foreign_root

_DEBIAN = {"aarch64": "arm64"}  # its name of an architecture
_VERSION = "3.11"  # of Python in the release that the machine's own list of packages is of
_PACKAGES = (
    *(f"{name}{_VERSION}-{part}" for name, part in (("python", "minimal"), ("libpython", "minimal"))),
    f"libpython{_VERSION}-stdlib",
    *("libc6", "libgcc-s1", "libstdc++6", "libgomp1", "libatomic1", "libcrypt1", "libexpat1", "libffi8"),
    *("zlib1g", "libbz2-1.0", "liblzma5", "libssl3", "libuuid1"),
)
_PLATFORMS = (
    "manylinux_2_36",
    "manylinux_2_35",
    "manylinux_2_34",
    "manylinux_2_32",
    "manylinux_2_31",
    "manylinux_2_28",
    "manylinux_2_27",
    "manylinux_2_17",
    "manylinux2014",
)
_PROCESSOR = {
    "aarch64": """processor\t: 0
BogoMIPS\t: 243.75
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x3
CPU part\t: 0xd0c
CPU revision\t: 1
"""
}
"""`/proc/cpuinfo` there: some libraries die of that of this machine, which qemu shows otherwise."""


def foreign_interpreter(architecture: str) -> Path:
    """Python of an architecture, which only an emulator can run."""
    return Path(foreign_root(architecture), "usr/bin", f"python{_VERSION}")


def foreign_commands(facts: Facts, folder: Path) -> Iterator[list[str]]:
    """What makes an environment: apt-get and dpkg for the system unless it is there, then pip for the wheels.

    Args:
        facts: of a backend with an `architecture`.
        folder: of its environment.
    """
    root = Path(foreign_root(facts.architecture))
    if not foreign_interpreter(facts.architecture).is_file():
        yield from _root_commands(root, _DEBIAN[facts.architecture])
    (root / "proc").mkdir(parents=True, exist_ok=True)
    (root / "proc/cpuinfo").write_text(_PROCESSOR[facts.architecture])
    yield ["sh", "-c", f"rm -rf {shlex.quote(str(folder))}/*"]
    platforms = [word for name in _PLATFORMS for word in ("--platform", f"{name}_{facts.architecture}")]
    pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:"]
    pip = [sys.executable, *pip, "--python-version", _VERSION, *platforms, "--target", str(folder)]
    yield [*pip, *(package for package in facts.packages if package not in facts.pip_options)]
    for package in facts.packages:
        if package in facts.pip_options:
            yield [*pip, *facts.pip_options[package], package]


def _root_commands(root: Path, debian: str) -> Iterator[list[str]]:
    """Packages of another architecture, unpacked in a folder; this machine's own are left as they are."""
    state = root / "apt"
    for name in ("lists/partial", "cache/archives/partial", "debs"):
        (state / name).mkdir(parents=True, exist_ok=True)
    options = [f"-oAPT::Architecture={debian}", f"-oAPT::Architectures={debian}", "-oAPT::Sandbox::User="]
    options += [f"-oDir::State::Lists={state}/lists", f"-oDir::Cache={state}/cache"]
    yield ["apt-get", *options, "update"]
    download = shlex.join(["apt-get", *options, "download", *_PACKAGES])
    yield ["sh", "-c", f"cd {shlex.quote(str(state / 'debs'))} && {download}"]
    unpack = 'for file in "$1"/*.deb; do dpkg -x "$file" "$2" || exit; done'
    yield ["sh", "-c", unpack, "sh", str(state / "debs"), str(root)]
