"""Tables, JSON and exit codes that all commands share."""

import json
from pathlib import Path

import pytest

from vaeport import errors
from vaeport.common.commands import EXIT_CODES, command_parser, print_json, print_table, run_command
from vaeport.common.extras import needs_extra


def _raise(error: BaseException) -> int:
    raise error


def test_table_columns_are_as_wide_as_their_widest_cell(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("file", "label", "confidence"), [("a.png", "cat", "0.5000"), ("long-name.png", "owl", "12.2500")])

    assert capsys.readouterr().out.splitlines() == [
        "file           label  confidence",
        "a.png          cat        0.5000",
        "long-name.png  owl       12.2500",
    ]


def test_table_without_rows_is_its_header(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("a", "b"), [])

    assert capsys.readouterr().out.split() == ["a", "b"]


def test_json_has_null_where_a_number_is_not_finite(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": [float("nan"), float("inf")], "b": (1, 2.5, None, "ä")})

    text = capsys.readouterr().out
    assert json.loads(text) == {"a": [None, None], "b": [1, 2.5, None, "ä"]}
    assert "ä" in text


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.InputError("no"), 2),
        (errors.BundleError("no"), 2),
        (errors.MissingExtraError("no"), 2),
        (errors.OutputError("no"), 2),
        (errors.CheckFailedError("no"), 1),
        (errors.DeviceError("no"), 3),
    ],
)
def test_expected_error_is_one_sentence_and_its_code(
    error: errors.VaeportError, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command("tool", lambda: _raise(error)) == code
    assert capsys.readouterr() == ("", "tool: error: no\n")


def test_running_out_of_memory_cannot_pass_for_a_failed_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("tool", lambda: _raise(MemoryError())) == 2
    assert capsys.readouterr().err.startswith("tool: error: ")


def test_interrupt_ends_with_130(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("tool", lambda: _raise(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == "tool: stopped\n"


def test_unexpected_error_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        run_command("tool", lambda: _raise(ZeroDivisionError()))


def test_help_ends_with_examples_and_exit_codes() -> None:
    text = command_parser("tool", "Does it.", examples="  tool --fast").format_help()

    assert text.endswith(f"examples:\n  tool --fast\n\n{EXIT_CODES}\n")


@pytest.mark.parametrize(("extra", "named"), [("cpu", "vaeport[cpu]"), ("train", "vaeport[train]")])
def test_missing_package_names_the_extra_that_brings_it(extra: str, named: str) -> None:
    with pytest.raises(errors.MissingExtraError) as caught, needs_extra(extra):
        import no_such_package.inner  # type: ignore[import-not-found]  # noqa: F401

    assert "package no_such_package is not installed" in str(caught.value)
    assert f"pip install '{named}'" in str(caught.value)


def test_bug_in_an_own_module_is_not_taken_for_a_missing_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "buggy_module_of_a_test.py").write_text("import vaeport.no_such_module\n")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(ModuleNotFoundError, match=r"vaeport\.no_such_module") as caught, needs_extra("train"):
        import buggy_module_of_a_test  # type: ignore[import-not-found]  # noqa: F401

    assert not isinstance(caught.value, errors.VaeportError)
