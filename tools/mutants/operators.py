"""The small changes that are made to a source file, one at a time, and where each of them stands.

Left alone is what no behaviour hangs on: docstrings, annotations and type aliases, decorators, `__all__`, the wording
of errors and other prose, blocks for type checkers only, `strict` of zip (the code checks itself, and cannot fail), and
arguments of `kill` (a wrong signal could hit a stranger).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}

_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitAnd,
}

_PAIRS = (
    ("min", "max"),
    ("any", "all"),
    ("minimum", "maximum"),
    ("argmin", "argmax"),
    ("floor", "ceil"),
    ("sin", "cos"),
    ("startswith", "endswith"),
    ("removeprefix", "removesuffix"),
    ("ljust", "rjust"),
    ("lstrip", "rstrip"),
    ("split", "rsplit"),
    ("partition", "rpartition"),
    ("mean", "sum"),
)
_NAMES = {one: other for pair in _PAIRS for one, other in (pair, pair[::-1])} | {"sorted": "list", "abs": "float"}

_SILENT_CALLS = {"cast", "TypeVar", "print", "fail", "kill", "killpg", "add_argument"}
"""Calls whose arguments are prose, types, or better not tried."""

_FLOAT_FACTOR = 1.5


@dataclass(frozen=True)
class Mutant:
    """One change of one file."""

    path: str
    """The file, from the root of the repository, with forward slashes."""
    line: int
    """Line on which the changed code begins, from 1."""
    last_line: int
    """Line on which it ends."""
    kind: str
    """What was done, in a word or two."""
    around: tuple[int, int]
    """First and last line of the innermost function around it; 0 and 0 where there is none."""
    before: str
    """The lines of the changed code, as one."""
    after: str
    """The same lines, changed."""
    start: int
    """Where the changed code begins, in bytes."""
    stop: int
    """Where it ends, in bytes."""
    text: str
    """What stands there instead."""

    def apply(self, source: bytes) -> bytes:
        """The file's content with the change made."""
        return source[: self.start] + self.text.encode() + source[self.stop :]


def mutants_of(path: str, source: bytes) -> list[Mutant]:
    """Every change of one file that still compiles, in the order of the file.

    Args:
        path: the file's name in the mutants.
        source: its content, UTF-8.
    """
    tree = ast.parse(source)
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found: dict[tuple[int, int, str], Mutant] = {}
    for kind, node, text in _changes(tree):
        start, stop = starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset
        last = source.find(b"\n", stop)
        begin, end = starts[node.lineno - 1], len(source) if last < 0 else last
        after = source[begin:start] + text.encode() + source[stop:end]
        place = (path, node.lineno, node.end_lineno, kind, _around(tree, node))
        one = Mutant(*place, _joined(source[begin:end]), _joined(after), start, stop, text)
        if one.before != one.after and _compiles(one.apply(source)):
            found.setdefault((start, stop, text), one)
    return sorted(found.values(), key=lambda each: (each.start, each.stop, each.text))


def _around(tree: ast.Module, node: Any) -> tuple[int, int]:
    functions = [each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)]
    inside = [
        (each.lineno, last)
        for each in functions
        if each.lineno <= node.lineno <= node.end_lineno <= (last := each.end_lineno or each.lineno)
    ]
    return max(inside, default=(0, 0))


def _joined(lines: bytes) -> str:
    return " ".join(lines.decode().split())


def _compiles(source: bytes) -> bool:
    try:
        compile(source, "mutant", "exec")
    except (SyntaxError, ValueError):
        return False
    return True


def _changes(tree: ast.Module) -> Iterator[tuple[str, Any, str]]:
    """What was done, the node to replace in the file, and the text to replace it by.

    A change is made in the tree, written as text, and taken back.
    """
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    left_out = set(_unchanged(tree))
    for node in ast.walk(tree):
        if node in left_out or node not in parents:
            continue
        place = _place(node, parents)
        for kind, other in _others(node, parents[node]):
            if place is node:
                yield kind, place, _text(other)
            else:
                field, old = _held(parents[node], node)
                many = [other if each is node else each for each in old] if isinstance(old, list) else other
                setattr(parents[node], field, many)
                yield kind, place, _text(place)
                setattr(parents[node], field, old)
        for kind, holder, field, value in _edits(node):
            old = getattr(holder, field)
            setattr(holder, field, value)
            yield kind, place, _text(place)
            setattr(holder, field, old)


def _place(node: Any, parents: dict[ast.AST, ast.AST]) -> Any:
    """The node, or the one around it that stands alone in the file."""
    above = [node]
    while above[-1] in parents:
        above.append(parents[above[-1]])
    for each in reversed(above):
        if isinstance(each, ast.JoinedStr):  # Python before 3.12 does not know where its parts stand
            return each
    bounds = (ast.Slice, ast.keyword, ast.comprehension)
    while isinstance(node, bounds) or (isinstance(node, ast.Tuple) and isinstance(parents[node], ast.Subscript)):
        node = parents[node]
    return node


def _held(parent: ast.AST, node: ast.AST) -> tuple[str, Any]:
    """Where a node stands in its parent: the field, and what the field holds."""
    for field, value in ast.iter_fields(parent):
        if value is node or (isinstance(value, list) and any(each is node for each in value)):
            return field, value
    raise LookupError("a node stands in its parent")


def _text(node: ast.AST) -> str:
    """The node as it can stand anywhere that a node of its kind can."""
    text = ast.unparse(node)
    alone = (ast.stmt, ast.Name, ast.Constant, ast.Call, ast.Attribute, ast.Subscript, ast.JoinedStr)
    return text if isinstance(node, alone) or text.startswith(("[", "{")) else f"({text})"


def _unchanged(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        for part in _trivia(node):
            yield from ast.walk(part)


def _trivia(node: ast.AST) -> Iterator[ast.AST]:
    """Parts of a node on which no behaviour hangs."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield from node.decorator_list
    if isinstance(node, ast.FunctionDef) and node.returns is not None:
        yield node.returns
    if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation is not None:
        yield node.annotation
    if isinstance(node, ast.Raise):
        yield from () if node.cause is None else (node.cause,)
        yield from (*node.exc.args, *node.exc.keywords) if isinstance(node.exc, ast.Call) else ()
    if isinstance(node, ast.Call) and _called(node) in _SILENT_CALLS:
        yield from (*node.args, *node.keywords)
    if isinstance(node, ast.JoinedStr):
        yield from (part for part in node.values if isinstance(part, ast.Constant))
    if isinstance(node, ast.FormattedValue) and isinstance(node.format_spec, ast.JoinedStr):
        yield from (part for part in node.format_spec.values if isinstance(part, ast.Constant))
    if isinstance(node, ast.keyword) and node.arg == "strict":
        yield from (node, node.value)
    docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    checking = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    names = isinstance(node, ast.Assign) and (ast.unparse(node.targets[0]) == "__all__" or _is_alias(node.value))
    if docstring or checking or names:
        yield node


def _is_alias(value: ast.expr) -> bool:
    """Whether a value is a type: subscripts and alternatives of names, and nothing else."""
    if not isinstance(value, ast.Subscript | ast.BinOp):
        return False
    allowed = (ast.Name, ast.Attribute, ast.Subscript, ast.BinOp, ast.BitOr, ast.Tuple, ast.List, ast.expr_context)
    return all(
        isinstance(part, allowed) or (isinstance(part, ast.Constant) and not isinstance(part.value, int | float))
        for part in ast.walk(value)
    )


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _others(node: Any, parent: Any) -> Iterator[tuple[str, ast.AST]]:
    """Nodes to stand in a node's place."""
    if isinstance(node, ast.Raise | ast.AugAssign) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
        yield "statement dropped", ast.Pass()
    if isinstance(node, ast.Break | ast.Continue):
        yield "jump", ast.Continue() if isinstance(node, ast.Break) else ast.Break()
    if isinstance(node, ast.Return) and node.value is not None and ast.unparse(node.value) != "None":
        yield "return", ast.Return(ast.Constant(None))
    if isinstance(node, ast.Yield) and node.value is not None:
        yield "yield", ast.Yield(ast.Constant(None))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub | ast.Invert):
        yield "sign", node.operand
    elif (
        isinstance(parent, ast.If | ast.While | ast.IfExp) and parent.test is node and not isinstance(node, ast.Compare)
    ):
        yield "condition", ast.UnaryOp(ast.Not(), node)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr) and _are_types(node):
        yield "type dropped", node.left
        yield "type dropped", node.right
    if isinstance(parent, ast.ExceptHandler) and parent.type is node:
        kinds: list[Any] = node.elts if isinstance(node, ast.Tuple) else [node]
        for one in kinds:
            yield "error let through", ast.Tuple([each for each in kinds if each is not one], ast.Load())


def _are_types(node: ast.BinOp) -> bool:
    """Whether alternatives are of types (of builtins, or with capitals), as isinstance takes them."""
    names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    return all(name[0].isupper() or name in ("str", "bytes", "int", "float", "list", "tuple", "dict") for name in names)


def _edits(node: Any) -> Iterator[tuple[str, Any, str, object]]:
    """Changes inside a node: what is done, and the new value of which field of what."""
    if isinstance(node, ast.Compare):
        for index, operator in enumerate(node.ops):
            for other in _COMPARISONS[type(operator)]:
                yield "comparison", node, "ops", [*node.ops[:index], other(), *node.ops[index + 1 :]]
    elif isinstance(node, ast.AugAssign) or (isinstance(node, ast.BinOp) and not _are_types(node)):
        if type(node.op) in _ARITHMETIC:
            yield "arithmetic", node, "op", _ARITHMETIC[type(node.op)]()
    elif isinstance(node, ast.BoolOp):
        yield "and, or", node, "op", ast.Or() if isinstance(node.op, ast.And) else ast.And()
    elif isinstance(node, ast.comprehension):
        for index in range(len(node.ifs)):
            yield "condition dropped", node, "ifs", node.ifs[:index] + node.ifs[index + 1 :]
    elif isinstance(node, ast.Constant):
        yield from (("constant", node, "value", value) for value in _constants(node.value))
    elif isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
        yield "error of another kind", node.exc, "func", ast.Attribute(node.exc.func, "__base__", ast.Load())
    elif isinstance(node, ast.Slice):
        for field in ("lower", "upper"):
            bound = getattr(node, field)
            if bound is not None:
                yield "slice", node, field, None
            if bound is not None and not isinstance(bound, ast.Constant | ast.UnaryOp):
                yield "slice", node, field, ast.BinOp(bound, ast.Add(), ast.Constant(1))
    elif isinstance(node, ast.Call) and _called(node) not in _SILENT_CALLS:
        for index, keyword in enumerate(node.keywords):
            if keyword.arg not in (None, "strict") and not _is_number(keyword.value):
                yield "argument dropped", node, "keywords", node.keywords[:index] + node.keywords[index + 1 :]
        if name := _NAMES.get(_called(node)):
            yield "function", node.func, "attr" if isinstance(node.func, ast.Attribute) else "id", name


def _is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float)


def _constants(value: object) -> Iterator[object]:
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield value + 1
        yield value - 1
    elif isinstance(value, float):
        yield value * _FLOAT_FACTOR if value else 1.0
    elif isinstance(value, str) and " " not in value.strip():
        yield f"{value}X"
    elif isinstance(value, bytes):
        yield value + b"X"
