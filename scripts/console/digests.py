"""The archive of digests: the editions that a person may see, and what they say of a topic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import HTMLResponse, Response

from f.millrace.core import db, errors
from f.millrace.digest import archive, digest_links
from f.millrace.trust import decisions, feedback, recipients, reply_tokens
from scripts.console import run_view

if TYPE_CHECKING:
    from f.millrace.core import rows
    from scripts.console.routes import PageRequest

A_PAGE = 30
# A digest is a page of its own, as it was mailed: its styles stand in it, nothing in it can run,
# and its frame shares nothing with the console.
POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src"
    " 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
# What shows notes, memories or a private source is for owners, and for who got it.
MAY_SEE = "(%(owner)s OR NOT (g.private OR g.shared <> '{}') OR %(user)s = ANY(g.recipients))"
LIST = f"""
SELECT g.id, g.run_id, g.local_day, g.number, g.subject, g.recipients, g.private, g.shared,
    g.created_at, {archive.TOPICS} AS topics,
    (SELECT count(*) FROM delivery v WHERE v.digest_id = g.id AND v.status IN ('sent', 'outbox'))
        AS delivered
FROM digest g WHERE g.namespace = %(namespace)s AND {MAY_SEE}
ORDER BY g.local_day DESC, g.number DESC, g.private, g.created_at
LIMIT %(limit)s OFFSET %(offset)s
"""


def show_all(asked: PageRequest) -> Response:
    """List the editions, the newest first."""
    page = asked.page()
    found = db.fetch_all(LIST, _whose(asked) | {"limit": A_PAGE + 1, "offset": (page - 1) * A_PAGE})
    return asked.show(
        "digests.html", digests=found[:A_PAGE], page=page, has_more=len(found) > A_PAGE
    )


def show_one(asked: PageRequest) -> Response:
    """Show one edition in its frame, with its topics beside it."""
    row = _find(asked)
    topics = db.fetch_all(
        "SELECT t.id, t.rank, t.title, r.confidence, r.findings, d.outcome FROM topic t LEFT JOIN"
        " research_result r ON r.run_id = t.run_id AND r.topic_id = t.id LEFT JOIN decision d ON"
        " d.run_id = t.run_id AND d.subject = t.id AND d.kind = 'judgement' WHERE t.run_id = %s"
        " ORDER BY t.rank",
        [row["run_id"]],
    )
    can_see_run = row["run_id"] is not None and _may_see_run(asked, row)
    mail = _find_mail(asked, row)
    return asked.show(
        "digest.html",
        digest=row,
        topics=topics,
        can_see_run=can_see_run,
        can_reply=mail is not None,
        said=_list_said(mail) if mail else {},
    )


def _find_mail(asked: PageRequest, row: rows.Digest) -> rows.Delivery | None:
    """Return the mail of an edition to the person who asks: the one to the address that is their
    id, and of an installation that nobody has set up the owner's; None when they got none.
    """
    addresses = [asked.person.id]
    if asked.person.has_role("owner"):
        addresses.append(recipients.OWN)
    found: rows.Delivery | None = db.fetch_one(
        "SELECT * FROM delivery WHERE digest_id = %s AND lower(recipient) = ANY(%s) AND status IN"
        " ('sent', 'outbox') ORDER BY recipient LIMIT 1",
        [row["id"], addresses],
    )
    return found


def _list_said(mail: rows.Delivery) -> dict[str, list[str]]:
    """Return what the recipient said of each topic, more or less, the last at the end: each counts
    once.
    """
    found = db.fetch_all(
        "SELECT topic_id, array_agg(verb ORDER BY at) AS verbs FROM reply WHERE message_id = %s AND"
        " verb IN ('more', 'less') GROUP BY topic_id",
        [mail["message_id"]],
    )
    return {row["topic_id"]: row["verbs"] for row in found}


def reply(asked: PageRequest) -> Response:
    """Have more or less like a topic in the next editions: as by the link in the person's own mail,
    whose token counts once.
    """
    row = _find(asked)
    verb, topic = asked.form.get("verb", ""), asked.form.get("topic", "")
    mail = _find_mail(asked, row)
    if verb not in ("more", "less"):
        raise errors.BadInput("say whether more or less of it is wanted")
    if mail is None:
        raise errors.NotAllowed(
            "this edition was not mailed to you; who got it says what they want"
        )
    known = db.fetch_one(
        "SELECT rank FROM topic WHERE run_id = %s AND id = %s", [mail["run_id"], topic]
    )
    if known is None:
        raise errors.NotFound("this edition has no such topic")
    wanted: reply_tokens.Verb = "more" if verb == "more" else "less"
    key = reply_tokens.current_key()
    token = reply_tokens.sign(key, wanted, mail["message_id"], known["rank"])
    feedback.apply(token, "link")
    return asked.back(f"/digests/{row['id']}")


def _may_see_run(asked: PageRequest, row: rows.Digest) -> bool:
    try:
        run_view.find(str(row["run_id"]), asked.person)
    except errors.NotFound:
        return False
    return True


def show_frame(asked: PageRequest) -> Response:
    """Return the edition as it was mailed, without what is one reader's own."""
    row = _find(asked)
    html, _ = digest_links.depersonalise(row["html"], row["plain"], lambda _day, _number: "")
    return HTMLResponse(html, headers={"content-security-policy": POLICY})


def judge(asked: PageRequest) -> Response:
    """Keep what the person thinks of a topic of an edition."""
    row = _find(asked)
    verdict, topic = asked.form.get("verdict", ""), asked.form.get("topic", "")
    if verdict not in ("right", "wrong"):
        raise errors.BadInput("say whether the topic was right or wrong")
    known = db.fetch_one(
        "SELECT 1 FROM topic WHERE run_id = %s AND id = %s", [row["run_id"], topic]
    )
    if known is None:
        raise errors.NotFound("this edition has no such topic")
    outcome: Any = "approved" if verdict == "right" else "refused"
    decisions.give(str(row["run_id"]), outcome, asked.person.id, "", [topic])
    return asked.back(f"/digests/{row['id']}")


def _find(asked: PageRequest) -> rows.Digest:
    wanted = asked.path("digest")
    found: rows.Digest | None = (
        db.fetch_one(
            f"SELECT g.* FROM digest g WHERE g.id = %(id)s AND g.namespace = %(namespace)s AND"
            f" {MAY_SEE}",
            _whose(asked) | {"id": wanted},
        )
        if run_view.ID.fullmatch(wanted)
        else None
    )
    if found is None:
        raise errors.NotFound("there is no such digest; the page Digests lists those there are")
    return found


def _whose(asked: PageRequest) -> dict[str, Any]:
    return {
        "owner": asked.person.has_role("owner"),
        "user": asked.person.id,
        "namespace": asked.console.namespace,
    }
