"""Checkpoints of an enemy: every one is refused by one sentence, within memory and time, whatever its hashes say."""

import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.contained import assert_refused, contained
from vaeport.errors import InputError
from vaeport_train.data import Dataset
from vaeport_train.running.checkpoint import load_checkpoint
from vaeport_train.running.run import resume

Change = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def base(finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint as it lies in a bundle; loaded once, so that what is imported late is there. Only to be read."""
    folder = tmp_path_factory.mktemp("bundle")
    (folder / "bundle.json").write_text("{}")
    (folder / "checkpoint").mkdir()
    for name in ("config.json", "model.safetensors"):
        shutil.copy(finished_run / name, folder / "checkpoint")
    load_checkpoint(folder / "checkpoint")
    return folder


@pytest.fixture
def checkpoint(base: Path, tmp_path: Path) -> Path:
    return shutil.copytree(base, tmp_path / "bundle") / "checkpoint"


def at(place: str, value: object) -> Change:
    """Sets a value of the configuration."""

    def change(values: dict[str, Any]) -> None:
        *tables, last = place.split(".")
        for table in tables:
            values = values[table]
        values[last] = value

    return change


NETWORK = "config.network."
CONV = {
    "kind": "conv",
    "latent_dim": 4,
    "encoder_channels": [8, 8],
    "encoder_blocks": [1, 1],
    "decoder_hidden": 8,
    "decoder_channels": [8, 8, 8],
    "decoder_blocks": [1, 1],
    "towers": 1,
    "tower_layers": [[4, 5, 1]],
}
TOWERS = {**CONV, "towers": 64, "tower_layers": [[16384, 1, 1]] * 16}
OWN = {"kind": "own", "factory": "nets.py:build", "sha256": "0" * 64, "latent_dim": 4}


def unhalvable(values: dict[str, Any]) -> None:
    """Convolutions that halve images twice, of 27 pixels."""
    values["config"]["network"] = CONV
    values["data"]["image_shape"] = [1, 27, 27]


UNFIT = "does not fit the configuration beside it"

CONFIGURATIONS: dict[str, tuple[Change, str]] = {
    "7 GB of layers": (at(NETWORK + "encoder_hidden", [16384] * 20), UNFIT),
    "256 wide layers": (at(NETWORK + "decoder_hidden", [16384] * 256), UNFIT),
    "257 layers": (at(NETWORK + "encoder_hidden", [1] * 257), "at most 256 items"),
    "100,000 layers": (at(NETWORK + "classifier_hidden", [1] * 100_000), "at most 256 items"),
    "a wider layer": (at(NETWORK + "encoder_hidden", [17]), "encoder.layers.0.weight is [16, 794], not [17, 794]"),
    "one more layer": (at(NETWORK + "encoder_hidden", [16, 8]), UNFIT),
    "one layer less": (at(NETWORK + "encoder_hidden", []), UNFIT),
    "larger latent": (at(NETWORK + "latent_dim", 16384), UNFIT),
    "does not see the class": (at(NETWORK + "encoder_sees_class", False), UNFIT),
    "images of 17 GB": (at("data.image_shape", [1, 65536, 65536]), UNFIT),
    "images of three colours": (at("data.image_shape", [3, 28, 28]), UNFIT),
    "65,536 classes": (at("data.labels", [str(each) for each in range(65536)]), UNFIT),
    "convolutions of no file": (at("config.network", CONV), UNFIT),
    "64 towers of wide layers": (
        at("config.network", {**CONV, "towers": 64, "tower_layers": [[16384, 1, 1]] * 16}),
        UNFIT,
    ),
    "64 layers in a tower": (at("config.network", {**CONV, "tower_layers": [[1, 1, 1]] * 64}), "at most 16 items"),
    "2^31 blocks": (at("config.network", {**CONV, "encoder_blocks": [2**31 - 1, 1]}), "less than or equal to 64"),
    "wide channels": (at("config.network", {**CONV, "encoder_channels": [16384, 16384]}), UNFIT),
    "a kernel of 2^31": (at("config.network", {**CONV, "tower_layers": [[1, 2**31 - 1, 1]]}), "too small"),
    "a stride of 0": (at("config.network", {**CONV, "tower_layers": [[1, 1, 0]]}), "greater than 0"),
    "images that no block halves": (unhalvable, "multiples of 4"),
    "code of one's own": (at("config.network", OWN), "is not in a bundle"),
    "code outside the folder": (at("config.network", {**OWN, "factory": "../nets.py:build"}), "network.factory"),
    "unknown kind": (at(NETWORK + "kind", "os.system"), "unknown network kind"),
    "kind of another type": (at(NETWORK + "kind", {"a": 1}), "unknown network kind"),
    "a list for a network": (at("config.network", []), "config.json"),
    "a list for the record": (lambda values: values.update(data=[1]), "data"),
    "text for the configuration": (lambda values: values.update(config="x" * 10**5), "config"),
    "null for the data": (lambda values: values.update(data=None), "data"),
    "10^30 epochs": (at("config.training.epochs", 10**30), "config.training.epochs"),
    "-1 epochs": (at("config.training.epochs", -1), "training.epochs"),
    "half an epoch": (at("config.training.epochs", 2.5), "training.epochs"),
    "true epochs": (at("config.training.epochs", True), "training.epochs"),
    "fewer epochs than learned": (at("config.training.epochs", 1), "how many epochs"),
    "2^63 as seed": (at("config.training.seed", 2**63), "training.seed"),
    "a width of 0": (at(NETWORK + "encoder_hidden", [0]), "encoder_hidden"),
    "a width of -0.0": (at(NETWORK + "encoder_hidden", [-0.0]), "encoder_hidden"),
    "a width of 16.0": (at(NETWORK + "encoder_hidden", [16.0]), "encoder_hidden"),
    "nested widths": (at(NETWORK + "encoder_hidden", [[[16]]]), "encoder_hidden"),
    "widths by name": (at(NETWORK + "encoder_hidden", {"0": 16}), "encoder_hidden"),
    "no labels": (at("data.labels", []), "labels"),
    "labels in labels": (at("data.labels", [["0"]]), "labels"),
    "an unknown key": (at("config.training.extra", 1), "extra"),
    "an unknown table": (at("config.extra", {}), "extra"),
    "format of ten lists": (at("format", [[[[[[[[[[1]]]]]]]]]]), "format"),
    "NaN": (at("config.objective.augment", float("nan")), "augment"),
    "infinity": (at("config.training.learning_rate", float("inf")), "learning_rate"),
    "versions of numbers": (at("versions", {"torch": 2}), "versions"),
    "no network table": (lambda values: values["config"].pop("network"), "network"),
}


@pytest.mark.parametrize("case", list(CONFIGURATIONS))
def test_configuration_is_refused(case: str, checkpoint: Path) -> None:
    change, fragment = CONFIGURATIONS[case]
    values = json.loads((checkpoint / "config.json").read_text())
    change(values)
    (checkpoint / "config.json").write_text(json.dumps(values))

    assert_refused(lambda: load_checkpoint(checkpoint), InputError, fragment)


TEXTS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "no valid JSON"),
    "not UTF-8": (b'{"format": "\xff"}', "no valid JSON"),
    "100,000 lists": (b"[" * 100_000, "nested too deeply"),
    "65 lists": (b'{"format": ' + b"[" * 65 + b"]" * 65 + b"}", "nested too deeply"),
    "900 objects": (b'{"a":' * 900 + b"1" + b"}" * 900, "nested too deeply"),
    "a key twice": (b'{"format": 1, "format": 1}', "'format' stands twice"),
    "1e999": (b'{"format": 1e999}', "'format' is a number that is not finite"),
    "10^400": (b'{"format": 1' + b"0" * 400 + b"}", "'format' is a number"),
    "5,000 digits": (b'{"format": ' + b"9" * 5000 + b"}", "'format' is a number"),
    "NaN": (b'{"format": NaN}', "'format' is a number that is not finite"),
    "half a surrogate": (b'{"format": "\\ud800"}', "no valid Unicode"),
    "half a surrogate as key": (b'{"\\udfff": 1}', "no valid Unicode"),
    "two megabytes": (b'{"format": "' + b"x" * 2**21 + b'"}', "may have 1048576"),
    "a number": (b"7", "must hold an object"),
    "a list": (b"[]", "must hold an object"),
    "text behind": (b"{} {}", "no valid JSON"),
    "an escape code": (b'{"format": "\\u001b[2J"}', "has format '\\x1b[2J'"),
}


@pytest.mark.parametrize("case", list(TEXTS))
def test_text_in_place_of_the_record_is_refused(case: str, checkpoint: Path) -> None:
    content, fragment = TEXTS[case]
    (checkpoint / "config.json").write_bytes(content)

    assert_refused(lambda: load_checkpoint(checkpoint), InputError, fragment)


def packed(header: object, data: bytes = b"", *, length: int | None = None) -> bytes:
    """A safetensors file with any header."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(dtype: object = "F32", shape: object = (2,), offsets: object = (0, 8)) -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


WEIGHTS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "cut short"),
    "seven bytes": (b"1234567", "cut short"),
    "header of 2^63": (packed({}, length=2**63), "cut short"),
    "header beyond the file": (packed({}, length=100), "cut short"),
    "header of 9 MB": (packed(b"{" + b" " * 9 * 2**20 + b"}"), "may have 8388608"),
    "header that is a list": (packed([]), "JSON object"),
    "header that is null": (packed(b"null"), "JSON object"),
    "header with a space before": (packed(b" {}"), "JSON object"),
    "header of 100,000 lists": (packed(b"[" * 100_000), "nested too deeply"),
    "a name twice": (packed(b'{"a": 1, "a": 1}'), "'a' stands twice"),
    "offsets of 10^400": (packed(b'{"a": {"data_offsets": [0, 1' + b"0" * 400 + b"]}}"), "not finite"),
    "an entry that is a list": (packed({"a": []}), "dtype, shape and data_offsets"),
    "an entry with more": (packed({"a": {**entry(), "more": 1}}, bytes(8)), "exactly dtype, shape"),
    "an unknown type": (packed({"a": entry("F8_E4M3", [8])}, bytes(8)), "known are F64"),
    "a type of lists": (packed({"a": entry([[1]])}, bytes(8)), "has the type"),
    "a negative size": (packed({"a": entry("F32", [-2])}, bytes(8)), "whole numbers"),
    "a size of 2.0": (packed({"a": entry("F32", [2.0])}, bytes(8)), "whole numbers"),
    "a size of true": (packed({"a": entry("F32", [True])}, bytes(8)), "whole numbers"),
    "a size of 2^62": (packed({"a": entry("F32", [2**62])}, bytes(8)), "up to 2147483647"),
    "a product beyond 64 bits": (packed({"a": entry("F32", [2**31 - 1] * 8)}, bytes(8)), "beyond any file"),
    "a product behind a 0": (packed({"a": entry("F32", [0, *[2**31 - 1] * 7], [0, 0])}), "beyond any file"),
    "nine axes": (packed({"a": entry("F32", [1] * 9)}, bytes(8)), "at most 8"),
    "a scalar's shape": (packed({"a": entry("F32", None)}, bytes(8)), "must have a shape"),
    "offsets backwards": (packed({"a": entry(offsets=[8, 0])}, bytes(8)), "data_offsets span -8"),
    "offsets below 0": (packed({"a": entry(offsets=[-8, 0])}, bytes(8)), "not negative"),
    "one offset": (packed({"a": entry(offsets=[8])}, bytes(8)), "two whole numbers"),
    "offsets too far": (packed({"a": entry(offsets=[0, 16])}, bytes(16)), "data_offsets span 16"),
    "tensors that overlap": (packed({"a": entry(), "b": entry(offsets=[4, 12])}, bytes(12)), "overlaps"),
    "the same place twice": (packed({"a": entry(), "b": entry()}, bytes(8)), "overlaps"),
    "a gap": (packed({"a": entry(offsets=[8, 16])}, bytes(16)), "leaves a gap"),
    "data behind the last": (packed({"a": entry()}, bytes(16)), "16 follow the header"),
    "data cut": (packed({"a": entry()}, bytes(4)), "4 follow the header"),
    "70,000 tensors": (packed({f"{each}": 1 for each in range(70_000)}), "may have 65536"),
    "texts that are no texts": (packed({"__metadata__": {"vaeport": 3}}), "object of texts"),
    "texts in a list": (packed({"__metadata__": ["vaeport"]}), "object of texts"),
    "truth values of 2": (packed({"a": entry("BOOL", [8])}, b"\2" * 8), "it has no encoder.layers.0.weight"),
    "no tensor of the network": (packed({"a": entry()}, bytes(8)), "it has no encoder.layers.0.weight"),
}


@pytest.mark.parametrize("case", list(WEIGHTS))
def test_weights_are_refused(case: str, checkpoint: Path) -> None:
    content, fragment = WEIGHTS[case]
    (checkpoint / "model.safetensors").write_bytes(content)

    assert_refused(lambda: load_checkpoint(checkpoint), InputError, fragment)


METADATA = ["[1]", "7", "{", "[" * 100_000, '{"epochs": 1e999}', '{"epochs": 1, "epochs": 1}', '{"epochs": "\\ud800"}']


@pytest.mark.parametrize("text", METADATA, ids=[each[:20] for each in METADATA])
def test_metadata_of_the_weights_are_refused(text: str, checkpoint: Path) -> None:
    content = (checkpoint / "model.safetensors").read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header["__metadata__"] = {"vaeport": text}
    (checkpoint / "model.safetensors").write_bytes(packed(header, content[8 + length :]))

    assert_refused(lambda: load_checkpoint(checkpoint), InputError, "model.safetensors")


def test_activations_beyond_all_images_are_refused_although_the_weights_fit() -> None:
    from vaeport.contract import Shapes
    from vaeport_train.networks.conv import Config
    from vaeport_train.networks.vae import ConditionalVAE
    from vaeport_train.running.sizes import check_costs, outline

    settings = {name: tuple(value) if isinstance(value, list) else value for name, value in CONV.items()}
    settings |= {"encoder_channels": (16384, 1), "tower_layers": ((4, 5, 1),)}
    network = outline(lambda: ConditionalVAE(Config(**settings), Shapes((1, 128, 128), 4, 3)), "conv")  # type: ignore[arg-type]
    assert network is not None

    assert_refused(lambda: check_costs(network.eval()), InputError, "67108864 values for each image")


def test_untouched_checkpoint_loads(checkpoint: Path) -> None:
    assert contained(lambda: load_checkpoint(checkpoint)).error == ""


def test_code_beside_a_bundles_checkpoint_is_not_run(checkpoint: Path, tmp_path: Path) -> None:
    values = json.loads((checkpoint / "config.json").read_text())
    values["config"]["network"] = OWN
    (checkpoint / "config.json").write_text(json.dumps(values))
    (checkpoint / "network").mkdir()
    (checkpoint / "network/nets.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")

    with pytest.raises(InputError, match="is not in a bundle"):
        load_checkpoint(checkpoint)

    assert not (tmp_path / "ran").exists()


STATES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "epoch of lists": (lambda counters: counters.update(epoch=[[1]]), "counters"),
    "epoch as text": (lambda counters: counters.update(epoch="3"), "counters"),
    "half an epoch": (lambda counters: counters.update(epoch=2.5), "counters"),
    "epoch below 0": (lambda counters: counters.update(epoch=-1), "damaged"),
    "step below 0": (lambda counters: counters.update(step=-1), "counters"),
    "true steps": (lambda counters: counters.update(step=True), "counters"),
    "seconds of infinity": (lambda counters: counters.update(seconds=float("inf")), "damaged"),
    "seconds as text": (lambda counters: counters.update(seconds="1"), "counters"),
    "position of 10^30": (lambda counters: counters.update(position=10**30), "damaged"),
    "no step": (lambda counters: counters.pop("step"), "counters"),
}


@pytest.mark.parametrize("case", list(STATES))
def test_counters_of_a_strangers_state_are_refused(case: str, run_copy: Path, digits: Dataset) -> None:
    change, fragment = STATES[case]
    content = (run_copy / "trainer.safetensors").read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    counters = json.loads(header["__metadata__"]["vaeport"])
    change(counters)
    header["__metadata__"]["vaeport"] = json.dumps(counters)
    (run_copy / "trainer.safetensors").write_bytes(packed(header, content[8 + length :]))

    with pytest.raises(InputError, match=f"trainer.safetensors.*{fragment}"):
        resume(run_copy, digits)


def test_state_of_a_network_that_the_configuration_does_not_have_asks_for_no_memory(
    run_copy: Path, digits: Dataset
) -> None:
    values = json.loads((run_copy / "config.json").read_text())
    values["config"]["network"]["encoder_hidden"] = [16384] * 20
    (run_copy / "config.json").write_text(json.dumps(values))

    assert_refused(lambda: resume(run_copy, digits), InputError, UNFIT)
