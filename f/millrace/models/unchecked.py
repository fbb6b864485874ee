# requirements:

"""Which models a run will ask that have not answered today."""

from f.millrace.core import config, db, run_context
from f.millrace.models import fault_log
from f.millrace.trust import fallback

ROLES = ("planner", "judge", "writer")


def list_unchecked(run_id: str) -> list[str]:
    """Return the models of the run that nobody has seen answer today, or that failed since; none
    when its digest is written: it asks no model any more.
    """
    if db.fetch_one("SELECT 1 FROM digest WHERE run_id = %s LIMIT 1", [run_id]) is not None:
        return []
    return [name for name in _models(run_id) if not _has_answered_today(name)]


def _models(run_id: str) -> list[str]:
    """Return the models that research asks, without the offline one."""
    found = config.settings()
    other = fallback.options_of(run_id).get("model")
    own = [found.agents[role].model for role in ROLES if role in found.agents]
    names = [other] if other else [found.model, *(name for name in own if name)]
    return [name for name in dict.fromkeys(names) if name != fault_log.OFFLINE]


def _has_answered_today(name: str) -> bool:
    midnight = run_context.now().replace(hour=0, minute=0, second=0, microsecond=0)
    return fault_log.has_answered_since(name, midnight) and not fault_log.find_standing(name)
