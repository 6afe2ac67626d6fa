import json
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests.train.networks import pets
from tests.train.small import contents, few_digits, metrics_without_time
from vaeport.bundle.opening import DEFAULT_BUNDLE, shipped_bundles
from vaeport.contract import Shapes
from vaeport.errors import InputError
from vaeport_train import evaluate, fit, load_checkpoint, resume
from vaeport_train.cli import main
from vaeport_train.configuration.config import RunConfig
from vaeport_train.data import Dataset
from vaeport_train.networks.own import adopt
from vaeport_train.running import trainer
from vaeport_train.running.checkpoint import read_checkpoint

PETS = Path(pets.__file__)
SHORT = {"training.epochs": 2, "training.batch_size": 50}
MNIST = Shapes((1, 28, 28), 0, 10)
CPU = torch.device("cpu")


@pytest.fixture
def own_file(tmp_path: Path) -> Path:
    """A copy of the file in a folder of its own, to be moved and changed."""
    (tmp_path / "code").mkdir()
    return Path(shutil.copy(PETS, tmp_path / "code"))


@pytest.fixture(scope="module")
def own_run(tmp_path_factory: pytest.TempPathFactory, digits: Dataset) -> Path:
    """A run of two epochs that was never stopped. Only to be read."""
    folder = tmp_path_factory.mktemp("own") / "run"
    return fit(folder, data=digits, network=f"{PETS}:build", settings=SHORT).folder


def refusal(code: str, folder: Path, name: str = "build") -> str:
    """What is said of a file with this code, after imports and the good parts of a network."""
    good = """
        import torch
        from torch import nn
        from types import SimpleNamespace as Parts

        class Encoder(nn.Module):
            def __init__(self): super().__init__(); self.layer = nn.Linear(784, 8)
            def forward(self, image): return self.layer(image.flatten(1)).chunk(2, 1)

        class Decoder(nn.Module):
            def __init__(self): super().__init__(); self.layer = nn.Linear(14, 784)
            def forward(self, z, y): return self.layer(torch.cat([z, y], 1)).reshape(-1, 1, 28, 28)

        def part(forward, parameters=True):
            class Part(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.layer = nn.Linear(784, 10)
            Part.forward = forward
            return Part()

        def parts(**changed):
            classifier = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
            return Parts(**{"encoder": Encoder(), "classifier": classifier, "decoder": Decoder(), **changed})
    """
    path = folder / "nets.py"
    path.write_text(textwrap.dedent(good) + "\n" + textwrap.dedent(code))
    with pytest.raises(InputError) as caught:
        adopt(f"{path}:{name}", MNIST, on=CPU)
    assert "\n" not in str(caught.value)
    return str(caught.value)


WRONG = {
    "no such name": ("x = 1", "has no function or class 'build'"),
    "syntax": ("def build(:", "importing .* raised SyntaxError, line"),
    "import raises": ("raise ValueError('no licence')", "raised ValueError: no licence"),
    "import exits": ("raise SystemExit(3)", "raised SystemExit"),
    "missing package": ("import not_there", "ModuleNotFoundError: No module named 'not_there'"),
    "factory raises": ("def build(): raise KeyError('weights')", "nets.py:build raised KeyError: 'weights'"),
    "other arguments": ("def build(a, b): pass", "must take `shapes` or nothing, but needs a, b"),
    "no decoder": ("def build(): return Parts(encoder=1, classifier=1)", "without 'decoder'"),
    "nothing returned": ("def build(): pass", "returned a NoneType without 'encoder'"),
    "function for a module": (
        "def build(): return parts(decoder=lambda z, y: z)",
        "'decoder' is of type function; expected",
    ),
    "encoder of one answer": (
        "def build(): return parts(encoder=nn.Sequential(nn.Flatten(), nn.Linear(784, 8)))",
        r"encoder returned float32 \[4, 8\]; expected z_mean and z_logvar",
    ),
    "encoder of three answers": (
        "def build(): return parts(encoder=part(lambda self, x: (self.layer(x.flatten(1)),) * 3))",
        "encoder returned a tuple of 3",
    ),
    "latents of unequal size": (
        "def build(): return parts(encoder=part(lambda self, x: self.layer(x.flatten(1)).split([4, 6], 1)))",
        r"encoder returned z_logvar float32 \[4, 6\]; expected float32 \[4, 4\]",
    ),
    "too few classes": (
        "def build(): return parts(classifier=nn.Sequential(nn.Flatten(), nn.Linear(784, 9)))",
        r"classifier returned class logits float32 \[4, 9\]; expected float32 \[4, 10\]",
    ),
    "probabilities": (
        "def build(): return parts(classifier=nn.Sequential(nn.Flatten(), nn.Linear(784, 10), nn.Softmax(1)))",
        "seem to be probabilities; expected logits: leave the softmax out",
    ),
    "pixels": (
        """
        def build():
            sigmoid = Decoder(); sigmoid.register_forward_hook(lambda m, i, o: o.sigmoid())
            return parts(decoder=sigmoid)
        """,
        "seem to be pixels; expected logits: leave the last sigmoid out",
    ),
    "flat images": (
        """
        def build():
            flat = Decoder(); flat.register_forward_hook(lambda m, i, o: o.flatten(1))
            return parts(decoder=flat)
        """,
        r"decoder returned pixel logits float32 \[4, 784\]; expected float32 \[4, 1, 28, 28\]",
    ),
    "fixed batch": (
        "def build(): return parts(classifier=part(lambda self, x: self.layer(x.reshape(4, 784))))",
        r"classifier raised RuntimeError: .*given float32 \[3, 1, 28, 28\]",
    ),
    "wrong width": (
        "def build(): return parts(classifier=nn.Sequential(nn.Flatten(), nn.Linear(100, 10)))",
        "classifier raised RuntimeError: .*classifier\\(image\\) must return class logits",
    ),
    "double": (
        "def build(): return parts(classifier=nn.Sequential(nn.Flatten(), nn.Linear(784, 10).double()))",
        "classifier raised RuntimeError",
    ),
    "not finite": (
        "def build(): return parts(classifier=part(lambda self, x: self.layer(x.flatten(1)) / 0))",
        "classifier returned class logits that is not finite",
    ),
    "no gradient": (
        "def build(): return parts(classifier=part(lambda self, x: self.layer(x.flatten(1)).detach()))",
        "no gradient reaches the weights of classifier; it detaches its answer",
    ),
    "weights not used": (
        "def build(): return parts(decoder=part(lambda self, z, y: (10 * z[:, :1, None, None]).expand(-1, 1, 28, 28)))",
        "no gradient reaches the weights of decoder; its answer does not use them",
    ),
    "other shape in training": (
        "def build(): return parts(classifier=part(lambda self, x: self.layer(x.flatten(1))[:, : 10 - self.training]))",
        r"classifier returned class logits in training mode float32 \[4, 9\]; expected float32 \[4, 10\]",
    ),
    "backward pass raises": (
        """
        def fail(self, x):
            answer = self.layer(x.flatten(1))
            if self.training: answer.register_hook(lambda gradient: 1 / 0)
            return answer
        def build(): return parts(classifier=part(fail))
        """,
        "the backward pass of classifier raised ZeroDivisionError",
    ),
    "raises in training": (
        """
        def fail(self, x):
            if self.training: raise ValueError('labels needed')
            return self.layer(x.flatten(1))
        def build(): return parts(classifier=part(fail))
        """,
        "classifier raised ValueError: labels needed",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_unfit_network_is_one_sentence_that_names_the_part(case: str, tmp_path: Path) -> None:
    code, problem = WRONG[case]

    message = refusal(code, tmp_path)

    assert re.search(problem, message), message


@pytest.mark.parametrize(
    "network", ["nets.py", "nets.py:", "nets.txt:build", "nets.py:a.b", ":build", "nets:build", "a:b.py:build"]
)
def test_network_of_another_form_is_refused(network: str) -> None:
    with pytest.raises(InputError, match="must be FILE.py:NAME|rename it"):
        adopt(network, MNIST, on=CPU)


def test_command_says_in_one_line_what_is_wrong_and_writes_nothing(
    tmp_path: Path, one_line_error: Callable[[], str]
) -> None:
    (tmp_path / "nets.py").write_text("def build():\n    raise RuntimeError('out of\\nluck')\n")

    assert main(["fit", "--network", f"{tmp_path}/nets.py:build", "-o", str(tmp_path / "run")]) == 2
    assert "nets.py:build raised RuntimeError: out of luck" in one_line_error()
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("preset", ["mlp", "conv", "blog"])
def test_every_preset_trains_an_own_network(preset: str, tmp_path: Path) -> None:
    settings = {"training.epochs": 2, "training.importance_epochs": 1 if preset == "conv" else 0}
    digits = few_digits(401, held_out=100)  # the last batch would have one image, too few for batch normalisation

    run = fit(tmp_path / "run", data=digits, preset=preset, network=f"{PETS}:build", settings=settings)

    assert run.history[1].held_out.vae_loss < run.history[0].held_out.vae_loss
    checkpoint = load_checkpoint(run.folder)
    assert checkpoint.record.config.training.initialisation == "torch"
    assert (checkpoint.network.latent_dim, checkpoint.network.device.type) == (6, "cpu")


def test_muon_moves_the_layers_between_first_and_last(own_run: Path) -> None:
    network = load_checkpoint(own_run).network
    named = dict(network.named_parameters())

    hidden = {name for name, weight in named.items() if any(weight is each for each in network.hidden_matrices())}

    assert hidden == {"encoder.module.conv2.weight", "decoder.module.up1.weight"}


def test_run_keeps_the_code_and_no_path_in_its_record(own_run: Path) -> None:
    assert (own_run / "network/pets.py").read_bytes() == PETS.read_bytes()
    assert str(PETS.parent) not in (own_run / "config.json").read_text()


@pytest.mark.parametrize("fate", ["stays", "goes", "changes"])
def test_stopped_run_ends_as_if_it_had_never_stopped_wherever_the_file_is(
    fate: str, own_file: Path, own_run: Path, digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = trainer.Trainer._step, 0

    def dies(self: trainer.Trainer, rows: torch.Tensor) -> float:
        nonlocal calls
        calls += 1
        self.save_every = 0.0
        if calls == 14:
            raise KeyboardInterrupt
        return real(self, rows)

    with monkeypatch.context() as patch:
        patch.setattr(trainer.Trainer, "_step", dies)
        with pytest.raises(KeyboardInterrupt):
            fit(tmp_path / "run", data=digits, network=f"{own_file}:build", settings=SHORT)
    if fate == "goes":
        own_file.unlink()
    elif fate == "changes":
        own_file.write_text("raise RuntimeError('not the same')")

    resume(tmp_path / "run", data=digits)

    for name in ("model.safetensors", "trainer.safetensors", "config.json", "samples.png"):
        assert (tmp_path / "run" / name).read_bytes() == (own_run / name).read_bytes(), name
    assert metrics_without_time(tmp_path / "run") == metrics_without_time(own_run)


def test_run_folder_alone_evaluates_and_loads_in_another_process(own_run: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(own_run, tmp_path / "moved")
    (moved / "network/origin.json").unlink()
    code = (
        "import sys, torch, vaeport_train\n"
        "network = vaeport_train.load_checkpoint(sys.argv[1]).network\n"
        "print(network.decode(torch.zeros(1, 6), torch.eye(10)[:1]).sum().item())\n"
    )

    done = subprocess.run([sys.executable, "-c", code, str(moved)], capture_output=True, text=True, check=True, cwd="/")

    network = load_checkpoint(own_run).network
    with torch.no_grad():
        expected = network.decode(torch.zeros(1, 6), torch.eye(10)[:1]).sum().item()
    assert float(done.stdout) == pytest.approx(expected, rel=1e-5)


def test_evaluation_of_an_own_network_is_kept(own_run: Path, digits: Dataset, tmp_path: Path) -> None:
    moved = shutil.copytree(own_run, tmp_path / "moved")

    figures = evaluate(moved, data=digits, splits=["held-out"], probe=True)

    assert figures["mnist-5k held-out"].images == 100
    assert "mnist-5k held-out" in json.loads((moved / "evaluation.json").read_text())["figures"]


@pytest.mark.parametrize("damage", ["missing", "changed"])
def test_code_that_is_missing_or_changed_is_not_run(damage: str, own_run: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(own_run, tmp_path / "moved")
    (moved / "network/origin.json").unlink()
    code = moved / "network/pets.py"
    if damage == "missing":
        code.unlink()
    else:
        code.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")

    with pytest.raises(InputError, match=r"network/pets\.py"):
        load_checkpoint(moved)
    assert not (tmp_path / "ran").exists()


def test_code_in_a_bundle_is_never_run(own_run: Path, tmp_path: Path) -> None:
    bundle = shutil.copytree(shipped_bundles()[DEFAULT_BUNDLE], tmp_path / "bundle")
    shutil.rmtree(bundle / "checkpoint")
    shutil.copytree(own_run, bundle / "checkpoint")

    with pytest.raises(InputError, match="the network's code, pets.py:build, is not in a bundle"):
        load_checkpoint(bundle / "checkpoint")
    with pytest.raises(InputError, match="the network's code, pets.py:build, is not in a bundle"):
        read_checkpoint(own_run, lambda name: (own_run / name).read_bytes())


def test_function_and_class_name_their_file(tmp_path: Path, digits: Dataset) -> None:
    run = fit(tmp_path / "run", data=digits, network=pets.build, settings={"training.epochs": 1})

    assert json.loads((run.folder / "config.json").read_text())["config"]["network"]["factory"] == "pets.py:build"


def test_function_without_a_file_is_refused(tmp_path: Path, digits: Dataset) -> None:
    with pytest.raises(InputError, match=r"at the top of a \.py file"):
        fit(tmp_path / "run", data=digits, network=lambda: None)


def test_settings_of_the_network_table_are_refused(tmp_path: Path, digits: Dataset) -> None:
    with pytest.raises(InputError, match="network.latent_dim has no effect"):
        fit(tmp_path / "run", data=digits, network=f"{PETS}:build", settings={"network.latent_dim": 3})


def test_glorot_is_taken_only_when_a_setting_names_it(own_file: Path) -> None:
    from vaeport_train.configuration.parsing import load_preset

    own = adopt(f"{own_file}:build", MNIST, on=CPU).config

    configs: list[RunConfig] = [
        load_preset("blog", settings, network=own) for settings in ([], ["training.initialisation=glorot"])
    ]
    assert [config.training.initialisation for config in configs] == ["torch", "glorot"]


def test_modules_beside_the_file_are_found(tmp_path: Path) -> None:
    (tmp_path / "beside_pets.py").write_text(PETS.read_text())
    (tmp_path / "nets.py").write_text("from beside_pets import build\n")

    assert adopt(f"{tmp_path}/nets.py:build", MNIST, on=CPU).config.latent_dim == 6


def test_callers_random_numbers_stay(own_file: Path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)

    adopt(f"{own_file}:build", MNIST, on=CPU)

    assert torch.equal(torch.rand(1), expected)


SHARED = """
from types import SimpleNamespace
import torch
from torch import nn

class Encoder(nn.Module):
    def __init__(self, trunk):
        super().__init__()
        self.trunk, self.head = trunk, nn.Linear(16, 8)
    def forward(self, image, class_probs): return self.head(self.trunk(image)).chunk(2, 1)

class Classifier(nn.Module):
    def __init__(self, trunk):
        super().__init__()
        self.trunk, self.head = trunk, nn.Linear(16, 10)
    def forward(self, image): return self.head(self.trunk(image))
    def each(self, image): return torch.stack([self(image), self(image.flip(3))])
    def rescale_logits(self, factor): self.head.weight.mul_(factor); self.head.bias.mul_(factor)

class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(14, 784)
    def forward(self, z, class_probs): return self.layer(torch.cat([z, class_probs], 1)).reshape(-1, 1, 28, 28)

class Nets:
    def __init__(self):
        trunk = nn.Sequential(nn.Flatten(), nn.Linear(784, 16), nn.ReLU())
        self.encoder, self.classifier, self.decoder = Encoder(trunk), Classifier(trunk), Decoder()
"""


def test_shared_weights_move_once_a_step_and_survive_the_disk(tmp_path: Path, digits: Dataset) -> None:
    (tmp_path / "shared.py").write_text(SHARED)
    settings = {"training.epochs": 1, "training.weight_average": 0.5, "training.optimiser": "muon"}

    run = fit(tmp_path / "run", data=digits, network=f"{tmp_path}/shared.py:Nets", settings=settings)

    weights = load_checkpoint(run.folder).network.state_dict()
    assert torch.equal(weights["encoder.module.trunk.1.weight"], weights["classifier.module.trunk.1.weight"])
    resume(run.folder, data=digits)


def test_killed_process_resumes_an_own_network(own_file: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "vaeport_train"]
    settings = ["--set=training.epochs=2", "--set=training.batch_size=500", "--network", f"{own_file}:build"]
    run = tmp_path / "killed"
    with subprocess.Popen([*command, "fit", *settings, "-o", str(run)], stdout=subprocess.DEVNULL) as process:
        while not (run / "trainer.safetensors").exists() and process.poll() is None:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
    own_file.unlink()

    done = subprocess.run([*command, "resume", str(run)], check=True, capture_output=True, text=True)

    assert "2 epochs" in done.stdout
    assert "examples.npz" in contents(run)


def test_two_processes_train_an_own_network(own_file: Path, tmp_path: Path) -> None:
    together = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    settings = ["--set=training.epochs=1", "--set=training.batch_size=500", "--network", f"{own_file}:build"]
    command = [*together, "-m", "vaeport_train", "fit", *settings, "-o", str(tmp_path / "run")]

    done = subprocess.run(
        command, check=False, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )

    assert done.returncode == 0, done.stderr
    assert load_checkpoint(tmp_path / "run").record.config.training.processes == 2


def test_arrays_are_data_too(tmp_path: Path) -> None:
    digits = few_digits(300).development
    arrays = (digits.images[:, 0], digits.labels, [f"digit {k}" for k in range(10)])

    run = fit(tmp_path / "run", data=arrays, network=f"{PETS}:build", settings={"training.epochs": 1})

    figures = evaluate(run.folder, data=arrays)
    assert list(figures) == ["arrays train", "arrays held-out"]
    with pytest.raises(InputError, match="your own images, 'arrays'"):
        evaluate(run.folder)
    with pytest.raises(InputError, match="arrays holds 300 images but 299 labels"):
        fit(tmp_path / "other", data=(digits.images, np.asarray(digits.labels[1:])))


def test_own_modules_are_where_they_were(own_run: Path) -> None:
    network = load_checkpoint(own_run).network

    assert isinstance(network.encoder.module, nn.Module)
    assert type(network.encoder.module).__name__ == "Encoder"


def test_example_of_the_documentation_trains(tmp_path: Path, digits: Dataset) -> None:
    text = (Path(__file__).parents[2] / "docs/training.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(# my_nets\.py\n.*?)```", text, re.DOTALL)
    (tmp_path / "my_nets.py").write_text(code)

    run = fit(tmp_path / "run", data=digits, network=f"{tmp_path}/my_nets.py:build", settings={"training.epochs": 1})

    assert load_checkpoint(run.folder).network.latent_dim == 16


def test_preset_of_an_own_network_needs_no_table_of_networks(tmp_path: Path, digits: Dataset) -> None:
    text = (files("vaeport_train.configuration") / "presets/blog.toml").read_text(encoding="utf-8")
    (tmp_path / "mine.toml").write_text(text[text.index("[objective]") :])

    run = fit(
        tmp_path / "run",
        data=digits,
        preset=tmp_path / "mine.toml",
        network=f"{PETS}:build",
        settings={"training.epochs": 1},
    )

    assert load_checkpoint(run.folder).record.config.objective.likelihood == "normal"


def test_layers_whose_weight_is_computed_leave_muon_the_others(tmp_path: Path, digits: Dataset) -> None:
    code = SHARED.replace("nn.Linear(784, 16), nn.ReLU()", "nn.Linear(784, 16), nn.ReLU(), norm(nn.Linear(16, 16))")
    (tmp_path / "nets.py").write_text(
        code.replace("\nclass Enc", "\nnorm = nn.utils.parametrizations.spectral_norm\nclass Enc")
    )
    settings = {"training.epochs": 1, "training.optimiser": "muon"}

    run = fit(tmp_path / "run", data=digits, network=f"{tmp_path}/nets.py:Nets", settings=settings)

    assert load_checkpoint(run.folder).network.hidden_matrices() == []
