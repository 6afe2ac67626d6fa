"""Write README.md, the list of attacks, from the scripts: python -m tests.attacks.listing."""

from __future__ import annotations

from itertools import groupby

from .attack import FOLDER, load_case, scripts, summary

README = FOLDER / "README.md"

_HEAD = """# Attacks

One script for each thing that a stranger may hand over: a bundle as a folder or a zip, a graph, golden vectors, a
checkpoint, an image, a run folder, a name on the command line. Where a bundle is changed, every hash and the digest are
right: the enemy sealed it.

A script builds its hostile thing from a clean one and names the door at which it enters (`entries.py`), the error that
refuses it and what the sentence says. `test_attacks.py` tries each in a process of its own: it must be refused by that
sentence within 10 seconds and 500 MB, with nothing outside changed and no warning. `test_no_file_outside.py` traces the
same processes with strace: no file is opened beside the hostile thing, Python's own and what clean runs open; no
program is started; no host is called.

`pytest tests/attacks -k NAME` tries one. To add one, write a script beside the others and run
`python -m tests.attacks.listing`.

| kind | attacks |
|---|---|
{kinds}
| all | {total} |
"""

_COLUMNS = "| script | what it tries | after | enters by | refused by |\n|---|---|---|---|---|"

_KINDS = {
    "answers": "graphs whose answers are not what the manifest says",
    "archive": "zipped bundles",
    "checkpoint": "the record of a run and its weights in a bundle",
    "command": "the command line",
    "dataset": "images to train on",
    "encoding": "the bytes of a graph",
    "external_data": "graphs that read files",
    "golden": "golden vectors",
    "image": "image files",
    "manifest": "the manifest",
    "model": "ONNX files given to vaeport-parity and vaeport-export, with weights beside them",
    "operators": "graphs that take memory, take time, crash, or run what is not theirs",
    "pickled": "pickles of a model",
    "program": "captured programs of PyTorch's operators in a bundle",
    "run": "run folders",
    "tree": "files and folders of a bundle",
}


def readme() -> str:
    """Text of README.md."""
    by_kind = [(kind, list(names)) for kind, names in groupby(scripts(), key=lambda name: name.partition("/")[0])]
    kinds = "\n".join(f"| [{kind}](#{kind}): {_KINDS[kind]} | {len(names)} |" for kind, names in by_kind)
    parts = [_HEAD.format(kinds=kinds, total=len(scripts()))]
    for kind, names in by_kind:
        rows = "\n".join(_row(name) for name in names)
        parts.append(f"\n## {kind}\n\n{_COLUMNS}\n{rows}\n")
    return "".join(parts)


def _row(name: str) -> str:
    case = load_case(name)
    kind = case.enter.__module__ == "tests.attacks.entries"
    door = case.enter.__qualname__.partition(".")[0] if kind else "its own"
    error = "not refused, harmless" if case.error is None else case.error.__name__
    return f"| {name.partition('/')[2]} | {summary(name)} | {case.after or '-'} | {door} | {error} |"


if __name__ == "__main__":
    README.write_text(readme(), encoding="utf-8")
