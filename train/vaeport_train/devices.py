"""The device that networks are trained and measured on."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor
from torch.nn import functional

from vaeport.errors import DeviceError, InputError

AUTO = "auto"
KINDS = ("auto", "cpu", "cuda", "cuda:N", "mps")
"""What `resolve_device` takes."""

FUSED = ("cpu", "cuda", "mps")
"""Devices for which PyTorch's AdamW has one kernel for all its work."""

_DATA_SHARE = 0.5
"""Of a device's free memory, what the training images may take."""


def resolve_device(name: str, *, local_rank: int = 0, processes: int = 1) -> torch.device:
    """The device of a name.

    Args:
        name: `cpu`, `cuda`, `cuda:1`, `mps`, or `auto`, which takes the first of CUDA, MPS and CPU that is available.
        local_rank: of this process among those of this machine; `cuda` gives each process a GPU of its own while there
            are enough.
        processes: how many train together.

    Raises:
        InputError: the name is none of these, or the device cannot train in several processes.
        DeviceError: the device is not available here. Nothing else is used in its place.
    """
    if name == AUTO:
        name = "cuda" if torch.cuda.is_available() else "mps" if _mps() and processes == 1 else "cpu"
    kind, _, index = name.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (index and kind != "cuda") or (":" in name and not index.isdecimal()):
        raise InputError(f"unknown device {name!r}; known are {', '.join(KINDS)}")
    if kind == "cpu":
        return torch.device("cpu")
    if kind == "mps":
        return _available_mps(processes)
    return _available_cuda(name, int(index) if index else None, local_rank)


def describe(device: torch.device) -> str:
    """A device for people: `cpu`, or `cuda:0 (NVIDIA H100)`."""
    return f"{device} ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else str(device)


def autocast(device: torch.device, *, bfloat16: bool) -> AbstractContextManager[object]:
    """Products and convolutions in bfloat16 within, where it is asked for and PyTorch can do it on this device."""
    if bfloat16 and torch.amp.is_autocast_available(device.type):
        return torch.autocast(device.type, torch.bfloat16)
    return nullcontext()


def in_float64(tensor: Tensor) -> Tensor:
    """A tensor in float64, to be summed; on the CPU where the device has no float64, as Apple's have none."""
    return tensor.cpu().double() if tensor.device.type == "mps" else tensor.double()


def sample_within(image: Tensor, grid: Tensor) -> Tensor:
    """Bilinear samples of images [N, C, H, W] at a grid [N, H, W, 2]; outside, the border's pixels go on.

    PyTorch's MPS backend does not pad so in every version; there, places outside are moved to the nearest pixel.
    """
    if image.device.type != "mps":
        return functional.grid_sample(image, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return functional.grid_sample(image, moved_inside(grid, image.shape[2:]), mode="bilinear", align_corners=False)


def moved_inside(grid: Tensor, size: torch.Size) -> Tensor:
    """A sampling grid whose places lie between the middles of the outermost pixels of images of a size, [H, W]."""
    height, width = size
    bound = torch.tensor([1 - 1 / width, 1 - 1 / height], dtype=grid.dtype, device=grid.device)
    return torch.minimum(torch.maximum(grid, -bound), bound)


def data_fits(size: int, device: torch.device) -> bool:
    """Whether so many bytes take at most half of the memory that is free on a device other than the CPU."""
    if device.type == "cuda":
        return size <= _DATA_SHARE * torch.cuda.mem_get_info(device)[0]
    if device.type == "mps":
        return size <= _DATA_SHARE * (torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory())
    return True


def _available_cuda(name: str, index: int | None, local_rank: int) -> torch.device:
    if not torch.cuda.is_available():
        why = "sees no GPU; check the driver" if torch.version.cuda else "is built without CUDA; install one with CUDA"
        raise DeviceError(f"device {name!r} is not available: PyTorch {torch.__version__} {why}, or take --device cpu")
    count = torch.cuda.device_count()
    if index is not None and index >= count:
        raise DeviceError(f"device {name!r} is not available: there are {count} GPUs, cuda:0 to cuda:{count - 1}")
    return _tried(torch.device("cuda", local_rank % count if index is None else index))


def _available_mps(processes: int) -> torch.device:
    if not _mps():
        raise DeviceError(f"device 'mps' is not available: PyTorch {torch.__version__} finds no Apple GPU here")
    if processes > 1:
        raise InputError("device 'mps' trains in one process; start without torchrun, or take --device cpu")
    return _tried(torch.device("mps"))


def _tried(device: torch.device) -> torch.device:
    """The device, after a first tensor on it: an old driver is found out only by using it."""
    try:
        torch.zeros(1, device=device)
    except RuntimeError as error:
        raise DeviceError(f"device '{device}' does not work: {' '.join(str(error).split())}") from error
    return device


def _mps() -> bool:
    return torch.backends.mps.is_available()
