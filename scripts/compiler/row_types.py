"""Rows of the database that are handed on say their type: a table's of `core/rows`, or a TypedDict
next to the statement.

Where a row is read column by column, the statement beside it says as much as a type would.
"""

import ast
from collections.abc import Iterator

from scripts.compiler.problems import Problem
from scripts.compiler.sources import Bundle, Module

ONE = ("fetch_one", "fetchone")
FETCHES = (*ONE, "fetch_all", "fetchall")
# Its rows are read when a loop goes through what it gives.
EXECUTE = "execute"
# Calls that give the rows they are given, or a number.
SAME_ROWS = ("sorted", "list", "reversed", "iter", "next", "filter")
COUNTS = ("len", "bool", "any", "all")
COLUMNS = ("get", "values", "items")
# What a method of rows by some key gives: one of them, or all.
OF_MANY = {"get": False, "pop": False, "setdefault": False, "values": True}
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Module)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
# What says nothing of a row's columns.
UNTYPED = ("Any", "object", "dict", "Mapping", "list", "Sequence")

Parents = dict[ast.AST, ast.AST]


def check(bundle: Bundle) -> list[Problem]:
    """Return each read whose rows leave the function that made it without a type."""
    return [
        Problem(
            module.path,
            line,
            "hands on a row without a type; say which where it is read"
            " (`row: rows.Run | None = db.fetch_one(…)`), or in what the function returns",
        )
        for module in bundle.modules.values()
        for line in _untyped(module)
    ]


def _untyped(module: Module) -> Iterator[int]:
    if module.tree is None or not ("fetch" in module.text or EXECUTE in module.text):
        return
    reader = _Reader(module.tree)
    for node in ast.walk(module.tree):
        name = _called(node)
        if (name in FETCHES or reader.is_gone_through(node)) and reader.is_handed_on(
            node, name not in ONE
        ):
            yield node.lineno  # pyright: ignore[reportAttributeAccessIssue]


def _called(node: ast.AST) -> str:
    """Return the name of the method that is called; empty when it is something else."""
    called = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    return node.func.attr if called else ""  # pyright: ignore[reportAttributeAccessIssue]


def _uses(scope: ast.AST, name: str) -> Iterator[ast.Name]:
    """Yield where a name is read, but for comprehensions with a variable of that name."""
    for node in ast.iter_child_nodes(scope):
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load):
            yield node
        own = [each.target for each in getattr(node, "generators", ())]
        if not any(isinstance(target, ast.Name) and target.id == name for target in own):
            yield from _uses(node, name)
        elif isinstance(node, COMPREHENSIONS):
            # what the first loop goes through is read outside of it
            yield from _uses(node.generators[0].iter, name)


class _Reader:
    """Follows what is read to where it goes, inside of one function."""

    def __init__(self, tree: ast.Module) -> None:
        self.parents: Parents = {
            child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)
        }
        self.aliases = {
            target.id: node.value
            for node in tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        self.seen: set[ast.AST] = set()

    def is_gone_through(self, node: ast.AST) -> bool:
        """Tell whether a loop goes through the rows of a statement, without fetching them first."""
        if _called(node) != EXECUTE:
            return False
        while isinstance(self.parents[node], ast.IfExp | ast.BoolOp):
            node = self.parents[node]
        parent = self.parents[node]
        return isinstance(parent, ast.For | ast.comprehension) and node is parent.iter

    def is_handed_on(self, node: ast.AST, many: bool) -> bool:
        """Tell whether a row, or rows, go on from an expression without a type."""
        if node in self.seen:
            return False
        self.seen.add(node)
        parent = self.parents[node]
        if self._is_probe(node, parent, many):
            return False
        if isinstance(parent, ast.BoolOp | ast.IfExp | ast.Starred):
            return self.is_handed_on(parent, many)
        if isinstance(parent, ast.Subscript) and node is parent.value:
            return self.is_handed_on(parent, isinstance(parent.slice, ast.Slice))
        if isinstance(parent, (ast.List, *COMPREHENSIONS)):
            return self.is_handed_on(parent, True)
        if isinstance(parent, ast.Attribute) and parent.attr in OF_MANY:
            return self.is_handed_on(self.parents[parent], OF_MANY[parent.attr])
        if isinstance(parent, ast.Call) and self._name(parent.func) in SAME_ROWS:
            return self.is_handed_on(parent, many and self._name(parent.func) != "next")
        return self._is_statement_untyped(node, parent, many)

    def _is_statement_untyped(self, node: ast.AST, parent: ast.AST, many: bool) -> bool:
        if isinstance(parent, ast.AnnAssign):
            return self._says_nothing(parent.annotation)
        if isinstance(parent, ast.Return):
            return self._says_nothing(self._scope(parent, SCOPES[:2]).returns)  # pyright: ignore[reportAttributeAccessIssue]
        if isinstance(parent, ast.Assign):
            return any(self._is_name_handed_on(target, many) for target in parent.targets)
        if isinstance(parent, ast.NamedExpr):
            return self._is_name_handed_on(parent.target, many) or self.is_handed_on(parent, many)
        if isinstance(parent, ast.For | ast.comprehension) and node is parent.iter:
            return self._is_name_handed_on(parent.target, False)
        return not isinstance(parent, ast.Expr)

    def _is_probe(self, node: ast.AST, parent: ast.AST, many: bool) -> bool:
        """Tell whether only a column, the number of rows, or that there is one is asked for."""
        if isinstance(parent, ast.Subscript) and node is parent.value:
            return not many
        if isinstance(parent, ast.Attribute):
            return parent.attr == "keys" or (parent.attr in COLUMNS and not many)
        if isinstance(parent, ast.Call):
            return self._name(parent.func) in COUNTS
        if isinstance(parent, ast.If | ast.While | ast.IfExp | ast.Assert):
            return node is parent.test
        if isinstance(parent, ast.BoolOp):
            # what stands before `and` is only asked whether it is there
            return isinstance(parent.op, ast.And) and node is not parent.values[-1]
        if isinstance(parent, ast.comprehension):
            return node in parent.ifs
        return isinstance(parent, ast.Compare) or (
            isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.Not)
        )

    def _name(self, function: ast.expr) -> str:
        return function.id if isinstance(function, ast.Name) else ""

    def _is_name_handed_on(self, target: ast.expr, many: bool) -> bool:
        if not isinstance(target, ast.Name):
            return True
        scope = self._scope(target, SCOPES)
        said = self._annotation(scope, target.id)
        if said is not None:
            return self._says_nothing(said)
        return any(
            self.is_handed_on(node, many)
            for node in _uses(self._comprehension(target) or scope, target.id)
        )

    def _comprehension(self, target: ast.AST) -> ast.AST | None:
        node = self.parents[target]
        return self.parents[node] if isinstance(node, ast.comprehension) else None

    def _annotation(self, scope: ast.AST, name: str) -> ast.expr | None:
        return next(
            (
                node.annotation
                for node in ast.walk(scope)
                if isinstance(node, ast.AnnAssign)
                and isinstance(node.target, ast.Name)
                and node.target.id == name
            ),
            None,
        )

    def _scope(self, node: ast.AST, kinds: tuple[type[ast.AST], ...]) -> ast.AST:
        while not isinstance(node, kinds):
            node = self.parents[node]
        return node

    def _says_nothing(self, annotation: ast.expr | None) -> bool:
        """Tell whether a type leaves open which columns a row has."""
        if annotation is None:
            return True
        if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
            annotation = ast.parse(annotation.value, mode="eval").body
        if isinstance(annotation, ast.Subscript):
            outer = ast.unparse(annotation.value)
            return outer in ("dict", "Mapping") or self._says_nothing(annotation.slice)
        if isinstance(annotation, ast.BinOp):
            return self._says_nothing(annotation.left) or self._says_nothing(annotation.right)
        if isinstance(annotation, ast.Name) and annotation.id in self.aliases:
            return self._says_nothing(self.aliases[annotation.id])
        return isinstance(annotation, ast.Name) and annotation.id in UNTYPED
