"""The text of an issue says what a maintainer asks for."""

import numpy as np
import pytest

from tests.parity.reproducing.test_parts import convolution, softmax
from vaeport_parity.reproducing.case import Case
from vaeport_parity.reproducing.faults import Reply, judged
from vaeport_parity.reproducing.issue import issue_text, issue_title


def text_of(case: Case, values: np.ndarray | None, said: str = "") -> str:
    answer = judged(case, Reply(values, said), lambda: None)
    return issue_text(
        issue_title("thing 1.2", case, answer),
        case,
        answer,
        needs="pip install thing==1.2",
        said="thing 1.2",
        found_in="graph net, tensor 'y'.",
        smallest=False,
        files=["model.onnx"],
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda values: values * 1.01, ["computes Softmax wrongly", "Rounding in the graph's own types explains"]),
        (lambda values: values * np.nan, ["answers NaN or infinity to Softmax", "the answer is nan"]),
    ],
    ids=["off", "no number"],
)
def test_wrong_answer(change: object, words: list[str]) -> None:
    case = softmax()

    text = text_of(case, change(case.exact).astype(np.float32))  # type: ignore[operator]

    for each in [*words, "pip install thing==1.2", "y = Softmax (x)", "tensor 'y'", "Versions: Python", "was up"]:
        assert each in text


def test_no_answer() -> None:
    text = text_of(convolution(), None, "unknown operator Conv")

    assert "gives no answer to Conv" in text
    assert "What happens: unknown operator Conv" in text
    assert "an answer of shape [2, 6, 9, 9]" in text
