"""Windmill's input expressions: paths, literals, `!` and simple comparisons without JavaScript; the
rest by QuickJS.

As on Windmill an unknown step or a missing key is null, never an error, and a condition must be a
boolean.
"""

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

JAVASCRIPT_SECONDS = 20
JAVASCRIPT_BYTES = 128 << 20
SERVER_ONLY = re.compile(r"\b(variable|resource|flow_user_state)\s*\(")
LITERALS: dict[str, Any] = {"true": True, "false": False, "null": None, "undefined": None}
# What an expression may start with; as in Windmill, a name without a value is null.
NAMES = (
    "flow_input",
    "flow_env",
    "results",
    "previous_result",
    "result",
    "resume",
    "resumes",
    "approvers",
    "error",
    "all_iters",
    "params",
    "started_at",
    "flow_job_id",
)

TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>-?\d+(?:\.\d+)?(?![\w.]))
    | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    | (?P<name>[A-Za-z_$][\w$]*)
    | (?P<mark>\?\.\[|\?\.|\?\?|===|!==|==|!=|<=|>=|&&|\|\||[.\[\]()!<>,])
    )""",
    re.VERBOSE,
)


class ExpressionError(Exception):
    """An expression that cannot be evaluated here, or whose value has the wrong type."""


class _Unsupported(Exception):
    """More than paths and comparisons: QuickJS is needed."""


class _Token(NamedTuple):
    kind: str
    text: str


def evaluate(expression: str, scope: dict[str, Any]) -> Any:
    """Return the value of a Windmill expression over `scope` (flow_input, results, ...)."""
    try:
        return _Parser(_tokens(expression), scope).parse()
    except _Unsupported:
        return _javascript(expression, scope)


def condition(expression: str, scope: dict[str, Any]) -> bool:
    """Return a condition's value; anything but true and false is an error, as on Windmill."""
    value = evaluate(expression, scope)
    if isinstance(value, bool):
        return value
    shown = json.dumps(value, default=str)
    raise ExpressionError(f"{expression!r}: expected a boolean value, found: {shown[:200]}")


def transform(transforms: dict[str, Any], scope: dict[str, Any]) -> dict[str, Any]:
    """Return a step's arguments from its `input_transforms`."""
    return {name: value_of(each, scope, name) for name, each in transforms.items()}


def value_of(each: dict[str, Any], scope: dict[str, Any], name: str = "") -> Any:
    """Return the value of one input transform, static or an expression."""
    kind = each.get("type")
    if kind == "static":
        return _static(each.get("value"), name)
    if kind == "javascript":
        try:
            return evaluate(str(each.get("expr", "")), scope)
        except ExpressionError as error:
            raise ExpressionError(f"input {name!r}: {error}") from error
    raise ExpressionError(f"input {name!r}: transforms of type {kind!r} run only on Windmill")


def _static(value: Any, name: str) -> Any:
    if isinstance(value, str) and value.startswith(("$res:", "$var:")):
        raise ExpressionError(
            f"input {name!r}: {value} exists only on a Windmill server; give it as a setting"
            " instead"
        )
    return value


def _tokens(expression: str) -> list[_Token]:
    tokens: list[_Token] = []
    text, position = expression.strip().removesuffix(";").rstrip(), 0
    while position < len(text):
        match = TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise _Unsupported(text[position:])
        tokens.append(_Token(match.lastgroup, match[match.lastgroup]))
        position = match.end()
    return tokens


class _Parser:
    """One pass over the tokens, evaluating as it goes (a path has no side effects)."""

    def __init__(self, tokens: list[_Token], scope: dict[str, Any]) -> None:
        self.tokens, self.scope, self.at = tokens, scope, 0

    def parse(self) -> Any:
        value = self.either()
        if self.at < len(self.tokens):
            raise _Unsupported(self.tokens[self.at].text)
        return value

    def take(self, *texts: str) -> str | None:
        if (
            self.at < len(self.tokens)
            and self.tokens[self.at].text in texts
            and self.tokens[self.at].kind != "string"
        ):
            self.at += 1
            return self.tokens[self.at - 1].text
        return None

    def expect(self, text: str) -> None:
        if not self.take(text):
            raise _Unsupported(text)

    def either(self) -> Any:
        value = self.both()
        while mark := self.take("||", "??"):
            other = self.both()
            value = (
                (value if truthy(value) else other)
                if mark == "||"
                else (other if value is None else value)
            )
        return value

    def both(self) -> Any:
        value = self.comparison()
        while self.take("&&"):
            other = self.comparison()
            value = other if truthy(value) else value
        return value

    def comparison(self) -> Any:
        value = self.unary()
        if mark := self.take("===", "==", "!==", "!=", "<", "<=", ">", ">="):
            return _compare(mark, value, self.unary())
        return value

    def unary(self) -> Any:
        if self.take("!", "not"):
            return not truthy(self.unary())
        return self.primary()

    def primary(self) -> Any:
        if self.take("("):
            value = self.either()
            self.expect(")")
            return self.path(value)
        if self.take("["):
            return self.path(self.array())
        if self.at >= len(self.tokens):
            raise _Unsupported("end")
        token = self.tokens[self.at]
        self.at += 1
        if token.kind == "number":
            return json.loads(token.text)
        if token.kind == "string":
            return self.path(_unquote(token.text))
        if token.text in LITERALS:
            return LITERALS[token.text]
        if token.kind != "name" or token.text not in NAMES:
            raise _Unsupported(token.text)
        return self.path(self.scope.get(token.text))

    def array(self) -> list[Any]:
        values: list[Any] = []
        while not self.take("]"):
            if values:
                self.expect(",")
            values.append(self.either())
        return values

    def path(self, value: Any) -> Any:
        while mark := self.take(".", "?.", "[", "?.["):
            if mark in (".", "?."):
                if self.at >= len(self.tokens) or self.tokens[self.at].kind != "name":
                    raise _Unsupported(mark)
                key: Any = self.tokens[self.at].text
                self.at += 1
                if self.at < len(self.tokens) and self.tokens[self.at].text == "(":
                    raise _Unsupported("a call")
            else:
                key = self.either()
                self.expect("]")
            value = member(value, key)
        return value


def member(value: Any, key: Any) -> Any:
    """Return `value[key]` as JavaScript would, null when there is none."""
    if isinstance(value, list | str):
        if key == "length":
            return len(value)
        index = int(key) if isinstance(key, str) and key.isdigit() else key
        if isinstance(index, int) and not isinstance(index, bool) and 0 <= index < len(value):
            return value[index]
        return None
    if isinstance(value, dict):
        return value.get(str(key))
    return None


def truthy(value: Any) -> bool:
    """Tell what JavaScript's `if` would: empty lists and objects are true."""
    return True if isinstance(value, list | dict) else bool(value)


def _compare(mark: str, left: Any, right: Any) -> bool:
    # Two lists are never the same object in JavaScript either; a mistake that is better left to it.
    if isinstance(left, list | dict) or isinstance(right, list | dict):
        if left is None or right is None:
            return mark in ("!==", "!=")
        raise _Unsupported("comparing objects")
    if mark in ("===", "==", "!==", "!="):
        same = left == right and isinstance(left, bool) == isinstance(right, bool)
        if (
            not same
            and mark in ("==", "!=")
            and None not in (left, right)
            and type(left) is not type(right)
        ):
            raise _Unsupported("a comparison that converts")
        return same == (mark in ("===", "=="))
    if not (_is_number(left) and _is_number(right)) and not (
        isinstance(left, str) and isinstance(right, str)
    ):
        raise _Unsupported("a comparison that converts")
    orders: dict[str, Callable[[Any, Any], bool]] = {
        "<": lambda a, b: a < b,
        "<=": lambda a, b: a <= b,
        ">": lambda a, b: a > b,
        ">=": lambda a, b: a >= b,
    }
    return orders[mark](left, right)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _unquote(text: str) -> str:
    if text[0] == "'":
        text = '"' + text[1:-1].replace("\\'", "'").replace('"', '\\"') + '"'
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise _Unsupported(text) from error


def _javascript(expression: str, scope: dict[str, Any]) -> Any:
    if SERVER_ONLY.search(expression):
        raise ExpressionError(
            f"{expression!r} asks a Windmill server, and this run has none; give it as a setting"
            " instead"
        )
    try:
        import quickjs  # pyright: ignore[reportMissingImports]  # optional: most flows are paths only
    except ImportError:
        raise ExpressionError(
            f"{expression!r} is more than a path; let a step return the value, "
            "or install quickjs-ng to run JavaScript expressions here"
        ) from None
    context = quickjs.Context()
    context.set_time_limit(JAVASCRIPT_SECONDS)
    context.set_memory_limit(JAVASCRIPT_BYTES)
    for name in NAMES:
        context.set(name, context.parse_json(json.dumps(scope.get(name))))
    body = expression if re.search(r"\breturn\b", expression) else f"return (\n{expression}\n)"
    source = (
        "globalThis.__value = 'null'; globalThis.__error = null; (async () => {\n"
        + body
        + "\n})().then(v => { __value = JSON.stringify(v === undefined ? null : v) ?? 'null' }, e"
        " => { __error = String(e) })"
    )
    try:
        context.eval(source)
        while context.execute_pending_job():
            pass
        failure = context.get("__error")
    except quickjs.JSException as error:
        raise ExpressionError(f"{expression!r}: {error}") from error
    if failure is not None:
        raise ExpressionError(f"{expression!r}: {failure}")
    return json.loads(context.get("__value"))
