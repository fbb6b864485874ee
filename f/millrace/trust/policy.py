# requirements:

"""What is in force: the settings that say what may be done and spent, and the agents' prompts; each
change is audited.
"""

import functools
from typing import Any

from f.millrace.core import config, ids
from f.millrace.trust import audit, pseudonyms

# The settings that a change of widens or narrows what runs without a person.
SETTINGS = (
    "risk_policy",
    "risk_medium",
    "approval_hours",
    "smtp_unknown",
    "confidence_silent",
    "confidence_review",
    "run_usd",
    "daily_budget_usd",
    "role_daily_usd",
    "user_daily_usd",
    "recipients",
    "operator",
    "model",
    "fallback_model",
    "agents",
    "agent_models",
    "mcp",
    "mcp_serve",
    "fetch_allow",
    "webhook_allow",
    "sign_in_windmill_url",
    "sign_in_windmill_workspace",
    "sign_in_oidc_issuer",
    "sign_in_oidc_client",
    "sign_in_oidc_claim",
    "sign_in_roles",
)


def note() -> bool:
    """Record the policy when it differs from the one recorded last; return whether it did."""
    values = pseudonyms.pseudonymise(config.as_json(SETTINGS))
    with audit.turn():
        before = audit.last("policy.changed", "settings")
        old: dict[str, Any] = before["detail"].get("values", {}) if before else {}
        # Compared by what is stored: the log holds no secrets, so neither does the comparison.
        if old and ids.digest_of(values) == before["detail"].get("digest"):  # type: ignore[index]
            return False
        changed = sorted(name for name in values if old.get(name) != values[name]) if old else []
        audit.append(
            "millrace",
            "policy.changed",
            "settings",
            digest=ids.digest_of(values),
            changed=changed,
            values=values,
        )
    return True


def note_prompt(agent: str, prompt_hash: str) -> None:
    """Record an agent's prompt when it is another than the last one that was used."""
    key = (agent, prompt_hash)
    if key in _noted_rules():
        return
    with audit.turn():
        before = audit.last("prompt.changed", agent)
        old = before["detail"].get("hash") if before else None
        if old != prompt_hash:
            audit.append("millrace", "prompt.changed", agent, hash=prompt_hash, before=old)
    _noted_rules().add(key)


@functools.cache
def _noted_rules() -> set[tuple[str, str]]:
    return set()
