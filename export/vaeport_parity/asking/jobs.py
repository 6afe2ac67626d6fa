"""The plan as files and plain values, which a backend's process reads."""

from pathlib import Path

from ..running.arrays import write_arrays
from ..running.execution import ChainJob, GraphJob, Job, SetFile
from ..subjects.subject import InputSet, Subject
from .steps import Plan


def make_job(plan: Plan, folder: Path) -> Job:
    """Write graphs and input sets once for all backends.

    Args:
        plan: what is asked.
        folder: a folder to write into, made if need be.
    """
    folder.mkdir(parents=True, exist_ok=True)
    subject = plan.subject
    sets = {f"{each.graph}.{each.name}": each for each in subject.input_sets}
    return Job(
        graphs=tuple(_graph_jobs(subject, folder)),
        sets={key: _set_file(each, folder / f"set-{index}.npz") for index, (key, each) in enumerate(sets.items())},
        steps=plan.steps,
        chain=_chain_job(subject),
    )


def _graph_jobs(subject: Subject, folder: Path) -> list[GraphJob]:
    jobs = []
    for index, graph in enumerate(subject.graphs):
        path = folder / f"graph-{index}" / "model.onnx"
        path.parent.mkdir()
        path.write_bytes(graph.content)
        jobs.append(GraphJob(graph.name, path, graph.inputs, graph.outputs, graph.original))
    return jobs


def _set_file(given: InputSet, path: Path) -> SetFile:
    write_arrays(path, given.inputs)
    return SetFile(path, given.batched, given.divisors)


def _chain_job(subject: Subject) -> ChainJob | None:
    chain = subject.chain
    if chain is None:
        return None
    links = {".".join(target): ".".join(source) for target, source in chain.links.items()}
    return ChainJob(chain.name, chain.graphs, links)
