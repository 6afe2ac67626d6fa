"""A bundle opens when every file is as it was sealed, and says what is wrong otherwise."""

import shutil
from pathlib import Path

import pytest

from tests.runtime.tampering import change_one_byte, read_manifest, write_manifest
from vaeport import open_bundle, shipped_bundles
from vaeport.bundle.opening import DEFAULT_BUNDLE
from vaeport.errors import BundleError, BundleNotFoundError, SealError

FILES = (
    "golden.npz",
    "fp32/encoder_classifier/model.onnx",
    "fp32/encoder_classifier/test_data_set_0/input_0.pb",
    "fp32/decoder/model.onnx",
    "fp32/decoder/test_data_set_0/output_0.pb",
    "checkpoint/config.json",
    "checkpoint/model.safetensors",
)


def test_opens_by_path_and_by_text(tiny_bundle: Path) -> None:
    assert open_bundle(tiny_bundle) == open_bundle(str(tiny_bundle))
    assert open_bundle(tiny_bundle).manifest.name == "tiny"


def test_opens_by_relative_path(tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tiny_bundle.parent)

    assert open_bundle("tiny").path == tiny_bundle.resolve()


def test_opens_through_a_linked_folder(tiny_bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tiny_bundle)

    assert open_bundle(tmp_path / "link").path == tiny_bundle.resolve()


def test_opens_by_shipped_name() -> None:
    assert DEFAULT_BUNDLE in shipped_bundles()
    assert open_bundle(DEFAULT_BUNDLE).path == shipped_bundles()[DEFAULT_BUNDLE]


def test_unknown_name_raises_an_error_that_lists_what_is_shipped() -> None:
    with pytest.raises(BundleNotFoundError, match=f"'no-such' does not exist.*{DEFAULT_BUNDLE}") as caught:
        open_bundle("no-such")

    assert isinstance(caught.value, FileNotFoundError)


def test_name_too_long_for_a_path_raises_not_found() -> None:
    with pytest.raises(BundleNotFoundError):
        open_bundle("x" * 5000)


def test_file_is_no_bundle(tiny_bundle: Path) -> None:
    with pytest.raises(BundleError, match=r"holds no bundle\.json at its top"):
        open_bundle(tiny_bundle / "golden.npz")  # which is a zip
    with pytest.raises(BundleError, match="is a file, but no zip"):
        open_bundle(tiny_bundle / "bundle.json")


def test_folder_without_manifest_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"holds no bundle\.json"):
        open_bundle(tmp_path)


@pytest.mark.parametrize("name", FILES)
def test_one_changed_byte_breaks_the_seal(name: str, tiny_bundle: Path) -> None:
    change_one_byte(tiny_bundle / name)

    with pytest.raises(SealError, match=f"{name} is not the file that was sealed"):
        open_bundle(tiny_bundle)


@pytest.mark.parametrize("name", FILES)
def test_missing_file_breaks_the_seal(name: str, tiny_bundle: Path) -> None:
    (tiny_bundle / name).unlink()

    with pytest.raises(SealError, match="is missing|empty folder"):
        open_bundle(tiny_bundle)


@pytest.mark.parametrize("change", [b"", b"\x00"])
def test_shorter_and_longer_file_break_the_seal(change: bytes, tiny_bundle: Path) -> None:
    content = (tiny_bundle / "golden.npz").read_bytes()
    (tiny_bundle / "golden.npz").write_bytes(content + change if change else content[:-1])

    with pytest.raises(SealError, match=r"golden\.npz is not the file"):
        open_bundle(tiny_bundle)


@pytest.mark.parametrize("name", ["notes.txt", ".hidden", "fp32/extra.onnx", "checkpoint/extra"])
def test_extra_file_breaks_the_seal(name: str, tiny_bundle: Path) -> None:
    (tiny_bundle / name).write_bytes(b"mine")

    with pytest.raises(SealError, match=rf"'{name}' is not in bundle\.json"):
        open_bundle(tiny_bundle)


def test_empty_extra_folder_breaks_the_seal(tiny_bundle: Path) -> None:
    (tiny_bundle / "fp16").mkdir()

    with pytest.raises(SealError, match="empty folder 'fp16'"):
        open_bundle(tiny_bundle)


@pytest.mark.parametrize("name", [*FILES[:2], "bundle.json"])
def test_link_to_an_equal_copy_breaks_the_seal(name: str, tiny_bundle: Path, tmp_path: Path) -> None:
    (tiny_bundle / name).rename(tmp_path / "copy")
    (tiny_bundle / name).symlink_to(tmp_path / "copy")

    with pytest.raises(SealError, match="is a link"):
        open_bundle(tiny_bundle)


def test_linked_folder_breaks_the_seal(tiny_bundle: Path, tmp_path: Path) -> None:
    shutil.move(tiny_bundle / "fp32", tmp_path / "elsewhere")
    (tiny_bundle / "fp32").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(SealError, match="'fp32' is a link"):
        open_bundle(tiny_bundle)


def test_folder_in_place_of_the_manifest_is_no_bundle(tiny_bundle: Path) -> None:
    (tiny_bundle / "bundle.json").unlink()
    (tiny_bundle / "bundle.json").mkdir()

    with pytest.raises(BundleError, match=r"bundle\.json"):
        open_bundle(tiny_bundle)


def test_checkpoint_may_be_detached(tiny_bundle: Path) -> None:
    shutil.rmtree(tiny_bundle / "checkpoint")

    bundle = open_bundle(tiny_bundle)

    assert not bundle.has("checkpoint")
    assert open_bundle(tiny_bundle).manifest.files.keys() >= {"checkpoint/config.json"}


def test_part_of_a_checkpoint_breaks_the_seal(tiny_bundle: Path) -> None:
    (tiny_bundle / "checkpoint/model.safetensors").unlink()

    with pytest.raises(SealError, match=r"checkpoint/model\.safetensors is missing"):
        open_bundle(tiny_bundle)


@pytest.mark.parametrize("name", ["fp32", "golden.npz"])
def test_what_answers_need_cannot_be_declared_detachable(name: str, tiny_bundle: Path) -> None:
    write_manifest(tiny_bundle, {**read_manifest(tiny_bundle), "detachable": [name]})

    with pytest.raises(BundleError, match="detachable"):
        open_bundle(tiny_bundle)


def test_read_gives_the_sealed_bytes(tiny_bundle: Path) -> None:
    assert open_bundle(tiny_bundle).read("golden.npz") == (tiny_bundle / "golden.npz").read_bytes()


def test_read_notices_a_swap_after_opening(tiny_bundle: Path) -> None:
    bundle = open_bundle(tiny_bundle)
    change_one_byte(tiny_bundle / FILES[1])

    with pytest.raises(SealError, match="is not the file that was sealed"):
        bundle.read(FILES[1])


@pytest.mark.parametrize("name", ["bundle.json", "../outside", "notes.txt"])
def test_read_refuses_what_is_not_sealed(name: str, tiny_bundle: Path) -> None:
    with pytest.raises(SealError, match="not part of this bundle"):
        open_bundle(tiny_bundle).read(name)


def test_shipped_bundles_are_sealed() -> None:
    assert {name: open_bundle(path).manifest.name for name, path in shipped_bundles().items()} == {
        name: name for name in shipped_bundles()
    }


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are counted in /proc")
def test_no_file_stays_open(tiny_bundle: Path) -> None:
    open_bundle(tiny_bundle)
    before = len(list(Path("/proc/self/fd").iterdir()))

    kept = [open_bundle(tiny_bundle) for _ in range(5)]

    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert len(kept) == 5
