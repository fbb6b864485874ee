"""Mutants of a module: which small changes are made to it.

Cosmic Ray changes the code. Of its changes only those are taken that a person could write by
mistake: most of the others, such as `+` for `<<`, end at the first call. Its vocabulary lacks what
our rules are made of, an operand of `and`, `any` and `all`, and the words of SQL; those are added
here as operators of its kind.

Mutmut, the other tool that is well kept, rewrites every function of the tree and begins a session
of tests, with a Postgres of its own, for each mutant; it has neither samples nor operators of one's
own.
"""

# pyright: reportMissingImports=false
# Installed by the command itself, in .millrace/mutations.
import ast as python
import functools
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cosmic_ray import ast, mutating, plugins
from cosmic_ray.operators.operator import Operator
from parso.python import tree

COSMIC_RAY = tuple(
    f"core/{name}"
    for name in """
    ReplaceComparisonOperator_Eq_NotEq ReplaceComparisonOperator_NotEq_Eq
    ReplaceComparisonOperator_Lt_LtE ReplaceComparisonOperator_LtE_Lt
    ReplaceComparisonOperator_Gt_GtE ReplaceComparisonOperator_GtE_Gt
    ReplaceComparisonOperator_Is_IsNot ReplaceComparisonOperator_IsNot_Is
    ReplaceBinaryOperator_Add_Sub ReplaceBinaryOperator_Sub_Add
    ReplaceBinaryOperator_Mul_Div ReplaceBinaryOperator_Div_Mul
    ReplaceBinaryOperator_BitAnd_BitOr ReplaceUnaryOperator_Delete_Not AddNot
    ReplaceTrueWithFalse ReplaceFalseWithTrue ReplaceAndWithOr ReplaceOrWithAnd
    ReplaceBreakWithContinue ReplaceContinueWithBreak ExceptionReplacer
    RemoveDecorator ZeroIterationForLoop
    """.split()
)
SWAPPED = {"any": "all", "all": "any", "min": "max", "max": "min"}
SQL = (
    (re.compile(r"(?<= )AND(?= )"), "OR"),
    (re.compile(r"(?<= )OR(?= )"), "AND"),
    (re.compile(r"\bNOT (?=EXISTS|NULL|IN\b|[a-z(])"), ""),
    (re.compile(r"(?<=[a-z_)]) DESC\b"), ""),
    (re.compile(r"(?<= )<=(?= )"), "<"),
    (re.compile(r"(?<= )>=(?= )"), ">"),
    (re.compile(r"(?<= )<(?= )"), "<="),
    (re.compile(r"(?<= )>(?= )"), ">="),
    (re.compile(r"(?<= )<>(?= )"), "="),
)
OPPOSITE: dict[type[python.cmpop], type[python.cmpop]] = {
    python.Eq: python.NotEq,
    python.NotEq: python.Eq,
    python.Is: python.IsNot,
    python.IsNot: python.Is,
    python.In: python.NotIn,
    python.NotIn: python.In,
}
IS_SQL = re.compile(
    r"\b(?:SELECT|UPDATE|DELETE FROM|INSERT INTO|WHERE|FROM|AND|ORDER BY|ON CONFLICT|CASE WHEN)\b"
)


# Whether a class that nobody changes could be changed, and what only the type checker imports.
NO_BEHAVIOUR = ("@dataclass(", "if TYPE_CHECKING:")


@dataclass(frozen=True)
class MutationPoint:
    """One change that can be made, before it is."""

    path: str
    operator: str
    occurrence: int


@dataclass(frozen=True)
class Mutant:
    """One change to one file."""

    path: str
    operator: str
    first_line: int
    last_line: int
    removed: tuple[str, ...]
    added: tuple[str, ...]
    code: str

    @property
    def id(self) -> str:
        """Eight hex digits that depend on the change and its place only."""
        told = repr((self.path, self.first_line, self.removed, self.added))
        return hashlib.sha256(told.encode()).hexdigest()[:8]


class SwapFunction(Operator):
    """`any` for `all`, `min` for `max`, and back."""

    def mutation_positions(self, node: Any) -> Iterator[Any]:
        """Yield the place of a call of one of them."""
        if isinstance(node, tree.Name) and node.value in SWAPPED:
            after = node.get_next_sibling()
            if after is not None and after.type == "trailer" and after.children[0].value == "(":
                yield (node.start_pos, node.end_pos)

    def mutate(self, node: Any, _index: int) -> Any:
        """Return the other function's name."""
        return tree.Name(SWAPPED[node.value], node.start_pos, prefix=node.prefix)

    @classmethod
    def examples(cls) -> tuple[()]:
        """Return no examples: tests/bundle/test_mutation_testing.py has them."""
        return ()


class DropOperand(Operator):
    """One condition of several, joined by `and` or `or`, is not asked any more."""

    def mutation_positions(self, node: Any) -> Iterator[Any]:
        """Yield the place of each operand."""
        if node.type in ("and_test", "or_test"):
            for operand in node.children[::2]:
                yield (operand.start_pos, operand.end_pos)

    def mutate(self, node: Any, index: int) -> Any:
        """Return the expression without that operand and the word before or after it."""
        text = [child.get_code() for child in node.children]
        at = 2 * index
        kept = text[:at] + text[at + 2 :] if at == 0 else text[: at - 1] + text[at + 1 :]
        prefix = re.match(r"\s*", text[0])
        assert prefix is not None
        return tree.Name(prefix[0] + "".join(kept).lstrip(), node.start_pos)

    @classmethod
    def examples(cls) -> tuple[()]:
        """Return no examples: tests/bundle/test_mutation_testing.py has them."""
        return ()


class ChangeNumber(Operator):
    """A small number one higher or lower, another half as large again, or three quarters.

    The default of a field is a choice that no rule holds; it stays.
    """

    def mutation_positions(self, node: Any) -> Iterator[Any]:
        """Yield the place of a number twice: for more and for less."""
        if isinstance(node, tree.Number) and not _is_default(node):
            for _ in self._others(node):
                yield (node.start_pos, node.end_pos)

    def mutate(self, node: Any, index: int) -> Any:
        """Return the other number."""
        return tree.Number(repr(self._others(node)[index]), node.start_pos, prefix=node.prefix)

    @classmethod
    def examples(cls) -> tuple[()]:
        """Return no examples: tests/bundle/test_mutation_testing.py has them."""
        return ()

    def _others(self, node: Any) -> list[Any]:
        value = python.literal_eval(node.value)
        # The first of a list is mostly also its last.
        if value == 0 and node.parent.type == "trailer":
            return [1]
        if isinstance(value, int) and value < 10:
            return [value + 1, value - 1]
        return [type(value)(value * 1.5), type(value)(value * 0.75)]


class ChangeSql(Operator):
    """Another word or sign in a statement."""

    def mutation_positions(self, node: Any) -> Iterator[Any]:
        """Yield the place of each."""
        for start, end, _ in self._places(node):
            yield (start, end)

    def mutate(self, node: Any, index: int) -> Any:
        """Return the statement with that one changed."""
        _, _, value = list(self._places(node))[index]
        kind = type(node)
        return kind(value, node.start_pos, prefix=node.prefix)

    @classmethod
    def examples(cls) -> tuple[()]:
        """Return no examples: tests/bundle/test_mutation_testing.py has them."""
        return ()

    def _places(self, node: Any) -> Iterator[tuple[Any, Any, str]]:
        if node.type not in ("string", "fstring_string") or not IS_SQL.search(node.value):
            return
        for pattern, other in SQL:
            for match in pattern.finditer(node.value):
                line = node.start_pos[0] + node.value.count("\n", 0, match.start())
                yield (
                    (line, 0),
                    (line, 0),
                    node.value[: match.start()] + other + node.value[match.end() :],
                )


def mutation_points(path: str, source: str) -> list[MutationPoint]:
    """Return where a file can be changed, and how."""
    nodes = list(ast.ast_nodes(ast.get_ast(source)))
    return [
        MutationPoint(path, name, occurrence)
        for name, operator in _operators().items()
        for occurrence in range(sum(1 for node in nodes for _ in operator.mutation_positions(node)))
    ]


def mutate(point: MutationPoint, source: str) -> Mutant | None:
    """Return the file with that one change; None when it is no change, or no Python."""
    try:
        code = mutating.mutate_code(source, _operators()[point.operator], point.occurrence)
    except AttributeError:
        # Cosmic Ray looks for plain names in `except (one.Fault, another.Fault)`.
        return None
    if code is None or meaning(code) in ("", meaning(source)):
        return None
    mutant = _mutant(point.path, point.operator, source, code)
    return None if any(mark in line for mark in NO_BEHAVIOUR for line in mutant.removed) else mutant


def meaning(code: str) -> str:
    """Return a form that is equal for `not a == b` and `a != b`; empty for what is no Python."""
    try:
        parsed = python.parse(code)
    except (SyntaxError, ValueError):
        return ""
    return python.dump(_Plain().visit(parsed))


class _Plain(python.NodeTransformer):
    def visit_UnaryOp(self, node: python.UnaryOp) -> python.AST:
        """Turn a comparison that is denied into the opposite one."""
        self.generic_visit(node)
        inner = node.operand
        if not isinstance(node.op, python.Not):
            return node
        if isinstance(inner, python.UnaryOp) and isinstance(inner.op, python.Not):
            return inner.operand
        if isinstance(inner, python.Compare) and type(inner.ops[0]) in OPPOSITE:
            return python.Compare(inner.left, [OPPOSITE[type(inner.ops[0])]()], inner.comparators)
        return node


def _is_default(node: Any) -> bool:
    # Of `limit: int = 3` in a class; what its annotation says of the bounds is a rule.
    field = node.parent
    if field is None or field.type != "annassign" or node is not field.children[-1]:
        return False
    around = field.search_ancestor("classdef", "funcdef")
    return around is not None and around.type == "classdef"


@functools.cache
def _operators() -> dict[str, Operator]:
    theirs = {name.removeprefix("core/"): plugins.get_operator(name)() for name in COSMIC_RAY}
    return {
        **theirs,
        **{kind.__name__: kind() for kind in (SwapFunction, DropOperand, ChangeNumber, ChangeSql)},
    }


def _mutant(path: str, operator: str, source: str, code: str) -> Mutant:
    before, after = source.split("\n"), code.split("\n")
    start = next(
        (
            number
            for number, pair in enumerate(zip(before, after, strict=False))
            if len(set(pair)) > 1
        ),
        min(len(before), len(after)),
    )
    end = 0
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    removed, added = before[start : len(before) - end], after[start : len(after) - end]
    return Mutant(
        path, operator, start + 1, start + max(1, len(removed)), tuple(removed), tuple(added), code
    )
