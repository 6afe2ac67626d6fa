"""Everything that computes, on a device that is not the CPU (see `tests.train.elsewhere`)."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.train.elsewhere import PLACE, Elsewhere, device_elsewhere
from tests.train.networks import pets
from tests.train.small import few_digits, metrics_without_time, narrow_config
from tests.train.test_conv import narrow_conv
from vaeport.contract import Shapes
from vaeport.errors import InputError
from vaeport_train.configuration.config import RunConfig
from vaeport_train.configuration.parsing import load_preset
from vaeport_train.data import Dataset
from vaeport_train.evaluation import JudgeRecipe, Sampling, train_judge
from vaeport_train.evaluation.measure import MeasureOptions, evaluate_trained
from vaeport_train.networks.own import adopt
from vaeport_train.networks.vae import ConditionalVAE
from vaeport_train.objective import augmentation
from vaeport_train.optimisation import muon, step
from vaeport_train.running import trainer
from vaeport_train.running.checkpoint import load_checkpoint
from vaeport_train.running.run import fit, resume
from vaeport_train.running.trained import load_trained

EVERYTHING = ("training.importance_epochs=1", "training.precision=float32", "training.weight_average=0.9")
CONFIGS = {
    "mlp": narrow_config("training.optimiser=muon", "network.encoder_hidden=[16, 12]"),
    "blog": narrow_config(preset="blog"),
    "conv": narrow_conv(*EVERYTHING),
}
CPU = torch.device("cpu")
SPLITS = ("train", "held_out")


@pytest.fixture(scope="module")
def few() -> Dataset:
    return few_digits(200, held_out=60)


@pytest.fixture
def elsewhere() -> Iterator[None]:
    with device_elsewhere():
        yield


def _losses(run: Path) -> list[float]:
    return [value for line in metrics_without_time(run) for split in SPLITS for value in line[split].values()]


def _trained(folder: Path, config: RunConfig, data: Dataset, device: torch.device) -> Path:
    return fit(folder, "test", config, data, device=device, quiet=True)


@pytest.mark.parametrize("preset", CONFIGS)
def test_run_elsewhere_has_the_losses_of_a_run_on_the_cpu(preset: str, few: Dataset, tmp_path: Path) -> None:
    here = _trained(tmp_path / "here", CONFIGS[preset], few, CPU)
    with device_elsewhere():
        there = _trained(tmp_path / "there", CONFIGS[preset], few, PLACE)

    assert _losses(there) == pytest.approx(_losses(here), rel=1e-3, abs=1e-3)
    assert load_checkpoint(there).network.device == CPU


def _stopped(folder: Path, config: RunConfig, data: Dataset, device: torch.device) -> None:
    """A run that ends in its fifth step, the state saved after each."""
    real, calls = trainer.Trainer._step, 0

    def dies(self: trainer.Trainer, rows: torch.Tensor) -> float:
        nonlocal calls
        calls += 1
        self.save_every = 0.0
        if calls == 5:
            raise KeyboardInterrupt
        return real(self, rows)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer.Trainer, "_step", dies)
        with pytest.raises(KeyboardInterrupt):
            _trained(folder, config, data, device)


@pytest.mark.filterwarnings("ignore:for .* copying from a non-meta parameter")  # this meta has data
@pytest.mark.parametrize(("first", "then"), [(CPU, PLACE), (PLACE, CPU)], ids=["from the cpu", "to the cpu"])
def test_run_goes_on_on_another_device(
    first: torch.device, then: torch.device, few: Dataset, tmp_path: Path, elsewhere: None
) -> None:
    whole = _trained(tmp_path / "whole", CONFIGS["mlp"], few, CPU)

    _stopped(tmp_path / "run", CONFIGS["mlp"], few, first)
    resume(tmp_path / "run", few, device=then, quiet=True)

    assert _losses(tmp_path / "run") == pytest.approx(_losses(whole), rel=1e-3, abs=1e-3)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU here")
@pytest.mark.parametrize("preset", CONFIGS)
def test_run_on_a_gpu_is_near_the_cpus_and_goes_on_there(preset: str, few: Dataset, tmp_path: Path) -> None:
    gpu = torch.device("cuda", 0)
    here = _trained(tmp_path / "here", CONFIGS[preset], few, CPU)
    there = _trained(tmp_path / "there", CONFIGS[preset], few, gpu)

    _stopped(tmp_path / "run", CONFIGS[preset], few, gpu)
    resume(tmp_path / "run", few, device=CPU, quiet=True)

    for run in (there, tmp_path / "run"):
        assert _losses(run) == pytest.approx(_losses(here), rel=0.02, abs=0.02)


def test_evaluation_elsewhere_has_the_figures_of_the_cpu(tmp_path: Path) -> None:
    few = few_digits(100, held_out=20)
    run = _trained(tmp_path / "run", CONFIGS["conv"], few, CPU)
    judge = train_judge(few, JudgeRecipe(epochs=1, widths=(8, 8)))
    sampling = Sampling(samples=6, first_samples=3, subset=5, all_classes=True)
    options = MeasureOptions(probe=True, likelihood=sampling, judge=judge, judged_images=20, splits=("held-out",))

    here = evaluate_trained(load_trained(run), few, options)["mnist-5k held-out"]
    shutil.rmtree(tmp_path / "run" / "tensorboard", ignore_errors=True)
    with device_elsewhere():
        there = evaluate_trained(load_trained(run), few, options, device=PLACE)["mnist-5k held-out"]
        assert isinstance(next(judge.network.parameters()), Elsewhere)

    assert there.vae_loss == pytest.approx(here.vae_loss, rel=1e-4)
    assert there.classification_errors == here.classification_errors
    assert there.likelihood is not None
    assert here.likelihood is not None
    assert there.likelihood.nll_given_label.mean == pytest.approx(here.likelihood.nll_given_label.mean, rel=1e-4)
    assert there.probe_accuracies is not None
    assert here.probe_accuracies is not None
    assert there.probe_accuracies.linear == pytest.approx(here.probe_accuracies.linear, abs=0.05)
    assert there.conditional_accuracy is not None
    assert here.conditional_accuracy is not None
    assert there.conditional_accuracy.accuracy_by_class == here.conditional_accuracy.accuracy_by_class
    assert there.anomaly is not None
    assert here.anomaly is not None
    assert there.anomaly.negative_elbo == pytest.approx(here.anomaly.negative_elbo, rel=1e-4)


def test_judge_trained_elsewhere_comes_back_to_the_cpu(few: Dataset, elsewhere: None) -> None:
    judge = train_judge(few, JudgeRecipe(epochs=2, widths=(8, 8), batch_size=25), device=PLACE)

    assert {weight.device for weight in judge.network.parameters()} == {CPU}
    assert judge.record.measured_images == 60


@pytest.mark.parametrize(
    ("module", "function"),
    [(step, "step_noise"), (step, "prior_draw"), (augmentation, "draw_bits"), (muon, "orthogonalised")],
)
def test_what_is_left_on_the_cpu_is_refused(
    module: object, function: str, few: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shows that the tests above can fail: one result that stays on the CPU ends the run."""
    real = getattr(module, function)

    def left_behind(*arguments: object, **options: object) -> object:
        results = real(*arguments, **options)
        single = not isinstance(results, tuple)
        kept = [_left(result) for result in ((results,) if single else results)]
        return kept[0] if single else tuple(kept)

    def _left(result: torch.Tensor) -> torch.Tensor:
        stays = torch.zeros(result.shape, dtype=result.dtype)
        stays.to = lambda *_, **__: stays  # type: ignore[method-assign]
        return stays

    monkeypatch.setattr(module, function, left_behind)
    with device_elsewhere(), pytest.raises(RuntimeError, match="meets one that is elsewhere"):
        _trained(tmp_path / "run", narrow_conv(*EVERYTHING, "objective.recognition_from=0"), few, PLACE)


def test_own_network_trains_elsewhere(few: Dataset, tmp_path: Path, elsewhere: None) -> None:
    own = adopt(f"{pets.__file__}:build", Shapes((1, 28, 28), 0, 10), on=PLACE)
    config = load_preset("mlp", ["training.epochs=1", "training.batch_size=50"], network=own.config)

    run = fit(tmp_path / "run", "mlp", config, few, device=PLACE, files=own.files, quiet=True)

    assert len(metrics_without_time(run)) == 1


def test_own_network_that_leaves_a_tensor_on_the_cpu_is_told_before_it_trains(tmp_path: Path, elsewhere: None) -> None:
    code = Path(pets.__file__).read_text().replace("cat([z, y], 1)", "cat([z, eye(10)[y.argmax(1).cpu()]], 1)")
    (tmp_path / "nets.py").write_text(code.replace("from torch import cat", "from torch import cat, eye"))

    with pytest.raises(InputError, match="nets.py:build: decoder raised RuntimeError: .* a tensor of the CPU"):
        adopt(f"{tmp_path}/nets.py:build", Shapes((1, 28, 28), 0, 10), on=PLACE)


def test_weights_elsewhere_are_weights_of_the_device(elsewhere: None) -> None:
    config = narrow_config()

    assert ConditionalVAE(config.network, Shapes((1, 28, 28), 4, 10)).to(PLACE).device == PLACE
