"""The arc between two latents."""

import numpy as np
import pytest

from vaeport.model.latents import spherical


def _row(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def test_quarter_circle_is_walked_in_equal_steps() -> None:
    path = spherical(_row(2, 0), _row(0, 2), 4)

    angles = np.degrees(np.arctan2(path[:, 1], path[:, 0]))
    np.testing.assert_allclose(angles, [0, 30, 60, 90], atol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(path, axis=1), 2, atol=1e-6)


def test_length_changes_from_one_end_s_to_the_other_s() -> None:
    lengths = np.linalg.norm(spherical(_row(1, 0), _row(0, 3), 9), axis=1)

    assert (np.diff(lengths) > 0).all()
    assert (lengths[0], lengths[-1]) == (1, 3)


@pytest.mark.parametrize("steps", [2, 3, 10])
def test_ends_are_exact(steps: int) -> None:
    a, b = np.random.default_rng(0).standard_normal((2, 10)).astype(np.float32)

    path = spherical(a, b, steps)

    assert path.shape == (steps, 10)
    assert path.dtype == np.float32
    np.testing.assert_array_equal(path[[0, -1]], [a, b])


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((1, 2), (1, 2)),
        ((1, 2), (2, 4)),
        ((0, 0), (1, 2)),
        ((0, 0), (0, 0)),
        ((1, 2), (-1, -2)),
        ((1, 2), (1, 2.0000002)),
    ],
)
def test_without_an_arc_the_way_is_straight(a: tuple[float, float], b: tuple[float, float]) -> None:
    path = spherical(_row(*a), _row(*b), 5)

    np.testing.assert_allclose(path, np.linspace(_row(*a), _row(*b), 5), atol=1e-6)


def test_way_between_nearly_opposite_ends_stays_as_short_as_they_are() -> None:
    path = spherical(_row(25, 0), _row(-2, 1e-4), 9)

    lengths = np.linalg.norm(path, axis=1)
    np.testing.assert_allclose(lengths, np.linspace(25, 2, 9), rtol=1e-4)
    assert (path[1:-1, 1] > 0).all()
