"""The device that was asked for runs, or an error says why not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import vaeport
from tests.runtime.tampering import reseal
from vaeport.errors import BundleError, DeviceError, InputError
from vaeport.sessions.devices import parse_device
from vaeport.sessions.session import SessionOptions, import_onnxruntime, open_session

MODEL = (Path(__file__).parent / "tiny/fp32/decoder/model.onnx").read_bytes()

has_cuda = "CUDAExecutionProvider" in import_onnxruntime().get_available_providers()
without_cuda = pytest.mark.skipif(has_cuda, reason="this onnxruntime has CUDA")


@pytest.mark.parametrize(
    ("device", "parsed"),
    [
        ("cpu", ("cpu", 0)),
        ("cuda", ("cuda", 0)),
        ("cuda:0", ("cuda", 0)),
        ("cuda:12", ("cuda", 12)),
        ("auto", ("auto", 0)),
    ],
)
def test_device_is_kind_and_index(device: str, parsed: tuple[str, int]) -> None:
    assert parse_device(device) == parsed


@pytest.mark.parametrize(
    "device",
    ["", "gpu", "CPU", "cpu:0", "cuda:", "cuda:-1", "cuda:x", "cuda:1.0", "cuda:٣", "cuda:1:2", "auto:0", " cpu"],
)
def test_unknown_device_raises_input_error(device: str) -> None:
    with pytest.raises(InputError, match="must be 'cpu', 'cuda', 'cuda:N' or 'auto'"):
        SessionOptions(device)


@pytest.mark.parametrize("threads", [0, -1, 10**12])
def test_number_of_threads_out_of_range_raises_input_error(threads: int) -> None:
    with pytest.raises(InputError, match=f"threads is {threads}"):
        SessionOptions(threads=threads)


def test_bad_option_is_told_before_the_bundle_is_read() -> None:
    with pytest.raises(InputError, match="device"):
        vaeport.load("no-such-bundle", device="gpu")


@without_cuda
@pytest.mark.parametrize("device", ["cuda", "cuda:1"])
def test_cuda_request_without_gpu_raises_device_error(device: str) -> None:
    with pytest.raises(DeviceError, match=rf"{device}.* was asked for, but .*vaeport\[cuda\]"):
        open_session(MODEL, SessionOptions(device))


@without_cuda
def test_auto_falls_back_and_says_so() -> None:
    opened = open_session(MODEL, SessionOptions("auto"))

    assert opened.device == "cpu"
    assert opened.providers == ("CPUExecutionProvider",)


def test_cpu_runs_on_the_cpu_alone() -> None:
    opened = open_session(MODEL, SessionOptions())

    assert opened.device == "cpu"
    assert opened.session.get_providers() == ["CPUExecutionProvider"]


@pytest.mark.parametrize("provider", ["CPUExecutionProvider", ("CPUExecutionProvider", {"use_arena": "0"})])
def test_providers_are_passed_through(provider: str | tuple[str, dict[str, str]], tiny_bundle: Path) -> None:
    model = vaeport.load(tiny_bundle, providers=[provider])

    assert model.providers == ("CPUExecutionProvider",)
    assert model.device == "CPUExecutionProvider"


@pytest.mark.parametrize("provider", ["NoSuchExecutionProvider", "TensorrtExecutionProvider"])
def test_provider_that_is_not_available_raises_device_error(
    provider: str, tiny_bundle: Path, recwarn: pytest.WarningsRecorder
) -> None:
    with pytest.raises(DeviceError, match=provider):
        vaeport.load(tiny_bundle, providers=[provider]).providers  # noqa: B018 - asking opens the session

    assert not [str(warning.message) for warning in recwarn]


def test_threads_reach_the_session() -> None:
    assert open_session(MODEL, SessionOptions(threads=3)).session.get_session_options().intra_op_num_threads == 3


@pytest.mark.parametrize("content", [b"", b"no graph", MODEL[:-50]])
def test_graph_that_onnxruntime_cannot_load_raises_bundle_error(content: bytes) -> None:
    with pytest.raises(BundleError, match="onnxruntime .* cannot load the graph"):
        open_session(content, SessionOptions())


@pytest.mark.parametrize("content", [b"", b"no graph", MODEL[:-50]])
def test_graph_that_cannot_be_read_is_refused_at_load(content: bytes, tiny_bundle: Path) -> None:
    reseal(tiny_bundle, "fp32/decoder/model.onnx", content)

    with pytest.raises(BundleError, match=r"fp32/decoder/model\.onnx") as caught:
        vaeport.load(tiny_bundle).generate("cat")

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("given", "seen"), [(None, "1"), ("0", "0"), ("", "")])
def test_telemetry_is_off_unless_the_user_decides(given: str | None, seen: str) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "ORT_DISABLE_TELEMETRY"}
    code = """
import os, sys
from vaeport.sessions.session import import_onnxruntime
class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "onnxruntime":
            print(os.environ.get("ORT_DISABLE_TELEMETRY"))
sys.meta_path.insert(0, Watch())
import_onnxruntime()
"""
    if given is not None:
        environment["ORT_DISABLE_TELEMETRY"] = given

    answer = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, timeout=60
    )

    assert answer.stdout == f"{seen}\n"


def test_importing_vaeport_imports_nothing_slow_beside_numpy_and_pillow() -> None:
    code = """
import sys
import numpy, PIL.Image
before = set(sys.modules)
import vaeport, vaeport.cli, vaeport.cli.classify
slow = {"onnxruntime", "torch", "importlib.metadata", "email", "PIL.ImageFont", "ctypes"}
print(*sorted(slow & set(sys.modules) - before))
"""

    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert answer.stdout == "\n"
