"""The one gate of the console: which host was asked, who asks, from where a change comes, and what
every answer says to the browser.

A browser signs in with a cookie, a program with an access token. A cookie counts for a change only
when our own page made the request: the browser says so itself.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Sequence
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from f.millrace.core import config, errors
from f.millrace.trust import access_tokens, people
from scripts.console import sign_ins, windmill_sign_in
from scripts.console.threads import Threads
from scripts.serving import guard

SAFE = ("GET", "HEAD")
# What is answered to anybody: signing in, what the pages are made of, whether the server works, how
# an agent of others signs in.
CARD = re.compile(r"(?:/a2a/[^/]+)?/\.well-known/agent-card\.json")
OPEN = ("/enter", "/static/", "/health/")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src"
    " 'self'; connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'"
)
HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}
SIGN_IN_PROGRAM = "incorrect API key; scripts/millrace tokens add ID NAME makes one"
# A gateway's program says in whose name it asks; of any other token the header says nothing.
USER_HEADERS = ("x-openwebui-user-email", "x-millrace-user")
SIGN_IN = "sign in first: scripts/millrace ui prints a link"


class AccessCheck:
    """Lets requests pass to the pages with `scope["person"]`, or answers them itself."""

    def __init__(
        self,
        app: ASGIApp,
        threads: Threads,
        hosts: Sequence[str] = (),
        end_streams: Callable[[], None] = lambda: None,
    ) -> None:
        """Guard `app`; `hosts` are names under which it may be called, besides those of loopback;
        `end_streams` is called when the server is about to end.
        """
        self.app, self.threads, self.hosts = app, threads, hosts
        self.end_streams = end_streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers = headers_of(scope)
        answer = _with_headers(send)
        refused: Response | None = self._refuse_host(headers)
        if refused is None:
            try:
                scope["person"] = await self.threads.run(_find_person, headers, cookie_of(scope))
                refused = _refuse_caller(scope, headers)
            except errors.DatabaseUnavailable as error:
                refused = PlainTextResponse(str(error), 503)
        if refused is not None:
            return await refused(scope, receive, answer)
        await self.app(scope, receive, answer)

    def _refuse_host(self, headers: dict[str, str]) -> Response | None:
        # A name that a foreign page had point here is refused before anybody is asked who they are.
        found = guard.refuse({"host": headers.get("host", "")}, "", self.hosts)
        return PlainTextResponse(found.words, found.status) if found else None


def _refuse_caller(scope: Scope, headers: dict[str, str]) -> Response | None:
    """Return why a request may not pass: nobody is signed in, or a page of others sent it."""
    if scope["path"].startswith(OPEN) or CARD.fullmatch(scope["path"]):
        return None
    changes = scope["method"] not in SAFE
    if scope["person"] is None:
        if scope["path"].startswith("/v1/"):
            told = {"message": SIGN_IN_PROGRAM, "type": "invalid_request_error", "param": None}
            return JSONResponse({"error": {**told, "code": "invalid_api_key"}}, 401)
        if scope["path"].startswith("/api/"):
            return JSONResponse({"error": SIGN_IN_PROGRAM}, 401)
        wants_page = not changes and "text/html" in headers.get("accept", "")
        return RedirectResponse("/enter", 303) if wants_page else PlainTextResponse(SIGN_IN, 401)
    if scope["person"].sign_in and changes and not is_own_page(headers):
        return PlainTextResponse("a change has to come from a page of this console", 403)
    return None


def is_own_page(headers: dict[str, str]) -> bool:
    """Tell whether a request was sent by a page of this console."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == headers.get("host")


def _find_person(headers: dict[str, str], cookie: str) -> sign_ins.Person | None:
    given = headers.get("authorization", "")
    if given.startswith("Bearer "):
        caller = access_tokens.find_caller(given.removeprefix("Bearer ").strip())
        return _speaking_for(caller, headers) if caller else None
    person = sign_ins.find_person(cookie) if cookie else None
    if person is None or not person.is_due:
        return person
    windmill_sign_in.check_again(cookie)
    return sign_ins.find_person(cookie)


def _speaking_for(caller: access_tokens.Caller, headers: dict[str, str]) -> sign_ins.Person | None:
    """Return whom a program speaks for: its own person, or of a gateway the one it names, who may
    do at most what the token may.
    """
    named = next((headers[name] for name in USER_HEADERS if headers.get(name)), "")
    if not (caller.gateway and named):
        return sign_ins.Person(
            caller.person_id, caller.role, gateway=caller.gateway, token=caller.token_id
        )
    person = people.find(named)
    if person is None:
        return None
    role = caller.role if people.has_role(person["role"], caller.role) else person["role"]
    return sign_ins.Person(person["id"], role, gateway=True, token=caller.token_id)


def cookie_name(scope: Scope) -> str:
    """Return the name of the cookie: cookies know no ports, so it has the port in it."""
    port = urlsplit(f"//{headers_of(scope).get('host', '')}").port
    return f"millrace_{port or 80}"


def cookie_of(scope: Scope) -> str:
    """Return the value of the console's own cookie; empty when there is none."""
    found: SimpleCookie = SimpleCookie()
    with contextlib.suppress(CookieError):
        found.load(headers_of(scope).get("cookie", ""))
    try:
        return found[cookie_name(scope)].value
    except (KeyError, ValueError):
        return ""


def get_person(request: Any) -> sign_ins.Person:
    """Return who asks; NotAllowed when nobody is signed in."""
    person: sign_ins.Person | None = request.scope.get("person")
    if person is None:
        raise errors.NotAllowed(SIGN_IN)
    return person


def headers_of(scope: Scope) -> dict[str, str]:
    """Return the headers of a request by their names in small letters."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _list_headers() -> dict[str, str]:
    """Return what every answer says, unless it says otherwise itself."""
    framed_by = config.settings().console_framed_by.strip().rstrip("/") or "'none'"
    return {**HEADERS, "content-security-policy": f"{POLICY}; frame-ancestors {framed_by}"}


def _with_headers(send: Send) -> Send:
    async def answer(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = {name for name, _ in message["headers"]}
            message["headers"] = [
                *message["headers"],
                *(
                    (name.encode(), value.encode())
                    for name, value in _list_headers().items()
                    if name.encode() not in given
                ),
            ]
        await send(message)

    return answer
