"""A network as vaeport_parity sees it: exported, with its reference, its input sets, and its measured noise floors."""

import dataclasses
import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from vaeport_parity.asking.jobs import make_job
from vaeport_parity.asking.overflow import without_overflow
from vaeport_parity.asking.steps import Plan, Step, batch_cuts, make_plan
from vaeport_parity.building import GraphRequest, make_subject
from vaeport_parity.judging.bounds import Bounds
from vaeport_parity.reference.base import NoPlainSumsError
from vaeport_parity.running.execution import Job
from vaeport_parity.subjects.subject import Graph, InputSet, Subject
from vaeport_parity.subjects.tensors import Arrays

from .networks import Network

GRAPH = "network"
"""Name of the only graph."""

MORE = "more"
"""Name of the set of rows that the floor is not measured on."""

MORE_ROWS = 3000
"""Rows of that set."""

_PLAIN_EVERY = 4


@dataclass(frozen=True, eq=False)
class Case:
    """One network, ready to be run."""

    network: Network
    """What it is made of."""
    plan: Plan
    """What runtimes are asked, with the right answers."""
    bounds: Bounds
    """The measured floors."""
    job: Job
    """The plan as files."""

    @property
    def subject(self) -> Subject:
        """Graph, reference and input sets."""
        return self.plan.subject

    @property
    def graph(self) -> Graph:
        """The graph."""
        return self.subject.graph(GRAPH)

    @property
    def output(self) -> str:
        """Name of the only output."""
        return self.graph.outputs[0].name

    def floor(self, inputs: str) -> float:
        """Noise floor that holds for an input set."""
        return self.bounds.of(GRAPH, self.output, inputs).noise_floor

    def parts_of(self, step: Step, answers: Arrays) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Answers to a step, and those of the native and the float64 reference."""
        native, exact = self.plan.expected(step).of(self.output)
        return answers[self.output], native, exact


def make_case(network: Network, folder: Path, *, more_rows: int = MORE_ROWS) -> Case:
    """Export a network and measure its floors, as `vaeport_parity.check` does.

    Args:
        network: the network.
        folder: a folder of its own, which must stay.
        more_rows: rows of the set `more`; 0 leaves it out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = export(network, folder / "network.onnx")
    request = GraphRequest(path, network.module)
    subject = make_subject({GRAPH: request}, name=network.name, folder=folder / "originals")
    subject, _, _ = without_overflow(subject)
    if more_rows:
        rows = np.random.default_rng(len(network.name)).standard_normal((more_rows, *network.shape))
        more = InputSet(MORE, GRAPH, {"x": rows.astype(np.float32)}, cuts="whole", given=True)
        subject = dataclasses.replace(subject, input_sets=(*subject.input_sets, more))
    plan = make_plan(subject, timed=False)
    plan = dataclasses.replace(plan, steps=tuple(step for step in plan.steps if step.stop > step.start))
    return Case(network, plan, Bounds(plan), make_job(plan, folder / "job"))


def export(network: Network, path: Path) -> Path:
    """Write a network as ONNX, its batch symbolic."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        torch.onnx.export(
            network.module,
            (torch.full((2, *network.shape), 0.5),),
            path,
            input_names=["x"],
            output_names=["y"],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    return path


def noise(case: Case) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The reference's own native and float64 answers to the probes, in the batches and orders that make the floor."""
    probes = case.subject.input_set(GRAPH, "probes")
    for start, stop in batch_cuts(len(probes)):
        if start < stop:
            exact = case.plan.expectations.of(GRAPH, probes.name, start, stop).float64[case.output]
            yield case.plan.expectations.run(GRAPH, probes.rows(start, stop), "native")[case.output], exact
    part = {name: values[::_PLAIN_EVERY] for name, values in probes.values().items()}
    exact = case.plan.expectations.of(GRAPH, probes.name, 0, len(probes)).float64[case.output][::_PLAIN_EVERY]
    try:
        yield case.plan.expectations.run(GRAPH, part, "native", plain=True)[case.output], exact
    except NoPlainSumsError:
        return
