"""onnxruntime for JavaScript: the native addon, and the WebAssembly that browsers run, in Node and in a browser."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .base import ALL_PRECISIONS, Facts, GraphFile, Runner, environment_of
from .piped import piped_runner

_ENVIRONMENT = "onnxruntime-js"
_PACKAGES = ("onnxruntime-node", "onnxruntime-web", "playwright-core")
_NPM_OPTIONS = ("--onnxruntime-node-install=skip",)  # the node package's own step would download CUDA


@dataclass(frozen=True)
class OnnxruntimeJs:
    """onnxruntime-node or onnxruntime-web in Node."""

    package: Literal["onnxruntime-node", "onnxruntime-web"]
    """Its npm package."""

    @property
    def facts(self) -> Facts:
        """Both live in one environment."""
        return Facts(
            self.package,
            npm_packages=_PACKAGES,
            npm_options=_NPM_OPTIONS,
            programs=("node",),
            precisions=ALL_PRECISIONS,
            any_names=True,
            environment=_ENVIRONMENT,
            remark="native addon in Node" if self.package == "onnxruntime-node" else "WebAssembly, in Node",
        )

    def version(self) -> str:
        """Version of the npm package.

        Raises:
            ImportError: the environment lacks it.
        """
        return _npm_version(self.facts, self.package)

    def load(self, graph: GraphFile) -> Runner:
        """A session in a Node process of its own."""
        words = [str(environment_of(self.facts)), self.package, str(graph.path), _names(graph)]
        return piped_runner(["node", _script("onnxruntime.mjs"), *words], graph)


@dataclass(frozen=True)
class OnnxruntimeChromium:
    """onnxruntime-web in headless Chromium, which Node drives and serves: WebAssembly, or WebGPU without a GPU."""

    webgpu: bool = False
    """Whether it is the WebGPU provider, on SwiftShader, the software adapter that Chromium brings."""

    @property
    def facts(self) -> Facts:
        """`onnxruntime-chromium` or `onnxruntime-chromium-webgpu`."""
        return Facts(
            "onnxruntime-chromium-webgpu" if self.webgpu else "onnxruntime-chromium",
            npm_packages=_PACKAGES,
            npm_options=_NPM_OPTIONS,
            programs=("node", "chromium"),
            precisions=ALL_PRECISIONS,
            any_names=True,
            environment=_ENVIRONMENT,
            counts=not self.webgpu,
            emulated_device=self.webgpu,
            remark="WebGPU in a page of headless Chromium, on its software adapter SwiftShader"
            if self.webgpu
            else "WebAssembly in a page of headless Chromium, timed with the way there and back",
        )

    def version(self) -> str:
        """Version of onnxruntime-web, and Chromium's.

        Raises:
            ImportError: the environment lacks onnxruntime-web or what drives Chromium.
        """
        _npm_version(self.facts, "playwright-core")
        told = subprocess.run([_chromium(), "--version"], capture_output=True, text=True, check=False).stdout.split()
        return f"{_npm_version(self.facts, 'onnxruntime-web')} in {' '.join(told[:2]) or 'Chromium'}"

    def load(self, graph: GraphFile) -> Runner:
        """A session in a page of a browser of its own, which ends with the Node process that drives it."""
        words = [str(environment_of(self.facts)), _chromium(), str(graph.scratch), str(graph.path)]
        words.append(_names(graph, provider="webgpu" if self.webgpu else "wasm"))
        return piped_runner(["node", _script("chromium.mjs"), *words], graph)


def _npm_version(facts: Facts, package: str) -> str:
    path = environment_of(facts) / "node_modules" / package / "package.json"
    if not path.is_file():
        raise ModuleNotFoundError(f"the npm package {package} is not installed in {environment_of(facts)}")
    return str(json.loads(path.read_text())["version"])


def _chromium() -> str:
    return shutil.which("chromium") or "chromium"


def _script(name: str) -> str:
    return str(Path(__file__).with_name("programs") / name)


def _names(graph: GraphFile, **words: str) -> str:
    """Path of a file with the names of inputs and outputs, which may be too long for a command line."""
    path = graph.scratch / "names.json"
    path.write_text(json.dumps({"inputs": list(graph.inputs), "outputs": list(graph.outputs), **words}))
    return str(path)
