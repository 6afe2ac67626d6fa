"""Changes to a bundle's folder that break its seal: contents, names, kinds of files, and what stands beside them.

A change returns the paths that it touched, so that the caller can put them back, or None where it would have left the
same bundle; then another is drawn.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

from vaeport.contract import CHECKPOINT_FOLDER, MANIFEST_FILE

from .bundle import Files
from .byte_changes import changed

Change = Callable[[Path, Files, random.Random], list[str] | None]

_SPARSE = 2**40
_NEW_NAMES = (
    "extra.bin",
    "fp32/extra.onnx",
    "fp32/decoder/model.onnx.data",
    "checkpoint/optimizer.pt",
    ".hidden",
    "BUNDLE.JSON",
    "bundle.json~",
    "fp32/decoder/.model.onnx.swp",
    "new/deep/er/file",
    "golden.npz ",
    "fp16/decoder/model.onnx",
    "na\u00efve\u202etxt",
    "line\nbreak",
    "\x1b[31mred",
)
_NESTING = 40


def change_folder(root: Path, files: Files, dice: random.Random) -> tuple[str, list[str]]:
    """Break a bundle's seal in one way.

    Args:
        root: its folder, which holds exactly `files`.
        files: what was sealed.
        dice: random numbers of this case.

    Returns:
        The name of the change, and the paths inside the folder that it touched.
    """
    while True:
        change = dice.choice(_CHANGES)
        if (touched := change(root, files, dice)) is not None:
            return change.__name__.strip("_").replace("_", " "), touched


def restore(root: Path, files: Files, touched: list[str]) -> None:
    """Put back what a change has touched."""
    for name in touched:
        _remove(root / name)
    for name in touched:
        for known, content in files.items():
            if known == name or known.startswith(f"{name}/"):
                (root / known).parent.mkdir(parents=True, exist_ok=True)
                (root / known).write_bytes(content)


def _change_bytes(root: Path, files: Files, dice: random.Random) -> list[str]:
    name = dice.choice(list(files))
    (root / name).write_bytes(changed(files[name], dice))
    return [name]


def _change_manifest(root: Path, files: Files, dice: random.Random) -> list[str]:
    (root / MANIFEST_FILE).write_bytes(changed(files[MANIFEST_FILE], dice))
    return [MANIFEST_FILE]


def _rewrite_manifest(root: Path, files: Files, dice: random.Random) -> list[str] | None:
    """The same JSON in other words, or with another digest."""
    text = files[MANIFEST_FILE].decode()
    lines = text.splitlines(keepends=True)
    place, other = dice.randrange(len(lines)), dice.randrange(len(lines))
    value = json.loads(text)
    rewritten = dice.choice(
        (
            lambda: json.dumps(value, indent=dice.choice((None, 1, 4)), sort_keys=dice.random() < 0.5),
            lambda: json.dumps(value, indent=2, sort_keys=True) + "\n",
            lambda: "".join(lines[:place] + lines[place + 1 :]),
            lambda: "".join([*lines[:place], lines[other], *lines[place:]]),
            lambda: "".join([*lines[:place], lines[place] * 2, *lines[place + 1 :]]),
            lambda: text.replace("sha256:", dice.choice(("SHA256:", "sha512:", "sha256", ""))),
            lambda: text.replace('"digest"', dice.choice(('"Digest"', '"\\u0064igest"', '"digests"'))),
            lambda: "".join([lines[0], lines[1].upper(), *lines[2:]]),
            lambda: "".join([lines[0], *lines[2:], lines[1]]),
            lambda: text.rstrip("\n"),
            lambda: text.replace("\n", dice.choice(("\r\n", "\n\n", "\n "))),
        )
    )()
    if rewritten == text:
        return None
    (root / MANIFEST_FILE).write_bytes(rewritten.encode())
    return [MANIFEST_FILE]


def _swap_files(root: Path, files: Files, dice: random.Random) -> list[str] | None:
    first, second = dice.sample(list(files), 2)
    if files[first] == files[second]:
        return None
    (root / first).write_bytes(files[second])
    (root / second).write_bytes(files[first])
    return [first, second]


def _copy_over(root: Path, files: Files, dice: random.Random) -> list[str] | None:
    first, second = dice.sample(list(files), 2)
    if files[first] == files[second]:
        return None
    (root / first).write_bytes(files[second])
    return [first]


def _remove_file(root: Path, files: Files, dice: random.Random) -> list[str]:
    name = dice.choice(list(files))
    (root / name).unlink()
    return [name]


def _remove_folder(root: Path, files: Files, dice: random.Random) -> list[str] | None:
    folder = _some_folder(files, dice)
    if folder == CHECKPOINT_FOLDER:
        return None  # it may be absent as a whole
    shutil.rmtree(root / folder)
    return [folder]


def _empty_folder(root: Path, files: Files, dice: random.Random) -> list[str]:
    folder = _some_folder(files, dice)
    shutil.rmtree(root / folder)
    (root / folder).mkdir()
    return [folder]


def _rename_file(root: Path, files: Files, dice: random.Random) -> list[str]:
    name = dice.choice(list(files))
    new = dice.choice((name.upper(), f"{name} ", f"{name}.bak", name[:-1], f"fp32/{Path(name).name}x"))
    new = new if new != name and new not in files else f"{name}~"
    (root / new).parent.mkdir(parents=True, exist_ok=True)
    (root / name).rename(root / new)
    return [name, *_tops(files, new)]


def _add_file(root: Path, files: Files, dice: random.Random) -> list[str]:
    new = dice.choice(_NEW_NAMES)
    (root / new).parent.mkdir(parents=True, exist_ok=True)
    (root / new).write_bytes(dice.choice((b"", b"x", files[dice.choice(list(files))])))
    return _tops(files, new)


def _add_folder(root: Path, files: Files, dice: random.Random) -> list[str] | None:
    new = dice.choice(("fp16", "fp32/encoder_classifier/empty", "checkpoint/x", "d/" * _NESTING, "__pycache__"))
    if (root / new).exists():
        return None
    (root / new).mkdir(parents=True)
    return _tops(files, new.rstrip("/"))


def _link_file(root: Path, files: Files, dice: random.Random) -> list[str]:
    """A link to the very content that was sealed, or to somewhere else."""
    name = dice.choice(list(files))
    (root / name).unlink()
    target: Path = root.parent / "outside" / name
    if dice.random() < 0.5:
        target = dice.choice((Path("/etc/hostname"), Path("/dev/zero"), root / "golden.npz", root / "nothing"))
    (root / name).symlink_to(target)
    return [name]


def _link_folder(root: Path, files: Files, dice: random.Random) -> list[str]:
    folder = _some_folder(files, dice)
    shutil.rmtree(root / folder)
    (root / folder).symlink_to(dice.choice((root.parent / "outside" / folder, root, Path("/"))))
    return [folder]


def _put_pipe(root: Path, files: Files, dice: random.Random) -> list[str]:
    name = _emptied(root, files, dice)
    os.mkfifo(root / name)
    return _tops(files, name)


def _put_socket(root: Path, files: Files, dice: random.Random) -> list[str] | None:
    name = _emptied(root, files, dice)
    with socket.socket(socket.AF_UNIX) as listener:
        try:
            listener.bind(str(root / name))
        except OSError:  # the path is too long for a socket
            return _tops(files, name) if name in files else None
    return _tops(files, name)


def _put_folder(root: Path, files: Files, dice: random.Random) -> list[str]:
    name = _emptied(root, files, dice)
    (root / name).mkdir()
    if dice.random() < 0.5:
        (root / name / "file").write_bytes(b"x")
    return _tops(files, name)


def _put_sparse(root: Path, files: Files, dice: random.Random) -> list[str]:
    name = _emptied(root, files, dice)
    with (root / name).open("wb") as file:
        file.truncate(_SPARSE)
    return _tops(files, name)


def _emptied(root: Path, files: Files, dice: random.Random) -> str:
    """The name of a file that has just been removed, or a name that was free."""
    if dice.random() < 0.3:
        return "extra.bin"
    name = dice.choice(list(files))
    (root / name).unlink()
    return name


def _some_folder(files: Files, dice: random.Random) -> str:
    folders = {"/".join(name.split("/")[:depth]) for name in files for depth in range(1, name.count("/") + 1)}
    return dice.choice(sorted(folders))


def _tops(files: Files, name: str) -> list[str]:
    """The highest path that must go for a new name to be gone; the sealed file itself where it stood there."""
    parts = name.split("/")
    for depth in range(1, len(parts)):
        top = "/".join(parts[:depth])
        if not any(known.startswith(f"{top}/") for known in files):
            return [top]
    return [name]


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


_CHANGES: tuple[Change, ...] = (
    *(_change_bytes,) * 40,
    *(_change_manifest,) * 16,
    *(_rewrite_manifest,) * 8,
    *(_swap_files,) * 4,
    *(_copy_over,) * 4,
    *(_remove_file,) * 3,
    *(_add_file,) * 3,
    *(_rename_file,) * 3,
    *(_link_file,) * 3,
    _remove_folder,
    _empty_folder,
    _add_folder,
    _link_folder,
    _put_pipe,
    _put_socket,
    _put_folder,
    _put_sparse,
)
