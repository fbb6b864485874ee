"""Risk classes of actions: from what a tool says about itself and from what the house knows about tools."""

from dataclasses import dataclass
from typing import Any, Literal

Risk = Literal["low", "medium", "high"]

# Tools whose class does not depend on what their server claims.
KNOWN: dict[str, tuple[Risk, str]] = {
    "mail.send": ("high", "a mail leaves the house and cannot be taken back"),
    "tools.enable": ("high", "a new tool widens what the agent can do"),
    "notes.delete": ("high", "what is deleted is lost"),
    "notes.write": ("medium", "it changes the owner's notes"),
    "web.search": ("medium", "the words of the search leave the house"),
    "web.fetch": ("medium", "the address of the page leaves the house"),
}
ORDER: tuple[Risk, ...] = ("low", "medium", "high")


@dataclass(frozen=True)
class Assessment:
    """The class and the rule that decided."""

    risk: Risk
    rule: str


def assess(tool: str, annotations: dict[str, Any] | None = None) -> Assessment:
    """Return the class of a tool; of a rule of the house and the tool's own word, the stricter wins.

    `annotations` are MCP's: readOnlyHint, destructiveHint, openWorldHint. Unsaid counts as MCP says: not read-only,
    destructive, open to the world.
    """
    claimed = _claimed(annotations)
    if tool not in KNOWN:
        return claimed
    risk, why = KNOWN[tool]
    house = Assessment(risk, f"house rule for {tool}: {why}")
    if annotations and ORDER.index(claimed.risk) > ORDER.index(risk):
        return claimed
    return house


def explain(tool: str, annotations: dict[str, Any] | None = None) -> str:
    """Return one sentence that says the class and the rule."""
    found = assess(tool, annotations)
    asks = {"high": "always asks", "medium": "asks as the policy says", "low": "runs and is logged"}
    return f"{tool} is {found.risk} risk and {asks[found.risk]}: {found.rule}"


def exceeds(risk: Risk, threshold: Risk) -> bool:
    """Return whether the class is above the threshold."""
    return ORDER.index(risk) > ORDER.index(threshold)


def _claimed(annotations: dict[str, Any] | None) -> Assessment:
    said = annotations or {}
    if said.get("readOnlyHint"):
        return Assessment("low", "the tool says that it only reads")
    if said.get("destructiveHint", True):
        return Assessment("high", "the tool may destroy or publish, or does not say")
    if said.get("openWorldHint", True):
        return Assessment("medium", "the tool writes outside this machine")
    return Assessment("medium", "the tool writes, but destroys nothing")
