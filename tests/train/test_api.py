import doctest
import inspect
from pathlib import Path

import pytest

import vaeport_train
from tests.train.small import NARROW
from vaeport.errors import InputError
from vaeport_train import api
from vaeport_train.data import Dataset


def test_examples_of_the_docstrings_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the examples go on where the one before left off
    finder, runner = doctest.DocTestFinder(recurse=False), doctest.DocTestRunner()

    for function in (api.fit, api.resume, api.evaluate, api.judge):
        (example,) = finder.find(function, function.__name__, globs={})
        assert example.examples
        runner.run(example)

    assert (runner.failures, runner.tries) == (0, 11)


def test_public_names_are_there_typed_and_documented() -> None:
    for name in vaeport_train.__all__:
        assert inspect.getdoc(getattr(vaeport_train, name)), name
    for function in (vaeport_train.fit, vaeport_train.resume, vaeport_train.evaluate, vaeport_train.judge):
        signature = inspect.signature(function)
        assert signature.return_annotation is not inspect.Parameter.empty
        keywords = list(signature.parameters.values())[1:]
        assert {each.kind for each in keywords} == {inspect.Parameter.KEYWORD_ONLY}


def test_every_public_name_is_imported_late_from_its_module() -> None:
    assert sorted(name for names in vaeport_train._LATE.values() for name in names) == vaeport_train.__all__
    assert set(vaeport_train.__all__) <= set(dir(vaeport_train))


def test_settings_may_be_texts_or_values(tmp_path: Path, digits: Dataset) -> None:
    texts = [*NARROW, "training.epochs=1"]
    widths = {"encoder": 16, "decoder": 16, "classifier": 32}
    values: dict[str, object] = {f"network.{part}_hidden": [width] for part, width in widths.items()}
    values |= {"training.epochs": 1, "training.batch_size": 50, "network.latent_dim": 4}

    runs = [
        vaeport_train.fit(tmp_path / name, data=digits, settings=settings)
        for name, settings in (("texts", texts), ("values", values))
    ]

    first, second = ((run.folder / "model.safetensors").read_bytes() for run in runs)
    assert first == second


@pytest.mark.parametrize("settings", ["training.epochs=1", {"training.epoch": 1}, {"training.epochs": object()}])
def test_wrong_settings_are_one_sentence(settings: object, tmp_path: Path, digits: Dataset) -> None:
    with pytest.raises(InputError, match="settings must be|unknown key|'training'"):
        vaeport_train.fit(tmp_path / "run", data=digits, settings=settings)  # type: ignore[arg-type]
    assert not (tmp_path / "run").exists()
