# no_postinstall
# requirements: millrace_agents

"""Do one task.

With the tools that there are; what needs a person is proposed, what was missing is reported.

scripts/millrace step assist/work task="Write down in my notes when high water is"
"""

from f.millrace.agents import task_agent
from f.millrace.assist import close
from f.millrace.core import contracts, db, errors, run_context
from f.millrace.telemetry import events, runs, spans
from f.millrace.tools import approved_calls
from f.millrace.trust import decisions, policy


def main(task: str, pipeline: dict | None = None) -> dict:
    """Do the task.

    Args:
        task: What is to be done, in a few sentences.
        pipeline: What the flow's spec says: name, budget, agents.
    """
    with spans.step("assist.work") as span:
        run_id, task = run_context.current().run_id, task.strip()
        if not task or len(task) > contracts.LONGEST_TASK:
            raise errors.BadInput(
                f"a task has 1 to {contracts.LONGEST_TASK} characters, this one {len(task)}"
            )
        row = db.fetch_one("SELECT pipeline -> 'answer' AS answer FROM run WHERE id = %s", [run_id])
        if row is None or row["answer"] is None:
            runs.keep_spec(run_id, pipeline)
            policy.note()
            help = task_agent.do_task(run_id, task)
            # The text stays in the run's row, not in the results of its steps.
            answer: dict = {
                "text": help.text,
                "gaps": help.gaps,
                "stopped_because": help.stopped_because,
            }
            if help.findings:
                answer[close.DETAILS] = close.make_details(task, help.findings, "helper")
            with db.transaction():
                runs.keep(run_id, {"answer": answer})
                decisions.record_judgement(
                    run_id, "task", task[: close.LONGEST_TITLE], None, "helper", help.escalated
                )
            events.emit("progress", help.text)
        question = approved_calls.ask_together(run_id)
        span.set(asks=question is not None)
        return {
            "run_id": run_id,
            "action_id": str(question["id"]) if question else None,
            "needs_approval": bool(question and question["state"] == "proposed"),
        }
