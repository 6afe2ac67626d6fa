"""The operators and limits that docs/security.md states, as text made from the code: a test keeps the page true.

Print it with: python -m tests.runtime.graph.allowed
"""

import textwrap

from vaeport.graph import limits
from vaeport.graph.shapes.table import OPERATORS

ROWS = {
    "one file": f"{limits.MAX_MODEL_BYTES:,} bytes, {limits.MAX_FIELDS:,} fields of protobuf",
    "nodes, tensors": f"{limits.MAX_NODES:,} nodes, {limits.MAX_TENSORS:,} weights and constants",
    "one node": f"{limits.MAX_NODE_TENSORS:,} inputs, as many outputs, {limits.MAX_ATTRIBUTES} attributes",
    "names and other texts": f"{limits.MAX_NAME:,} and {limits.MAX_TEXT_BYTES:,} bytes",
    "one tensor": f"{limits.MAX_RANK} axes; {limits.MAX_ROW_ELEMENTS:,} elements for a batch of one row, "
    f"{limits.MAX_BATCH_ELEMENTS:,} for any batch",
    "all tensors held at one time": f"{limits.MAX_LIVE_BYTES // 2**20} MiB, weights not counted",
    "work": f"{limits.MAX_ROW_WORK:,} steps for one row, {limits.MAX_BATCH_WORK:,} for a batch; "
    "a step is a multiply-add of float32",
    "versions": f"opset {limits.MIN_OPSET} to {limits.MAX_OPSET}, IR version {limits.MIN_IR_VERSION} to "
    f"{limits.MAX_IR_VERSION}",
}
"""What is limited, and to what."""


def limits_table() -> str:
    """The limits as a table in Markdown."""
    return "\n".join(
        ["| of a graph | limit |", "|---|---|", *(f"| {what} | {limit} |" for what, limit in ROWS.items())]
    )


def operator_list() -> str:
    """The operators in the order of the alphabet, in lines of a page."""
    return textwrap.fill(", ".join(f"`{name}`" for name in sorted(OPERATORS)) + ".", width=140, break_on_hyphens=False)


if __name__ == "__main__":
    print(limits_table(), operator_list(), sep="\n\n")
