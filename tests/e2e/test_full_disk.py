"""A full disk: one sentence, the old file unchanged, nothing half-written left."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from vaeport.bundle.manifest import parse_manifest
from vaeport.bundle.opening import open_bundle
from vaeport.cli import main
from vaeport.common.fileio import staged_folder
from vaeport.errors import OutputError
from vaeport_export.bundle.writer import seal


@pytest.fixture
def disk() -> Iterator[Path]:
    """An empty disk of 256 KiB."""
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if mount is None or umount is None:
        pytest.skip("this system has no mount command")
    with tempfile.TemporaryDirectory() as place:
        tried = subprocess.run(
            [mount, "-t", "tmpfs", "-o", "size=256k", "tmpfs", place], capture_output=True, text=True, check=False
        )
        if tried.returncode != 0:
            pytest.skip(f"a small disk cannot be mounted here: {tried.stderr.strip()}")
        yield Path(place)
        subprocess.run([umount, "--lazy", place], check=True)


def _fill(disk: Path) -> None:
    """Take all space that is left."""
    with (disk / "filler").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"\0" * 4096)


@pytest.mark.parametrize("verb", ["generate", "reconstruct"])
def test_picture_on_a_full_disk_ends_with_2(
    verb: str, disk: Path, tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "digit.png"
    main(["generate", "cat", "-n", "1", "-b", str(tiny_bundle), "-o", str(picture)])
    (disk / "out.png").write_bytes(b"older")
    _fill(disk)
    capsys.readouterr()

    files = [str(picture)] if verb == "reconstruct" else []
    code = main([verb, *files, "-b", str(tiny_bundle), "-o", str(disk / "out.png")])

    caught = capsys.readouterr()
    assert (code, caught.out, caught.err.count("\n")) == (2, "", 1)
    assert caught.err.startswith(f"vaeport: error: cannot write {disk / 'out.png'}: No space left on device")
    assert (disk / "out.png").read_bytes() == b"older"
    assert sorted(path.name for path in disk.iterdir()) == ["filler", "out.png"]


def test_picture_in_a_new_place_on_a_full_disk_leaves_nothing(disk: Path, tiny_bundle: Path) -> None:
    _fill(disk)

    code = main(["generate", "-b", str(tiny_bundle), "-o", str(disk / "out.png")])

    assert code == 2
    assert [path.name for path in disk.iterdir()] == ["filler"]


def test_bundle_that_fills_the_disk_leaves_nothing(disk: Path) -> None:
    place = disk / "bundle"

    with pytest.raises(OutputError, match=r"bundle.*No space left on device"), staged_folder(place) as stage:
        (stage / "golden.npz").write_bytes(b"\0" * 2**20)

    assert [path.name for path in disk.iterdir()] == []


def test_seal_that_finds_the_disk_full_leaves_nothing(disk: Path, tiny_bundle: Path) -> None:
    manifest = parse_manifest((tiny_bundle / "bundle.json").read_bytes())

    def export() -> None:
        with staged_folder(disk / "bundle") as stage:
            shutil.copytree(tiny_bundle / "fp32", stage / "fp32")
            _fill(disk)
            seal(stage, manifest)

    with pytest.raises(OutputError, match="No space left on device"):
        export()

    assert [path.name for path in disk.iterdir()] == ["filler"]


def test_older_bundle_survives_a_full_disk(disk: Path, tiny_bundle: Path) -> None:
    place = Path(shutil.copytree(tiny_bundle, disk / "bundle"))
    before = open_bundle(place)
    _fill(disk)

    with pytest.raises(OutputError, match="No space left on device"), staged_folder(place) as stage:
        (stage / "golden.npz").write_bytes((place / "golden.npz").read_bytes())

    assert open_bundle(place) == before
    assert sorted(path.name for path in disk.iterdir()) == ["bundle", "filler"]
