import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper
from onnx.reference import ReferenceEvaluator

from tests.export.material import rewritten
from tests.train.test_conv import narrow_conv
from vaeport.contract import Shapes
from vaeport.errors import CheckFailedError
from vaeport_export.graph.onnx_file import GraphDescription, export_graph
from vaeport_export.graph.spelling import spell_out_pixel_shuffles
from vaeport_export.modules.vae import DecoderGraph
from vaeport_train.networks.vae import ConditionalVAE

CHANNELS, HEIGHT, WIDTH = 5, 3, 4


def one_depth_to_space(mode: str = "CRD", block: int = 2, height: int | str = HEIGHT) -> ModelProto:
    """`scaled` is what DepthToSpace gives of twice the image."""
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", CHANNELS * block**2, height, WIDTH])
    rows = height * block if isinstance(height, int) else "rows"
    wanted = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", CHANNELS, rows, WIDTH * block])
    nodes = [
        helper.make_node("Add", ["x", "x"], ["twice"], "add"),
        helper.make_node("DepthToSpace", ["twice"], ["moved"], "shuffle", mode=mode, blocksize=block),
        helper.make_node("Identity", ["moved"], ["y"], "out"),
    ]
    graph = helper.make_graph(nodes, "graph", [given], [wanted])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def image(batch: int, block: int) -> NDArray[np.float32]:
    return np.random.default_rng(batch).standard_normal((batch, CHANNELS * block**2, HEIGHT, WIDTH), np.float32)


def in_onnxruntime(model: ModelProto, x: NDArray[np.float32]) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"x": x})[0])


@pytest.mark.parametrize("batch", [0, 1, 2, 7, 257])
@pytest.mark.parametrize("block", [2, 3])
def test_same_values_as_depth_to_space_in_every_batch(block: int, batch: int) -> None:
    x, original = image(batch, block), one_depth_to_space(block=block)
    replaced = rewritten(original, spell_out_pixel_shuffles)

    expected = torch.nn.functional.pixel_shuffle(torch.from_numpy(2 * x), block).numpy()
    (by_the_standard,) = ReferenceEvaluator(replaced).run(None, {"x": x})

    np.testing.assert_array_equal(in_onnxruntime(original, x), expected)
    np.testing.assert_array_equal(in_onnxruntime(replaced, x), expected)
    np.testing.assert_array_equal(np.asarray(by_the_standard), expected)


def test_the_rest_of_the_graph_and_its_order_stay() -> None:
    nodes = [(node.name, node.op_type) for node in rewritten(one_depth_to_space(), spell_out_pixel_shuffles).graph.node]

    assert nodes == [
        ("add", "Add"),
        ("shuffle_reshape_0", "Reshape"),
        ("shuffle_transpose_0", "Transpose"),
        ("shuffle_reshape_1", "Reshape"),
        ("shuffle_transpose_1", "Transpose"),
        ("shuffle_reshape_2", "Reshape"),
        ("out", "Identity"),
    ]


def test_batch_stays_known_by_its_name() -> None:
    typed = onnx.shape_inference.infer_shapes(
        rewritten(one_depth_to_space(), spell_out_pixel_shuffles), data_prop=True
    ).graph

    moved = next(info for info in typed.value_info if info.name == "moved")
    sizes = [d.dim_param or d.dim_value for d in moved.type.tensor_type.shape.dim]
    assert sizes == ["batch", CHANNELS, 2 * HEIGHT, 2 * WIDTH]


def test_other_mode_is_left_alone() -> None:
    original = one_depth_to_space(mode="DCR")

    assert rewritten(original, spell_out_pixel_shuffles) == original


def test_image_of_no_fixed_size_is_refused() -> None:
    with pytest.raises(CheckFailedError, match="node 'shuffle' shuffles pixels of an image whose size"):
        spell_out_pixel_shuffles(one_depth_to_space(height="rows"))


def test_exported_decoder_shuffles_in_plain_operators_and_answers_as_pytorch_does() -> None:
    torch.manual_seed(0)
    shapes = Shapes((3, 16, 24), 3, 5)
    decoder = DecoderGraph(ConditionalVAE(narrow_conv().network, shapes)).eval()
    z, class_probs = torch.randn(7, 3), torch.full((7, 5), 0.2)

    content = export_graph(decoder, "decoder", GraphDescription("narrow", tuple("abcde"), shapes))

    model = onnx.load_model_from_string(content)
    assert "DepthToSpace" not in {node.op_type for node in model.graph.node}
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    (answer,) = session.run(None, {"z": z.numpy(), "class_probs": class_probs.numpy()})
    with torch.no_grad():
        np.testing.assert_allclose(answer, decoder(z, class_probs).numpy(), rtol=0, atol=1e-6)
