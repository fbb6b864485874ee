# requirements:

"""Risk classes of actions: from what a tool says about itself, the built-in rules, and the policy
in the settings.

The stricter of the tool's own annotations and the built-in rule wins. The settings may raise any
class; they may lower one unless a built-in rule holds it high for good. Nothing an agent says or
does changes a class.
"""

import fnmatch
import re
from typing import Any, Literal, NamedTuple

from f.millrace.core import config, errors

Risk = Literal["low", "medium", "high"]

# Tools whose class does not depend on what their server claims.
KNOWN: dict[str, tuple[Risk, str]] = {
    "mail.send": ("high", "a mail leaves this system and cannot be taken back"),
    "tools.enable": ("high", "a new tool widens what the agent can do"),
    "notes.delete": ("high", "what is deleted is lost"),
    "notes.write": ("medium", "it changes the owner's notes"),
    "web.search": ("medium", "the words of the search leave this system"),
    "web.fetch": ("medium", "the address of the page leaves this system"),
    "research.widen": ("medium", "it looks beyond what was asked for"),
}
# Verbs of a tool's name that always ask, whatever its server claims.
ALWAYS: dict[str, str] = {
    **dict.fromkeys(("send", "mail", "email", "reply", "forward"), "it sends mail or messages"),
    **dict.fromkeys(
        ("delete", "remove", "drop", "erase", "purge", "destroy"), "what is deleted is lost"
    ),
    **dict.fromkeys(("buy", "purchase", "pay", "order", "checkout", "transfer"), "it spends money"),
    **dict.fromkeys(
        ("publish", "post", "tweet", "share"), "what is published cannot be taken back"
    ),
    **dict.fromkeys(
        ("enable", "install", "grant", "approve", "allow"), "it widens what may be done"
    ),
}
# Only ever to the operator's own address, and only about what waits or went wrong.
TO_OPERATOR = frozenset({"mail.ask_operator", "mail.tell_operator"})
# Only ever to the address of a person who chose it, and only that something happened.
TO_PERSON = "mail.tell_person"
ORDER: tuple[Risk, ...] = ("low", "medium", "high")


class Assessment(NamedTuple):
    """The class and the rule that decided; `fixed` classes cannot be lowered by the settings."""

    risk: Risk
    rule: str
    fixed: bool = False


def assess(
    tool: str, annotations: dict[str, Any] | None = None, arguments: dict[str, Any] | None = None
) -> Assessment:
    """Return the class of a tool and the rule that decided.

    `annotations` are MCP's: readOnlyHint, destructiveHint, openWorldHint. Unsaid counts as MCP
    says: not read-only, destructive, open to the world. BadSetting when the policy lowers what
    always asks.
    """
    found = _built_in(tool, annotations, arguments or {})
    pattern = _matching_pattern(tool)
    if pattern is None:
        return found
    wanted: Risk = config.settings().risk_policy[pattern]
    if found.fixed and is_above(found.risk, wanted):
        raise errors.BadSetting(
            f"setting 'risk_policy' makes {pattern!r} {wanted}, but {tool} is always {found.risk}:"
            f" {found.rule}; leave it out, or give a standing approval instead"
        )
    return found._replace(risk=wanted, rule=f"setting risk_policy {pattern!r}: {wanted}")


def needs_approval(assessment: Assessment, threshold: Risk | None = None) -> bool:
    """Return whether a person is asked first: high always, medium by policy, low never.

    `threshold` is the most that an agent may do unasked; it can only make the policy stricter.
    """
    if assessment.risk == "high" or (threshold and is_above(assessment.risk, threshold)):
        return True
    return assessment.risk == "medium" and config.settings().risk_medium == "ask"


def explain(
    tool: str, annotations: dict[str, Any] | None = None, arguments: dict[str, Any] | None = None
) -> str:
    """Return one sentence that says the class, whether it asks, and the rule that decided."""
    found = assess(tool, annotations, arguments)
    medium = "asks" if config.settings().risk_medium == "ask" else "runs without asking"
    does = {
        "high": "always asks",
        "medium": f"{medium} (setting risk_medium)",
        "low": "runs and is logged",
    }
    return f"{tool} is {found.risk} risk and {does[found.risk]}: {found.rule}"


def is_above(risk: Risk, threshold: Risk) -> bool:
    """Return whether the class is above the threshold."""
    return ORDER.index(risk) > ORDER.index(threshold)


def stricter(one: Risk, other: Risk | None) -> Risk:
    """Return the higher of two classes."""
    return other if other and is_above(other, one) else one


def _built_in(
    tool: str, annotations: dict[str, Any] | None, arguments: dict[str, Any]
) -> Assessment:
    if tool in TO_OPERATOR:
        operator = config.settings().operator
        if operator and arguments.get("to") == operator:
            return Assessment(
                "low", f"built-in rule for {tool}: a note to the operator's own address", fixed=True
            )
        return Assessment(
            "high", f"built-in rule for {tool}: it goes elsewhere than to the operator", fixed=True
        )
    if tool == TO_PERSON:
        return _of_person(tool, str(arguments.get("to") or ""))
    claimed = _by_annotations(annotations)
    verb = _verb(tool)
    if tool not in KNOWN and verb in ALWAYS:
        return Assessment("high", f"built-in rule for {verb!r}: {ALWAYS[verb]}", fixed=True)
    if tool not in KNOWN:
        return claimed
    risk, why = KNOWN[tool]
    if annotations and is_above(claimed.risk, risk):
        return claimed
    return Assessment(risk, f"built-in rule for {tool}: {why}", fixed=risk == "high")


def _of_person(tool: str, address: str) -> Assessment:
    # Only here are rows needed to assess anything.
    from f.millrace.trust import subscriptions

    if any(way == "mail" for _, way in subscriptions.list_chosen(address)):
        return Assessment(
            "low", f"built-in rule for {tool}: its person chose to be told by mail", fixed=True
        )
    return Assessment(
        "high", f"built-in rule for {tool}: nobody of this address chose mail", fixed=True
    )


def _verb(tool: str) -> str:
    """Return the first word of the tool's own name: `send` of `chat.sendMessage`."""
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", tool.rsplit(".", 1)[-1].rsplit("/", 1)[-1])
    return next((word for word in re.split(r"[^A-Za-z0-9]+", name.lower()) if word), "")


def _matching_pattern(tool: str) -> str | None:
    """Return the pattern of the policy that names the tool: the longest one that matches."""
    matching = [
        pattern for pattern in config.settings().risk_policy if fnmatch.fnmatchcase(tool, pattern)
    ]
    return max(matching, key=lambda pattern: (pattern == tool, len(pattern)), default=None)


def _by_annotations(annotations: dict[str, Any] | None) -> Assessment:
    said = annotations or {}
    if said.get("readOnlyHint") is True:
        return Assessment("low", "the tool says that it only reads")
    if said.get("destructiveHint") is True:
        return Assessment("high", "the tool says that it may overwrite or destroy")
    if said.get("destructiveHint") is not False:
        return Assessment(
            "high", "the tool does not say what it does, so it may destroy or publish"
        )
    if said.get("openWorldHint", True) is not False:
        return Assessment("medium", "the tool writes outside this machine")
    return Assessment("medium", "the tool writes, but destroys nothing")
