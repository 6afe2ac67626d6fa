"""Captured programs: the same answers as eager code, and nothing that runs from a stranger's file."""

import copy
import json
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from vaeport.errors import BundleError, CheckFailedError
from vaeport_parity.reference.captured import CapturedModule
from vaeport_parity.reference.program import Program, parse_program, program_of


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        rows = x.reshape(-1, 2, 8)
        answer: Tensor = self.attention(rows, rows, rows, need_weights=False)[0]
        return answer.flatten(1)


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(4, 3, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.gru(x.reshape(-1, 4, 4))[0]
        return answer[:, -1]


class Convolutional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1, groups=1),
            nn.BatchNorm2d(4),
            nn.ReLU(inplace=True),
            nn.Conv2d(4, 4, 1, groups=2),
        )

    def forward(self, x: Tensor) -> Tensor:
        hidden: Tensor = self.layers(x.reshape(-1, 1, 4, 4))
        return functional.interpolate(hidden, scale_factor=2.0, mode="bilinear").flatten(1)


class Constants(nn.Module):
    """Tensors that are neither parameters nor buffers, sizes, a type that is named, no_grad inside."""

    def __init__(self) -> None:
        super().__init__()
        self.program = nn.Linear(16, 2)
        self.mean = torch.tensor([0.5])

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            scaled = (x - self.mean) / torch.tensor([2.0]).to(torch.float32)
            ramp = torch.arange(x.shape[0], dtype=torch.float32)[:, None] * 0
            answer: Tensor = self.program(scaled) + ramp + x.shape[0] // x.shape[0]
            return answer


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(16, 16, bias=False)
        self.second = nn.Linear(16, 16, bias=False)
        self.second.weight = self.first.weight

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(self.second(torch.tanh(self.first(x))))


class Named(nn.Sequential):
    """Parts whose names begin with a digit or are no identifiers."""

    def __init__(self) -> None:
        super().__init__(nn.Linear(16, 4), nn.Tanh())
        self.add_module("a-b / c", nn.Linear(4, 2))


NETWORKS = (Attention, Recurrent, Convolutional, Constants, Tied, Named)


def captured(module: nn.Module) -> tuple[Program, dict[str, Tensor]]:
    axes = ({0: torch.export.Dim("batch")},)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a GRU's list of weights is reassigned meanwhile, says torch.export
        return program_of(torch.export.export(module, (torch.rand(3, 16),), dynamic_shapes=axes), ["y"])


def read_back(program: Program) -> Program:
    return parse_program(program.to_json().encode(), "file.json")


@pytest.fixture(scope="module", params=NETWORKS, ids=lambda kind: kind.__name__)
def pair(request: pytest.FixtureRequest) -> tuple[nn.Module, CapturedModule]:
    torch.manual_seed(0)
    module = request.param().eval()
    program, weights = captured(module)
    return module, CapturedModule(read_back(program), weights)


@pytest.mark.parametrize(("dtype", "limit"), [(torch.float32, 1e-6), (torch.float64, 1e-14)])
@pytest.mark.parametrize("batch", [1, 2, 7])
def test_program_answers_as_eager_code_does(
    batch: int, dtype: torch.dtype, limit: float, pair: tuple[nn.Module, CapturedModule]
) -> None:
    module, program = (copy.deepcopy(each).to(dtype) for each in pair)
    if isinstance(module, Constants):
        module.mean = module.mean.to(dtype)
    x = torch.randn(batch, 16, dtype=dtype)

    with torch.no_grad():
        difference = (program(x) - module(x)).abs().max()

    assert program(x).dtype == dtype
    assert float(difference) <= limit


def test_empty_batch_is_answered(pair: tuple[nn.Module, CapturedModule]) -> None:
    assert len(pair[1](torch.zeros(0, 16))) == 0


def test_parameters_keep_the_authors_names(pair: tuple[nn.Module, CapturedModule]) -> None:
    module, program = pair

    assert {name for name, _ in program.named_parameters()} == {name for name, _ in module.named_parameters()}


def test_text_reads_back_equal_and_is_the_same_each_time() -> None:
    program, _ = captured(Convolutional().eval())

    assert read_back(program).to_json() == program.to_json()


def test_keys_name_weights_in_the_file() -> None:
    program, weights = captured(Tied().eval())
    renamed = Program(**{**vars(program), "keys": dict.fromkeys(weights, "shared")})

    module = CapturedModule(read_back(renamed), {"shared": weights["first.weight"]})

    assert module.get_parameter("first.weight") is module.get_parameter("second.weight")


def test_missing_weight_is_named() -> None:
    program, weights = captured(Tied().eval())
    del weights["first.weight"]

    with pytest.raises(BundleError, match=r"needs the weight 'first\.weight', which is not there"):
        CapturedModule(program, weights)


def test_default_type_is_what_it_was_after_a_run_in_float64(pair: tuple[nn.Module, CapturedModule]) -> None:
    copy.deepcopy(pair[1]).double()(torch.rand(1, 16, dtype=torch.float64))

    assert torch.get_default_dtype() == torch.float32


class Dropping(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return functional.dropout(x, 0.5, training=True)


class Sampling(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.randn_like(x)


class Unset(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.empty(1) + x


class Untracked(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(16, track_running_stats=False)

    def forward(self, x: Tensor) -> Any:
        return self.norm(x)


@pytest.mark.parametrize(
    ("module", "complaint"),
    [
        (Dropping().eval(), r"dropout in training mode; call \.eval\(\)"),
        (Sampling().eval(), "randomness; sample outside of it"),
        (Unset().eval(), "aten.empty"),
        (Untracked().eval(), "BatchNorm without running statistics"),
        (nn.BatchNorm1d(16), r"BatchNorm in training mode; call \.eval\(\)"),
    ],
)
def test_what_makes_no_reference_is_refused(module: nn.Module, complaint: str) -> None:
    with pytest.raises(CheckFailedError, match=complaint):
        captured(module)


def crafted(**changes: Any) -> bytes:
    """The text of a small program, with something of an attacker's in it."""
    values: dict[str, Any] = {
        "format": 1,
        "inputs": ["x"],
        "outputs": ["y"],
        "tensors": {},
        "buffers": [],
        "nodes": [{"name": "y", "target": "aten.relu.default", "args": [{"ref": "x"}], "kwargs": {}}],
        "results": [{"ref": "y"}],
        "keys": {},
    }
    return json.dumps({**values, **changes}).encode()


def calling(target: str, *args: Any, **kwargs: Any) -> bytes:
    return crafted(nodes=[{"name": "y", "target": target, "args": list(args), "kwargs": kwargs}])


X = {"ref": "x"}
ATTACKS = {
    "reads a file": calling("aten.from_file.default", "/etc/passwd", False, 10),
    "saves a file": calling("aten.save.default", X),
    "sets storage": calling("aten.set_.source_Tensor", X, X),
    "internal operator": calling("aten._assert_async.default", X),
    "internal memory": calling("aten._reinterpret_tensor.default", X, [9], [1]),
    "uninitialised memory": calling("aten.empty.memory_format", [1000]),
    "other library": calling("prims.copy_to.default", X, X),
    "python function": calling("os.system", "touch /tmp/never"),
    "builtin": calling("eval", "1"),
    "attribute of the packet": calling("aten.relu.__init__", X),
    "attribute of the library": calling("aten.__class__.default", X),
    "attribute of operator": calling("attrgetter", "x"),
    "attribute of math": calling("math.__loader__", X),
    "format 2": crafted(format=2),
    "dunder input": crafted(inputs=["x", "a.b"]),
    "path with a gap": crafted(tensors={"w": "a..b"}),
    "path that climbs": crafted(tensors={"w": "../w"}),
    "read before it is made": calling("aten.relu.default", {"ref": "z"}),
    "made twice": crafted(nodes=[{"name": "x", "target": "aten.relu.default", "args": [X], "kwargs": {}}]),
    "unknown kind": calling("aten.relu.default", {"code": "1"}),
    "float as code": calling("aten.mul.Tensor", X, {"float": "__import__('os')"}),
    "other device": calling("aten.zeros.default", [1], device={"device": "cuda"}),
    "unknown type": calling("aten.zeros.default", [1], dtype={"dtype": "__class__"}),
    "two results": crafted(results=[X, X]),
    "no object": b"[]",
    "no JSON": b"\x80\x04pickle",
    "nested deeply": b'{"format": 1, "inputs": ' + b"[" * 100_000,
    "nested arguments": crafted(results=[json.loads("[" * 500 + "]" * 500)]).replace(
        b"[" * 400, b"[" * 400 + b"[" * 100_000
    ),
    "keys missing": crafted().replace(b'"keys"', b'"kexs"'),
}


@pytest.mark.parametrize("content", list(ATTACKS.values()), ids=list(ATTACKS))
def test_crafted_file_is_refused_before_anything_runs(content: bytes) -> None:
    with pytest.raises(BundleError, match=r"^file\.json is no captured program"):
        parse_program(content, "file.json")


@pytest.mark.parametrize("path", ["__class__.x", "forward", "training.x", "_parameters.x", "state_dict", "__dict__"])
def test_weight_with_the_name_of_an_attribute_is_refused(path: str) -> None:
    program = parse_program(crafted(tensors={"w": path}), "file.json")

    with pytest.raises(BundleError, match="no module can have a weight named"):
        CapturedModule(program, {path: torch.zeros(1)})


@pytest.mark.parametrize(
    "nodes",
    [
        [("a", "mul", [[0], 10**10]), ("y", "aten.relu.default", [X])],
        [("a", "add", ["text", "text"]), ("y", "aten.relu.default", [X])],
        [("a", "pow", [10, 10**10]), ("y", "aten.relu.default", [X])],
        [("y", "aten.zeros.default", [[10**15]])],
    ],
    ids=["list", "text", "power", "zeros"],
)
def test_huge_values_end_in_an_error_and_not_in_a_full_memory(nodes: list[tuple[str, str, list[Any]]]) -> None:
    made = [{"name": name, "target": target, "args": args, "kwargs": {}} for name, target, args in nodes]
    module = CapturedModule(parse_program(crafted(nodes=made), "file.json"), {})

    with pytest.raises((ValueError, RuntimeError)):
        module(torch.zeros(1))


def test_program_that_names_a_type_computes_in_float64_all_the_same() -> None:
    program = parse_program(
        calling("aten.to.dtype", X, {"dtype": "float32"}),
        "file.json",
    )

    assert CapturedModule(program, {})(torch.zeros(1, dtype=torch.float64)).dtype == torch.float64


class _Fuse:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.path,)


def test_pickle_in_place_of_a_program_is_not_unpickled(tmp_path: Path) -> None:
    content = pickle.dumps(_Fuse(tmp_path / "ran"))

    with pytest.raises(BundleError):
        parse_program(content, "file.json")

    assert not (tmp_path / "ran").exists()
