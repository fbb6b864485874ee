"""The page People: oneself, with one's browsers and tokens; for owners everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import RedirectResponse, Response

from f.millrace.core import db, errors
from f.millrace.ops import notifications
from f.millrace.trust import access_tokens, audit, people, subscriptions, webhooks
from scripts.console import access, sign_ins

if TYPE_CHECKING:
    from f.millrace.core import rows
    from scripts.console.routes import PageRequest

AUDIT_A_PAGE = 50
TOLD_A_PAGE = 20


def show(asked: PageRequest) -> Response:
    """Show who is there and with what they sign in."""
    return _show(asked)


def _show(
    asked: PageRequest, secret: str = "", of: str = "", link: str = "", words: str = ""
) -> Response:
    is_owner, page = asked.person.has_role("owner"), asked.page()
    whose = "" if is_owner else asked.person.id
    log = db.fetch_all(
        "SELECT id, at, actor, kind, subject, run_id FROM audit WHERE %s ORDER BY id DESC LIMIT %s"
        " OFFSET %s",
        [is_owner, AUDIT_A_PAGE + 1, (page - 1) * AUDIT_A_PAGE],
    )
    return asked.show(
        "people.html",
        person=people.get(asked.person.id),
        people=people.list_people() if is_owner else [],
        roles=people.ROLES,
        tokens=access_tokens.list_tokens(whose),
        sign_ins=sign_ins.list_open(whose),
        standing=_standing(asked.console.namespace) if is_owner else [],
        log=log[:AUDIT_A_PAGE],
        page=page,
        has_more=len(log) > AUDIT_A_PAGE,
        faults=audit.verify() if is_owner and asked.given("verify") else None,
        secret=secret,
        secret_of=of,
        link=link,
        topics=subscriptions.TOPICS,
        ways=_ways(asked.person.id),
        chosen=subscriptions.list_chosen(asked.person.id),
        webhooks=webhooks.list_webhooks(asked.person.id),
        told=_told(asked.person.id),
        words=words,
        days=access_tokens.DAYS,
    )


def _ways(person_id: str) -> list[str]:
    """Return where a person can be told: mail only at an address."""
    has_address = subscriptions.has_address(person_id)
    return [way for way in subscriptions.WAYS if way != "mail" or has_address]


def _told(person_id: str) -> list[dict[str, Any]]:
    """Return what the person was told here, the newest first."""
    found = [
        (row, notifications.describe(row))
        for row in subscriptions.list_told(person_id, "page", TOLD_A_PAGE)
    ]
    return [
        {"at": row["happened_at"], "words": said["data"]["words"], "path": said["data"]["path"]}
        for row, said in found
        if said
    ]


def _standing(namespace: str) -> list[rows.StandingApproval]:
    return db.fetch_all(
        "SELECT * FROM standing_approval WHERE namespace = %s AND revoked_at IS NULL ORDER BY flow,"
        " recipient LIMIT 200",
        [namespace],
    )


def add(asked: PageRequest) -> Response:
    """Add a person."""
    people.add(
        asked.form.get("id", ""),
        asked.form.get("role", "member"),
        asked.form.get("name", ""),
        by=asked.person.id,
    )
    return RedirectResponse("/people", 303)


def change(asked: PageRequest) -> Response:
    """Give a person another role, remove them, or make a link that signs them in."""
    person_id, wanted = asked.path("person"), asked.form.get("change", "")
    if people.find(person_id) is None:
        raise errors.NotFound("nobody of this name is there")
    if wanted == "remove":
        people.remove(person_id, by=asked.person.id)
    elif wanted == "role":
        people.change_role(person_id, asked.form.get("role", ""), by=asked.person.id)
    elif wanted == "link":
        link = f"{_origin(asked)}/enter?t={sign_ins.make_link(person_id)}"
        audit.append(asked.person.id, "sign_in.link", person_id)
        return _show(asked, link=link)
    else:
        raise errors.BadInput("a person gets a role, a link, or is removed")
    return RedirectResponse("/people", 303)


def subscribe(asked: PageRequest) -> Response:
    """Choose what one is told of, and where: each box that is ticked is a field `topic:way`."""
    chosen = {
        (topic, way)
        for topic in subscriptions.TOPICS
        for way in subscriptions.WAYS
        if asked.form.get(f"{topic}:{way}")
    }
    subscriptions.set_chosen(asked.person.id, chosen, by=asked.person.id)
    return RedirectResponse("/people#told", 303)


def add_webhook(asked: PageRequest) -> Response:
    """Add a webhook of one's own and show its secret, this once."""
    _refuse_programs(asked, "add webhooks")
    name, url = asked.form.get("name", "").strip(), asked.form.get("url", "")
    row = webhooks.add(asked.person.id, name, url, by=asked.person.id)
    return _show(asked, row["secret"], f"The secret of the webhook {row['name']}")


def change_webhook(asked: PageRequest) -> Response:
    """Test a webhook of one's own, switch it off or on, or remove it."""
    name, wanted = asked.path("name"), asked.form.get("change", "")
    person = asked.person.id
    if wanted == "test":
        fault = notifications.try_out(person, name)
        return _show(asked, words=f"{name}: {fault}" if fault else f"{name} took the message")
    _refuse_programs(asked, "change webhooks")
    if wanted in ("on", "off"):
        webhooks.switch(person, name, wanted == "on", by=person)
    elif wanted == "secret":
        row = webhooks.renew_secret(person, name, by=person)
        return _show(asked, row["secret"], f"The new secret of the webhook {name}")
    elif wanted == "remove":
        webhooks.remove(person, name, by=person)
    else:
        raise errors.BadInput("a webhook is tested, switched on or off, renewed, or removed")
    return RedirectResponse("/people#told", 303)


def _origin(asked: PageRequest) -> str:
    url = asked.request.url
    return f"{url.scheme}://{url.netloc}"


def add_token(asked: PageRequest) -> Response:
    """Make a token of one's own and show its secret, this once."""
    days = asked.form.get("days") or str(access_tokens.DAYS)
    if not days.isdigit():
        raise errors.BadInput("a token lasts a number of days")
    _refuse_programs(asked)
    row, secret = access_tokens.create(
        asked.person.id,
        asked.form.get("name", "").strip(),
        asked.form.get("role", ""),
        int(days[:6]),
        by=asked.person.id,
    )
    return _show(asked, secret, f"The token {row['name']}")


def revoke_token(asked: PageRequest) -> Response:
    """End a token of one's own at once; an owner ends anybody's."""
    person_id, name = asked.path("person"), asked.path("name")
    own = person_id == asked.person.id or asked.person.has_role("owner")
    if not own or name not in {row["name"] for row in access_tokens.list_tokens(person_id)}:
        raise errors.NotFound("there is no such token")
    access_tokens.revoke(person_id, name, by=asked.person.id)
    return RedirectResponse("/people", 303)


def end_sign_in(asked: PageRequest) -> Response:
    """End a browser's session: one's own, and for an owner anybody's."""
    whose = "" if asked.person.has_role("owner") else asked.person.id
    sign_ins.end(asked.path("sign_in"), asked.person.id, whose)
    return RedirectResponse("/people", 303)


def leave(asked: PageRequest) -> Response:
    """End the session of this browser."""
    if asked.person.sign_in:
        sign_ins.end(asked.person.sign_in, asked.person.id)
    answer = RedirectResponse("/enter", 303)
    answer.delete_cookie(access.cookie_name(asked.request.scope), path="/")
    return answer


def _refuse_programs(asked: PageRequest, what: str = "make tokens") -> None:
    """A token could otherwise live for good by making the next one, or have others told."""
    if not asked.person.sign_in:
        raise errors.NotAllowed(f"a program may not {what}; sign in with a browser")
