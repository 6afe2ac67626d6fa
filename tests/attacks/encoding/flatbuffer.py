"""Give a model in onnxruntime's own format, whose reader trusts offsets in the file."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import with_decoder_bytes
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    import onnxruntime

    def change(content: bytes) -> bytes:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.optimized_model_filepath = str(folder / "model.ort")
        options.add_session_config_entry("session.save_model_format", "ORT")
        onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        return (folder / "model.ort").read_bytes()

    return with_decoder_bytes(folder, change)


CASE = Attack(make, load, BundleError, "ORT", after="mutated ORT flatbuffers that crash onnxruntime")
