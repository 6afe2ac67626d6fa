"""onnxruntime for JavaScript in Node: the native addon, and the WebAssembly that browsers run."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .base import ALL_PRECISIONS, Facts, GraphFile, Runner
from .piped import piped_runner


@dataclass(frozen=True)
class OnnxruntimeJs:
    """onnxruntime-node or onnxruntime-web."""

    package: Literal["onnxruntime-node", "onnxruntime-web"]
    """Its npm package."""

    @property
    def facts(self) -> Facts:
        """Both live in one environment."""
        return Facts(
            self.package,
            npm_packages=("onnxruntime-node", "onnxruntime-web"),
            program="node",
            precisions=ALL_PRECISIONS,
            environment="onnxruntime-js",
            remark="native addon in Node" if self.package == "onnxruntime-node" else "WebAssembly, in Node",
        )

    def version(self) -> str:
        """Version of the npm package."""
        path = self._folder() / "node_modules" / self.package / "package.json"
        return str(json.loads(path.read_text())["version"])

    def load(self, graph: GraphFile) -> Runner:
        """A session in a Node process of its own."""
        script = Path(__file__).with_name("programs") / "onnxruntime.mjs"
        spec = json.dumps({"inputs": dict(graph.inputs), "outputs": dict(graph.outputs)})
        return piped_runner(["node", str(script), str(self._folder()), self.package, str(graph.path), spec], graph)

    def _folder(self) -> Path:
        from vaeport_export.parity.environments import environment_of

        return environment_of(self.facts)
