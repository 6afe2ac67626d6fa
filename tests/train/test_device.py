from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from tests.train.small import few_digits, narrow_config
from vaeport.contract import Shapes
from vaeport.errors import DeviceError, InputError
from vaeport_train.cli import main
from vaeport_train.configuration.config import RunConfig
from vaeport_train.configuration.parsing import load_preset
from vaeport_train.configuration.preset_files import preset_names
from vaeport_train.data.batching import Images
from vaeport_train.devices import (
    autocast,
    data_fits,
    describe,
    in_float64,
    moved_inside,
    resolve_device,
    sample_within,
)
from vaeport_train.networks.vae import ConditionalVAE, initialise, use_fast_layout
from vaeport_train.objective.augmentation import evaluation_views
from vaeport_train.objective.losses import compute_losses
from vaeport_train.optimisation.averaging import move_average
from vaeport_train.optimisation.optimisers import Optimisers
from vaeport_train.optimisation.schedule import Schedule
from vaeport_train.optimisation.step import Task, TrainingStep
from vaeport_train.randomness import draw_bits, generator

META = torch.device("meta")
"""Has no data and refuses every tensor of another device, so it stands for a GPU where none is."""
NO_CUDA = pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is available here")


def _task(config: RunConfig, epoch: int) -> Task:
    """What the trainer asks of a step, with everything the preset ever turns on in that epoch."""
    schedule, images = Schedule(config, 100), 100
    seen = epoch * images
    return Task(
        step=3,
        rank=0,
        weight=1.0,
        samples=schedule.samples(epoch),
        kl_weight=schedule.kl_weight(seen),
        vae_share=schedule.vae_share(epoch),
        distortion=schedule.distortion(seen),
        recognise=schedule.recognises(seen),
    )


@pytest.mark.parametrize("epoch", [0, -1], ids=["first epoch", "last epoch"])
@pytest.mark.parametrize("optimiser", ["adam", "muon"])
@pytest.mark.parametrize("preset", preset_names())
def test_whole_step_of_every_preset_leaves_no_tensor_on_the_cpu(preset: str, optimiser: str, epoch: int) -> None:
    config = load_preset(preset, [f"training.optimiser={optimiser}", "training.weight_average=0.99"])
    shapes = Shapes((1, 28, 28), config.network.latent_dim, 10)
    network, average = (ConditionalVAE(config.network, shapes).to(META) for _ in range(2))
    use_fast_layout(network)
    initialise(network, config.training.initialisation)
    optimisers = Optimisers(network, config.training)
    step = TrainingStep(network.train(), config)
    image, label = Images(few_digits(100).development, META).gather(torch.arange(20))

    value, sums = step(image, label, _task(config, epoch % config.training.epochs))
    optimisers.step(value, share=0.5)
    move_average(average, network, 0.99, step=4)
    network.eval()
    source = generator(0, "evaluation")
    with torch.no_grad():
        noise = torch.randn(20, network.latent_dim, generator=source).to(META)
        views = evaluation_views(image, config.objective, source)
        losses = compute_losses(network, views, label, noise, config.objective)

    results = [value, sums, *optimisers.tensors().values(), losses.reconstruction, losses.cross_entropy, losses.correct]
    assert {tensor.device for tensor in results if tensor.ndim} == {META}


def test_a_tensor_left_on_the_cpu_is_refused_by_meta() -> None:
    config = narrow_config()
    network = ConditionalVAE(config.network, Shapes((1, 28, 28), 4, 10)).to(META)

    with pytest.raises(RuntimeError):
        network.decode(torch.zeros(2, 4, device=META), torch.zeros(2, 10))


def test_bits_are_those_that_bernoulli_draws() -> None:
    probability = torch.rand(50, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    drawn = draw_bits(probability, torch.Generator().manual_seed(2))

    assert torch.equal(drawn, torch.bernoulli(probability, generator=torch.Generator().manual_seed(2)))


@pytest.mark.parametrize("whole", [False, True])
def test_batches_arrive_on_the_device(whole: bool) -> None:
    image, label = Images(few_digits(20).development, META, whole=whole).gather(torch.tensor([3, 1]))

    assert (image.device, image.shape, label.device) == (META, (2, 1, 28, 28), META)


@NO_CUDA
@pytest.mark.parametrize("device", ["cuda", "cuda:1", "mps"])
@pytest.mark.parametrize("verb", ["fit", "resume", "evaluate", "judge"])
def test_missing_device_is_exit_code_3_and_nothing_is_written(
    verb: str, device: str, run_copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if device == "mps" and torch.backends.mps.is_available():
        pytest.skip("an Apple GPU is available here")
    place = {"fit": ["-o", str(tmp_path / "new")], "judge": ["-o", str(tmp_path / "new")]}.get(verb, [str(run_copy)])

    code = main([verb, *place, "--device", device])

    message = capsys.readouterr().err
    assert (code, message.count("\n")) == (3, 1)
    assert f"device '{device}' is not available" in message
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:x", "cuda:-1", "cpu:0", "mps:1", "", "meta", "auto:1"])
def test_unknown_device_is_a_wrong_input(name: str) -> None:
    with pytest.raises(InputError, match="unknown device"):
        resolve_device(name)


@NO_CUDA
def test_auto_takes_the_cpu_where_there_is_no_gpu() -> None:
    if torch.backends.mps.is_available():
        pytest.skip("an Apple GPU is available here")
    assert describe(resolve_device("auto")) == "cpu"


def test_gpus_are_shared_out_by_local_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr("vaeport_train.devices._tried", lambda device: device)

    devices = [str(resolve_device("cuda", local_rank=rank, processes=3)) for rank in range(3)]

    assert devices == ["cuda:0", "cuda:1", "cuda:0"]
    with pytest.raises(DeviceError, match="there are 2 GPUs, cuda:0 to cuda:1"):
        resolve_device("cuda:2")


def test_data_goes_to_a_gpu_whole_while_half_of_its_memory_holds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _device: (1000, 8000))

    assert [data_fits(size, torch.device("cuda")) for size in (500, 501)] == [True, False]


def test_products_are_in_bfloat16_only_where_it_is_asked_for() -> None:
    def product(device: torch.device, *, bfloat16: bool) -> Tensor:
        with autocast(device, bfloat16=bfloat16):
            return torch.ones(2, 2, device=device) @ torch.ones(2, 2, device=device)

    cpu = torch.device("cpu")
    assert [product(cpu, bfloat16=asked).dtype for asked in (True, False)] == [torch.bfloat16, torch.float32]
    assert product(META, bfloat16=True).device == META


def test_sums_are_in_float64() -> None:
    assert in_float64(torch.ones(2)).dtype == torch.float64


def test_border_goes_on_where_only_zeros_can_be_padded() -> None:
    source = torch.Generator().manual_seed(0)
    image = torch.rand(5, 2, 6, 9, generator=source)
    grid = 3 * torch.rand(5, 6, 9, 2, generator=source) - 1.5

    padded = functional.grid_sample(image, moved_inside(grid, image.shape[2:]), align_corners=False)

    torch.testing.assert_close(padded, sample_within(image, grid), atol=1e-5, rtol=0)
