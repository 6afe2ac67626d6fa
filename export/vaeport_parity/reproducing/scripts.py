"""The script of a reproducer: what runs one graph on one runtime, without anything of this package."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from string import Template

from ..backends.base import Facts
from .case import Case

_CHANNELS_FIRST = ("Conv", "Pool", "BatchNorm", "InstanceNorm", "GroupNorm", "Resize", "DepthToSpace", "SpaceToDepth")
_IMAGE_RANKS = (3, 4, 5)

GENERIC = "generic"
"""Template for backends that have none: it runs them through this package."""


@dataclass(frozen=True)
class Body:
    """How one backend runs a graph in a script."""

    template: str
    """Name of the template, a file in `scripts`."""
    words: Mapping[str, str] = field(default_factory=dict)
    """What is put into it."""


_LEVELS = {"none": "DISABLE_ALL", "basic": "ENABLE_BASIC", "extended": "ENABLE_EXTENDED", "all": "ENABLE_ALL"}

_BODIES: dict[str, Body] = {
    **{
        f"onnxruntime-{name}": Body("onnxruntime", {"level": f"ORT_{level}", "provider": '"CPUExecutionProvider"'})
        for name, level in _LEVELS.items()
    },
    **{
        f"onnxruntime-cuda{end}": Body(
            "onnxruntime",
            {"level": "ORT_ENABLE_ALL", "provider": f'("CUDAExecutionProvider", {{"use_tf32": "{tf32}"}})'},
        )
        for end, tf32 in (("", 0), ("-tf32", 1))
    },
    "onnxruntime-node": Body("node", {"package": "onnxruntime-node"}),
    "onnxruntime-web": Body("node", {"package": "onnxruntime-web"}),
    "onnx-reference": Body("onnx-reference"),
    "openvino": Body("openvino", {"options": '"INFERENCE_PRECISION_HINT": "f32"'}),
    "openvino-default": Body("openvino", {"options": ""}),
    "tract": Body("tract"),
    "tract-newest": Body("tract"),
    "iree": Body("iree"),
    "tvm": Body("tvm"),
    "mnn": Body("mnn", {"precision": ', "precision": "high"', "hint": "\n    manager.set_hint(3, 0)  # no Winograd"}),
    "mnn-default": Body("mnn", {"precision": "", "hint": ""}),
    "ncnn": Body("ncnn", {"options": ', "fp16=0"', "settings": "net.opt.use_winograd_convolution = False"}),
    "ncnn-default": Body("ncnn", {"options": "", "settings": "net.opt.use_vulkan_compute = False"}),
    "litert": Body("litert"),
    "jax": Body("jax"),
    "tinygrad": Body("tinygrad"),
    "opencv": Body("opencv"),
}


def script_for(backend: str, case: Case, *, title: str, needs: str, shown: str = "", generic: bool = False) -> str:
    """Text of a Python script that lies beside `model.onnx`, `inputs.npz` and `expected.npz`.

    Args:
        backend: name of the backend; one with a version behind `==` is run as the one without.
        case: the graph that it runs.
        title: what is wrong, a sentence without a full stop.
        needs: what must be installed.
        shown: where the fault is that there is no answer, the condition in Python by which `done`, a finished process,
            shows it; empty where the answer is wrong.
        generic: whether the backend is run through this package, although it has a template.
    """
    body = Body(GENERIC) if generic else body_of(backend)
    names = {"output": repr(case.output), "graph": repr(case.model.graph.name)}  # a stranger's, and not code
    words = {**names, "backend": repr(backend), **body.words, **_layout(case)}
    text = Template(_read(body.template)).substitute(words).rstrip("\n")
    frame = Template(_read("silent" if shown else "wrong"))
    return frame.substitute(title=re.sub(r"[^\w ,.()+=-]", "_", title), needs=needs, body=text, shown=shown)


def body_of(backend: str) -> Body:
    """How a backend runs a graph in a script."""
    name = re.split(r"[=<>~!@]", backend)[0]
    return _BODIES.get(name) or _BODIES.get(f"{name}-all") or Body(GENERIC)


def requirements(facts: Facts, template: str, version: str) -> str:
    """What a script needs, in words: requirements with the version in which the fault was found.

    Args:
        facts: of the backend.
        template: name of the script's template.
        version: version of its software; empty where it is not known.
    """
    if template == GENERIC:
        return f"vaeport with the export extra, and its backend {facts.name}"
    if facts.npm_packages:
        return f"numpy, node, and here: npm install {facts.name}" + (f"@{version}" if version else "")
    packages = facts.packages or (facts.module, "numpy")
    first = packages[0]
    number = re.match(r"[\w.+-]+", version)
    if number and not re.search(r"[=<>]", first):
        first = f"{first}=={number.group().partition('+')[0]}"
    words = [f"'{each}'" if re.search(r"[<>*\[]", each) else each for each in (first, *packages[1:])]
    variables = ", ".join(f"{name}={value}" for name, value in facts.variables.items())
    return f"pip install {' '.join(words)}" + (f" (and {variables} in the environment)" if variables else "")


def _read(name: str) -> str:
    return (files("vaeport_parity.reproducing") / "scripts" / f"{name}.py.txt").read_text(encoding="utf-8")


def _layout(case: Case) -> dict[str, str]:
    """For onnx2tf: which inputs have channels first, and how its answer, with channels last, becomes ONNX's."""
    has_channels = any(any(word in node.op_type for word in _CHANNELS_FIRST) for node in case.model.graph.node)
    images = [name for name, values in case.inputs.items() if has_channels and values.ndim in _IMAGE_RANKS]
    others = [name for name in case.inputs if name not in images]
    options = {
        "keep_ncw_or_nchw_or_ncdhw_input_names": images,
        "keep_shape_absolutely_input_names": others,
    }
    answer = 'net.get_tensor(net.get_output_details()[0]["index"])'
    if images and case.exact.ndim in _IMAGE_RANKS:
        answer = f"np.moveaxis({answer}, -1, 1)"
    return {"layout": ", ".join(f"{name}={value}" for name, value in options.items() if value), "answer": answer}
