"""The strangers' ONNX files, each written once a session."""

import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.foreign.catalogue import Network


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """The machine is shared, and small networks gain nothing from threads."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Network], Path]:
    """The ONNX file of a network."""
    folder = tmp_path_factory.mktemp("foreign")
    files: dict[str, Path] = {}

    def file_of(network: Network) -> Path:
        for package in network.needs:
            pytest.importorskip(package)
        if network.name not in files:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # an exporter's remarks are its author's to read
                files[network.name] = network.to_onnx(folder / f"{network.name}.onnx")
        return files[network.name]

    return file_of
