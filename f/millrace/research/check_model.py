# no_postinstall
# requirements: millrace_agents

"""Check the models.

Before the first run of a day each model is asked for one word: is its key, name and address right?

scripts/millrace step research/check_model run_id=RUN
"""

from f.millrace.core import config, db, run_context
from f.millrace.digest import run_plan
from f.millrace.models import fault_log
from f.millrace.research import postpone
from f.millrace.telemetry import events, spans
from f.millrace.trust import fallback

ROLES = ("planner", "judge", "writer")


def main(run_id: str) -> dict:
    """Check the models of the run.

    Args:
        run_id: The run that was opened.

    Returns:
        stop: Whether the run ends here for now; it is tried again later.
        reason: What a model failed at, and the next step; empty when all answered.
        checked: The models that were asked.
    """
    with spans.step("research.check_model", run_id) as span:
        # A run that goes on after its digest needs no model.
        names = [] if _is_written(run_id) else _models(run_id)
        unchecked = [name for name in names if not _has_answered_today(name)]
        said = "; ".join(fault for name in unchecked if (fault := _ask(name)))
        span.set(checked=len(unchecked), failed=bool(said))
        stop = bool(said) and config.settings().offline_stands_in != "always"
        if stop:
            said = postpone.postpone(run_id, run_plan.load(run_id), said)
        elif said:
            events.emit("error", f"{said}; the offline model stands in")
        answer = {"stop": stop, "reason": said, "checked": unchecked}
        return {**answer, "wm_labels": ["waiting"]} if stop else answer


def _is_written(run_id: str) -> bool:
    return db.fetch_one("SELECT 1 FROM digest WHERE run_id = %s LIMIT 1", [run_id]) is not None


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


def _ask(name: str) -> str:
    """Return what the model failed at, with the next step; empty when it answered."""
    from f.millrace.models import check  # a second to import, and needed once a day

    return check.ask(name)
