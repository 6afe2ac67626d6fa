import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.train.small import narrow_run
from vaeport.errors import InputError
from vaeport_train.data import Dataset
from vaeport_train.evaluation.measure import load_evaluation
from vaeport_train.running.checkpoint import load_checkpoint
from vaeport_train.running.run import load_examples, resume


def edit_config(run: Path, change: Callable[[dict[str, Any]], None]) -> None:
    values = json.loads((run / "config.json").read_text())
    change(values)
    (run / "config.json").write_text(json.dumps(values))


def cut(path: Path, share: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])


def refusal(run: Path, read: Callable[[Path], object] = load_checkpoint) -> str:
    with pytest.raises(InputError) as caught:
        read(run)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '"text"', "\x00\xff", '{"format": 1}'])
def test_config_that_is_no_configuration_is_refused(content: str, run_copy: Path) -> None:
    (run_copy / "config.json").write_text(content, encoding="latin-1")

    assert "config.json" in refusal(run_copy)


@pytest.mark.parametrize("field", ["preset", "config", "data", "versions", "format"])
def test_missing_field_is_named(field: str, run_copy: Path) -> None:
    edit_config(run_copy, lambda values: values.pop(field))

    assert f"'{field}'" in refusal(run_copy)


def test_unknown_format_is_refused(run_copy: Path) -> None:
    edit_config(run_copy, lambda values: values.update(format=2))

    assert "format 2" in refusal(run_copy)


@pytest.mark.parametrize("shape", [[1, 28], [1, 28, -28], [1, 0, 28], [28], "1x28x28", [1, 28, 28, 1]])
def test_impossible_image_shape_is_refused(shape: object, run_copy: Path) -> None:
    edit_config(run_copy, lambda values: values["data"].update(image_shape=shape))

    assert "config.json" in refusal(run_copy)


@pytest.mark.parametrize("share", [0, 0.001, 0.5, 0.999])
def test_truncated_weights_are_refused(share: float, run_copy: Path) -> None:
    cut(run_copy / "model.safetensors", share)

    assert "model.safetensors is damaged" in refusal(run_copy)


def test_missing_weights_are_named(run_copy: Path) -> None:
    (run_copy / "model.safetensors").unlink()

    assert "holds no model.safetensors" in refusal(run_copy)


def test_weights_of_another_shape_are_refused(run_copy: Path, tmp_path: Path, digits: Dataset) -> None:
    other = narrow_run(tmp_path / "other", digits, "training.epochs=1", "network.latent_dim=5")
    shutil.copy(other / "model.safetensors", run_copy)

    assert "model.safetensors does not fit the configuration" in refusal(run_copy)


def test_missing_tensor_is_refused(run_copy: Path) -> None:
    tensors = load_file(run_copy / "model.safetensors")
    name = sorted(tensors)[0]
    del tensors[name]
    save_file(tensors, run_copy / "model.safetensors")

    assert name in refusal(run_copy)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(value: float, run_copy: Path) -> None:
    tensors = load_file(run_copy / "model.safetensors")
    next(iter(tensors.values())).view(-1)[-1] = value
    save_file(tensors, run_copy / "model.safetensors")

    assert "not finite" in refusal(run_copy)


class Bomb:
    """Touches a file when it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self.place,)


@pytest.mark.parametrize("save", [torch.save, lambda bomb, path: path.write_bytes(pickle.dumps(bomb))])
def test_pickle_is_refused_and_not_run(save: Callable[[Bomb, Path], object], run_copy: Path, tmp_path: Path) -> None:
    save(Bomb(tmp_path / "exploded"), run_copy / "model.safetensors")

    assert "model.safetensors is damaged" in refusal(run_copy)
    assert not (tmp_path / "exploded").exists()


def test_pickled_examples_are_refused_and_not_run(run_copy: Path, tmp_path: Path) -> None:
    (run_copy / "examples.npz").write_bytes(pickle.dumps(Bomb(tmp_path / "exploded")))

    assert "examples.npz cannot be read" in refusal(run_copy, load_examples)
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("share", [0, 0.5])
def test_truncated_examples_are_refused(share: float, run_copy: Path) -> None:
    cut(run_copy / "examples.npz", share)

    assert "examples.npz cannot be read" in refusal(run_copy, load_examples)


@pytest.mark.parametrize("share", [0, 0.5, 0.999])
def test_truncated_trainer_state_is_refused(share: float, run_copy: Path, digits: Dataset) -> None:
    cut(run_copy / "trainer.safetensors", share)

    assert "trainer.safetensors is damaged" in refusal(run_copy, lambda run: resume(run, digits))


def test_weights_in_the_place_of_the_state_are_refused(run_copy: Path, digits: Dataset) -> None:
    shutil.copy(run_copy / "model.safetensors", run_copy / "trainer.safetensors")

    assert "trainer.safetensors" in refusal(run_copy, lambda run: resume(run, digits))


@pytest.mark.parametrize("lost", ["rows", "optimiser.", "sums"])
def test_state_that_lost_a_part_is_refused(lost: str, run_copy: Path, digits: Dataset) -> None:
    tensors = {k: v for k, v in load_file(run_copy / "trainer.safetensors").items() if not k.startswith(lost)}
    save_file(
        tensors,
        run_copy / "trainer.safetensors",
        {"vaeport": '{"epoch": 3, "step": 30, "position": 0, "seconds": 0.0}'},
    )

    assert "trainer.safetensors" in refusal(run_copy, lambda run: resume(run, digits))


@pytest.mark.parametrize("counters", ["{}", "null", "[1]", "no JSON", '{"epoch": "x", "step": 1}'])
def test_state_with_damaged_counters_is_refused(counters: str, run_copy: Path, digits: Dataset) -> None:
    path = run_copy / "trainer.safetensors"
    save_file(load_file(path), path, {"vaeport": counters})

    assert "trainer.safetensors is damaged" in refusal(run_copy, lambda run: resume(run, digits))


@pytest.mark.parametrize("damage", ["shorter", "missing", "no JSON", "null", "{}"])
def test_damaged_metrics_are_refused(damage: str, run_copy: Path, digits: Dataset) -> None:
    lines = (run_copy / "metrics.jsonl").read_text().splitlines()
    kept = {"shorter": lines[:-1], "missing": []}.get(damage, [*lines[:-1], damage])
    (run_copy / "metrics.jsonl").write_text("\n".join(kept))

    assert "metrics.jsonl" in refusal(run_copy, lambda run: resume(run, digits))


@pytest.mark.parametrize("content", ["{", "[]", "\x00"])
def test_damaged_evaluation_is_refused(content: str, run_copy: Path) -> None:
    (run_copy / "evaluation.json").write_text(content)

    assert "evaluation.json is damaged" in refusal(run_copy, load_evaluation)


@pytest.mark.parametrize(("field", "value"), [("position", -1), ("position", 500), ("epoch", 4), ("epoch", -1)])
def test_state_of_a_place_outside_the_run_is_refused(field: str, value: int, run_copy: Path, digits: Dataset) -> None:
    path = run_copy / "trainer.safetensors"
    counters = {"epoch": 3, "step": 30, "position": 0, "seconds": 0.0, field: value}
    save_file(load_file(path), path, {"vaeport": json.dumps(counters)})

    assert "trainer.safetensors is damaged" in refusal(run_copy, lambda run: resume(run, digits))


def _set(place: str, value: object) -> Callable[[dict[str, Any]], None]:
    def change(values: dict[str, Any]) -> None:
        *tables, last = place.split(".")
        for table in tables:
            values = values[table]
        values[last] = value

    return change


WRONG_VALUES = [
    *((place, [1]) for place in ("preset", "config", "data", "versions", "config.network", "config.training")),
    *((place, 10**30) for place in ("data.train_images", "config.training.epochs", "config.network.latent_dim")),
    *((place, 10**30) for place in ("data.image_shape", "preset", "config.training.seed")),
    *((place, float("inf")) for place in ("config.training.learning_rate", "data.held_out_images")),
    *((place, float("nan")) for place in ("config.training.weight_average", "config.objective.augment")),
    *((place, None) for place in ("data.labels", "data.name", "versions", "config.network.kind", "config.data")),
    *((place, {}) for place in ("data.labels", "config.network", "preset", "config.network.encoder_hidden")),
    *((place, "3") for place in ("data.train_images", "config.training.epochs", "data.image_shape")),
    ("data.labels", []),
    ("data.labels", [1, 2]),
    ("data.image_shape", [2, 28, 28]),
    ("data.image_shape", [1, 10**9, 28]),
    ("versions", {"torch": 2}),
    ("config.network.kind", ["mlp"]),
    ("config.network.encoder_hidden", [[16]]),
    ("format", "1"),
]


@pytest.mark.parametrize(("place", "value"), WRONG_VALUES, ids=[f"{p}={v!r:.12}" for p, v in WRONG_VALUES])
def test_wrong_value_in_the_record_is_one_sentence_that_names_it(place: str, value: object, run_copy: Path) -> None:
    edit_config(run_copy, _set(place, value))

    message = refusal(run_copy)
    assert "config.json" in message
    assert place.rpartition(".")[2] in message


@pytest.mark.parametrize("number", ["1e999", "1" * 5000, "-1e999"])
def test_number_beyond_all_bounds_is_refused(number: str, run_copy: Path) -> None:
    text = (run_copy / "config.json").read_text()
    (run_copy / "config.json").write_text(text.replace('"train_images": 500', f'"train_images": {number}'))

    assert "config.json" in refusal(run_copy)


def test_record_nested_without_end_is_refused(run_copy: Path) -> None:
    (run_copy / "config.json").write_text("[" * 100_000)

    assert "config.json is damaged" in refusal(run_copy)


@pytest.mark.parametrize(
    "metadata", ["[1]", "null", "7", '{"epochs": 4}', '{"epochs": true}', '{"epochs": 1e999}', "{}"]
)
def test_weights_with_wrong_metadata_are_refused(metadata: str, run_copy: Path) -> None:
    path = run_copy / "model.safetensors"
    save_file(load_file(path), path, {"vaeport": metadata})

    assert "model.safetensors" in refusal(run_copy)


def test_weights_of_another_type_are_refused(run_copy: Path) -> None:
    path = run_copy / "model.safetensors"
    tensors = {name: tensor.double() for name, tensor in load_file(path).items()}
    save_file(tensors, path, {"vaeport": '{"epochs": 3}'})

    assert "torch.float64, not torch.float32" in refusal(run_copy)


@pytest.mark.parametrize(
    ("field", "value"), [("epoch", "x"), ("seconds", None), ("train", [1]), ("kl_by_dimension", 3)]
)
def test_wrong_value_in_the_metrics_is_refused(field: str, value: object, run_copy: Path, digits: Dataset) -> None:
    lines = [json.loads(line) for line in (run_copy / "metrics.jsonl").read_text().splitlines()]
    lines[-1][field] = value
    (run_copy / "metrics.jsonl").write_text("\n".join(json.dumps(line) for line in lines))

    message = refusal(run_copy, lambda run: resume(run, digits))
    assert "metrics.jsonl" in message
    assert field in message
