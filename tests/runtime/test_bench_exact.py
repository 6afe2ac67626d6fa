"""How many calls are timed and what becomes of their times, by a clock that goes as far as each call says."""

from collections.abc import Callable

import numpy as np
import pytest

import vaeport
from vaeport.checks import bench as subject
from vaeport.checks.bench import Speed, bench
from vaeport.errors import InputError


class Clock:
    """A clock that stands still but for its calls."""

    def __init__(self, durations: Callable[[int], float]) -> None:
        self.calls = 0
        self.now = 1000.0
        self._durations = durations

    def perf_counter(self) -> float:
        """As `time.perf_counter`."""
        return self.now

    def call(self) -> None:
        """A call that takes its time."""
        self.now += self._durations(self.calls)
        self.calls += 1


def _timed(clock: Clock, seconds: float, monkeypatch: pytest.MonkeyPatch) -> float:
    monkeypatch.setattr(subject, "time", clock)
    return subject._time(clock.call, seconds)


def test_time_is_spent_in_five_blocks_after_a_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(lambda _: 1 / 128)

    assert _timed(clock, 1.0, monkeypatch) == 1 / 128
    assert clock.calls == 1 + 1 + 5 * 26  # a fifth of a second has 25.6 calls


def test_warm_up_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(lambda number: 1.0 if number == 0 else 1 / 64)

    assert _timed(clock, 1.0, monkeypatch) == 1 / 64
    assert clock.calls == 2 + 5 * 13


def test_median_of_the_blocks_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(lambda number: {2: 64.0, 3: 32.0, 4: 8.0, 5: 2.0, 6: 1.0}.get(number, 1.0))

    assert _timed(clock, 1.0, monkeypatch) == 8.0


@pytest.mark.parametrize(("seconds", "calls"), [(1e-3, 200), (0.0, 1)])
def test_calls_too_short_to_be_timed_are_bounded(seconds: float, calls: int, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(lambda _: 0.0)

    assert _timed(clock, seconds, monkeypatch) == 0
    assert clock.calls == 2 + 5 * calls


def test_speed_is_told_for_both_verbs_and_each_batch(
    tiny_model: vaeport.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, int]] = []

    def timed(call: Callable[[], object], seconds: float) -> float:
        answer = call()
        asked.append((type(answer).__name__, len(answer)))  # type: ignore[arg-type]
        assert seconds == 0.5
        return 0.25

    monkeypatch.setattr(subject, "_time", timed)

    speeds = bench(tiny_model, batches=(1, 4), seconds=0.5)

    assert asked == [("Encoding", 1), ("Drawings", 1), ("Encoding", 4), ("Drawings", 4)]
    assert speeds == [
        Speed("encode", 1, 250, 4),
        Speed("decode", 1, 250, 4),
        Speed("encode", 4, 250, 16),
        Speed("decode", 4, 250, 16),
    ]


def test_images_are_noise_over_all_bytes(tiny_model: vaeport.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []

    def timed(call: Callable[[], object], seconds: float) -> float:
        seen.append(call())
        return seconds

    monkeypatch.setattr(subject, "_time", timed)

    bench(tiny_model, batches=(3,), seconds=1)

    noise = np.random.default_rng(0).integers(0, 256, (3, 1, 4, 4), np.uint8)
    np.testing.assert_array_equal(seen[0].z_mean, tiny_model.encode(noise).z_mean)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(seen[1].pixels, tiny_model.generate("cat", 3).pixels)  # type: ignore[attr-defined]


@pytest.mark.parametrize("batches", [5, "12", None, {1: 2}])
def test_batches_are_a_list(batches: object, tiny_model: vaeport.Model) -> None:
    with pytest.raises(InputError, match="batches is"):
        bench(tiny_model, batches=batches, seconds=1)  # type: ignore[arg-type]
