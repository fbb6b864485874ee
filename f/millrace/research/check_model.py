# no_postinstall
# requirements: millrace_agents

"""Check the models.

Before the first run of a day each model is asked for one word: is its key, name and address right?
A run whose models have answered today skips it.

scripts/millrace step research/check_model run_id=RUN
"""

from f.millrace.core import config
from f.millrace.models import unchecked
from f.millrace.telemetry import spans


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
        names = unchecked.list_unchecked(run_id)
        said = "; ".join(fault for name in names if (fault := _ask(name)))
        span.set(checked=len(names), failed=bool(said))
        stop = bool(said) and config.settings().offline_stands_in != "always"
        if stop:
            from f.millrace.digest import run_plan  # what a model that answers leaves alone
            from f.millrace.research import postpone

            said = postpone.postpone(run_id, run_plan.load(run_id), said)
        elif said:
            from f.millrace.telemetry import events

            events.emit("error", f"{said}; the offline model stands in")
        answer = {"stop": stop, "reason": said, "checked": names}
        return {**answer, "wm_labels": ["waiting"]} if stop else answer


def _ask(name: str) -> str:
    """Return what the model failed at, with the next step; empty when it answered."""
    from f.millrace.models import check  # a second to import, and needed once a day

    return check.ask(name)
