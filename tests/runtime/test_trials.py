"""The trials of what an enemy does to a bundle, small; `make torture` has them in full."""

import os
import time
from pathlib import Path

import numpy as np
import pytest

import vaeport
from tools.torture import fuzzing, resealed, tampered
from tools.torture.enemy.bases import second_base
from tools.torture.enemy.bundle import TINY, dice, manifest_of, read_files, sealed, write_files
from tools.torture.enemy.byte_changes import changed, flipped
from tools.torture.enemy.json_changes import change_json
from tools.torture.enemy.let_through import forbidden
from tools.torture.enemy.wire_changes import change_wire
from tools.torture.fuzz.targets import TARGETS
from tools.torture.workers import Limits, run_cases
from vaeport.bundle.opening import open_bundle

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")


def test_bundles_changed_after_sealing_are_refused() -> None:
    (trial,) = tampered.run(800)

    assert trial.holds, trial.measured
    assert trial.count >= 800


def test_resealed_bundles_are_refused_or_answer() -> None:
    (trial,) = resealed.run(80)

    assert trial.holds, trial.measured
    assert trial.count == 80


@pytest.mark.skipif(not fuzzing.can_fuzz(), reason="atheris is not installed here")
def test_fuzzer_reaches_more_of_the_manifest_than_it_was_given() -> None:
    trial = fuzzing.fuzz(TARGETS["manifest"], seconds=1)

    assert trial.holds, trial.measured
    assert trial.count > 0


def test_cases_that_die_hang_or_raise_are_findings() -> None:
    def case(index: int) -> str:
        if index == 2:
            os.abort()
        if index == 4:
            time.sleep(60)
        if index == 6:
            raise KeyError("gone")
        return "fine"

    tally = run_cases(case, range(9), limits=Limits(patience=0.5, cases_a_worker=5))

    assert [(finding.index, finding.what.split()[0]) for finding in tally.findings] == [
        (2, "kills"),
        (4, "hangs:"),
        (6, "KeyError:"),
    ]
    assert tally.outcomes == {"fine": 6}


def test_case_that_computes_for_too_long_is_a_finding() -> None:
    def case(index: int) -> str:
        began = time.process_time()
        while index == 1 and time.process_time() - began < 0.3:
            pass
        return "fine"

    tally = run_cases(case, range(3), limits=Limits(seconds=0.1))

    assert [finding.index for finding in tally.findings] == [1]
    assert "takes 0.3 s" in tally.findings[0].what


def test_case_that_takes_too_much_memory_is_a_finding() -> None:
    def case(index: int) -> str:
        return str(np.ones(30_000_000 if index == 1 else 10).sum() > 0)

    tally = run_cases(case, range(3), limits=Limits(growth=100_000_000))

    assert [finding.index for finding in tally.findings] == [1]
    assert "MB" in tally.findings[0].what


def test_enemy_can_seal_what_he_likes(tmp_path: Path) -> None:
    files = read_files(TINY)
    manifest = {**manifest_of(files), "description": "Another."}
    write_files(tmp_path, sealed({**files, "golden.npz": b"no arrays"}, manifest))

    assert open_bundle(tmp_path).manifest.description == "Another."


def test_desk_holds_one_bundle_at_a_time(tmp_path: Path) -> None:
    desk, files = resealed.Desk(tmp_path), read_files(TINY)
    desk.put({**files, "fp16/decoder/model.onnx": b"x", "golden.npz": b"y"}, packed=False)
    folder = desk.put(files, packed=False)

    assert read_files(folder) == files
    assert not (folder / "fp16").exists()
    assert open_bundle(folder).digest == open_bundle(desk.put(files, packed=True)).digest


def test_second_base_answers(tmp_path: Path) -> None:
    write_files(tmp_path, second_base())

    with vaeport.load(tmp_path, threads=1) as model:
        assert model.reconstruct(np.zeros((3, 1, 4, 4), np.float32)).drawings.pixels.shape == (3, 1, 4, 4)


def test_case_is_made_again_from_its_number(tmp_path: Path) -> None:
    for index in range(60):
        first, second = (resealed.make(index, seed=3, canary=tmp_path)[0] for _ in range(2))

        assert first == second


@pytest.mark.parametrize("content", [b"", b"x", b"some bytes"])
def test_changed_bytes_are_other_bytes(content: bytes) -> None:
    for index in range(200):
        assert changed(content, dice(0, index)) != content
    assert content == b"" or flipped(content, 0) != content


def test_json_changes_leave_their_value_alone() -> None:
    value = {"a": [1, 2.5, "x", None, {"b": True}]}
    texts = {change_json(value, dice(0, index)) for index in range(300)}

    assert value == {"a": [1, 2.5, "x", None, {"b": True}]}
    assert len(texts) > 150


def test_wire_changes_reach_every_depth() -> None:
    graph = read_files(TINY)["fp32/decoder/model.onnx"]
    made = {change_wire(graph, dice(0, index)) for index in range(300)}

    assert len(made) > 250
    assert sum(abs(len(content) - len(graph)) < 30 for content in made) > 100


def test_second_opinion_finds_what_a_reader_must_refuse() -> None:
    import onnx

    content = read_files(TINY)["fp32/decoder/model.onnx"]
    assert forbidden(content) is None
    model = onnx.ModelProto.FromString(content)
    model.graph.initializer[0].data_location = onnx.TensorProto.EXTERNAL

    assert forbidden(model.SerializeToString()) == "external data"
    assert forbidden(content[:-3]) == "a file that onnx cannot parse"
