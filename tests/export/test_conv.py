from pathlib import Path

import pytest

from tests.export.material import COLOURED
from vaeport import load, verify


def test_bundle_answers_as_pytorch_does(colours: Path) -> None:
    assert verify(colours).holds


@pytest.mark.parametrize("n", [0, 1, 5])
def test_runtime_takes_its_images_and_labels(n: int, colours: Path) -> None:
    model = load(colours)

    drawn = model.generate("green", n, seed=1)

    assert drawn.pixels.shape == (n, *COLOURED)
    assert len(model.classify(drawn.pixels)) == n
    assert model.labels == ("red", "green", "blue")
