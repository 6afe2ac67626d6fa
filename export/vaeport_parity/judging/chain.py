"""Which graph made the error of a picture that went through both."""

import dataclasses
from collections.abc import Iterable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from vaeport.contract import CLASS_PROBS, DECODER, IMAGE, Z
from vaeport_export.bundle.original import torch_answers
from vaeport_export.bundle.subject import Subject

from ..asking.steps import CHAIN, Questions
from ..reporting.report import ChainShares, ParityRow
from ..running.execution import Outcome

Parts = tuple[NDArray[np.float64], NDArray[np.float64]]
"""The errors of pictures that came with the latents, and those that the decoder added."""


def with_shares(rows: Iterable[ParityRow], outcome: Outcome, asked: Questions, subject: Subject) -> list[ParityRow]:
    """Rows of one backend, those of the chain with the share of each graph.

    PyTorch's float64 decoder on the backend's own latents shows what the encoder's error alone makes of a picture; what
    is left of the whole error is the decoder's.

    Args:
        rows: rows of one backend.
        outcome: what it answered.
        asked: what it was asked.
        subject: the bundle with its checkpoint.
    """
    shares = chain_shares(_parts(outcome, asked, subject))
    return [dataclasses.replace(row, shares=shares) if row.graph == CHAIN else row for row in rows]


def chain_shares(parts: Iterable[Parts]) -> ChainShares | None:
    """Shares of the largest error; None where there are no pictures.

    Args:
        parts: for each batch the errors that came with the latents, and those that the decoder added, float64
            [N, C, H, W] each; infinite where a graph's answers are no numbers.
    """
    parts = [part for part in parts if part[0].size]
    if not parts:
        return None
    encoder, decoder = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
    at = np.unravel_index(np.argmax(np.abs(encoder + decoder)), encoder.shape)
    return ChainShares(
        float(encoder[at]),
        float(decoder[at]),
        float(np.max(np.abs(encoder))),
        float(np.max(np.abs(decoder))),
    )


def _parts(outcome: Outcome, asked: Questions, subject: Subject) -> Iterator[Parts]:
    for index, step in enumerate(asked.steps):
        if step.graph != CHAIN or index not in outcome.answers:
            continue
        answers = outcome.answers[index]
        exact = asked.sets[CHAIN, step.inputs].expected["float64"][IMAGE][step.start : step.stop]
        latents = {name: answers[name].astype(np.float32) for name in (Z, CLASS_PROBS)}
        through = torch_answers(subject.module(DECODER), DECODER, latents, torch.float64)[IMAGE]
        added = np.where(np.isfinite(through), _errors(answers[IMAGE], through), 0.0)
        yield _errors(through, exact), added


def _errors(given: NDArray[np.floating], exact: NDArray[np.floating]) -> NDArray[np.float64]:
    """Differences, infinite where an answer is no number."""
    errors = given.astype(np.float64) - exact
    return np.where(np.isfinite(errors), errors, np.inf)
