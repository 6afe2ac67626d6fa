"""Changes to a bundle's zip: its bytes, and its structure, written field by field so that every field can lie.

The format is PKWARE's APPNOTE 6.3.10: local headers with the content, the central directory, its end record.
"""

from __future__ import annotations

import bz2
import lzma
import random
import re
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from vaeport.contract import MANIFEST_FILE

from .bundle import Files
from .byte_changes import changed

_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_END64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR64 = struct.Struct("<4sIQI")
_DATE = 0x21  # 1980-01-01
_STORED, _DEFLATED, _BZIP2, _LZMA = 0, 8, 12, 14
_MOST_32, _MOST_16 = 2**32 - 1, 2**16 - 1
_UNIX, _LINK = 3 << 8 | 20, 0o120777 << 16
_BOMB = 2**30

_BAD_NAMES = (
    "../escape",
    "fp32/../../escape",
    "/etc/vaeport",
    "C:\\escape",
    "fp32\\decoder\\model.onnx",
    "./bundle.json",
    "fp32//decoder/model.onnx",
    "bundle.json\0.txt",
    "BUNDLE.JSON",
    "CON",
    "",
    "x" * 4000,
    "a/" * 400 + "b",
    "fp32/decoder/model.onnx/inner",
    "line\nbreak",
    "\x1b[2J",
    "\u202egnp.nedlog",
)


@dataclass(frozen=True)
class Entry:
    """One member, with every field of its two headers free to lie."""

    name: bytes
    """Its name in the central directory."""
    data: bytes
    """The bytes that stand in the archive."""
    crc: int
    """Checksum of the content."""
    size: int
    """Length of the content."""
    method: int = _STORED
    """How the content is packed."""
    flags: int = 0
    """General purpose bits: 1 encrypted, 8 sizes follow the data, 0x800 name in UTF-8."""
    packed: int | None = None
    """Length of the data; None for the truth."""
    local_name: bytes | None = None
    """Its name in the local header; None for the same."""
    local_size: int | None = None
    """Length of the content in the local header; None for the same."""
    extra: bytes = b""
    """Extra field of both headers."""
    comment: bytes = b""
    """Comment in the central directory."""
    attributes: int = 0
    """External attributes: the file's mode in the upper half."""
    made_by: int = 20
    """Version and system that wrote it."""
    offset: int | None = None
    """Where the central directory looks for it; None for the truth."""
    disk: int = 0
    """Number of the disk on which it begins."""


@dataclass(frozen=True)
class Archive:
    """An archive in parts."""

    entries: tuple[Entry, ...]
    """Its members, in order."""
    prefix: bytes = b""
    """Bytes before the first local header, which offsets count."""
    comment: bytes = b""
    """The archive's comment."""
    count: int | None = None
    """Members that the end record tells of; None for the truth."""
    shift: int = 0
    """Added to the offset of the central directory in the end record."""
    grow: int = 0
    """Added to the size of the central directory in the end record."""
    disks: int = 0
    """Number of this disk in the end record."""
    large: bool = False
    """Whether it ends as zip64 archives do."""
    hidden: tuple[Entry, ...] = field(default=())
    """Members that have a local header only."""
    suffix: bytes = b""
    """Bytes after the end record."""


def archive_of(files: Files) -> Archive:
    """A bundle as a plain archive."""
    return Archive(tuple(_entry(name, content) for name, content in sorted(files.items())))


def change_zip(packed: bytes, files: Files, dice: random.Random) -> tuple[str, bytes]:
    """Change a bundle's zip in one way.

    Args:
        packed: the zip, as vaeport packs it.
        files: what is in it.
        dice: random numbers of this case.

    Returns:
        The name of the change, and other bytes than `packed`.
    """
    if dice.random() < 0.4:
        return "change zip bytes", changed(packed, dice)
    if dice.random() < 0.3:
        return "change zip headers", _bend_headers(packed, dice)
    while True:
        change = dice.choice(_CHANGES)
        result = written(change(archive_of(files), dice))
        if result != packed:
            return f"zip: {change.__name__.strip('_').replace('_', ' ')}", result


def written(archive: Archive) -> bytes:
    """The bytes of an archive, lies and all."""
    out = bytearray(archive.prefix)
    places = []
    for entry in (*archive.entries, *archive.hidden):
        places.append(len(out))
        name = entry.name if entry.local_name is None else entry.local_name
        size = entry.size if entry.local_size is None else entry.local_size
        lengths = _lengths(entry, len(entry.data), size)
        out += _LOCAL.pack(
            b"PK\3\4", 20, entry.flags, entry.method, 0, _DATE, entry.crc, *lengths, len(name), len(entry.extra)
        )
        out += name + entry.extra + entry.data
    start = len(out)
    for entry, place in zip(archive.entries, places, strict=False):
        out += _CENTRAL.pack(
            b"PK\1\2",
            entry.made_by,
            20,
            entry.flags,
            entry.method,
            0,
            _DATE,
            entry.crc,
            *_lengths(entry, len(entry.data), entry.size),
            len(entry.name),
            len(entry.extra),
            len(entry.comment),
            entry.disk,
            0,
            entry.attributes,
            (place if entry.offset is None else entry.offset) & _MOST_32,
        )
        out += entry.name + entry.extra + entry.comment
    return bytes(out + _end(archive, start, len(out) - start) + archive.suffix)


def _end(archive: Archive, start: int, length: int) -> bytes:
    count = len(archive.entries) if archive.count is None else archive.count
    start, length = max(start + archive.shift, 0), max(length + archive.grow, 0)
    ending = b""
    if archive.large:
        ending += _END64.pack(b"PK\6\6", _END64.size - 12, 45, 45, 0, 0, count, count, length, start)
        ending += _LOCATOR64.pack(b"PK\6\7", 0, start + length, 1)
        count, length, start = _MOST_16, _MOST_32, _MOST_32
    return (
        ending
        + _END.pack(
            b"PK\5\6",
            archive.disks,
            archive.disks,
            count & _MOST_16,
            count & _MOST_16,
            length & _MOST_32,
            start & _MOST_32,
            len(archive.comment),
        )
        + archive.comment
    )


def _lengths(entry: Entry, packed: int, size: int) -> tuple[int, int]:
    return (packed if entry.packed is None else entry.packed) & _MOST_32, size & _MOST_32


def _entry(name: str, content: bytes) -> Entry:
    return Entry(name.encode("utf-8", "surrogatepass"), content, zlib.crc32(content), len(content))


def _bend_headers(packed: bytes, dice: random.Random) -> bytes:
    """Change bytes of one header only: there the zip is most easily misunderstood."""
    mark = dice.choice((b"PK\3\4", b"PK\1\2", b"PK\1\2", b"PK\5\6"))
    places = [found.start() for found in re.finditer(re.escape(mark), packed)]
    if not places:
        return changed(packed, dice)
    place = dice.choice(places)
    return packed[:place] + changed(packed[place : place + 60], dice) + packed[place + 60 :]


def _one(archive: Archive, dice: random.Random, **lies: object) -> Archive:
    """The archive with one entry changed."""
    place = dice.randrange(len(archive.entries))
    entries = list(archive.entries)
    entries[place] = replace(entries[place], **lies)  # type: ignore[arg-type]  # fields by name
    return replace(archive, entries=tuple(entries))


def _compress(archive: Archive, dice: random.Random) -> Archive:
    place = dice.randrange(len(archive.entries))
    entries = list(archive.entries)
    entry = entries[place]
    squeezer = zlib.compressobj(wbits=-15)
    method, data = dice.choice(
        (
            (_DEFLATED, squeezer.compress(entry.data) + squeezer.flush()),
            (_BZIP2, bz2.compress(entry.data)),
            (_LZMA, b"\x09\x14\x05\x00" + lzma.compress(entry.data, lzma.FORMAT_ALONE)),
            (_DEFLATED, entry.data),
            (dice.randrange(100), entry.data),
        )
    )
    entries[place] = replace(entry, method=method, data=data)
    return replace(archive, entries=tuple(entries))


def _inflate_a_bomb(archive: Archive, dice: random.Random) -> Archive:
    squeezer = zlib.compressobj(9, wbits=-15)
    data = b"".join(squeezer.compress(bytes(2**20)) for _ in range(8)) + squeezer.flush()
    return _one(archive, dice, method=_DEFLATED, data=data, size=dice.choice((2**23, _BOMB, 2**32 - 2, 100)))


def _lie_about_sizes(archive: Archive, dice: random.Random) -> Archive:
    lie = dice.choice((0, 1, 100, _BOMB, 2**31, _MOST_32))
    return _one(archive, dice, **{name: lie for name in ("size", "packed", "local_size") if dice.random() < 0.5})


def _lie_about_checksum(archive: Archive, dice: random.Random) -> Archive:
    return _one(archive, dice, crc=dice.randrange(2**32))


def _lie_about_place(archive: Archive, dice: random.Random) -> Archive:
    """Entries that overlap, or lie outside."""
    return _one(archive, dice, offset=dice.choice((0, 1, 30, dice.randrange(20_000), 2**31, _MOST_32)))


def _lie_about_name(archive: Archive, dice: random.Random) -> Archive:
    name = dice.choice([*_BAD_NAMES, *(entry.name.decode() for entry in archive.entries)]).encode()
    return _one(archive, dice, **{dice.choice(("name", "local_name")): name})


def _set_flags(archive: Archive, dice: random.Random) -> Archive:
    return _one(archive, dice, flags=dice.choice((1, 8, 9, 0x20, 0x40, 0x41, 0x800, 0x2000, 0xFFFF)))


def _call_it_a_link(archive: Archive, dice: random.Random) -> Archive:
    return _one(archive, dice, attributes=dice.choice((_LINK, 0o010644 << 16, 0o040755 << 16, 0x10)), made_by=_UNIX)


def _add_extra(archive: Archive, dice: random.Random) -> Archive:
    kind, size = dice.choice((1, 0x5455, 0x7875, 0x7075, 0x9901, 0xFFFF)), dice.choice((0, 1, 8, 16, 24, 28))
    said = dice.choice((size, size, 0xFFFF))
    extra = struct.pack("<2H", kind, said) + dice.choice((bytes(size), b"\xff" * size, dice.randbytes(size)))
    lies: dict[str, object] = {"extra": extra}
    if kind == 1 and dice.random() < 0.7:
        lies |= {"size": _MOST_32, "packed": _MOST_32}
    return _one(archive, dice, **lies)


def _say_it_twice(archive: Archive, dice: random.Random) -> Archive:
    """Two entries of one name, the second with the same or other content."""
    entry = dice.choice(archive.entries)
    content = dice.choice((entry.data, b"", changed(entry.data, dice)))
    again = replace(_entry("x", content), name=dice.choice((entry.name, entry.name.upper(), entry.name + b"\0")))
    entries = [*archive.entries, again]
    dice.shuffle(entries)
    return replace(archive, entries=tuple(entries))


def _point_two_at_one(archive: Archive, dice: random.Random) -> Archive:
    name = dice.choice((b"extra.bin", b"fp32/", archive.entries[-1].name))
    return replace(archive, entries=(*archive.entries, replace(archive.entries[0], name=name, offset=0)))


def _add_entry(archive: Archive, dice: random.Random) -> Archive:
    new = _entry(dice.choice((*_BAD_NAMES, "extra.bin", "fp32/", "fp16/decoder/model.onnx")), dice.choice((b"", b"x")))
    entries = [*archive.entries]
    entries.insert(dice.randrange(len(entries) + 1), new)
    return replace(archive, entries=tuple(entries))


def _add_many(archive: Archive, dice: random.Random) -> Archive:
    many = tuple(_entry(f"many/{place}", b"") for place in range(dice.choice((100, 2000, 8000))))
    return replace(archive, entries=archive.entries + many)


def _leave_out(archive: Archive, dice: random.Random) -> Archive:
    place = dice.randrange(len(archive.entries))
    return replace(archive, entries=archive.entries[:place] + archive.entries[place + 1 :])


def _hide(archive: Archive, dice: random.Random) -> Archive:
    """A member without an entry in the central directory."""
    place = dice.randrange(len(archive.entries))
    rest = archive.entries[:place] + archive.entries[place + 1 :]
    hidden = dice.choice((archive.entries[place], _entry("extra.bin", b"x")))
    return replace(archive, entries=dice.choice((rest, archive.entries)), hidden=(hidden,))


def _reorder(archive: Archive, dice: random.Random) -> Archive:
    entries = [*archive.entries]
    dice.shuffle(entries)
    return replace(archive, entries=tuple(entries))


def _put_in_a_folder(archive: Archive, dice: random.Random) -> Archive:
    prefix = dice.choice((b"tiny/", b"/", b"./", b"../", b"a/b/"))
    return replace(
        archive, entries=tuple(replace(entry, name=prefix + entry.name, local_name=None) for entry in archive.entries)
    )


def _change_content(archive: Archive, dice: random.Random) -> Archive:
    """Other content under a checksum that is right."""
    place = dice.randrange(len(archive.entries))
    content = changed(archive.entries[place].data, dice)
    entries = list(archive.entries)
    entries[place] = _entry(entries[place].name.decode(), content)
    return replace(archive, entries=tuple(entries))


def _swap_contents(archive: Archive, dice: random.Random) -> Archive:
    first, second = dice.sample(range(len(archive.entries)), 2)
    entries = list(archive.entries)
    entries[first], entries[second] = (
        replace(entries[second], name=entries[first].name),
        replace(entries[first], name=entries[second].name),
    )
    return replace(archive, entries=tuple(entries))


def _comment(archive: Archive, dice: random.Random) -> Archive:
    text = dice.choice((b"x", b"PK\5\6" + bytes(18), b"\xff" * 65535, dice.randbytes(40)))
    return replace(archive, comment=text) if dice.random() < 0.5 else _one(archive, dice, comment=text)


def _prepend(archive: Archive, dice: random.Random) -> Archive:
    prefix = dice.choice((b"#!/bin/sh\n", b"MZ", bytes(100), b"PK\3\4", written(Archive(()))))
    return replace(archive, prefix=prefix, shift=dice.choice((0, -len(prefix))))


def _append(archive: Archive, dice: random.Random) -> Archive:
    return replace(archive, suffix=dice.choice((b"x", bytes(100), written(Archive(())), dice.randbytes(30))))


def _lie_about_the_end(archive: Archive, dice: random.Random) -> Archive:
    return replace(
        archive,
        count=dice.choice((None, 0, len(archive.entries) - 1, len(archive.entries) + 1, _MOST_16)),
        shift=dice.choice((0, 0, -1, 1, 46, -(10**9), 10**9)),
        grow=dice.choice((0, 0, -46, -1, 1, 10**9)),
        disks=dice.choice((0, 0, 1, _MOST_16)),
    )


def _end_as_zip64(archive: Archive, dice: random.Random) -> Archive:
    lie = dice.choice((None, None, 2**40, 0))
    return replace(archive, large=True, count=lie, shift=dice.choice((0, 0, 2**62)), grow=dice.choice((0, 0, 2**62)))


def _split_disks(archive: Archive, dice: random.Random) -> Archive:
    return _one(archive, dice, disk=dice.choice((1, 2, _MOST_16)))


def _replace_manifest(archive: Archive, dice: random.Random) -> Archive:
    """The manifest, or the first entry where there is none, twice, or as a folder, or of another size."""
    named = [entry for entry in archive.entries if entry.name == MANIFEST_FILE.encode()]
    content = (named or archive.entries)[0]
    entries = [entry for entry in archive.entries if entry is not content]
    fake = dice.choice(
        (
            (),
            (content, _entry(MANIFEST_FILE, b"{}")),
            (_entry(MANIFEST_FILE, b"{}"), content),
            (_entry(f"{MANIFEST_FILE}/", b""),),
            (replace(content, local_name=b"golden.npz"),),
            (replace(content, size=_BOMB, packed=_BOMB),),
        )
    )
    return replace(archive, entries=(*fake, *entries))


Change = Callable[[Archive, random.Random], Archive]

_CHANGES: tuple[Change, ...] = (
    _compress,
    _inflate_a_bomb,
    _lie_about_sizes,
    _lie_about_checksum,
    _lie_about_place,
    _lie_about_name,
    _set_flags,
    _call_it_a_link,
    _add_extra,
    _say_it_twice,
    _point_two_at_one,
    _add_entry,
    _add_many,
    _leave_out,
    _hide,
    _reorder,
    _put_in_a_folder,
    _change_content,
    _swap_contents,
    _comment,
    _prepend,
    _append,
    _lie_about_the_end,
    _end_as_zip64,
    _split_disks,
    _replace_manifest,
)
