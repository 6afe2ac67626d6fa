"""The page docs/reliability.md, its table written from the results of the trials."""

import json
import os
import platform
from importlib.metadata import version
from pathlib import Path

from tools.torture.trial import Trial

_BEGIN, _END = "<!-- results: begin -->", "<!-- results: end -->"


def write_page(results: Path, page: Path) -> None:
    """Replace the table between the page's two marks.

    Args:
        results: folder with a JSON file a trial.
        page: the page, which has the marks.
    """
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    page.write_text(f"{before}{_BEGIN}\n{_table(results)}\n{_END}{after}", encoding="utf-8")


def _table(results: Path) -> str:
    trials = [
        Trial(**trial)
        for path in sorted(results.glob("*.json"))
        for trial in json.loads(path.read_text(encoding="utf-8"))["trials"]
    ]
    lines = ["| trial | promised | tried | measured | seconds | verdict |", "|---|---|--:|---|--:|---|"]
    for trial in trials:
        verdict = {True: "holds", False: "**broken**", None: "not tried here"}[trial.holds]
        cells = (trial.name, trial.asked, f"{trial.count:,}", trial.measured, f"{trial.seconds:.0f}", verdict)
        lines.append(f"| {' | '.join(' '.join(cell.replace('|', '/').split()) for cell in cells)} |")
    return f"Measured on {_machine()}.\n\n" + "\n".join(lines)


def _machine() -> str:
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "unknown"
    )
    flags = next((line.split() for line in _lines("/proc/cpuinfo") if line.startswith("flags")), [])
    wide = [flag for flag in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16") if flag in flags]
    return (
        f"{len(os.sched_getaffinity(0))} processors of {model} ({', '.join(wide) or 'no AVX2'}), "
        f"Python {platform.python_version()}, numpy {version('numpy')}, onnxruntime {version('onnxruntime')}"
    )


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
