# requirements:

"""The few questions that a step asks its Windmill server,
without the SDK (it costs 200 ms to import).
"""

import atexit
import gc
import json
import os
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from f.millrace.core import errors, own_modules

SECONDS = 10


def on_worker() -> bool:
    """Tell whether this process is a job of a Windmill worker."""
    return bool(os.environ.get("BASE_INTERNAL_URL") and os.environ.get("WM_TOKEN"))


def get(path: str) -> Any:
    """Return the JSON of `GET /api/w/<workspace>/<path>`; None when the server says 404."""
    return _parse(text(path))


def text(path: str) -> str | None:
    """Return the text of `GET /api/w/<workspace>/<path>`; None when the server says 404."""
    return _ask("GET", path)


def post(path: str, body: Any) -> Any:
    """Return the answer to `POST /api/w/<workspace>/<path>`,
    JSON or text; None when the server says 404.
    """
    return _parse(_ask("POST", path, body))


def _ask(method: str, path: str, body: Any = None) -> str | None:
    base = os.environ["BASE_INTERNAL_URL"].rstrip("/")
    workspace = urllib.parse.quote(os.environ["WM_WORKSPACE"])
    request = urllib.request.Request(
        f"{base}/api/w/{workspace}/{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": "Bearer " + os.environ["WM_TOKEN"],
            "Content-Type": "application/json",
        },
        method=method,
    )
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as response:
            return response.read().decode()
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        raise errors.BadSetting(
            f"Windmill answered {error.code} to {path!r}; may the job's user do that?"
        ) from error


def _parse(answer: str | None) -> Any:
    try:
        return json.loads(answer) if answer is not None else None
    except json.JSONDecodeError:
        return answer


def resource(path: str) -> dict[str, Any]:
    """Return the resource with its variables filled in; {} when it does not exist."""
    return get(f"resources/get_value_interpolated/{path}") or {}


# Every step comes by here before it has loaded most of its modules.
if on_worker():
    own_modules.use()
    # A step is a short process. At its usual threshold the collector takes 15 ms of its imports,
    # and 60 ms of its end where a reader of pages was loaded, and frees nothing that the end of
    # the process does not free.
    gc.set_threshold(50_000)
    atexit.register(gc.freeze)
