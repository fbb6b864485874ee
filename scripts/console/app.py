"""The console as an application: its routes with the role that each needs, behind the gate."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from f.millrace.core import db, errors
from scripts.console import (
    access,
    digests,
    live,
    memory,
    pages,
    people_page,
    runs,
    sign_ins,
    system,
    talk,
    waiting,
)
from scripts.console.bell import Bell
from scripts.console.children import Children
from scripts.console.routes import Asked, Console, Way, make
from scripts.console.threads import Threads


def _home(_: Asked) -> Response:
    return RedirectResponse("/talk", 303)


WAYS = (
    Way("GET", "/", "reader", _home),
    Way("GET", "/talk", "reader", talk.show_new),
    Way("POST", "/talk", "member", talk.say),
    Way("GET", "/talk/{session}", "reader", talk.show),
    Way("GET", "/runs", "reader", runs.show_all),
    Way("GET", "/runs/{run}", "reader", runs.show_one),
    Way("GET", "/runs/{run}/passages/{evidence}", "reader", runs.show_passage),
    Way("POST", "/runs/{run}/stop", "member", talk.stop_run),
    Way("POST", "/runs/{run}/verdict", "member", talk.judge),
    Way("POST", "/runs/{run}/resume", "member", runs.go_on),
    Way("POST", "/runs/{run}/again", "member", runs.repeat),
    Way("GET", "/waiting", "reader", waiting.show_all),
    Way("GET", "/waiting/{action}", "reader", waiting.show_one),
    Way("POST", "/waiting/{action}", "member", waiting.decide),
    Way("POST", "/waiting/{action}/outcome", "approver", waiting.resolve),
    Way("GET", "/digests", "reader", digests.show_all),
    Way("GET", "/digests/{digest}", "reader", digests.show_one),
    Way("GET", "/digests/{digest}/frame", "reader", digests.show_frame),
    Way("POST", "/digests/{digest}/verdict", "member", digests.judge),
    Way("GET", "/memory", "member", memory.show),
    Way("GET", "/memory/items/{item}", "member", memory.show_item),
    Way("POST", "/memory/items/{item}/correct", "owner", memory.correct),
    Way("POST", "/memory/items/{item}/forget", "owner", memory.forget_item),
    Way("GET", "/memory/documents", "member", memory.show_documents),
    Way("GET", "/memory/documents/{document}", "member", memory.show_document),
    Way("GET", "/system", "reader", system.show),
    Way("POST", "/system/alerts/{alert}", "approver", system.change_alert),
    Way("GET", "/people", "reader", people_page.show),
    Way("POST", "/people", "owner", people_page.add),
    Way("POST", "/people/{person}", "owner", people_page.change),
    Way("POST", "/tokens", "reader", people_page.add_token),
    Way("POST", "/tokens/{person}/{name}/revoke", "reader", people_page.revoke_token),
    Way("POST", "/sign-ins/{sign_in}/end", "reader", people_page.end_sign_in),
    Way("POST", "/leave", "reader", people_page.leave),
)


def application(
    namespace: str = "main", hosts: Sequence[str] = (), *, warm: bool = False
) -> ASGIApp:
    """Return the ASGI application of the console.

    Args:
        namespace: Whose memory, runs and digests it shows.
        hosts: Names under which it may be called, besides those of loopback.
        warm: Have a child loaded before the first run is asked for.
    """
    bell = Bell()
    console = Console(bell, Children(bell.ring), Threads(), namespace)

    @contextlib.asynccontextmanager
    async def life(_: Starlette) -> AsyncIterator[None]:
        bell.start()
        if warm:
            await console.threads.run(console.children.warm_up)
        try:
            yield
        finally:
            bell.close()
            console.children.close()
            console.threads.close()

    async def follow(request: Request) -> Response:
        return await live.follow(request, console)

    async def enter(request: Request) -> Response:
        return await _enter(request, console)

    async def is_ready(_: Request) -> Response:
        try:
            await console.threads.run(db.fetch_one, "SELECT 1 AS one")
        except errors.MillraceError as error:
            return PlainTextResponse(str(error), 503)
        return PlainTextResponse("ready")

    app = Starlette(
        routes=[
            *(make(way, console) for way in WAYS),
            Route("/live", follow),
            Route("/enter", enter),
            Route("/health/live", _is_alive),
            Route("/health/ready", is_ready),
            Mount("/static", _Static(directory=pages.STATIC)),
        ],
        exception_handlers={HTTPException: _refuse},
        lifespan=life,
    )
    return access.Gate(app, console.threads, hosts)


class _Static(StaticFiles):
    """Files whose address changes with what is in them."""

    async def get_response(self, path: str, scope: dict) -> Response:  # type: ignore[override]
        """Return a file that a browser may keep."""
        answer = await super().get_response(path, scope)
        answer.headers["cache-control"] = "public, max-age=31536000, immutable"
        return answer


async def _enter(request: Request, console: Console) -> Response:
    """Sign a browser in by a link that works once."""
    secret = request.query_params.get("t", "")
    if not secret:
        return pages.render("enter.html", 401, words="")
    browser = request.headers.get("user-agent", "")
    try:
        cookie = await console.threads.run(sign_ins.enter, secret, browser)
    except errors.MillraceError as error:
        return pages.render("enter.html", 403, words=str(error))
    answer = RedirectResponse("/talk", 303)
    answer.set_cookie(
        access.cookie_name(request.scope),
        cookie,
        max_age=int(sign_ins.LONGEST.total_seconds()),
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )
    return answer


async def _is_alive(_: Request) -> Response:
    return PlainTextResponse("alive")


async def _refuse(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    words = {404: "there is no such page", 405: "this cannot be done here"}
    said = words.get(status, "this cannot be done")
    if "text/html" not in request.headers.get("accept", ""):
        return PlainTextResponse(said, status)
    return pages.render("error.html", status, words=said, status=status, back="/talk")
