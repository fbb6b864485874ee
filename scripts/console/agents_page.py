"""The part of the page System where people make agents, change them and switch them off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response

from f.millrace.agents import definition, registry
from f.millrace.core import config, errors
from f.millrace.tools import known_tools
from scripts.console import talk

if TYPE_CHECKING:
    from scripts.console.routes import PageRequest

HERE = "/system/agents"
TOOL = "tool:"
TEXTS = ("name", "description", "instructions", "model")
LIMITS: tuple[tuple[str, type], ...] = (("usd", float), ("seconds", int), ("requests", int))
MOST_RUNS = 20
STATUS = ((errors.Conflict, 409), (errors.NotAllowed, 403))


def show_all(asked: PageRequest) -> Response:
    """Show the agents that this person may see, also those that are switched off."""
    found = registry.list_agents(talk.person_of(asked), off=True)
    return asked.show("agents.html", agents=found)


def show_new(asked: PageRequest) -> Response:
    """Show the form for a new one."""
    blank = definition.Definition.model_construct(name="", instructions="")
    return _show_form(asked, blank.model_dump(mode="json"))


def create(asked: PageRequest) -> Response:
    """Make an agent of the form; what cannot be is shown with what was typed."""
    given = _read_form(asked.form)
    try:
        made = registry.create(given, talk.person_of(asked))
    except errors.MillraceError as error:
        return _show_form(asked, given, fault=error)
    return RedirectResponse(f"{HERE}/{made.name}", 303)


def show_one(asked: PageRequest) -> Response:
    """Show an agent: what it is, its runs, and for who may change it the form."""
    found = registry.find(asked.path("agent"), talk.person_of(asked))
    return _show_agent(asked, found)


def change(asked: PageRequest) -> Response:
    """Change an agent, switch it off, or on again."""
    name, wanted, person = asked.path("agent"), asked.form.get("change", ""), talk.person_of(asked)
    if wanted == "off":
        registry.switch_off(name, person)
        return RedirectResponse(f"{HERE}/{name}", 303)
    version = _read_number(asked.form.get("version", ""), int)
    if wanted == "on":
        registry.change(name, {"version": version, "enabled": True}, person)
        return RedirectResponse(f"{HERE}/{name}", 303)
    if wanted != "save":
        raise errors.BadInput("an agent is saved, switched off, or switched on")
    given = {**_read_form(asked.form), "name": name}
    try:
        registry.change(name, {**given, "version": version}, person)
    except errors.NotFound:
        raise
    except errors.MillraceError as error:
        return _show_agent(asked, registry.find(name, person), given, error)
    return RedirectResponse(f"{HERE}/{name}", 303)


def _show_agent(
    asked: PageRequest,
    found: registry.Agent,
    given: dict[str, Any] | None = None,
    fault: errors.MillraceError | None = None,
) -> Response:
    return asked.show(
        "agent.html",
        _status(fault),
        agent=found,
        may_change=found.made_by == asked.person.id or asked.person.has_role("owner"),
        given=given or found.definition.model_dump(mode="json"),
        versions=registry.list_versions(found.name, talk.person_of(asked)),
        runs=registry.list_runs(found.name, talk.person_of(asked), MOST_RUNS),
        origin=f"{asked.request.url.scheme}://{asked.request.url.netloc}",
        ask="/talk?" + urlencode({"flow": f"{talk.AGENT}{found.name}"}),
        **_form_values(asked, fault),
    )


def _show_form(
    asked: PageRequest, given: dict[str, Any], fault: errors.MillraceError | None = None
) -> Response:
    return asked.show("agent_new.html", _status(fault), given=given, **_form_values(asked, fault))


def _form_values(asked: PageRequest, fault: errors.MillraceError | None) -> dict[str, Any]:
    """Return what the form offers: tools by server with whether this person may give them, models,
    and what was wrong.
    """
    servers: dict[str, list[dict[str, Any]]] = {}
    is_approver = asked.person.has_role("approver")
    for name, tool in sorted(known_tools.list_tools().items()):
        told = {"name": name, "summary": tool.summary, "reads": tool.read_only}
        servers.setdefault(name.partition(".")[0], []).append(
            {**told, "may": tool.read_only or is_approver}
        )
    return {
        "servers": servers,
        "models": definition.list_models(),
        "usual_model": config.settings().model,
        "is_approver": is_approver,
        "fault": str(fault) if fault else "",
        "most": definition,
    }


def _status(fault: errors.MillraceError | None) -> int:
    if fault is None:
        return 200
    return next((code for kind, code in STATUS if isinstance(fault, kind)), 400)


def _read_form(form: dict[str, str]) -> dict[str, Any]:
    """Return the parts of an agent as a form has them."""
    given: dict[str, Any] = {name: form.get(name, "") for name in TEXTS}
    given["tools"] = [name.removeprefix(TOOL) for name in form if name.startswith(TOOL)]
    given["shared"] = form.get("shared") == "yes"
    given["limits"] = {name: _read_number(form.get(name, ""), kind) for name, kind in LIMITS}
    return given


def _read_number(text: str, kind: type) -> Any:
    """Return a number as it was typed, or the text where it is none, which is refused in words."""
    try:
        return kind(text)
    except ValueError:
        return text
