"""What Windmill's Python wrapper does around `main`: arguments in, JSON out, faults as data.

Imported by the fork server, so the standard library only.
"""

import base64
import datetime
import importlib
import importlib.util
import inspect
import json
import re
import sys
import traceback
import types
from pathlib import Path
from typing import Any

NUL = re.compile(r"\\*\\u0000")


def run(request: dict[str, Any]) -> dict[str, Any]:
    """Return {"result": ...} or {"error": {name, message, stack, step_id}} of one execution of a
    script's main.

    `request` has `path` (below `root`) or `content`, `args`, and `step_id`.
    """
    try:
        module = _load(request)
        main = getattr(module, "main", None)
        if not callable(main):
            raise TypeError(f"{request.get('path') or 'the inline script'} has no main()")
        result = main(**_arguments(main, request["args"]))
        return {"result": json.loads(encode(result))}
    # A step that calls sys.exit() has failed, as on a worker; it must not take the process along
    # silently.
    except BaseException as error:
        return {"error": describe(error, request.get("step_id", ""))}


def _load(request: dict[str, Any]) -> types.ModuleType:
    root = request["root"]
    if root in sys.path:
        sys.path.remove(root)
    sys.path.insert(0, root)
    importlib.invalidate_caches()
    if request.get("content") is not None:
        module = types.ModuleType("inline_script")
        exec(
            compile(request["content"], f"<{request.get('step_id', 'inline')}>", "exec"),
            module.__dict__,
        )
        return module
    path = request["path"]
    if all(part.isidentifier() for part in path.split("/")):
        name = path.replace("/", ".")
        known = sys.modules.get(name)
        # In one process two bundles may each have a script of this name.
        if known is not None and Path(known.__file__ or "") != Path(root) / (path + ".py"):
            del sys.modules[name]
        return importlib.import_module(name)
    spec = importlib.util.spec_from_file_location("step_script", Path(root) / (path + ".py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _arguments(main: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Choose as Windmill does: no value and no default gives None; null where there is a default
    gives the default.
    """
    chosen: dict[str, Any] = {}
    parameters = inspect.signature(main).parameters
    takes_all = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters.values())
    for name, parameter in parameters.items():
        if parameter.kind in (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL):
            continue
        value = given.get(name)
        if value is None and parameter.default is not inspect.Parameter.empty:
            continue
        chosen[name] = _convert(value, parameter.annotation)
    if takes_all:
        chosen.update({name: value for name, value in given.items() if name not in parameters})
    return chosen


def _convert(value: Any, annotation: Any) -> Any:
    if not isinstance(value, str):
        return value
    wanted = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    wanted = wanted.rsplit(".", 1)[-1]
    if wanted == "bytes":
        return base64.b64decode(value)
    if wanted == "datetime":
        return datetime.datetime.fromisoformat(value)
    if wanted == "date":
        return datetime.date.fromisoformat(value)
    return value


def encode(result: Any) -> str:
    """Return the result as JSON text: what JSON cannot hold becomes text, NaN and infinity become
    null.
    """
    if isinstance(result, bytes):
        return json.dumps(base64.b64encode(result).decode())
    if hasattr(result, "__next__"):
        result = _join_stream(result)
    text = json.dumps(result, default=str)
    # Neither JSON nor Postgres has these; the worker replaces them too.
    if "NaN" in text or "Infinity" in text:
        text = json.dumps(json.loads(text, parse_constant=lambda _: None))
    return NUL.sub(" null ", text) if "\\u0000" in text else text


def _join_stream(chunks: Any) -> str:
    parts = []
    for chunk in chunks:
        print("WM_STREAM: " + chunk.replace("\n", "\\n"), flush=True)
        parts.append(chunk)
    return "".join(parts)


def describe(error: BaseException, step_id: str) -> dict[str, Any]:
    """Return an exception as Windmill does: name, message, stack and the step."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename != __file__] or list(frames)
    return {
        "name": type(error).__name__,
        "message": str(error),
        "stack": "".join(traceback.format_list(own)),
        "step_id": step_id,
    }
