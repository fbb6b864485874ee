"""How a browser gets in: by a link that works once, and where it is set by Windmill or an OpenID
Connect provider.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from f.millrace.core import config, errors
from scripts.console import access, oidc_sign_in, pages, sign_ins, windmill_sign_in
from scripts.console.threads import Threads

AFTER = "/talk"
# A token of Windmill has some hundred letters at most.
MOST_BYTES = 16_384
STATUS = (
    (errors.SourceFailed, 502),
    (errors.DatabaseUnavailable, 503),
    (errors.BadInput, 400),
)
OIDC_PATH = "/enter/oidc"


def make_routes(threads: Threads) -> list[Route]:
    """Return the routes that anybody may ask."""

    def answer(function: Callable[[Request, dict[str, str]], Response]) -> Any:
        async def endpoint(request: Request) -> Response:
            form: dict[str, str] = {}
            try:
                if request.method == "POST":
                    form = await _read(request)
                return await threads.run(function, request, form)
            except errors.MillraceError as error:
                status = next((code for kind, code in STATUS if isinstance(error, kind)), 403)
                return await threads.run(_show, status, str(error))

        return endpoint

    return [
        Route("/enter", answer(enter)),
        Route("/enter/windmill", answer(enter_by_windmill), methods=["POST"]),
        Route(OIDC_PATH, answer(begin_oidc)),
        Route(oidc_sign_in.BACK, answer(finish_oidc)),
    ]


def enter(request: Request, _: dict[str, str]) -> Response:
    """Sign a browser in by a link that works once; without one show which ways there are."""
    secret = request.query_params.get("t", "")
    if not secret:
        return _show(401)
    return _let_in(request, sign_ins.enter(secret, _browser(request)))


def enter_by_windmill(request: Request, form: dict[str, str]) -> Response:
    """Sign a browser in by a token of Windmill that was typed in, or by Windmill's own cookie."""
    if not access.is_own_page(access.headers_of(request.scope)):
        raise errors.NotAllowed("signing in has to come from a page of this console")
    token = form.get("token", "").strip() or request.cookies.get(windmill_sign_in.COOKIE, "")
    return _let_in(request, windmill_sign_in.enter(token, _browser(request)))


def begin_oidc(request: Request, _: dict[str, str]) -> Response:
    """Send a browser to the provider."""
    begun = oidc_sign_in.begin(_address(request))
    answer = RedirectResponse(begun.url, 303)
    life = int(oidc_sign_in.LASTS.total_seconds())
    _set_cookie(answer, request, _attempt_cookie(request), begun.cookie, OIDC_PATH, life)
    return answer


def finish_oidc(request: Request, _: dict[str, str]) -> Response:
    """Take a browser that comes back from the provider."""
    cookie = request.cookies.get(_attempt_cookie(request), "")
    given = dict(request.query_params)
    made = oidc_sign_in.finish(given, cookie, _address(request), _browser(request))
    answer = _let_in(request, made)
    answer.delete_cookie(_attempt_cookie(request), path=OIDC_PATH)
    return answer


def _let_in(request: Request, cookie: str) -> Response:
    answer = RedirectResponse(AFTER, 303)
    life = int(sign_ins.LONGEST.total_seconds())
    _set_cookie(answer, request, access.cookie_name(request.scope), cookie, "/", life)
    return answer


def _set_cookie(
    answer: Response, request: Request, name: str, value: str, path: str, life: int
) -> None:
    answer.set_cookie(
        name,
        value,
        max_age=life,
        path=path,
        secure=_address(request).startswith("https:"),
        httponly=True,
        samesite="lax",
    )


def _show(status: int, words: str = "") -> Response:
    return pages.render(
        "enter.html",
        status,
        words=words,
        windmill=windmill_sign_in.is_on(),
        oidc=oidc_sign_in.is_on(),
    )


def _address(request: Request) -> str:
    """Return where the browser reaches the console: as the setting says, or as it asked."""
    told = config.settings().console_url.strip()
    return told or f"{request.url.scheme}://{request.url.netloc}"


def _attempt_cookie(request: Request) -> str:
    return f"{access.cookie_name(request.scope)}_oidc"


def _browser(request: Request) -> str:
    return request.headers.get("user-agent", "")


async def _read(request: Request) -> dict[str, str]:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BYTES:
            raise errors.BadInput(f"that is more than {MOST_BYTES // 1024} kB, so it is no token")
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=10)
    except ValueError as error:
        raise errors.BadInput(f"the form cannot be read: {error}") from error
    return {name: values[-1] for name, values in fields.items()}
