"""Which graph made the error of an output of the chain."""

import dataclasses
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from ..asking.steps import Plan
from ..running.execution import Outcome
from ..subjects.subject import Chain
from .report import ChainShares, Row

Parts = tuple[NDArray[np.float64], NDArray[np.float64]]
"""The errors that came with the last graph's inputs, and those that it added."""


def with_shares(rows: Iterable[Row], outcome: Outcome, plan: Plan) -> list[Row]:
    """Rows of one backend, those of the chain with the share of each graph.

    The last graph's float64 reference on the backend's own inputs of it shows what the error of the graphs before alone
    makes of the output; what is left of the whole error is the last graph's.

    Args:
        rows: rows of one backend.
        outcome: what it answered.
        plan: what it was asked.
    """
    chain = plan.subject.chain
    if chain is None:
        return list(rows)
    return [
        dataclasses.replace(row, shares=chain_shares(_parts(outcome, plan, chain, row.output), chain.graphs[-2:]))
        if row.graph == chain.name
        else row
        for row in rows
    ]


def chain_shares(parts: Iterable[Parts], graphs: tuple[str, ...]) -> ChainShares | None:
    """Shares of the largest error; None where there are no answers.

    Args:
        parts: for each batch the errors that came with the last graph's inputs, and those that it added, float64 of
            one shape; infinite where answers are no numbers.
        graphs: names of the graph before the last, and of the last.
    """
    parts = [part for part in parts if part[0].size]
    if not parts:
        return None
    before, last = (np.concatenate([part[index] for part in parts]) for index in (0, 1))
    at = np.unravel_index(np.argmax(np.abs(before + last)), before.shape)
    return ChainShares(
        float(before[at]),
        float(last[at]),
        float(np.max(np.abs(before))),
        float(np.max(np.abs(last))),
        (graphs[0], graphs[-1]),
    )


def _parts(outcome: Outcome, plan: Plan, chain: Chain, output: str) -> Iterator[Parts]:
    last = plan.subject.graph(chain.graphs[-1])
    for index, step in plan.steps_of(chain.name):
        if index not in outcome.answers:
            continue
        answers = outcome.answers[index]
        given = plan.set_of(step).rows(step.start, step.stop)
        inputs = {
            spec.name: answers[spec.name] if (last.name, spec.name) in chain.links else given[spec.name]
            for spec in last.inputs
        }
        through = plan.expectations.run(last.name, inputs, "float64")[output]
        exact = plan.expected(step).float64[output]
        added = np.where(np.isfinite(through), _errors(answers[output], through), 0.0)
        yield _errors(through, exact), added


def _errors(given: NDArray[np.floating], exact: NDArray[np.floating]) -> NDArray[np.float64]:
    """Differences, infinite where an answer is no number."""
    errors = given.astype(np.float64) - exact
    return np.where(np.isfinite(errors), errors, np.inf)
