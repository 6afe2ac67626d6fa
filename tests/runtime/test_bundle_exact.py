"""The files of a bundle at their bounds: in a folder, in a zip, and in the arrays of its golden file."""

import hashlib
import io
import os
import socket
import stat
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.runtime.tampering import read_arrays
from vaeport.bundle import archive, arrays, folder, opening
from vaeport.bundle.archive import SUFFIX, ArchiveFiles, read_archive, write_archive
from vaeport.bundle.arrays import ArraysFile
from vaeport.bundle.folder import FolderFiles
from vaeport.bundle.golden import parse_golden
from vaeport.bundle.opening import DEFAULT_BUNDLE, open_bundle, shipped_bundles
from vaeport.contract import Shapes
from vaeport.errors import BundleError, BundleNotFoundError, SealError

TINY = Path(__file__).parent / "tiny"


def _npz(**given: np.ndarray) -> bytes:
    content = io.BytesIO()
    np.savez(content, **given)  # type: ignore[arg-type]  # the stub takes allow_pickle for a key
    return content.getvalue()


@pytest.mark.parametrize("files", [{"a": b"abc", "b/c": b""}])
def test_files_are_the_same_in_a_folder_and_in_a_zip(files: dict[str, bytes], tmp_path: Path) -> None:
    for name, content in files.items():
        (tmp_path / "folder" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "folder" / name).write_bytes(content)
    for place in (FolderFiles(tmp_path / "folder"), ArchiveFiles(tmp_path, files)):
        assert sorted(place.names()) == ["a", "b/c"]
        assert [place.read("a", most=most) for most in (2, 3, 4)] == [None, b"abc", b"abc"]
        sums = [place.sha256("a", size=size) for size in (2, 3, 4)]
        assert sums == [None, hashlib.sha256(b"abc").hexdigest(), None]
        assert (place.has_folder("b"), place.has_folder("x")) == (True, False)
        with pytest.raises(FileNotFoundError):
            place.read("x", most=9)


def test_name_that_only_begins_alike_is_no_folder() -> None:
    assert not ArchiveFiles(Path(), {"bc/d": b""}).has_folder("b")


def test_large_file_is_hashed_as_a_whole(tmp_path: Path) -> None:
    content = bytes(2**20) + b"end"
    (tmp_path / "large").write_bytes(content)

    assert FolderFiles(tmp_path).sha256("large", size=len(content)) == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(("count", "taken"), [(3, True), (4, True), (5, False)])
def test_folder_may_have_as_many_files_as_a_bundle_and_its_manifest(
    count: int, taken: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "MAX_FILES", 3)
    for number in range(count):
        (tmp_path / str(number)).touch()

    if taken:
        assert len(FolderFiles(tmp_path).names()) == count
    else:
        with pytest.raises(SealError, match="more than 3 files"):
            FolderFiles(tmp_path).names()


@pytest.mark.parametrize(("depth", "taken"), [(15, True), (16, True), (17, False)])
def test_folders_may_be_sixteen_deep(depth: int, taken: bool, tmp_path: Path) -> None:
    inner = tmp_path.joinpath(*["d"] * depth)
    inner.mkdir(parents=True)
    (inner / "f").touch()

    if taken:
        assert FolderFiles(tmp_path).names() == ["d/" * depth + "f"]
    else:
        with pytest.raises(SealError, match="is deeper than any file of a bundle"):
            FolderFiles(tmp_path).names()


def test_what_is_no_plain_file_is_named(tmp_path: Path) -> None:
    files = FolderFiles(tmp_path)
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "inner").mkdir()
    (tmp_path / "way").symlink_to("inner", target_is_directory=True)
    (tmp_path / "inner/file").write_bytes(b"y")
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(tmp_path)  # the address of a socket is short
        listener.bind("socket")
        os.chdir(here)
        for name, says in (
            ("link", "link is a link; a bundle holds plain files only"),
            ("way/file", "a folder of way/file is a link or no folder"),
            ("file/x", "a folder of file/x is a link or no folder"),
            ("pipe", "pipe is no plain file"),
            ("socket", "socket is no plain file"),
            ("inner", "inner is no plain file"),
        ):
            with pytest.raises(SealError, match=f"broken seal, {says}"):
                files.read(name, most=9)
    assert files.read("inner/file", most=9) == b"y"


def test_file_that_cannot_be_read_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)

    with pytest.raises(BundleError, match="cannot read file: Permission denied") as caught:
        FolderFiles(tmp_path).read("file", most=9)
    assert not isinstance(caught.value, SealError)


@pytest.mark.parametrize("make", ["link", "empty folder"])
def test_link_and_empty_folder_break_the_seal(make: str, tiny_bundle: Path) -> None:
    if make == "link":
        (tiny_bundle / "extra").symlink_to("bundle.json")
    else:
        (tiny_bundle / "extra").mkdir()

    with pytest.raises(SealError, match=r"'extra' is a link|the empty folder 'extra'"):
        open_bundle(tiny_bundle)


def test_zip_has_its_manifest_first_and_plain_files_without_times(tmp_path: Path) -> None:
    path = write_archive({"a": b"1", "bundle.json": b"2", "b/c": b"3"}, tmp_path / f"x{SUFFIX}")

    with zipfile.ZipFile(path) as file:
        entries = file.infolist()
    assert [entry.filename for entry in entries] == ["bundle.json", "a", "b/c"]
    for entry in entries:
        assert (entry.date_time, entry.create_system) == ((1980, 1, 1, 0, 0, 0), 3)
        assert entry.external_attr == (stat.S_IFREG | 0o644) << 16 == 0o100644 << 16
        assert entry.compress_type == zipfile.ZIP_STORED
    assert SUFFIX == ".vaeport"


def _zip(tmp_path: Path, change: Any = None, *, name: str = "a", extra: bytes = b"", comment: bytes = b"") -> Path:
    entry = zipfile.ZipInfo(name)
    entry.extra, entry.comment = extra, comment
    if change is not None:
        change(entry)
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        file.writestr(entry, b"" if name.endswith("/") else b"content")
    return tmp_path / "x.zip"


def _extra(size: int) -> bytes:
    return b"\xfe\xca" + (size - 4).to_bytes(2, "little") + bytes(size - 4)


@pytest.mark.parametrize(("size", "taken"), [(4, True), (64, True), (65, False)])
def test_entry_may_have_sixty_four_bytes_beside_its_name(size: int, taken: bool, tmp_path: Path) -> None:
    path = _zip(tmp_path, extra=_extra(size))

    if taken:
        assert read_archive(path).content == {"a": b"content"}
    else:
        with pytest.raises(SealError, match="bytes before, between or behind"):
            read_archive(path)


def test_entry_with_a_comment_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SealError, match="bytes before, between or behind"):
        read_archive(_zip(tmp_path, comment=b"x"))


@pytest.mark.parametrize(
    ("kind", "taken"), [(0, True), (stat.S_IFREG, True), (stat.S_IFLNK, False), (stat.S_IFDIR, False)]
)
def test_entry_is_a_plain_file_or_says_nothing(kind: int, taken: bool, tmp_path: Path) -> None:
    path = _zip(tmp_path, lambda entry: setattr(entry, "external_attr", (kind | 0o644) << 16))

    if taken:
        assert read_archive(path).names() == ["a"]
    else:
        with pytest.raises(SealError, match="'a' is no plain file"):
            read_archive(path)


def test_empty_folder_in_a_zip_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SealError, match="the empty folder 'd/' is not in"):
        read_archive(_zip(tmp_path, name="d/"))


@pytest.mark.parametrize(("flag", "taken"), [(0x0001, False), (0x0040, False), (0x0800, True)])
def test_encrypted_entry_is_refused(flag: int, taken: bool, tmp_path: Path) -> None:
    content = bytearray(_zip(tmp_path).read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = content.index(mark) + place
        content[start : start + 2] = flag.to_bytes(2, "little")
    (tmp_path / "y.zip").write_bytes(content)

    if taken:
        assert read_archive(tmp_path / "y.zip").names() == ["a"]
    else:
        with pytest.raises(SealError, match="'a' is encrypted"):
            read_archive(tmp_path / "y.zip")


@pytest.mark.parametrize(("less", "taken"), [(0, True), (1, False)])
def test_zip_may_be_as_large_as_is_allowed(
    less: int, taken: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _zip(tmp_path)
    monkeypatch.setattr(archive, "MAX_ARCHIVE_BYTES", path.stat().st_size - less)

    if taken:
        assert read_archive(path).names() == ["a"]
    else:
        with pytest.raises(BundleError, match="unpack it and open the folder"):
            read_archive(path)


@pytest.mark.parametrize(("most", "taken"), [(2, True), (1, False)])
def test_zip_may_have_as_many_entries_as_is_allowed(
    most: int, taken: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_archive({"a": b"1", "b": b"2"}, tmp_path / "x.zip")
    monkeypatch.setattr(archive, "MAX_FILES", most)

    if taken:
        assert read_archive(path).names() == ["a", "b"]
    else:
        with pytest.raises(SealError, match="has 2 entries, more than 1"):
            read_archive(path)


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x05\x06"])
def test_file_that_is_no_zip_is_one_sentence(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(content)

    with pytest.raises(BundleError, match=r"x: it is a file, but no zip that can be read as a bundle: \S"):
        open_bundle(tmp_path / "x")


@pytest.mark.parametrize("change", ["number", "count", "start", "size", "comment"])
def test_end_of_a_zip_says_what_is_there(change: str, tmp_path: Path) -> None:
    content = bytearray(_zip(tmp_path).read_bytes())
    end = len(content) - 22
    place = {"number": 4, "count": 8, "start": 16, "size": 12, "comment": 20}[change]
    content[end + place] += 1
    (tmp_path / "y.zip").write_bytes(content)

    with pytest.raises(BundleError, match="broken seal, the zip holds bytes|no zip that can be read"):
        read_archive(tmp_path / "y.zip")


@pytest.mark.parametrize(("less", "taken"), [(0, True), (1, False)])
def test_arrays_may_be_as_large_together_as_is_allowed(less: int, taken: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    file = ArraysFile(_npz(a=np.zeros(3, np.int64), b=np.zeros((2, 2), np.uint8), c=np.zeros(99)), "it")
    monkeypatch.setattr(arrays, "MAX_GOLDEN_BYTES", 28 - less)

    if taken:
        assert sorted(file.read(["a", "b"])) == ["a", "b"]
    else:
        with pytest.raises(BundleError, match="it holds arrays of 28 bytes, more than 27"):
            file.read(["a", "b"])


@pytest.mark.parametrize(("count", "taken"), [(2, True), (3, False)])
def test_file_may_hold_as_many_arrays_as_is_allowed(count: int, taken: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "MAX_GOLDEN_ARRAYS", 2)
    content = _npz(**{f"a{number}": np.zeros(1) for number in range(count)})

    if taken:
        assert len(ArraysFile(content, "it").headers) == count
    else:
        with pytest.raises(BundleError, match="it holds 3 arrays, more than 2"):
            ArraysFile(content, "it")


@pytest.mark.parametrize(("axes", "taken"), [(8, True), (9, False)])
def test_array_may_have_eight_axes(axes: int, taken: bool) -> None:
    content = _npz(a=np.zeros((1,) * axes))

    if taken:
        assert ArraysFile(content, "it").read(["a"])["a"].shape == (1,) * axes
    else:
        with pytest.raises(BundleError, match=r"it cannot be read: its array 'a\.npy': it says it is float64"):
            ArraysFile(content, "it")


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<i8", "|u1"])
def test_array_is_read_in_its_order_and_this_machine_s_bytes(order: Any, dtype: str) -> None:
    array = np.arange(24).reshape(2, 3, 4).astype(dtype, order=order)

    header = ArraysFile(_npz(a=array), "it").headers["a"]
    read = ArraysFile(_npz(a=array), "it").read(["a"])["a"]

    assert (header.shape, header.dtype, header.nbytes) == ((2, 3, 4), np.dtype(dtype), array.nbytes)
    np.testing.assert_array_equal(read, array)
    assert read.dtype.isnative
    assert read.flags.c_contiguous


@pytest.mark.parametrize("shape", ["(True,)", "(-1,)"])
def test_shape_that_numpy_does_not_have_is_refused(shape: str) -> None:
    head = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}".ljust(117) + "\n"
    npy = b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head.encode() + bytes(8)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("a.npy", npy)

    with pytest.raises(BundleError, match="it cannot be read: its array"):
        ArraysFile(content.getvalue(), "it")


def test_golden_answers_are_read_by_precision_and_given_by_graph() -> None:
    given = read_arrays(TINY)
    lower = {name.replace("float32", "int8"): values for name, values in given.items() if name.endswith(".float32")}
    golden = parse_golden(_npz(**{**given, **lower}), Shapes((1, 4, 4), 2, 3), ("fp32", "int8"))

    single, double = golden.references("decoder", "fp32")
    (eighth,) = golden.references("decoder", "int8")
    np.testing.assert_array_equal(single["image"], given["decoder.image.float32"])
    np.testing.assert_array_equal(double["image"], given["decoder.image.float64"])
    np.testing.assert_array_equal(eighth["image"], given["decoder.image.float32"])
    assert sorted(golden.to_arrays()) == sorted({**given, **lower})
    assert list(golden.inputs("encoder_classifier")) == ["image"]
    assert list(golden.inputs("decoder")) == ["z", "class_probs"]
    np.testing.assert_array_equal(golden.inputs("decoder")["z"], given["decoder.z"])


@pytest.mark.parametrize("graph", ["encoder_classifier.image", "decoder.z"])
def test_graph_without_golden_rows_proves_nothing(graph: str) -> None:
    part = graph.partition(".")[0]
    given = {
        name: values[:0] if name.startswith(part) or (part != "decoder" and name == "labels") else values
        for name, values in read_arrays(TINY).items()
    }

    with pytest.raises(BundleError, match=f"golden.npz holds no rows of '{graph}'"):
        parse_golden(_npz(**given), Shapes((1, 4, 4), 2, 3))


def test_shipped_bundles_are_those_of_the_checkout() -> None:
    assert DEFAULT_BUNDLE == "mnist"
    assert list(shipped_bundles()) == ["mnist", "mnist-blog"]
    assert all(path.name == name and (path / "bundle.json").is_file() for name, path in shipped_bundles().items())


def test_shipped_bundles_stand_in_the_package_and_in_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "__file__", str(tmp_path / "runtime/vaeport/bundle/opening.py"))
    assert shipped_bundles() == {}
    with pytest.raises(BundleNotFoundError, match=r"\(shipped: none\)"):
        open_bundle("pets")

    places = [tmp_path / place for place in ("runtime/vaeport/bundles/pets", "models/cars", "models/boats")]
    for place in (*places, tmp_path / "models/.hidden", tmp_path / "models/empty"):
        place.mkdir(parents=True)
    for place in (*places, tmp_path / "models/.hidden"):
        (place / "bundle.json").touch()

    assert list(shipped_bundles().values()) == [places[0], places[2], places[1]]


def test_place_of_another_kind_is_no_bundle(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(BundleNotFoundError, match="pipe' is no plain file or folder, and is no shipped bundle"):
        open_bundle(tmp_path / "pipe")
    with pytest.raises(BundleNotFoundError, match="nothing' does not exist"):
        open_bundle(tmp_path / "nothing")


def test_small_files_that_are_wanted_soon_are_kept(tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = (tiny_bundle / "golden.npz").stat().st_size
    assert open_bundle(tiny_bundle).kept == {}

    for most, kept in ((size, ["golden.npz"]), (size - 1, [])):
        monkeypatch.setattr(opening, "_MOST_KEPT", most)
        bundle = open_bundle(tiny_bundle, keep=("golden.npz",))
        assert list(bundle.kept) == kept
        assert bundle.read("golden.npz") == (tiny_bundle / "golden.npz").read_bytes()


def test_kept_file_is_the_one_that_was_sealed(tiny_bundle: Path) -> None:
    (tiny_bundle / "golden.npz").write_bytes(bytes((tiny_bundle / "golden.npz").stat().st_size))

    for keep in ((), ("golden.npz",)):
        with pytest.raises(SealError, match=r"golden\.npz is not the file that was sealed"):
            open_bundle(tiny_bundle, keep=keep)


def test_file_that_is_not_listed_cannot_be_read(tiny_bundle: Path) -> None:
    bundle = open_bundle(tiny_bundle)

    with pytest.raises(SealError, match=r"tiny: 'bundle\.json' is not part of this bundle"):
        bundle.read("bundle.json")
    assert (bundle.has("checkpoint"), bundle.has("fp16")) == (True, False)
    assert bundle.path == tiny_bundle.resolve()
