"""What a route is, and the one place where its role is asked for and its faults are answered."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route, compile_path

from f.millrace.core import config, db, errors, redaction, run_context
from f.millrace.trust import people
from scripts.console import access, page_header, pages, sign_ins
from scripts.console.children import Children
from scripts.console.row_changes import RowChanges
from scripts.console.threads import Threads

# More than any form of ours sends (20,000 letters of Cyrillic are 120 kB in one); what is larger is
# refused before it is kept. Our own API takes as much. Clients that speak other protocols send
# whole conversations.
MOST_BYTES = 262_144
MOST_API_BYTES = 4_000_000
# Files of one form; all of them together are as large as one document may be.
MOST_FILES = 20
OWN_API = "/api/"
CONVERSATIONS = ("/v1/", "/ag-ui/", "/a2a")
# Whose requests hold JSON, and of these those of which OpenAI's clients read the faults.
JSON_PATHS = (OWN_API, *CONVERSATIONS)
OPENAI = "/v1/"
CHANGES = ("POST", "PUT", "PATCH", "DELETE")


class TooLarge(errors.BadInput):
    """A request has more bytes than the console takes."""


# The first that fits.
STATUS: tuple[tuple[type[Exception], int], ...] = (
    (TooLarge, 413),
    (errors.NotFound, 404),
    (errors.Conflict, 409),
    (errors.NotAllowed, 403),
    (errors.BadInput, 400),
    (errors.DatabaseUnavailable, 503),
)


@dataclass
class Console:
    """What the pages share."""

    changes: RowChanges
    children: Children
    threads: Threads
    namespace: str = "main"


@dataclass
class PageRequest:
    """One request, as the functions of the pages get it."""

    person: sign_ins.Person
    console: Console
    request: Request
    form: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    files: list[UploadFile] = field(default_factory=list)
    # The page is open, and its parts are drawn anew.
    is_redrawn: bool = False

    def as_person(self, function: Callable[..., Any], *given: Any) -> Any:
        """Call a function as the person who asks, in the console's namespace."""
        with run_context.change(user_id=self.person.id, namespace=self.console.namespace):
            return function(*given)

    def read_json(self) -> dict[str, Any]:
        """Return the body, which has to be a JSON object; BadInput says why it is none."""
        try:
            body = json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise errors.BadInput(f"the body is no JSON: {error}") from error
        if not isinstance(body, dict):
            raise errors.BadInput("the body has to be an object")
        return body

    def path(self, name: str) -> str:
        """Return a part of the path."""
        return _storable(str(self.request.path_params[name]))

    def given(self, name: str, default: str = "") -> str:
        """Return a value behind the `?` of the address."""
        return _storable(self.request.query_params.get(name, default))

    def page(self) -> int:
        """Return which page of a list is asked for, from 1."""
        number = self.given("page", "1")
        return max(1, int(number)) if number.isdigit() and len(number) < 7 else 1

    def show(self, name: str, status: int = 200, **values: Any) -> Response:
        """Return a page with what all pages have."""
        url = self.request.url
        given = {
            "me": self.person,
            "bar": page_header.load(self.person, self.console.namespace),
            "here": url.path,
            "address": f"{url.path}?{url.query}" if url.query else url.path,
            "namespace": self.console.namespace,
            **values,
        }
        if self.is_redrawn:
            return pages.PartsResponse(pages.render_blocks(name, **given))
        return pages.render(name, status, **given)

    def back(self, default: str) -> Response:
        """Lead the browser to where the form says it came from, on this console only."""
        wanted = self.form.get("next", "")
        is_ours = wanted.startswith("/") and not wanted.startswith(("//", "/\\"))
        return RedirectResponse(wanted if is_ours else default, 303)


class RouteSpec(NamedTuple):
    """A route: how it is asked, who may, what answers, whether files come with its form, and
    whether it is a page that is drawn anew when rows change.
    """

    method: str
    path: str
    role: people.Role
    answer: Callable[[PageRequest], Response | Awaitable[Response]]
    has_files: bool = False
    is_live: bool = False


def draw_parts(
    specs: Sequence[RouteSpec], console: Console, person: sign_ins.Person, address: str
) -> dict[str, str]:
    """Return the parts of the page at an address, for a person who has it open; of one that is not
    drawn anew, or not for this person, what stands above it.
    """
    path, _, query = address.partition("?")
    request, found = _find_live(specs, path, query)
    asked = PageRequest(person, console, request, is_redrawn=True)
    answer: Any = None
    if found is not None and person.has_role(found.role):
        # What the page shows may be there no more: it stays as it was until it is loaded again.
        with contextlib.suppress(errors.NotFound, errors.NotAllowed, errors.BadInput):
            answer = asked.as_person(found.answer, asked)
    if not isinstance(answer, pages.PartsResponse):
        answer = asked.as_person(asked.show, pages.BASE)
    return answer.parts


def _find_live(
    specs: Sequence[RouteSpec], path: str, query: str
) -> tuple[Request, RouteSpec | None]:
    """Return a request as a browser would make it, and the route of the page; None when it is none
    that is drawn anew.
    """
    scope: dict[str, Any] = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": query.encode(errors="replace"),
        "headers": [],
        "server": ("127.0.0.1", 80),
    }
    for spec in specs:
        pattern, _, convertors = compile_path(spec.path)
        matched = pattern.match(path) if spec.is_live else None
        if matched:
            given = matched.groupdict().items()
            scope["path_params"] = {name: convertors[name].convert(text) for name, text in given}
            return Request(scope), spec
    return Request(scope), None


def make_route(spec: RouteSpec, console: Console) -> Route:
    """Return the route of Starlette, which asks for the role before anything else is done."""

    async def endpoint(request: Request) -> Response:
        person = access.get_person(request)
        asked = PageRequest(person, console, request)
        try:
            if not person.has_role(spec.role):
                raise errors.NotAllowed(
                    f"this is for people with the role {spec.role}; yours is {person.role}"
                )
            await _receive(spec, asked)
            answer = await console.threads.run(asked.as_person, spec.answer, asked)
            # What takes as long as a run keeps no thread meanwhile.
            return answer if isinstance(answer, Response) else await answer
        except ClientDisconnect:
            return Response(status_code=499)
        except Exception as error:
            return await console.threads.run(explain, asked, error)
        finally:
            for file in asked.files:
                await file.close()

    return Route(spec.path, endpoint, methods=[spec.method])


async def _receive(spec: RouteSpec, asked: PageRequest) -> None:
    """Read what comes with a request, in the form and of the size that its route takes."""
    if spec.method in CHANGES and spec.path.startswith(CONVERSATIONS):
        asked.body = await _read(asked.request, MOST_API_BYTES)
    elif spec.method in CHANGES and spec.path.startswith(OWN_API):
        asked.body = await _read(asked.request, MOST_BYTES)
    elif spec.has_files:
        asked.form, asked.files = await _read_files(asked.request)
    elif spec.method == "POST":
        asked.form = _parse(await _read(asked.request, MOST_BYTES))


def explain(asked: PageRequest, error: Exception) -> Response:
    """Return the page that says what went wrong and what to do next."""
    fault = error if isinstance(error, errors.MillraceError) else db.explain(error)
    if fault is None:
        logging.getLogger(__name__).error("the console broke", exc_info=error)
        fault = errors.MillraceError("something broke here; the terminal of the console says what")
    status = next((code for kind, code in STATUS if isinstance(fault, kind)), 500)
    words = redaction.redact(str(fault))
    path, accepted = asked.request.url.path, asked.request.headers.get("accept", "")
    if path.startswith(OPENAI):
        code = getattr(fault, "code", "")
        return JSONResponse({"error": describe_error(status, words, code)}, status)
    if path.startswith(JSON_PATHS) or "text/html" not in accepted:
        return JSONResponse({"error": words}, status)
    return pages.render("error.html", status, words=words, status=status, back=_way_back(asked))


def describe_error(status: int, words: str, code: str = "") -> dict[str, Any]:
    """Return a fault as OpenAI's clients read it."""
    kind = "server_error" if status >= 500 else "invalid_request_error"
    return {"message": words, "type": kind, "param": None, "code": code or None}


def _way_back(asked: PageRequest) -> str:
    parent = asked.request.url.path.rsplit("/", 1)[0]
    return parent if parent in ("/runs", "/waiting", "/digests", "/memory") else "/talk"


async def _read(request: Request, most: int) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > most:
            raise TooLarge(
                f"that is more than {most // 1024} kB; put a long text in a file and ingest"
                " it: scripts/millrace ingest FILE"
            )
    return bytes(body)


async def _read_files(request: Request) -> tuple[dict[str, str], list[UploadFile]]:
    """Return the fields of a form and the files with it, which lie in temporary files."""
    most = config.settings().document_max_bytes

    taken = 0

    async def read() -> AsyncGenerator[bytes, None]:
        nonlocal taken
        async for piece in request.stream():
            taken += len(piece)
            if taken > most + MOST_BYTES:
                # So that the parser closes what it has begun.
                raise MultiPartException("they are too large")
            yield piece

    try:
        parser = MultiPartParser(request.headers, read(), max_files=MOST_FILES, max_fields=20)
        given = await parser.parse()
    except (MultiPartException, KeyError) as error:
        if taken > most + MOST_BYTES:
            raise TooLarge(
                f"the files have more than {most:,} bytes together, which is the most (setting"
                " document_max_bytes); give fewer at a time"
            ) from error
        said = getattr(error, "message", "it is no multipart form")
        raise errors.BadInput(
            f"the files cannot be taken: {said}; at most {MOST_FILES} at a time"
        ) from error
    fields = {
        name: _storable(value) for name, value in given.multi_items() if isinstance(value, str)
    }
    files = [value for _, value in given.multi_items() if isinstance(value, UploadFile)]
    return fields, files


def _parse(body: bytes) -> dict[str, str]:
    """Return the fields of a form; of one given twice, the last."""
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=100)
    except ValueError as error:
        raise errors.BadInput(f"the form cannot be read: {error}") from error
    return {name: _storable(values[-1]).replace("\r\n", "\n") for name, values in fields.items()}


def _storable(text: str) -> str:
    """Return text as the database can hold it."""
    return text.replace("\0", "")
