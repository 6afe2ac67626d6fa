"""Bring the code of a network of one's own, which a run folder may hold and a bundle must not run."""

import hashlib
from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import with_file
from tests.attacks.checkpoints import with_config
from tests.attacks.entries import trained
from vaeport.errors import InputError

CODE = b"import os\nos.system('touch outside/ran')\n"


def make(folder: Path) -> Path:
    own = {"kind": "own", "factory": "nets.py:build", "sha256": hashlib.sha256(CODE).hexdigest(), "latent_dim": 10}
    bundle = with_config(folder, lambda values: values["config"].update(network=own))
    return with_file(bundle, "checkpoint/network/nets.py", CODE)


CASE = Attack(make, trained, InputError, "code", after="trust_remote_code of model hubs")
