"""The limits of graphs, as numbers: a change of one is a change of what strangers may send."""

from vaeport.graph import limits


def test_limits_of_graphs_are_those_that_are_stated() -> None:
    named = {name: value for name, value in vars(limits).items() if name.startswith(("MAX_", "MIN_"))}

    assert named == {
        "MAX_MODEL_BYTES": 2_147_483_647,
        "MAX_FIELDS": 500_000,
        "MAX_GRAPH_DEPTH": 8,
        "MAX_TYPE_DEPTH": 8,
        "MAX_NODES": 10_000,
        "MAX_TENSORS": 50_000,
        "MAX_NODE_TENSORS": 1024,
        "MAX_ATTRIBUTES": 64,
        "MAX_RANK": 16,
        "MAX_DIM": 1_099_511_627_776,
        "MAX_NAME": 1024,
        "MAX_TEXT_BYTES": 1_048_576,
        "MIN_IR_VERSION": 3,
        "MAX_IR_VERSION": 13,
        "MIN_OPSET": 7,
        "MAX_OPSET": 24,
        "MAX_KNOWN_VALUES": 4096,
        "MAX_ROW_ELEMENTS": 33_554_432,
        "MAX_BATCH_ELEMENTS": 67_108_864,
        "MAX_LIVE_BYTES": 402_653_184,
        "MAX_ROW_WORK": 17_179_869_184,
        "MAX_BATCH_WORK": 34_359_738_368,
    }
