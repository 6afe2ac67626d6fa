"""Headers of image files, written byte by byte: what size they declare, and the counts at which they are refused."""

import struct
from collections.abc import Callable, Sequence

import pytest

from vaeport.images import directories, headers
from vaeport.images.directories import read_directories
from vaeport.images.headers import check_exif, declared_size

Entry = tuple[int, int, int, int]
"""Tag, type, how many, and the value or its place."""


def tiff(*entries: Entry, following: int = 0, order: str = "<", big: bool = False, behind: bytes = b"") -> bytes:
    """A TIFF of one directory, at byte 8 or 16."""
    mark = b"II" if order == "<" else b"MM"
    if big:
        head = mark + struct.pack(f"{order}HHHQ", 43, 8, 0, 16) + struct.pack(f"{order}Q", len(entries))
        body = b"".join(struct.pack(f"{order}HHQQ", *entry) for entry in entries)
        return head + body + struct.pack(f"{order}Q", following) + behind
    head = mark + struct.pack(f"{order}HIH", 42, 8, len(entries))
    body = b"".join(struct.pack(f"{order}HHII", *entry) for entry in entries)
    return head + body + struct.pack(f"{order}I", following) + behind


@pytest.mark.parametrize("big", [False, True])
def test_numbers_of_every_type_are_read(big: bool) -> None:
    whole = {3: 7, 4: 7, 1: 7, 6: 7, 8: 7, 9: 7, 13: 7} | ({16: 7, 17: 7, 18: 7} if big else {})
    entries = [(300 + kind, kind, 1, 7) for kind in sorted(whole)]
    others = [(400 + kind, kind, 1, 7) for kind in ((2, 7, 11) if not big else (2, 5, 7, 10, 11, 12))]

    assert read_directories(tiff(*entries, *others, big=big)) == {300 + kind: 7 for kind in whole}


@pytest.mark.parametrize(
    ("kind", "form", "size"), [(16, "Q", 8), (17, "q", 8), (18, "Q", 8), (3, "HHH", 6), (1, "BBBBB", 5)]
)
@pytest.mark.parametrize("order", ["<", ">"])
def test_values_that_do_not_fit_stand_elsewhere(order: str, kind: int, form: str, size: int) -> None:
    place = 8 + 2 + 12 + 4
    value = struct.pack(order + form, *range(5, 5 + len(form)))
    entry = (256, kind, len(form), place)

    assert read_directories(tiff(entry, order=order, behind=value)) == {256: 5}
    assert read_directories(tiff(entry, order=order, behind=value[:-1])) == {}
    assert size == len(value)


@pytest.mark.parametrize(("kind", "count"), [(1, 4), (6, 4), (3, 2), (8, 2), (4, 1), (9, 1), (13, 1)])
def test_values_that_fit_stand_in_their_entry(kind: int, count: int) -> None:
    assert read_directories(tiff((256, kind, count, 9))) == {256: 9}
    assert read_directories(tiff((256, kind, count + 1, 1_000_000))) == {}


@pytest.mark.parametrize("big", [False, True])
def test_both_byte_orders_are_read(big: bool) -> None:
    for order in "<>":
        assert read_directories(tiff((256, 4, 1, 5), order="<", big=big)) == {256: 5}
        assert read_directories(tiff((256, 16 if big else 4, 1, 77), order=order, big=big)) == {256: 77}


@pytest.mark.parametrize(
    "content", [b"", b"II*\0", b"II*\0\x08\0\0", b"XX*\0\x08\0\0\0", b"II+\0\x08\0\0\0", b"II*\0\xff\0\0\0"]
)
def test_what_is_no_directory_says_nothing(content: bytes) -> None:
    assert read_directories(content) == {}


def test_entry_of_no_numbers_is_none() -> None:
    assert read_directories(tiff((256, 4, 0, 5), (257, 4, 1, 6))) == {257: 6}


@pytest.mark.parametrize("tag", [34665, 34853, 40965])
def test_directories_that_are_named_are_counted(tag: int, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = 8 + 2 + 12 + 4
    content = tiff((tag, 4, 1, inner), behind=struct.pack("<HI", 0, 0))
    other = tiff((tag + 1, 4, 1, inner), behind=struct.pack("<HI", 0, 0))
    monkeypatch.setattr(directories, "MAX_DIRECTORIES", 1)

    assert read_directories(other) == {tag + 1: inner}
    with pytest.raises(ValueError, match="more than 1 directories, or they run in a ring"):
        read_directories(content)


@pytest.mark.parametrize("big", [False, True])
def test_first_directory_counts_and_the_following_are_read(big: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = struct.pack("<QQ", 0, 0) if big else struct.pack("<HI", 0, 0)
    place = 16 + 8 + 20 + 8 if big else 8 + 2 + 12 + 4
    content = tiff((256, 4, 1, 5), following=place, big=big, behind=empty)
    monkeypatch.setattr(directories, "MAX_DIRECTORIES", 2)

    assert read_directories(content) == {256: 5}
    monkeypatch.setattr(directories, "MAX_DIRECTORIES", 1)
    with pytest.raises(ValueError, match="directories"):
        read_directories(content)


def test_ring_of_directories_is_left() -> None:
    with pytest.raises(ValueError, match="more than 4096 directories"):
        read_directories(tiff((256, 4, 1, 5), following=8))


def test_entries_are_counted_before_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    cut = b"II*\0\x08\0\0\0" + struct.pack("<H", 65_535)

    assert read_directories(cut) == {}
    monkeypatch.setattr(directories, "MAX_ENTRIES", 65_534)
    with pytest.raises(ValueError, match="more than 65534 entries"):
        read_directories(cut)


@pytest.mark.parametrize(("most", "refused"), [(2, False), (1, True)])
def test_entries_of_all_directories_count_together(most: int, refused: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    place = 8 + 2 + 12 + 4
    content = tiff((256, 4, 1, 5), following=place, behind=struct.pack("<HHHIII", 1, 257, 4, 1, 6, 0))
    monkeypatch.setattr(directories, "MAX_ENTRIES", most)

    if refused:
        with pytest.raises(ValueError, match="entries"):
            read_directories(content)
    else:
        assert read_directories(content) == {256: 5}


@pytest.mark.parametrize(("most", "refused"), [(30, False), (29, True)])
def test_bytes_of_values_count_together(most: int, refused: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    content = tiff(
        (256, 2, 10, 30), (257, 12, 1, 30), (258, 5, 1, 30), (259, 7, 4, 30), (260, 99, 4, 30), behind=bytes(40)
    )
    sizes = 10 + 8 + 8
    monkeypatch.setattr(directories, "MAX_VALUE_BYTES", most - 30 + sizes)

    if refused:
        with pytest.raises(ValueError, match="values that are too long"):
            read_directories(content)
    else:
        read_directories(content)


TYPES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8, 99: 1}


@pytest.mark.parametrize(("kind", "size"), TYPES.items())
def test_every_type_has_its_bytes(kind: int, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    content = tiff((256, kind, 5, 30), behind=bytes(100))
    for most, refused in ((5 * size, False), (5 * size - 1, True)):
        monkeypatch.setattr(directories, "MAX_VALUE_BYTES", most)
        if refused:
            with pytest.raises(ValueError, match="too long"):
                read_directories(content)
        else:
            read_directories(content)


def test_value_counts_for_no_more_than_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    content = tiff((256, 2, 2**31, 30))
    monkeypatch.setattr(directories, "MAX_VALUE_BYTES", len(content))

    assert read_directories(content) == {}
    monkeypatch.setattr(directories, "MAX_VALUE_BYTES", len(content) - 1)
    with pytest.raises(ValueError, match="too long"):
        read_directories(content)


@pytest.mark.parametrize(("kind", "count", "refused"), [(3, 2**18, False), (3, 2**18 + 1, True), (1, 2**18 + 1, False)])
def test_numbers_of_one_value_are_bounded(kind: int, count: int, refused: bool) -> None:
    content = tiff((256, kind, count, 30))

    if refused:
        with pytest.raises(ValueError, match="too long"):
            read_directories(content)
    else:
        assert read_directories(content) == {}


def test_limits_of_headers_are_those_that_are_stated() -> None:
    named = {
        name: value for module in (directories, headers) for name, value in vars(module).items() if name[:4] == "MAX_"
    }

    assert named == {
        "MAX_DIRECTORIES": 4096,
        "MAX_ENTRIES": 65_536,
        "MAX_VALUE_BYTES": 33_554_432,
        "MAX_NUMBERS": 262_144,
        "MAX_PARTS": 65_536,
        "MAX_SEGMENTS": 4096,
        "MAX_HEADER_BYTES": 33_554_432,
        "MAX_SCANS": 64,
        "MAX_KEPT_SAMPLES": 192_000_000,
        "MAX_RLE_PIXELS": 8_388_608,
        "MAX_STRIP_BYTES": 268_435_456,
    }


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + bytes(4)


PNG = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize(
    ("content", "size"),
    [
        (PNG + _chunk(b"IHDR", struct.pack(">II5x", 30, 20)), (30, 20)),
        (
            PNG + _chunk(b"tEXt", b"abc") + _chunk(b"IHDR", struct.pack(">II5x", 30, 20)) + _chunk(b"IEND", b""),
            (30, 20),
        ),
        (PNG + _chunk(b"IEND", b"") + _chunk(b"IHDR", struct.pack(">II5x", 30, 20)), None),
        (PNG, None),
        (PNG + _chunk(b"IHDR", b"")[:9], None),
    ],
)
def test_png_says_its_size(content: bytes, size: tuple[int, int] | None) -> None:
    assert declared_size("PNG", content) == size


def test_png_of_too_many_chunks_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(headers, "MAX_PARTS", 3)
    chunks = _chunk(b"tEXt", b"")

    assert declared_size("PNG", PNG + 2 * chunks) is None
    assert declared_size("PNG", PNG + 2 * chunks + _chunk(b"IEND", b"")) is None
    with pytest.raises(ValueError, match="more than 3 chunks"):
        declared_size("PNG", PNG + 3 * chunks)


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def _frame(marker: int = 0xC0, width: int = 30, height: int = 20, colours: int = 3) -> bytes:
    return _segment(marker, struct.pack(">BHHB", 8, height, width, colours))


def _scan(colours: int = 3) -> bytes:
    return _segment(0xDA, bytes([colours]) + bytes(5))


SOI, EOI = b"\xff\xd8", b"\xff\xd9"


@pytest.mark.parametrize("marker", [0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC9, 0xCF])
def test_jpeg_says_its_size_in_its_frame(marker: int) -> None:
    content = SOI + _segment(0xE0, b"JFIF") + b"\xff\xff" + _frame(marker) + _scan() + b"\x00\x01" + EOI

    assert declared_size("JPEG", content) == (30, 20)


@pytest.mark.parametrize("marker", [0xC4, 0xC8, 0xCC])
def test_tables_of_a_jpeg_are_no_frames(marker: int) -> None:
    assert declared_size("JPEG", SOI + _frame(marker, 99, 99) + _frame() + _scan() + EOI) == (30, 20)


@pytest.mark.parametrize("marker", [0x01, 0xD0, 0xD7, 0xD8])
def test_markers_without_a_length_are_passed_over(marker: int) -> None:
    assert declared_size("JPEG", SOI + bytes([0xFF, marker]) + _frame() + _scan() + EOI) == (30, 20)


@pytest.mark.parametrize(
    ("content", "size"), [(SOI + EOI + _frame(), None), (SOI + _frame() + EOI, (30, 20)), (SOI, None)]
)
def test_jpeg_that_ends_before_its_pixels_says_what_it_has(content: bytes, size: tuple[int, int] | None) -> None:
    assert declared_size("JPEG", content) == size


@pytest.mark.parametrize(("bytes_between", "refused"), [(1021, False), (1022, True)])
def test_bytes_between_segments_are_bounded(bytes_between: int, refused: bool) -> None:
    content = SOI + bytes(bytes_between) + _frame() + _scan() + EOI

    if refused:
        with pytest.raises(ValueError, match="more than 1024 bytes between its segments"):
            declared_size("JPEG", content)
    else:
        assert declared_size("JPEG", content) == (30, 20)


def test_segments_before_the_pixels_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(headers, "MAX_SEGMENTS", 3)

    assert declared_size("JPEG", SOI + _segment(0xE0, b"") + _frame() + _scan() + EOI) == (30, 20)
    with pytest.raises(ValueError, match="more than 3 segments before its pixels"):
        declared_size("JPEG", SOI + 2 * _segment(0xE0, b"") + _frame() + _scan() + EOI)


@pytest.mark.parametrize(("less", "refused"), [(0, False), (1, True)])
def test_bytes_before_the_pixels_are_bounded(less: int, refused: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    content = SOI + _segment(0xE0, bytes(50)) + _frame()
    monkeypatch.setattr(headers, "MAX_HEADER_BYTES", len(content) - less)

    if refused:
        with pytest.raises(ValueError, match="bytes before its pixels"):
            declared_size("JPEG", content + _scan() + EOI)
    else:
        assert declared_size("JPEG", content + _scan() + EOI) == (30, 20)


@pytest.mark.parametrize(("scans", "refused"), [(64, False), (65, True)])
@pytest.mark.parametrize(("marker", "colours"), [(0xC2, 3), (0xC6, 3), (0xC0, 1)])
def test_scans_of_a_jpeg_are_bounded(marker: int, colours: int, scans: int, refused: bool) -> None:
    scan = _scan(colours) + b"\x01\xff\x00\xff\xd0\x02" + _segment(0xC4, b"abc")
    content = SOI + _frame(marker) + scan * scans + EOI + _scan() * 99

    if refused:
        with pytest.raises(ValueError, match="more than 64 scans"):
            declared_size("JPEG", content)
    else:
        assert declared_size("JPEG", content) == (30, 20)


def test_picture_of_one_scan_may_have_anything_behind_it() -> None:
    assert declared_size("JPEG", SOI + _frame() + _scan(3) * 99) == (30, 20)


@pytest.mark.parametrize(("colours", "refused"), [(3, False), (4, True)])
def test_samples_that_a_decoder_keeps_are_bounded(colours: int, refused: bool) -> None:
    content = SOI + _frame(0xC2, 8000, 8000, colours) + _scan() + EOI

    if refused:
        with pytest.raises(ValueError, match="at most 192000000 pixels times colours"):
            declared_size("JPEG", content)
    else:
        assert declared_size("JPEG", content) == (8000, 8000)


@pytest.mark.parametrize("wrap", [lambda block: block, lambda block: b"Exif\0\0" + block])
def test_exif_in_a_ring_is_refused(wrap: Callable[[bytes], bytes]) -> None:
    ring = tiff((256, 4, 1, 5), following=8)

    with pytest.raises(ValueError, match="ring"):
        check_exif(wrap(ring))
    check_exif(wrap(tiff((256, 4, 1, 5))))


def test_exif_of_a_jpeg_is_joined_and_checked() -> None:
    ring = tiff((256, 4, 1, 5), following=8)
    parts = _segment(0xE1, b"Exif\0\0" + ring[:9]) + _segment(0xE1, b"Exif\0\0" + ring[9:])

    assert declared_size("JPEG", SOI + _segment(0xE1, b"http\0\0" + ring) + _frame() + _scan() + EOI) == (30, 20)
    with pytest.raises(ValueError, match="ring"):
        declared_size("JPEG", SOI + parts + _frame() + _scan() + EOI)


def _gif(*blocks: bytes, flags: int = 0, size: tuple[int, int] = (30, 20), at: Sequence[int] = (0, 0, 30, 20)) -> bytes:
    palette = bytes(3 * 2 ** ((flags & 7) + 1)) if flags & 0x80 else b""
    head = b"GIF89a" + struct.pack("<HHBBB", *size, flags, 0, 0)
    return head + palette + b"".join(blocks) + b"\x2c" + struct.pack("<HHHH", *at) + bytes(3)


COMMENT = b"\x21\xfe\x03abc\x02de\x00"


@pytest.mark.parametrize("flags", [0, 0x80, 0x87, 0x07])
def test_gif_says_its_size(flags: int) -> None:
    assert declared_size("GIF", _gif(COMMENT, b"\0", flags=flags)) == (30, 20)


@pytest.mark.parametrize(
    ("at", "size"), [((5, 7, 30, 20), (35, 27)), ((0, 0, 1, 1), (30, 20)), ((29, 0, 1, 21), (30, 21))]
)
def test_gif_is_as_large_as_its_first_picture_needs(at: tuple[int, ...], size: tuple[int, int]) -> None:
    assert declared_size("GIF", _gif(at=at)) == size


def test_gif_without_a_picture_says_the_size_of_its_screen() -> None:
    assert declared_size("GIF", b"GIF89a" + struct.pack("<HHBBB", 30, 20, 0, 0, 0) + b"\x3b") == (30, 20)


@pytest.mark.parametrize(("skipped", "refused"), [(1024, False), (1025, True)])
def test_bytes_between_blocks_are_bounded(skipped: int, refused: bool) -> None:
    if refused:
        with pytest.raises(ValueError, match="more than 1024 bytes between its blocks"):
            declared_size("GIF", _gif(bytes(skipped)))
    else:
        assert declared_size("GIF", _gif(bytes(skipped))) == (30, 20)


@pytest.mark.parametrize(("most", "refused"), [(3, False), (2, True)])
def test_blocks_before_the_first_picture_are_bounded(most: int, refused: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(headers, "MAX_PARTS", most)

    for content in (_gif(COMMENT), _gif(b"\0\0\0")):
        if refused:
            with pytest.raises(ValueError, match="more than 2 blocks"):
                declared_size("GIF", content)
        else:
            assert declared_size("GIF", content) == (30, 20)


def _webp(kind: bytes, content: bytes) -> bytes:
    return b"RIFF\0\0\0\0WEBP" + kind + bytes(4) + content


@pytest.mark.parametrize(
    ("content", "size"),
    [
        (_webp(b"VP8X", bytes(4) + (29).to_bytes(3, "little") + (0x010013).to_bytes(3, "little")), (30, 0x010014)),
        (_webp(b"VP8L", b"\x2f" + struct.pack("<I", 29 | 19 << 14 | 1 << 28)), (30, 20)),
        (_webp(b"VP8L", b"\x2f" + struct.pack("<I", 0x3FFF | 0x3FFF << 14 | 0xF << 28)), (16_384, 16_384)),
        (_webp(b"VP8 ", bytes(6) + struct.pack("<HH", 30 | 1 << 14, 20 | 3 << 14)), (30, 20)),
        (_webp(b"VP8 ", bytes(6) + struct.pack("<HH", 0xFFFF, 0xFFFF)), (16_383, 16_383)),
        (_webp(b"ALPH", bytes(20)), None),
        (_webp(b"VP8L", b""), None),
    ],
)
def test_webp_says_its_size(content: bytes, size: tuple[int, int] | None) -> None:
    assert declared_size("WebP", content) == size


@pytest.mark.parametrize(("frames", "refused"), [(2, False), (3, True)])
def test_frames_of_a_webp_are_bounded(frames: int, refused: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(headers, "MAX_PARTS", 2)
    content = _webp(b"ALPH", b"ANMF" * frames)

    if refused:
        with pytest.raises(ValueError, match="it has 3 frames, more than 2"):
            declared_size("WebP", content)
    else:
        assert declared_size("WebP", content) is None


def _bmp(width: int, height: int, compression: int = 0, header: int = 40) -> bytes:
    return b"BM" + bytes(12) + struct.pack("<IiiHHI", header, width, height, 1, 8, compression)


@pytest.mark.parametrize(
    ("content", "size"),
    [
        (_bmp(30, 20), (30, 20)),
        (_bmp(30, -20), (30, 20)),
        (_bmp(-30, 20), (30, 20)),
        (b"BM" + bytes(12) + struct.pack("<IHH", 12, 30, 20), (30, 20)),
        (_bmp(2**16, 2**16, 0), (2**16, 2**16)),
        (_bmp(2**16, 2**16, 3), (2**16, 2**16)),
        (_bmp(2**13, 2**10, 1), (2**13, 2**10)),
        (b"BM", None),
    ],
)
def test_bmp_says_its_size(content: bytes, size: tuple[int, int] | None) -> None:
    assert declared_size("BMP", content) == size


@pytest.mark.parametrize("compression", [1, 2])
def test_bmp_with_run_lengths_is_bounded(compression: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="at most 8388608 pixels and as many bytes"):
        declared_size("BMP", _bmp(2**13, 2**10 + 1, compression))
    monkeypatch.setattr(headers, "MAX_RLE_PIXELS", 600)
    assert declared_size("BMP", _bmp(30, 20, compression) + bytes(500)) == (30, 20)
    with pytest.raises(ValueError, match="as many bytes"):
        declared_size("BMP", _bmp(30, 20, compression) + bytes(600))


def test_tiff_says_its_size_if_it_has_both_sides() -> None:
    assert declared_size("TIFF", tiff((256, 3, 1, 30), (257, 4, 1, 20))) == (30, 20)
    assert declared_size("TIFF", tiff((256, 3, 1, 30))) is None
    assert declared_size("TIFF", tiff((257, 3, 1, 30))) is None


SIDES = ((256, 4, 1, 2**14), (257, 4, 1, 2**14))


@pytest.mark.parametrize(
    ("entries", "refused"),
    [
        ((), False),  # one bit a pixel, as a whole byte
        (((277, 3, 1, 2),), True),
        (((258, 3, 1, 8),), False),
        (((258, 3, 1, 9),), True),
        (((277, 3, 1, 2), (278, 4, 1, 2**13)), False),
        (((277, 3, 1, 2), (278, 4, 1, 2**13 + 1)), True),
        (((278, 4, 1, 2**15), (258, 3, 1, 8)), False),
        (((277, 3, 1, 4), (322, 4, 1, 2**13), (323, 4, 1, 2**13)), False),
        (((277, 3, 1, 4), (322, 4, 1, 2**13), (323, 4, 1, 2**13 + 1)), True),
        (((277, 3, 1, 4), (322, 4, 1, 2**13)), True),  # without a height of its own, as high as the picture
    ],
)
def test_strips_and_tiles_of_a_tiff_are_bounded(entries: tuple[Entry, ...], refused: bool) -> None:
    content = tiff(*SIDES, *entries)

    if refused:
        with pytest.raises(ValueError, match="strips or tiles of more than 268435456 bytes"):
            declared_size("TIFF", content)
    else:
        assert declared_size("TIFF", content) == (2**14, 2**14)


@pytest.mark.parametrize("compression", [6, 7, 34892])
def test_scans_of_a_jpeg_in_a_tiff_are_bounded(compression: int) -> None:
    def content(scans: int, kind: int = compression, *more: Entry) -> bytes:
        entries = ((256, 4, 1, 30), (257, 4, 1, 20), (259, 3, 1, kind), *more)
        return tiff(*entries, behind=b"\xff\xda" * scans)

    assert declared_size("TIFF", content(64)) == (30, 20)
    assert declared_size("TIFF", content(999, 5)) == (30, 20)
    assert declared_size("TIFF", content(128, compression, (278, 3, 1, 10))) == (30, 20)
    for refused in (content(65), content(129, compression, (278, 3, 1, 10))):
        with pytest.raises(ValueError, match="more than 64 JPEG scans a pixel"):
            declared_size("TIFF", refused)
