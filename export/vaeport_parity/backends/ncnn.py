"""ncnn on the CPU, converted by pnnx; it knows no batch, so rows go one by one."""

import importlib
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .base import Facts, GraphFile, Runner, installed_version, row_by_row

_HALVES = ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage")
_WINOGRAD = "use_winograd_convolution"


@dataclass(frozen=True)
class Ncnn:
    """ncnn in float32, or as it comes."""

    exact: bool
    """Whether weights and arithmetic are float32 and convolutions summed directly, which Winograd's are not."""

    @property
    def facts(self) -> Facts:
        """`ncnn` or `ncnn-default`."""
        return Facts(
            "ncnn" if self.exact else "ncnn-default",
            module="ncnn",
            packages=("ncnn", "numpy", "pnnx"),
            environment="ncnn",
            counts=self.exact,
            empty_batch=False,
            remark="rows one by one, converted with fp16=0, use_winograd_convolution off"
            if self.exact
            else "rows one by one, as it comes: weights rounded to float16, Winograd's convolution",
        )

    def version(self) -> str:
        """Version of ncnn."""
        return installed_version("ncnn")

    def load(self, graph: GraphFile) -> Runner:
        """Convert a copy with one row, which is all that ncnn has, then load.

        Raises:
            RuntimeError: pnnx cannot convert the file; on a run, where ncnn says so.
        """
        ncnn: Any = importlib.import_module("ncnn")
        copy = graph.scratch / f"{graph.name}.onnx"
        shutil.copyfile(graph.path, copy)
        shapes = ",".join(f"[{','.join(map(str, (1, *shape)))}]" for shape in graph.inputs.values())
        _convert(copy, [f"inputshape={shapes}", *(["fp16=0"] if self.exact else [])])
        network = ncnn.Net()
        if self.exact:
            for option in (*_HALVES, _WINOGRAD):
                setattr(network.opt, option, False)
        network.opt.use_vulkan_compute = False
        network.opt.num_threads = 1
        base = copy.with_suffix("")
        network.load_param(f"{base}.ncnn.param")
        network.load_model(f"{base}.ncnn.bin")

        def run(inputs: dict[str, NDArray[Any]]) -> dict[str, Any]:
            extractor = network.create_extractor()
            for index, values in enumerate(inputs.values()):
                # A clone, since a Mat over an array's memory does not keep the array alive.
                extractor.input(f"in{index}", ncnn.Mat(np.ascontiguousarray(values[0])).clone())
            answers = {}
            for index, name in enumerate(graph.outputs):
                status, answer = extractor.extract(f"out{index}")
                if status:
                    raise RuntimeError(f"ncnn could not compute {name}: {status}")
                answers[name] = np.array(answer)
            return answers

        return row_by_row(run, graph.outputs)


def _convert(model: Path, options: list[str]) -> None:
    program = Path(importlib.import_module("ncnn").__file__ or "").parents[1] / "pnnx/pnnx"  # its module needs torch
    done = subprocess.run(
        [program, model.name, *options], cwd=model.parent, capture_output=True, text=True, check=False
    )
    if not model.with_suffix("").with_suffix(".ncnn.param").is_file():
        raise RuntimeError(f"pnnx could not convert {model.name}: {(done.stderr or done.stdout).strip()[-300:]}")
