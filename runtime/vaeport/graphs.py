"""A graph of a bundle in a session of its own, checked against the contract before it runs."""

from .bundle import Bundle
from .contract import GRAPHS
from .errors import BundleError
from .sessions import OpenSession, SessionOptions, open_session


def open_graph(bundle: Bundle, graph: str, precision: str, options: SessionOptions) -> OpenSession:
    """Open a session on one graph of a bundle.

    Raises:
        SealError: the file is not the one that was sealed.
        BundleError: onnxruntime cannot load it, or it has other inputs, outputs or sizes than the manifest says.
        DeviceError: the requested device would not run it.
    """
    spec, shapes = GRAPHS[graph], bundle.manifest.shapes
    opened = open_session(bundle.read(spec.file(precision)), options)
    for kind, names, values in (
        ("inputs", spec.inputs, opened.session.get_inputs()),
        ("outputs", spec.outputs, opened.session.get_outputs()),
    ):
        found = [(value.name, value.type, tuple(value.shape[1:])) for value in values]
        expected = [(name, "tensor(float)", shapes.row(name)) for name in names]
        if found != expected:
            raise BundleError(f"{bundle.path}: {spec.file(precision)} has the {kind} {found}, but must have {expected}")
    return opened
