"""The console as an application: its routes with the role that each needs, behind the gate."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from f.millrace.core import db, errors
from scripts.console import (
    a2a,
    access,
    ag_ui,
    agents,
    agents_page,
    api_description,
    digests,
    dropped_files,
    entrance,
    live,
    memory,
    openai_api,
    openai_responses,
    pages,
    palette,
    people_page,
    runs,
    system,
    talk,
    told,
    waiting,
)
from scripts.console.children import Children
from scripts.console.open_pages import OpenPages
from scripts.console.routes import OWN_API, Console, PageRequest, RouteSpec, draw_parts, make_route
from scripts.console.row_changes import RowChanges
from scripts.console.threads import Threads


def _home(_: PageRequest) -> Response:
    return RedirectResponse("/talk", 303)


ROUTES = (
    RouteSpec("GET", "/", "reader", _home),
    RouteSpec("GET", "/find", "reader", palette.find),
    RouteSpec("GET", "/talk", "reader", talk.show_new, is_live=True),
    RouteSpec("POST", "/talk", "member", talk.say),
    RouteSpec("POST", "/talk/files", "member", dropped_files.take, has_files=True),
    RouteSpec("GET", "/talk/{session}", "reader", talk.show, is_live=True),
    RouteSpec("GET", "/runs", "reader", runs.show_all, is_live=True),
    RouteSpec("GET", "/runs/{run}", "reader", runs.show_one),
    RouteSpec("GET", "/runs/{run}/passages/{evidence}", "reader", runs.show_passage),
    RouteSpec("POST", "/runs/{run}/stop", "member", talk.stop_run),
    RouteSpec("POST", "/runs/{run}/verdict", "member", talk.judge),
    RouteSpec("POST", "/runs/{run}/resume", "member", runs.go_on),
    RouteSpec("POST", "/runs/{run}/again", "member", runs.repeat),
    RouteSpec("GET", "/waiting", "reader", waiting.show_all, is_live=True),
    RouteSpec("POST", "/waiting", "member", waiting.decide_together),
    RouteSpec("GET", "/waiting/{action}", "reader", waiting.show_one),
    RouteSpec("POST", "/waiting/{action}", "member", waiting.decide),
    RouteSpec("POST", "/waiting/{action}/outcome", "approver", waiting.resolve),
    RouteSpec("GET", "/digests", "reader", digests.show_all, is_live=True),
    RouteSpec("GET", "/digests/{digest}", "reader", digests.show_one),
    RouteSpec("GET", "/digests/{digest}/frame", "reader", digests.show_frame),
    RouteSpec("POST", "/digests/{digest}/verdict", "member", digests.judge),
    RouteSpec("POST", "/digests/{digest}/reply", "reader", digests.reply),
    RouteSpec("GET", "/memory", "member", memory.show, is_live=True),
    RouteSpec("GET", "/memory/items/{item}", "member", memory.show_item),
    RouteSpec("POST", "/memory/items/{item}/correct", "member", memory.correct),
    RouteSpec("POST", "/memory/items/{item}/forget", "member", memory.forget_item),
    RouteSpec("GET", "/memory/documents", "member", memory.show_documents, is_live=True),
    RouteSpec("GET", "/memory/documents/{document}", "member", memory.show_document),
    RouteSpec("GET", "/system", "reader", system.show, is_live=True),
    RouteSpec("GET", "/system/agents", "reader", agents_page.show_all, is_live=True),
    RouteSpec("POST", "/system/agents", "member", agents_page.create),
    RouteSpec("GET", "/system/agents/new", "member", agents_page.show_new),
    RouteSpec("GET", "/system/agents/{agent}", "reader", agents_page.show_one, is_live=True),
    RouteSpec("POST", "/system/agents/{agent}", "member", agents_page.change),
    RouteSpec("POST", "/system/alerts/{alert}", "approver", system.change_alert),
    RouteSpec("GET", "/api", "reader", api_description.show),
    RouteSpec("GET", "/api/agents", "reader", agents.list_all),
    RouteSpec("POST", "/api/agents", "member", agents.create),
    RouteSpec("GET", "/api/agents/{agent}", "reader", agents.show),
    RouteSpec("PATCH", "/api/agents/{agent}", "member", agents.change),
    RouteSpec("DELETE", "/api/agents/{agent}", "member", agents.switch_off),
    RouteSpec("GET", "/api/agents/{agent}/runs", "reader", agents.list_runs),
    RouteSpec("POST", "/api/agents/{agent}/runs", "member", agents.start_run),
    RouteSpec("GET", "/api/agents/{agent}/runs/{run}", "reader", agents.show_run),
    RouteSpec("GET", "/people", "reader", people_page.show, is_live=True),
    RouteSpec("POST", "/people", "owner", people_page.add),
    RouteSpec("POST", "/people/{person}", "owner", people_page.change),
    RouteSpec("POST", "/tokens", "reader", people_page.add_token),
    RouteSpec("POST", "/tokens/{person}/{name}/revoke", "reader", people_page.revoke_token),
    RouteSpec("POST", "/subscriptions", "reader", people_page.subscribe),
    RouteSpec("POST", "/webhooks", "member", people_page.add_webhook),
    RouteSpec("POST", "/webhooks/{name}", "member", people_page.change_webhook),
    RouteSpec("POST", "/sign-ins/{sign_in}/end", "reader", people_page.end_sign_in),
    RouteSpec("POST", "/leave", "reader", people_page.leave),
    RouteSpec("GET", "/v1/models", "reader", openai_api.list_models),
    RouteSpec("GET", "/v1/models/{model:path}", "reader", openai_api.show_model),
    RouteSpec("POST", "/v1/chat/completions", "member", openai_api.complete),
    RouteSpec("POST", "/v1/responses", "member", openai_responses.create),
    RouteSpec("GET", "/v1/responses/{response}", "reader", openai_responses.show),
    RouteSpec("POST", "/v1/responses/{response}/cancel", "member", openai_responses.cancel),
    RouteSpec("POST", "/ag-ui/{agent}", "member", ag_ui.run),
    RouteSpec("POST", "/a2a/{agent}", "member", a2a.call),
)


def make_application(
    namespace: str = "main", hosts: Sequence[str] = (), *, warm: bool = False
) -> access.AccessCheck:
    """Return the ASGI application of the console.

    Args:
        namespace: Whose memory, runs and digests it shows.
        hosts: Names under which it may be called, besides those of loopback.
        warm: Have a child loaded before the first run is asked for.
    """
    changes = RowChanges()
    console = Console(changes, Children(changes.notify), Threads(), namespace)
    draw = functools.partial(draw_parts, ROUTES, console)
    opened = OpenPages(changes, console.threads, draw)

    @contextlib.asynccontextmanager
    async def life(_: Starlette) -> AsyncIterator[None]:
        changes.start()
        if warm:
            await console.threads.run(console.children.warm_up)
        delivering = asyncio.create_task(told.deliver(changes, console.threads))
        try:
            yield
        finally:
            changes.close()
            await delivering
            console.children.close()
            console.threads.close()

    async def follow(request: Request) -> Response:
        return await live.follow(request, console, opened)

    async def show_card(request: Request) -> Response:
        return await a2a.show_card(request, console.threads)

    async def is_ready(_: Request) -> Response:
        try:
            await console.threads.run(db.fetch_one, "SELECT 1 AS one")
        except errors.MillraceError as error:
            return PlainTextResponse(str(error), 503)
        return PlainTextResponse("ready")

    app = Starlette(
        routes=[
            *(make_route(spec, console) for spec in ROUTES),
            Route("/live", follow),
            *entrance.make_routes(console.threads),
            Route("/.well-known/agent-card.json", show_card),
            Route("/a2a/{agent}/.well-known/agent-card.json", show_card),
            Route("/health/live", _is_alive),
            Route("/health/ready", is_ready),
            Mount("/static", _Static(directory=pages.STATIC)),
        ],
        exception_handlers={HTTPException: _refuse},
        lifespan=life,
    )
    return access.AccessCheck(app, console.threads, hosts, changes.close)


class _Static(StaticFiles):
    """Files whose address changes with what is in them."""

    async def get_response(self, path: str, scope: dict) -> Response:  # type: ignore[override]
        """Return a file that a browser may keep."""
        answer = await super().get_response(path, scope)
        answer.headers["cache-control"] = "public, max-age=31536000, immutable"
        return answer


async def _is_alive(_: Request) -> Response:
    return PlainTextResponse("alive")


async def _refuse(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    words = {404: "there is no such page", 405: "this cannot be done here"}
    said = words.get(status, "this cannot be done")
    if request.url.path.startswith(OWN_API):
        return JSONResponse({"error": f"{said}; GET /api says what there is"}, status)
    if "text/html" not in request.headers.get("accept", ""):
        return PlainTextResponse(said, status)
    return pages.render("error.html", status, words=said, status=status, back="/talk")
