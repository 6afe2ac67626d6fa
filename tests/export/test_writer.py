import ctypes
import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.export.material import sealed_again
from vaeport.bundle.opening import open_bundle
from vaeport.common.fileio import staged_folder
from vaeport.errors import BundleError, InputError, OutputError, SealError
from vaeport_export.bundle.writer import check_place, put_in_place, seal

SWAP_FOR_EVER = """
import shutil, sys
from pathlib import Path
from vaeport.common.fileio import staged_folder
from vaeport_export.bundle.writer import put_in_place

target, *sources = map(Path, sys.argv[1:])
print("ready", flush=True)
while True:
    for source in sources:
        with staged_folder(target) as stage:
            shutil.copytree(source, stage, dirs_exist_ok=True)
            put_in_place(stage, target, replace=True)
"""


@pytest.mark.parametrize("extra", ["notes.txt", "fp32/decoder/extra.bin", "checkpoint/optimizer.pt"])
def test_extra_file_breaks_the_seal(extra: str, copy: Path) -> None:
    (copy / extra).write_text("mine")

    with pytest.raises(SealError, match=f"'{extra}' is not in bundle.json"):
        open_bundle(copy)


def test_seal_covers_every_file(copy: Path) -> None:
    (copy / "notes.txt").write_text("mine")

    manifest = open_bundle(sealed_again(copy)).manifest

    found = {path.relative_to(copy).as_posix() for path in copy.rglob("*") if path.is_file()}
    assert set(manifest.files) == found - {"bundle.json"}
    assert "notes.txt" in manifest.files


@pytest.mark.parametrize("oddity", ["link", "empty folder", "hidden file"])
def test_what_a_reader_would_refuse_is_not_sealed(oddity: str, copy: Path) -> None:
    manifest = open_bundle(copy).manifest
    (copy / "bundle.json").unlink()
    if oddity == "link":
        (copy / "link.png").symlink_to(copy / "samples.png")
    elif oddity == "empty folder":
        (copy / "empty").mkdir()
    else:
        (copy / ".hidden").write_text("")

    with pytest.raises(BundleError):
        seal(copy, manifest)


def test_same_content_is_the_same_manifest(copy: Path) -> None:
    before = (copy / "bundle.json").read_bytes()

    assert (sealed_again(copy) / "bundle.json").read_bytes() == before


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SealError])
def test_staged_folder_is_gone_after_an_exception(error: type[BaseException], tmp_path: Path) -> None:
    def build() -> None:
        with staged_folder(tmp_path / "bundle") as stage:
            (stage / "file").write_text("half")
            raise error("stop")

    with pytest.raises(error, match="stop"):
        build()
    assert list(tmp_path.iterdir()) == []


def test_full_disk_is_an_output_error_that_leaves_nothing(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match="No space left on device; nothing was changed there"),
        staged_folder(tmp_path / "bundle"),
    ):
        raise OSError(28, "No space left on device")

    assert list(tmp_path.iterdir()) == []


def test_parent_that_cannot_hold_a_folder_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious")

    with pytest.raises(OutputError, match="cannot write"), staged_folder(tmp_path / "file" / "bundle"):
        pass
    assert (tmp_path / "file").read_text() == "precious"


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write anywhere")
def test_unwritable_parent_is_an_output_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)

    with pytest.raises(OutputError, match="Permission denied"), staged_folder(tmp_path / "bundle"):
        pass
    tmp_path.chmod(0o700)


def test_missing_parents_are_made(tmp_path: Path) -> None:
    with staged_folder(tmp_path / "a" / "b") as stage:
        (stage / "file").write_text("whole")
        put_in_place(stage, tmp_path / "a" / "b", replace=False)

    assert (tmp_path / "a" / "b" / "file").read_text() == "whole"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]


@pytest.mark.parametrize("replace", [False, True])
def test_place_that_is_no_bundle_is_refused(replace: bool, tmp_path: Path, copy: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.tex").write_text("")
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(copy)
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")

    for name in ("folder", "file", "link", "dangling"):
        with pytest.raises(InputError, match="exists and is no bundle"):
            check_place(tmp_path / name, replace=replace)


def test_bundle_in_the_place_needs_replace(copy: Path) -> None:
    with pytest.raises(InputError, match="--replace"):
        check_place(copy, replace=False)
    check_place(copy, replace=True)


@pytest.mark.parametrize("has_exchange", [True, False])
def test_old_bundle_is_exchanged_for_the_new(
    has_exchange: bool, copy: Path, bundles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not has_exchange:
        monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: object())

    with staged_folder(copy) as stage:
        shutil.copytree(bundles / "sibling", stage, dirs_exist_ok=True)
        put_in_place(stage, copy, replace=True)

    assert open_bundle(copy).manifest.name == "sibling"
    assert list(copy.parent.iterdir()) == [copy]


def test_old_bundle_comes_back_where_the_second_rename_fails(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: object())

    with pytest.raises(OutputError, match="cannot put the bundle"):
        put_in_place(copy.parent / "nowhere", copy, replace=True)
    assert open_bundle(copy).manifest.name == "narrow"
    assert list(copy.parent.iterdir()) == [copy]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux exchanges two folders in one step")
def test_killed_writer_leaves_the_old_bundle_or_the_new(copy: Path, bundles: Path) -> None:
    places = [str(place) for place in (copy, bundles / "sibling", bundles / "narrow")]
    seen = set()
    for pause in np.random.default_rng(0).uniform(0.005, 0.15, 10):
        with subprocess.Popen([sys.executable, "-c", SWAP_FOR_EVER, *places], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(pause)
            os.kill(process.pid, signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
        seen.add(open_bundle(copy).manifest.name)

    assert seen <= {"narrow", "sibling"}
    assert all(path == copy or path.name.startswith(".narrow.") for path in copy.parent.iterdir())


def test_manifest_is_not_changed_by_sealing(copy: Path) -> None:
    manifest = open_bundle(copy).manifest
    (copy / "bundle.json").unlink()

    sealed = seal(copy, dataclasses.replace(manifest, files={}))

    assert sealed == manifest


def test_what_appears_in_the_place_meanwhile_is_not_lost(tmp_path: Path) -> None:
    with staged_folder(tmp_path / "bundle") as stage:
        (tmp_path / "bundle").mkdir()
        (tmp_path / "bundle" / "thesis.tex").write_text("precious")
        with pytest.raises(InputError, match="exists and is no bundle"):
            put_in_place(stage, tmp_path / "bundle", replace=True)

    assert (tmp_path / "bundle" / "thesis.tex").read_text() == "precious"


@pytest.mark.parametrize("name", ["src/code.js", "notes.txt"])
def test_folder_with_anything_of_others_in_it_is_not_replaced(name: str, copy: Path) -> None:
    (copy / name).parent.mkdir(exist_ok=True)
    (copy / name).write_text("precious")

    with pytest.raises(InputError, match="only an intact bundle is replaced"):
        check_place(copy, replace=True)


def test_other_folder_with_a_bundle_json_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "bundle.json").write_text('{"name": "webpack"}')
    (tmp_path / "code.js").write_text("precious")

    with pytest.raises(InputError, match="only an intact bundle is replaced"):
        check_place(tmp_path, replace=True)
