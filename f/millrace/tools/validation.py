# requirements:

"""What servers of others list and answer: taken when it is what it has to be, small enough, and
checked in time.
"""

import contextlib
import signal
import threading
from collections.abc import Generator
from typing import Any, cast

MOST_TOOLS = 128
MOST_PAGES = 20
LARGEST_TOOL = 20_000
LARGEST_ANSWER = 400_000
# A schema can be made so that to check an answer takes for ever.
CHECK_SECONDS = 2.0


class BadAnswer(ValueError):
    """A server of others answered something that is not taken, and why."""


def validate_tool(name: str, description: str, input_schema: Any, output_schema: Any) -> str:
    """Return what is wrong with a tool as a server lists it; empty when it can be offered to an
    agent.
    """
    import jsonschema  # only for servers of others

    if (
        not name
        or len(name) > 64
        or not name.isascii()
        or not name.translate(_SEPARATORS).isalnum()
    ):
        return f"{name[:60]!r} is no name of a tool"
    if len(description) + len(str(input_schema)) + len(str(output_schema)) > LARGEST_TOOL:
        return f"its description and schemas are longer than {LARGEST_TOOL:,} characters"
    for schema in (input_schema, output_schema):
        if schema is None and schema is output_schema:
            continue
        if not isinstance(schema, dict) or cast("dict[str, Any]", schema).get("type") != "object":
            return "its schema does not describe an object"
        try:
            with _time_limit(CHECK_SECONDS):
                jsonschema.Draft202012Validator.check_schema(cast("dict[str, Any]", schema))
        except (jsonschema.SchemaError, RecursionError, TimeoutError) as error:
            return (
                "its JSON Schema is invalid:"
                f" {(str(error).splitlines() or ['it cannot be checked'])[0][:160]}"
            )
    return ""


def validate_answer(answer: dict[str, Any], output_schema: dict[str, Any] | None) -> dict[str, Any]:
    """Return the answer when it is what the tool promised and an agent can read it; BadAnswer says
    what is wrong.
    """
    size = len(str(answer))
    if size > LARGEST_ANSWER:
        raise BadAnswer(
            f"it answered {size:,} characters; at most {LARGEST_ANSWER:,} are taken. Ask it for"
            " less"
        )
    if output_schema is not None:
        _check(answer, output_schema)
    return answer


def _check(answer: dict[str, Any], schema: dict[str, Any]) -> None:
    import jsonschema
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    # An empty registry: nothing that a schema refers to is fetched.
    validator: Any = jsonschema.Draft202012Validator(schema, registry=Registry())
    try:
        with _time_limit(CHECK_SECONDS):
            fault = next(validator.iter_errors(answer), None)
    except TimeoutError:
        raise BadAnswer(
            "whether its answer is what it promised could not be found out within"
            f" {CHECK_SECONDS:g} seconds"
        ) from None
    except (Unresolvable, RecursionError, ValueError) as error:
        raise BadAnswer(f"its promise cannot be checked: {str(error)[:160]}") from error
    if fault is not None:
        raise BadAnswer(f"its answer is not what it promised: {fault.message[:200]}")


@contextlib.contextmanager
def _time_limit(seconds: float) -> Generator[None, None, None]:
    """Have the block end with TimeoutError. Outside of the main thread there is no alarm; agents
    run in it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(*_: Any) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


_SEPARATORS = str.maketrans("_-.", "aaa")
