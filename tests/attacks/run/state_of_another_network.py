"""Give a run whose training state has weights of other shapes."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.checkpoints import run_folder, safetensors
from tests.attacks.entries import resumed
from vaeport.errors import InputError


def make(folder: Path) -> Path:
    run = run_folder(folder)
    tensor = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    header = {"__metadata__": {"vaeport": "{}"}, "network.encoder": tensor}
    (run / "trainer.safetensors").write_bytes(safetensors(header, bytes(4)))
    return run


CASE = Attack(make, resumed, InputError, "trainer.safetensors")
