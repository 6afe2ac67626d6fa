"""What CI does: the composite action's own steps, annotations and summaries, and a run held against an earlier one."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.parity.networks import changed_weight
from tests.parity.reporting.made import HOSTILE, backend, broken, chained, report, row
from vaeport.errors import InputError
from vaeport_parity.cli import main
from vaeport_parity.judging.baseline import compare_with_baseline
from vaeport_parity.judging.report import Finding
from vaeport_parity.reporting.github import MOST_ANNOTATIONS, SUMMARY_BYTES, annotations, step_summary, tell_github

ROOT = Path(__file__).parents[2]
ACTION = ROOT / ".github/actions/parity/action.yml"

pytestmark = pytest.mark.filterwarnings("default")


@dataclass(frozen=True)
class Step:
    """A step of the action that runs a script."""

    name: str
    when: str
    env: dict[str, str]
    script: str


def steps_of_action() -> dict[str, Step]:
    """Steps with a script, from the action's text: its mappings stand at fixed indents."""
    text = ACTION.read_text()
    steps = {}
    for part in re.split(r"^    - name: ", text.split("  steps:\n")[1], flags=re.MULTILINE)[1:]:
        head, _, script = part.partition("      run: |\n")
        fields = dict(re.findall(r"^      (\w+): (.*)$", head, flags=re.MULTILINE))
        env = dict(re.findall(r"^        (\w+): (.*)$", head.partition("      env:\n")[2], flags=re.MULTILINE))
        if script:
            name = part.splitlines()[0]
            lines = re.sub(r"^ {8}", "", script, flags=re.MULTILINE)
            steps[name] = Step(name, fields.get("if", ""), env, lines)
    return steps


def defaults_of_action() -> dict[str, str]:
    """Inputs with their defaults."""
    inputs = ACTION.read_text().split("\ninputs:\n")[1].split("\noutputs:\n")[0]
    found = re.findall(r"^  ([\w-]+):\n(?:    .*\n)*?    default: (.*)$", inputs, flags=re.MULTILINE)
    return {name: value.strip('"') for name, value in found}


@dataclass(frozen=True)
class Ran:
    """What a step left behind."""

    code: int
    said: str
    outputs: dict[str, str]
    summary: str


def run_step(name: str, place: Path, inputs: Mapping[str, str], path: str = "") -> Ran:
    """Run a step of the action as a runner does: expressions filled in, bash with -e and pipefail, GITHUB_* files."""
    step = steps_of_action()[name]
    values = {**defaults_of_action(), **inputs}
    expressions = {
        **{f"inputs.{key}": value for key, value in values.items()},
        "github.action_path": str(ACTION.parent),
    }

    def filled(text: str) -> str:
        return re.sub(r"\$\{\{ ([\w.-]+) \}\}", lambda found: expressions[found[1]], text)

    assert "${{" not in step.script, "an expression in a script would be run as code"
    script, output, summary = place / "step.sh", place / "output.txt", place / "summary.md"
    script.write_text(step.script)
    for file in (output, summary):
        file.touch()
    own = {key: value for key, value in os.environ.items() if not key.startswith("GITHUB_")}
    done = subprocess.run(
        ["/bin/bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
        cwd=place / "checkout",
        env={
            **own,
            **{key: filled(value) for key, value in step.env.items()},
            "PATH": os.pathsep.join([path or str(Path(sys.executable).parent), os.environ["PATH"]]),
            "GITHUB_ACTIONS": "true",
            "GITHUB_WORKSPACE": str(place / "checkout"),
            "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(summary),
            "VAEPORT_DATA_DIR": str(place),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    outputs = dict(line.split("=", 1) for line in output.read_text().splitlines())
    return Ran(done.returncode, done.stdout + done.stderr, outputs, summary.read_text())


@pytest.fixture
def checkout(written: Path, tmp_path: Path) -> Path:
    """A repository with a graph, a broken copy of it, and nothing else."""
    place = tmp_path / "checkout"
    place.mkdir()
    shutil.copy(written / "classifier.onnx", place / "original.onnx")
    shutil.copy(written / "classifier.onnx", place / "candidate.onnx")
    changed_weight(written / "classifier.onnx", place / "broken.onnx", 1.01)
    return place


COMPARED = {"graph": "candidate.onnx", "reference": "original.onnx", "backends": "onnxruntime-all"}


def test_action_holds_and_writes_a_report_and_a_summary(checkout: Path) -> None:
    ran = run_step("Compare", checkout.parent, COMPARED)

    assert (ran.code, ran.outputs) == (0, {"holds": "true"}), ran.said
    assert "::error" not in ran.said
    assert ran.summary.startswith("# vaeport-parity: holds\n")
    assert {"parity.json", "junit.xml"} <= {path.name for path in (checkout / "parity-report").iterdir()}


def test_action_fails_with_an_annotation_on_the_file(checkout: Path) -> None:
    ran = run_step("Compare", checkout.parent, {**COMPARED, "graph": "broken.onnx"})

    assert (ran.code, ran.outputs) == (1, {"holds": "false"}), ran.said
    (line,) = [line for line in ran.said.splitlines() if line.startswith("::error")]
    assert line.startswith("::error file=broken.onnx,title=broken.onnx falls short on onnxruntime-all::onnxruntime-all")
    assert "First wrong: " in line
    assert "does NOT hold" in ran.summary


def test_action_fails_where_an_error_that_holds_has_grown(checkout: Path) -> None:
    """A wide tolerance lets both graphs hold; one is many noise floors further off than the other."""
    changed_weight(checkout / "original.onnx", checkout / "drifted.onnx", 1.00003)
    wide = {**COMPARED, "arguments": "--tolerance\n1"}
    first = run_step("Compare", checkout.parent, {**wide, "report": "old"})
    (checkout / "candidate.onnx").rename(checkout / "sound.onnx")
    (checkout / "drifted.onnx").rename(checkout / "candidate.onnx")

    alone = run_step("Compare", checkout.parent, wide)
    grown = run_step("Compare", checkout.parent, {**wide, "baseline": "old"})
    allowed = run_step("Compare", checkout.parent, {**wide, "baseline": "old", "max-growth": "1e9"})

    assert [ran.code for ran in (first, alone, grown, allowed)] == [0, 0, 1, 0], grown.said
    (line,) = [line for line in grown.said.splitlines() if line.startswith("::error")]
    assert "probs is " in line
    assert "noise floors off, it was " in line


def test_action_refuses_inputs_that_do_not_fit(checkout: Path) -> None:
    both = run_step("Compare", checkout.parent, {**COMPARED, "bundle": "models/mnist"})
    none = run_step("Compare", checkout.parent, {})

    assert both.code == none.code == 2
    assert "give either bundle, or graph and reference" in both.said


def test_inputs_of_the_action_are_not_run_as_code(checkout: Path) -> None:
    ran = run_step("Compare", checkout.parent, {**COMPARED, "graph": "$(touch owned).onnx"})

    assert ran.code == 2, ran.said
    assert not (checkout / "owned").exists()


@pytest.mark.torture
def test_action_installs_vaeport_into_the_python_on_the_path(checkout: Path) -> None:
    """Into a new environment that sees this one's packages, so that nothing is fetched; vaeport itself is built."""
    place = checkout.parent / "python"
    subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
    (site,) = place.glob("lib/python3*/site-packages")
    (site / "seen.pth").write_text("".join(f"{path}\n" for path in sys.path if path.endswith("site-packages")))
    offline = {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0"}
    with pytest.MonkeyPatch.context() as patch:
        for key, value in offline.items():
            patch.setenv(key, value)
        installed = run_step("Install vaeport", checkout.parent, {"index": ""}, str(place / "bin"))
    assert installed.code == 0, installed.said

    ran = run_step("Compare", checkout.parent, COMPARED, str(place / "bin"))

    assert ran.code == 0, ran.said
    assert (place / "bin/vaeport-parity").is_file()


def test_step_that_installs_can_be_left_out() -> None:
    assert steps_of_action()["Install vaeport"].when == "inputs.install == 'true'"


def test_every_input_of_the_action_is_used() -> None:
    text = ACTION.read_text()
    assert {name for name in defaults_of_action() if f"inputs.{name}" not in text} == set()
    assert len(defaults_of_action()) == text.split("\noutputs:\n")[0].count("description:") - 1


def test_an_annotation_cannot_begin_another_command() -> None:
    bad = backend("tract", place=f"graph: {HOSTILE}\n::set-output name=x::y")
    lines = annotations([report(row("tract", HOSTILE, error=1e-3), backends=(bad,), name=f"a,b:c{HOSTILE}")])

    assert all("\n" not in line and "\r" not in line for line in lines)
    (line,) = lines
    assert line.startswith("::error title=a%2Cb%3Ac")
    assert "%0A" in line


def test_identical_places_are_told_once_and_shown_backends_are_warnings() -> None:
    lines = annotations([broken(), broken()])

    assert [line for line in lines if "falls short on onnxruntime-all and tract" in line] == lines[:1]
    (warning,) = [line for line in annotations([chained()]) if line.startswith("::warning")]
    assert "mnn" in warning


def test_more_annotations_than_are_shown_are_counted() -> None:
    findings = tuple(Finding(f"file{index}.pb", "is wrong") for index in range(25))

    lines = annotations([report(row(), findings=findings)])

    assert len(lines) == MOST_ANNOTATIONS
    assert lines[-1].endswith("::and 16 more; see the step's summary")


def test_file_of_a_finding_is_named_from_the_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    (tmp_path / "models/m/fp32").mkdir(parents=True)
    (tmp_path / "models/m/fp32/model.onnx").touch()
    findings = (Finding("fp32/model.onnx", "is wrong"), Finding("../../secret", "is wrong"))

    lines = annotations([report(row(), findings=findings)], path=str(tmp_path / "models/m"))

    assert lines[0].startswith("::error file=models/m/fp32/model.onnx,title=")
    assert lines[1].startswith("::error title=")


def test_summary_is_cut_by_lines_and_says_so() -> None:
    findings = tuple(Finding(f"file{index}.pb", "ink ✓ " * 2000) for index in range(100))

    text = step_summary([report(row(), findings=findings)])

    assert len(text.encode()) <= SUMMARY_BYTES
    assert text.startswith("# vaeport-parity: does NOT hold\n")
    assert text.endswith("The whole is in the report's files.*\n")


def test_summary_is_appended_within_the_limit_of_the_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "summary.md"
    target.write_text("# before\n" + "x" * (SUMMARY_BYTES - 1000))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(target))

    tell_github([chained()])

    text = target.read_text()
    assert text.startswith("# before\n")
    assert "# vaeport-parity" in text
    assert len(text.encode()) <= SUMMARY_BYTES


def test_nothing_is_told_outside_github(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))

    tell_github([broken()])

    assert capsys.readouterr() == ("", "")
    assert not (tmp_path / "summary.md").exists()


def old_file(place: Path, *rows: Any, **changes: Any) -> Path:
    """The report of an earlier run."""
    path = place / "old.json"
    path.write_text(report(*rows, **changes).to_json())
    return path


def test_ratio_that_has_grown_is_wrong_although_it_holds(tmp_path: Path) -> None:
    old = old_file(tmp_path, row(error=1.2e-7))
    now = report(row(error=3.6e-7), backends=(backend(version="1.3.0"),))

    ((finding,),) = compare_with_baseline([now], old)

    assert now.holds
    assert finding.wrong
    assert finding.subject == "tract"
    assert finding.text.startswith("graph/y is 3.60 noise floors off, it was 1.20 in the baseline (1.2.3, now 1.3.0)")


@pytest.mark.parametrize(
    ("before", "now"),
    [
        pytest.param(1e-7, 2e-7, id="grown by the factor allowed"),
        pytest.param(0.1e-7, 1.9e-7, id="counted from one floor on"),
        pytest.param(3.9e-7, 1e-7, id="shrunk"),
        pytest.param(9e-7, 3.9e-7, id="did not hold before"),
        pytest.param(1e-7, 9e-7, id="does not hold now, which its row says"),
    ],
)
def test_ratio_that_has_not_grown_beyond_the_factor_is_no_finding(before: float, now: float, tmp_path: Path) -> None:
    assert compare_with_baseline([report(row(error=now))], old_file(tmp_path, row(error=before))) == [[]]


def test_like_is_compared_with_like(tmp_path: Path) -> None:
    old = old_file(tmp_path, row("jax", error=1e-7), row(error=1e-7, output="other"), row(error=1e-7, graph="encoder"))

    assert compare_with_baseline([report(row(error=3.9e-7))], old) == [[]]


def test_backend_that_is_only_shown_does_not_fail_by_growth(tmp_path: Path) -> None:
    shown = report(row(error=3.9e-7), backends=(backend(counts=False),))

    ((finding,),) = compare_with_baseline([shown], old_file(tmp_path, row(error=1e-7)))

    assert not finding.wrong


def test_growth_on_a_processor_with_other_instruction_sets_is_told(tmp_path: Path) -> None:
    old, other = (old_file(tmp_path, row(error=1e-7), processor=f"A CPU, {level}") for level in ("x86-64-v3",) * 2)
    now = [report(row(error=3.9e-7), processor=f"A newer CPU, x86-64-v{level}") for level in (3, 4)]

    (same,), (different,) = (compare_with_baseline([each], old)[0] for each in now)

    assert other == old
    assert same.wrong
    assert not different.wrong
    assert "made on another processor (A CPU, x86-64-v3, now A newer CPU, x86-64-v4)" in different.text


def test_backend_that_gives_no_answer_any_more_is_told(tmp_path: Path) -> None:
    gone = report(row("jax"), backends=(backend("jax"), backend(missing="not installed")))

    ((finding,),) = compare_with_baseline([gone], old_file(tmp_path, row()))

    assert finding == Finding("tract", "held in the baseline and gave no answer now", wrong=False)


def test_precisions_are_found_in_a_folder_and_in_what_json_prints(tmp_path: Path) -> None:
    full, half = report(row(error=1e-7)), report(row(error=1e-7), label="fp16")
    (tmp_path / "folder/fp16").mkdir(parents=True)
    (tmp_path / "folder/parity.json").write_text(full.to_json())
    (tmp_path / "folder/fp16/parity.json").write_text(half.to_json())
    whole = tmp_path / "whole.json"
    whole.write_text(json.dumps({"holds": True, "reports": [full.to_dict(), half.to_dict()]}))
    now = report(row(error=3e-7), label="fp16")

    for place in (tmp_path / "folder", whole):
        ((finding,),) = compare_with_baseline([now], place)
        assert finding.wrong


def test_baseline_that_is_no_file_or_too_large_is_refused_unread(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "large.json").open("wb") as file:
        file.truncate(2**40)

    assert main(["no-such-bundle", "--baseline", str(tmp_path / "pipe")]) == 2
    assert "it is no file" in capsys.readouterr().err
    assert main(["no-such-bundle", "--baseline", str(tmp_path / "large.json")]) == 2
    assert "has 1099511627776 bytes; a report has 67108864 at most" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "keep a run with --report DIR"),
        ("{", "it is no JSON"),
        ("[1]", "is missing or wrong"),
        ('{"reports": 3}', "is missing or wrong"),
        ('{"rows": [{}]}', "'backend' is missing or wrong"),
        (
            '{"rows": [{"backend": "a", "graph": "g", "output": "o", "ratio": "nan", "holds": true}]}',
            "a ratio is missing or wrong",
        ),
    ],
)
def test_baseline_that_cannot_be_read_is_refused_before_anything_runs(
    text: str | None, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "old.json"
    if text is not None:
        path.write_text(text)

    assert main(["no-such-bundle", "--baseline", str(path)]) == 2

    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--max-growth", "2"], "give --baseline PATH"),
        (["--baseline", ".", "--max-growth", "1"], "give a factor above 1"),
        (["--baseline", ".", "--max-growth", "nan"], "give a factor above 1"),
        (["--baseline", "."], "holds no parity.json"),
    ],
)
def test_growth_needs_a_baseline_and_a_factor(
    options: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)

    assert main(["no-such-bundle", *options]) == 2
    assert words in capsys.readouterr().err


def test_baseline_of_another_subject_is_refused(tmp_path: Path) -> None:
    old = old_file(tmp_path, row(), name="other")

    with pytest.raises(InputError, match="holds reports on other in fp32, but compared was candidate.onnx in fp32"):
        compare_with_baseline([report(row())], old)
