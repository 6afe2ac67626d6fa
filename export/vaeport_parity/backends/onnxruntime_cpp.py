"""libonnxruntime from C++: the library that the Python wheel carries, and headers from an npm package."""

import importlib.util
import shutil
import subprocess
from pathlib import Path

from .base import ALL_PRECISIONS, Facts, GraphFile, Runner, environment_of, installed_version
from .piped import piped_runner

_HEADERS = "com.github.asus4.onnxruntime"


class OnnxruntimeCpp:
    """A small C++ program, built on the spot."""

    facts = Facts(
        "onnxruntime-cpp",
        module="onnxruntime",
        npm_packages=(f"{_HEADERS}@0.4.9",),
        programs=("g++",),
        precisions=ALL_PRECISIONS,
        any_names=True,
        remark="the wheel's libonnxruntime.so, called from C++",
    )

    def version(self) -> str:
        """Version of the library."""
        return installed_version("onnxruntime")

    def load(self, graph: GraphFile) -> Runner:
        """Build the program, unless the other graph has had it built, and start it."""
        program = self._built(graph.scratch.parent / "program")
        return piped_runner(
            [str(program), str(graph.path), str(len(graph.inputs)), *graph.inputs, *graph.outputs], graph
        )

    def _built(self, program: Path) -> Path:
        spec = importlib.util.find_spec("onnxruntime")
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError("onnxruntime is not installed")
        libraries = sorted(Path(spec.origin).with_name("capi").glob("libonnxruntime.so*"))
        headers = sorted(environment_of(self.facts).rglob("onnxruntime_cxx_api.h"))
        if not libraries or not headers:
            raise ImportError("the wheel has no libonnxruntime.so" if headers else f"{_HEADERS} has no C++ headers")
        if not program.exists():
            source = Path(__file__).with_name("programs") / "onnxruntime.cpp"
            beside = program.parent / "libonnxruntime.so.1"
            shutil.copyfile(libraries[0], beside)
            words = ["g++", "-std=c++17", "-O1", f"-I{headers[0].parent}", str(source), str(beside)]
            built = subprocess.run(
                [*words, "-Wl,-rpath,$ORIGIN", "-o", str(program)], capture_output=True, text=True, check=False
            )
            if built.returncode:
                raise RuntimeError(f"g++ could not build it: {built.stderr.strip()[:300]}")
        return program
