"""A bundle as one zip: the same answers and digest as the folder, and nothing that a zip can hide."""

import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import vaeport
from vaeport.bundle import limits
from vaeport.bundle.archive import read_archive
from vaeport.cli import main
from vaeport.errors import BundleError, OutputError, SealError

Entries = dict[str, bytes]


@pytest.fixture
def packed(tiny_bundle: Path, tmp_path: Path) -> Path:
    return vaeport.open_bundle(tiny_bundle).pack(tmp_path / "tiny.vaeport")


def _entries(path: Path) -> Entries:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _write(path: Path, entries: Entries, *, compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def test_zip_answers_as_the_folder_does(packed: Path, tiny_bundle: Path) -> None:
    images = np.random.default_rng(0).random((3, 1, 4, 4), np.float32)

    zipped, folder = vaeport.load(packed), vaeport.load(tiny_bundle)

    np.testing.assert_array_equal(zipped.encode(images).z_mean, folder.encode(images).z_mean)
    np.testing.assert_array_equal(zipped.generate("cat", 3).pixels, folder.generate("cat", 3).pixels)
    assert zipped.bundle.digest == folder.bundle.digest
    assert vaeport.verify(packed, digest=folder.bundle.digest).holds


def test_same_bundle_gives_the_same_bytes(packed: Path, tiny_bundle: Path, tmp_path: Path) -> None:
    (tiny_bundle / "golden.npz").touch()

    again = vaeport.open_bundle(tiny_bundle).pack(tmp_path / "again.vaeport")
    of_zip = vaeport.open_bundle(packed).pack(tmp_path / "of_zip.vaeport")

    assert again.read_bytes() == packed.read_bytes() == of_zip.read_bytes()


def test_zip_without_its_checkpoint_is_taken(packed: Path, tmp_path: Path) -> None:
    entries = {name: content for name, content in _entries(packed).items() if not name.startswith("checkpoint/")}

    bundle = vaeport.open_bundle(_write(tmp_path / "light.vaeport", entries))

    assert not bundle.has("checkpoint")
    assert bundle.digest == vaeport.open_bundle(packed).digest


def test_zip_made_by_hand_with_folders_in_it_is_taken(packed: Path, tmp_path: Path) -> None:
    entries = {"fp32/": b"", "checkpoint/": b"", "fp32/decoder/": b"", **_entries(packed)}

    assert vaeport.open_bundle(_write(tmp_path / "by_hand.zip", entries)).digest == vaeport.open_bundle(packed).digest


def test_pickled_model_of_a_zip_opens_it_again(packed: Path) -> None:
    model = vaeport.load(packed)

    again = pickle.loads(pickle.dumps(model))  # noqa: S301 - our own

    np.testing.assert_array_equal(again.generate("owl").pixels, model.generate("owl").pixels)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda e: e.pop("golden.npz"), "golden.npz is missing"),
        (lambda e: e.update({"golden.npz": e["golden.npz"][:-1]}), "golden.npz is not the file that was sealed"),
        (lambda e: e.update({"notes.txt": b""}), "'notes.txt' is not in bundle.json"),
        (lambda e: e.update({"../outside": b""}), "'../outside' is not in bundle.json"),
        (lambda e: e.update({"/etc/passwd": b""}), "'/etc/passwd' is not in bundle.json"),
        (lambda e: e.update({"empty/": b""}), "the empty folder 'empty/' is not in bundle.json"),
        (lambda e: e.pop("bundle.json"), "holds no bundle.json at its top"),
        (lambda e: e.update({f"{n}": b"" for n in range(limits.MAX_FILES)}), "more than 4096"),
    ],
)
def test_zip_with_other_files_is_refused(
    change: Callable[[Entries], object], sentence: str, packed: Path, tmp_path: Path
) -> None:
    entries = _entries(packed)
    change(entries)

    with pytest.raises(BundleError, match=sentence.replace(".", r"\.")):
        vaeport.open_bundle(_write(tmp_path / "other.vaeport", entries))


def test_zip_of_the_folder_itself_says_what_is_missing(packed: Path, tmp_path: Path) -> None:
    entries = {f"tiny/{name}": content for name, content in _entries(packed).items()}

    with pytest.raises(BundleError, match=r"holds no bundle\.json at its top"):
        vaeport.open_bundle(_write(tmp_path / "inside.zip", entries))


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compressed_zip_is_refused_before_it_is_inflated(compression: int, packed: Path, tmp_path: Path) -> None:
    bomb = {**_entries(packed), "golden.npz": b"\0" * 10_000_000}

    with pytest.raises(SealError, match="is compressed, but a bundle's entries are stored"):
        vaeport.open_bundle(_write(tmp_path / "bomb.zip", bomb, compression=compression))


def test_zip_with_a_link_is_refused(packed: Path, tmp_path: Path) -> None:
    path = tmp_path / "link.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in _entries(packed).items():
            entry = zipfile.ZipInfo(name)
            if name == "golden.npz":
                entry.external_attr = 0o120777 << 16
            archive.writestr(entry, content)

    with pytest.raises(SealError, match=r"'golden\.npz' is no plain file"):
        vaeport.open_bundle(path)


def test_zip_that_holds_a_name_twice_is_refused(packed: Path) -> None:
    with zipfile.ZipFile(packed, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("golden.npz", b"other")

    with pytest.raises(SealError, match=r"'golden\.npz' twice"):
        vaeport.open_bundle(packed)


def test_encrypted_zip_is_refused(packed: Path) -> None:
    content = bytearray(packed.read_bytes())
    place = content.rindex(b"PK\x01\x02")
    struct.pack_into("<H", content, place + 8, 1)
    packed.write_bytes(content)

    with pytest.raises(SealError, match="is encrypted"):
        vaeport.open_bundle(packed)


def test_entries_that_share_their_bytes_are_refused(packed: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(packed) as archive:
        largest = max(archive.infolist(), key=lambda entry: entry.file_size)
        start = archive.start_dir
    content = packed.read_bytes()
    directory = content[start:]
    record_at = content.rindex(b"PK\x01\x02", 0, content.index(largest.filename.encode(), start))
    record_end = content.find(b"PK", record_at + 4)
    copies = 50
    end = bytearray(directory[directory.rindex(b"PK\x05\x06") :])
    more = content[record_at:record_end] * copies
    whole = directory[: directory.rindex(b"PK\x05\x06")] + more
    count = struct.unpack_from("<H", end, 10)[0] + copies
    struct.pack_into("<HHII", end, 8, count, count, len(whole), start)
    path = tmp_path / "overlap.zip"
    path.write_bytes(content[:start] + whole + end)

    with pytest.raises(SealError, match="they overlap"):
        vaeport.open_bundle(path)


@pytest.mark.parametrize(
    "change", [lambda c: b"#!/bin/sh\n" + c, lambda c: c + b"\0" * 600, lambda c: c[:-2] + b"\x01\0x"]
)
def test_bytes_that_no_entry_has_are_refused(change: Callable[[bytes], bytes], packed: Path) -> None:
    packed.write_bytes(change(packed.read_bytes()))

    with pytest.raises(BundleError, match="before, between or behind|no zip"):
        vaeport.open_bundle(packed)


def test_every_byte_of_a_file_in_the_zip_is_sealed(packed: Path) -> None:
    content = packed.read_bytes()
    with zipfile.ZipFile(packed) as archive:
        places = [entry.header_offset + 30 + len(entry.filename) + entry.file_size // 2 for entry in archive.infolist()]
    for place in places:
        changed = bytearray(content)
        changed[place] ^= 1
        packed.write_bytes(changed)
        with pytest.raises(BundleError):
            vaeport.open_bundle(packed)


def test_zip_above_the_limit_is_not_read(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vaeport.bundle.archive.MAX_ARCHIVE_BYTES", 1000)

    with pytest.raises(BundleError, match="more than 1000; unpack it"):
        vaeport.open_bundle(packed)


def test_command_packs(tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "out.vaeport"

    code = main(["pack", str(tiny_bundle), "-o", str(place)])

    assert code == 0
    assert vaeport.open_bundle(place).digest in capsys.readouterr().out
    assert main(["classify", "-b", str(place), "--json", *[_picture(tmp_path)] * 2]) == 0


def _picture(folder: Path) -> str:
    path = folder / "digit.png"
    vaeport.load(Path(__file__).parent / "tiny").generate("cat").save(path)
    return str(path)


def test_changed_file_is_not_packed(tiny_bundle: Path, tmp_path: Path) -> None:
    bundle = vaeport.open_bundle(tiny_bundle)
    (tiny_bundle / "golden.npz").write_bytes(b"other")

    with pytest.raises(SealError, match=r"golden\.npz is not the file that was sealed"):
        bundle.pack(tmp_path / "out.vaeport")
    assert not (tmp_path / "out.vaeport").exists()


def test_pack_to_a_place_that_cannot_be_written_is_told(tiny_bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(OutputError):
        vaeport.open_bundle(tiny_bundle).pack(tmp_path / "file/out.vaeport")


def test_folder_of_one_file_with_a_short_name_is_no_empty_folder(tmp_path: Path) -> None:
    files = read_archive(_write(tmp_path / "short.zip", {"d/": b"", "d/f": b"x"}))

    assert files.content == {"d/f": b"x"}
