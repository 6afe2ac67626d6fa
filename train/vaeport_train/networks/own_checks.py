"""Whether networks of your own take and return what training needs: asked once, before anything is trained."""

import copy
import inspect
import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from vaeport.contract import Shapes
from vaeport.errors import InputError

PARTS = ("encoder", "classifier", "decoder")
"""Names of the three networks."""

_ROWS = (4, 3)
"""Batch sizes that are tried: a fixed batch fits one of them at most."""
_FAR = 1e3
"""Factor of latents that drives any sum far from 0, and leaves what a sigmoid returns between 0 and 1."""
_EXPECTED = {
    "encoder": "encoder(image) or encoder(image, class_probs) must return z_mean and z_logvar",
    "classifier": "classifier(image) must return class logits",
    "decoder": "decoder(z, class_probs) must return pixel logits",
}

Modules = Mapping[str, nn.Module]


def taken(module: nn.Module, part: str) -> int:
    """How many inputs a part takes; an encoder's `class_probs` may be left out."""
    if part != "encoder":
        return {"classifier": 1, "decoder": 2}[part]
    try:
        parameters = list(inspect.signature(module.forward).parameters.values())
    except (TypeError, ValueError):  # compiled code need not have a signature
        return 1
    if any(each.kind is each.VAR_POSITIONAL for each in parameters):
        return 2
    places = [each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    seen = len(places) > 1 and (places[1].default is inspect.Parameter.empty or places[1].name == "class_probs")
    return 2 if seen else 1


def check_answers(parts: Modules, shapes: Shapes, where: str) -> int:
    """Run the three networks in evaluation mode on random images and latents; return Z.

    Args:
        parts: the networks by name; in evaluation mode afterwards.
        shapes: sizes of the data; its `latent_dim` is not used.
        where: names the factory in messages.

    Raises:
        InputError: a network raises, or returns other types, shapes or values.
    """
    latent_dim = 0
    with _undisturbed(), torch.no_grad():
        for rows in _ROWS:
            image, class_probs = _inputs(parts, shapes, rows)
            for part in parts.values():
                part.eval()
            z_mean = _encoded(parts, image, class_probs, where)[0]
            latent_dim = z_mean.shape[1]
            _check_logits(_answer(parts, "classifier", (image,), where), rows, shapes, where)
            drawn = [_answer(parts, "decoder", (z, class_probs), where) for z in (z_mean, _far(z_mean))]
            for logits in drawn:
                _check_tensor(logits, (rows, *shapes.image), "decoder", "pixel logits", where)
            # Answers that vary and stay between 0 and 1 for any latent have been through a sigmoid.
            varied = torch.cat([logits.flatten() for logits in drawn])
            if bool(((varied >= 0) & (varied <= 1)).all()) and bool((varied != varied[0]).any()):
                raise InputError(
                    f"{where}: decoder returns values from 0 to 1 for any latent, which seem to be pixels; "
                    "expected logits: leave the last sigmoid out"
                )
    _check_weights(parts, where)
    return latent_dim


def check_training(parts: Modules, shapes: Shapes, where: str) -> None:
    """Run copies of the networks in training mode, with a backward pass.

    Raises:
        InputError: a network raises in training mode, or no gradient reaches its weights.
    """
    with _undisturbed():
        try:
            copies = copy.deepcopy(dict(parts))  # together, so that weights that are shared stay shared
        except Exception as error:  # the user's code may raise anything
            raise InputError(f"{where}: the networks cannot be copied (copy.deepcopy): {_in_words(error)}") from error
        for part in copies.values():
            part.train()
        image, class_probs = _inputs(copies, shapes, _ROWS[0])
        z_mean, z_logvar = _encoded(copies, image, class_probs, where)
        logits = _answer(copies, "classifier", (image,), where)
        pixels = _answer(copies, "decoder", (z_mean, class_probs), where)
        _check_tensor(logits, (_ROWS[0], shapes.classes), "classifier", "class logits in training mode", where)
        _check_tensor(pixels, (_ROWS[0], *shapes.image), "decoder", "pixel logits in training mode", where)
        answers = {"encoder": z_mean.sum() + z_logvar.sum(), "classifier": logits.sum(), "decoder": pixels.sum()}
        for name, answer in answers.items():
            learned = [weight for weight in copies[name].parameters() if weight.requires_grad]
            if not learned:
                continue  # a network that is held still is its author's choice
            if not answer.requires_grad:
                raise InputError(f"{where}: no gradient reaches the weights of {name}; it detaches its answer")
            try:
                gradients = torch.autograd.grad(answer, learned, retain_graph=True, allow_unused=True)
            except Exception as error:  # the user's code may raise anything
                raise InputError(f"{where}: the backward pass of {name} raised {_in_words(error)}") from error
            if all(gradient is None for gradient in gradients):
                raise InputError(f"{where}: no gradient reaches the weights of {name}; its answer does not use them")
        if not any(weight.requires_grad for part in copies.values() for weight in part.parameters()):
            raise InputError(f"{where}: no network has a weight that learns (requires_grad)")


def hidden_by_execution(parts: Modules, shapes: Shapes) -> dict[str, tuple[str, ...]]:
    """Names of the weights of linear and convolution layers that are neither the first nor the last to run, by part.

    The last are those at the end whose answers have the size of the part's own: a head, or two heads side by side.
    """
    with _undisturbed(), torch.no_grad():
        image, class_probs = _inputs(parts, shapes, 2)
        ran: dict[str, list[tuple[str, int]]] = {name: [] for name in parts}
        hooks = list(itertools.chain.from_iterable(_noting(parts[name], ran[name]) for name in parts))
        try:
            z_mean = parts["encoder"](*(image, class_probs)[: taken(parts["encoder"], "encoder")])[0]
            parts["classifier"](image)
            parts["decoder"](z_mean, class_probs)
        finally:
            for hook in hooks:
                hook.remove()
    latent_dim = z_mean.shape[1]
    heads = {"encoder": {latent_dim, 2 * latent_dim}, "classifier": {shapes.classes}, "decoder": {image[0].numel()}}
    known = {name: dict(part.named_parameters(remove_duplicate=False)) for name, part in parts.items()}
    # A layer whose weight is computed (weight normalisation) has no matrix of its own to move.
    return {
        name: tuple(weight for weight in _between(layers, heads[name]) if weight in known[name])
        for name, layers in ran.items()
    }


def _between(layers: list[tuple[str, int]], heads: set[int]) -> tuple[str, ...]:
    names = list(dict.fromkeys(name for name, _ in layers))
    sizes = dict(layers)
    last = len(names) - 1
    while last > 1 and sizes[names[last]] in heads and sizes[names[last - 1]] in heads:
        last -= 1
    return tuple(names[1:last])


def _noting(part: nn.Module, ran: list[tuple[str, int]]) -> Iterator["torch.utils.hooks.RemovableHandle"]:
    kinds = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)

    def hook_of(name: str) -> Callable[[nn.Module, object, Tensor], None]:
        return lambda _module, _inputs, output: ran.append((name, output[0].numel()))

    for name, layer in part.named_modules():
        if isinstance(layer, kinds):
            yield layer.register_forward_hook(hook_of(f"{name}.weight" if name else "weight"))


def _inputs(parts: Modules, shapes: Shapes, rows: int) -> tuple[Tensor, Tensor]:
    """Images in [0, 1] and class probabilities, where the weights are."""
    source = torch.Generator().manual_seed(rows)
    weights = itertools.chain.from_iterable(
        itertools.chain(part.parameters(), part.buffers()) for part in parts.values()
    )
    device = next((weight.device for weight in weights), torch.device("cpu"))
    image = torch.rand(rows, *shapes.image, generator=source)
    class_probs = torch.randn(rows, shapes.classes, generator=source).softmax(1)
    return image.to(device), class_probs.to(device)


def _far(z: Tensor) -> Tensor:
    noise = torch.randn(z.shape, generator=torch.Generator().manual_seed(0))
    return _FAR * noise.to(z.device)


def _answer(parts: Modules, name: str, inputs: tuple[Tensor, ...], where: str) -> Tensor:
    try:
        answer: Tensor = parts[name](*inputs)
    except Exception as error:  # the user's code may raise anything
        given = " and ".join(f"{_type(tensor)} {list(tensor.shape)}" for tensor in inputs)
        raise InputError(f"{where}: {name} raised {_in_words(error)}, given {given}; {_EXPECTED[name]}") from error
    return answer


def _encoded(parts: Modules, image: Tensor, class_probs: Tensor, where: str) -> tuple[Tensor, Tensor]:
    inputs = (image, class_probs)[: taken(parts["encoder"], "encoder")]
    answer = _answer(parts, "encoder", inputs, where)
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise InputError(f"{where}: encoder returned {_described(answer)}; expected z_mean and z_logvar, each [N, Z]")
    z_mean, z_logvar = answer
    size = z_mean.shape[1] if isinstance(z_mean, Tensor) and z_mean.ndim == 2 else "Z"
    for name, tensor in (("z_mean", z_mean), ("z_logvar", z_logvar)):
        _check_tensor(tensor, (len(image), size), "encoder", name, where)
    return z_mean, z_logvar


def _check_logits(logits: object, rows: int, shapes: Shapes, where: str) -> None:
    _check_tensor(logits, (rows, shapes.classes), "classifier", "class logits", where)
    if isinstance(logits, Tensor) and shapes.classes > 1:
        sums = logits.double().sum(1).cpu() if logits.device.type != "mps" else logits.cpu().double().sum(1)
        if bool((logits >= 0).all()) and bool(((sums - 1).abs() < 1e-4).all()):
            raise InputError(
                f"{where}: classifier returns rows that sum to 1, which seem to be probabilities; expected logits: "
                "leave the softmax out"
            )


def _check_tensor(value: object, shape: tuple[int | str, ...], part: str, name: str, where: str) -> None:
    sizes = f"[{', '.join(map(str, shape))}]"
    if not isinstance(value, Tensor):
        raise InputError(f"{where}: {part} returned {_described(value)}; expected {name}, float32 {sizes}")
    if tuple(value.shape) != shape or value.dtype != torch.float32:
        raise InputError(f"{where}: {part} returned {name} {_described(value)}; expected float32 {sizes}")
    if not bool(value.isfinite().all()):
        raise InputError(f"{where}: {part} returned {name} that is not finite")


def _check_weights(parts: Modules, where: str) -> None:
    for part, module in parts.items():
        for name, weight in module.named_parameters():
            if weight.is_floating_point() and weight.dtype != torch.float32:
                raise InputError(f"{where}: weight {part}.{name} is {_type(weight)}; expected float32")
    if not any(True for module in parts.values() for _ in module.parameters()):
        raise InputError(f"{where}: the networks have no weights")


def _described(value: object) -> str:
    if isinstance(value, Tensor):
        return f"{_type(value)} {list(value.shape)}"
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of {len(value)}"
    return f"a {type(value).__name__}"


def _type(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _in_words(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


@contextmanager
def _undisturbed() -> Iterator[None]:
    """The caller's random numbers stay what they were, whatever a network draws."""
    with torch.random.fork_rng(devices=[]):
        yield
