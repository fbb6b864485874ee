# no_postinstall
# requirements: millrace_core

"""Follow a link of a digest.

For an HTTP route without a login: the signed token in the link says who speaks, and of what.
Opening the link shows a question, because mail programs open links by themselves; its button, or a
mail program's one click, does it.

scripts/millrace step research/follow_link token=TOKEN method=get
"""

from html import escape

from f.millrace.core import db, errors
from f.millrace.digest import digest_links, digest_style
from f.millrace.telemetry import spans
from f.millrace.trust import feedback


def preprocessor(event: dict) -> dict:
    """Return the step's inputs; Windmill calls this before the step."""
    return {
        "token": str((event.get("params") or {}).get("token") or ""),
        "method": str(event.get("method") or "get").lower(),
    }


def main(token: str, method: str = "get") -> dict:
    """Follow the link.

    Args:
        token: The token of the link.
        method: get asks, post does.

    Returns:
        result: The page as HTML, with its status and type for Windmill's route.
    """
    try:
        if method != "post":
            return _answer(200, _ask(token))
        with spans.step("research.follow_link"):
            return _answer(200, _page(feedback.apply(token, "link")))
    except errors.BadInput as error:
        return _answer(400, _page(str(error)[:1].upper() + str(error)[1:] + "."))


def _ask(token: str) -> str:
    """Return the question whether to do what the token says, or the digest that it shows."""
    reply = feedback.read(token)
    if reply.verb == "show":
        return _show_digest(reply)
    button = (
        '<form method="post"><button style="font:inherit;padding:10px 20px">'
        f"{escape(digest_links.WORDS[reply.verb])}</button></form>"
    )
    return _page(reply.in_words(feedback.QUESTIONS), button)


def _show_digest(reply: feedback.Reply) -> str:
    row = db.fetch_one(
        "SELECT html, plain, private OR shared <> '{}' AS private FROM digest WHERE id = %s",
        [reply.delivery["digest_id"]],
    )
    if row is None or row["private"]:
        raise errors.NotFound("the digest is not kept here for everybody who has the link")
    return digest_links.depersonalise(row["html"], row["plain"], lambda _day, _number: "")[0]


def _page(said: str, further: str = "") -> str:
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta name="robots" content="noindex"><title>Millrace</title>{digest_style.sheets()}'
        '</head><body class="body paper"><div style="max-width:480px;margin:72px auto;padding:0'
        f' 24px"><p class="brand accent">MILLRACE</p><p class="prose ink" dir="auto">{escape(said)}'
        f'</p><div style="margin-top:20px">{further}</div></div></body></html>\n'
    )


def _answer(status: int, page: str) -> dict:
    return {
        "windmill_status_code": status,
        "windmill_content_type": "text/html; charset=utf-8",
        "windmill_headers": {
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "Content-Security-Policy": (
                "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'"
            ),
        },
        "result": page,
    }
