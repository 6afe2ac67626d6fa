"""How many threads PyTorch computes on."""

import contextlib
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def on_one_thread() -> Iterator[None]:
    """Inside, PyTorch computes on one thread, where it is imported: other cores may have work of their own."""
    if "torch" not in sys.modules:
        yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
