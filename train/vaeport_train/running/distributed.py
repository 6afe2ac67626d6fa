"""The processes that train together, when `torchrun` has started several."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from vaeport.errors import InputError


@dataclass(frozen=True)
class Processes:
    """Which of how many processes this one is."""

    rank: int = 0
    """From 0; the first one evaluates, draws and writes."""
    count: int = 1
    """How many train together."""
    local_rank: int = 0
    """Which of those on this machine, for a GPU of its own."""

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes."""
        return self.rank == 0

    def share(self, rows: Tensor) -> tuple[Tensor, float]:
        """This process's rows of a batch, and the weight of their mean.

        The average over the processes of weight x mean is the mean over the batch. A process is never without a row,
        which normalisation layers do not bear: where rows are fewer than processes, it repeats one with weight 0.
        """
        own = rows[self.rank :: self.count]
        return (own, self.count * len(own) / len(rows)) if len(own) else (rows[:1], 0.0)

    def shared(self, module: nn.Module, *, unused_weights: bool = False) -> nn.Module:
        """The module, with gradients averaged over the processes by its backward pass.

        Args:
            module: what is trained, on this process's device.
            unused_weights: whether weights may be left without a gradient.
        """
        if self.count == 1:
            return module
        return DistributedDataParallel(module, gradient_as_bucket_view=True, find_unused_parameters=unused_weights)

    def wait(self) -> None:
        """Wait until every process has come here."""
        if self.count > 1:
            distributed.barrier()

    def total(self, values: Tensor) -> Tensor:
        """Sum over the processes, in place."""
        if self.count > 1:
            distributed.all_reduce(values)
        return values


def environment() -> Processes:
    """Which process `torchrun` says this is; alone without it.

    Raises:
        InputError: the variables that it sets are not all there, or no numbers.
    """
    rank, count = os.environ.get("RANK", "0"), os.environ.get("WORLD_SIZE", "1")
    if not (rank.isdecimal() and count.isdecimal() and int(rank) < int(count)):
        raise InputError(f"RANK is {rank!r} and WORLD_SIZE {count!r}; leave them to torchrun, or unset them")
    if int(count) > 1 and "MASTER_ADDR" not in os.environ:
        raise InputError(f"WORLD_SIZE is {count}, but MASTER_ADDR is not set; start the processes with torchrun")
    local_rank = os.environ.get("LOCAL_RANK", rank)
    return Processes(int(rank), int(count), int(local_rank) if local_rank.isdecimal() else 0)


@contextmanager
def process_group() -> Iterator[Processes]:
    """Meet the other processes, and part from them at the end."""
    processes = environment()
    if processes.count == 1:
        yield processes
        return
    distributed.init_process_group("gloo")
    try:
        yield processes
        processes.wait()
    finally:
        distributed.destroy_process_group()
