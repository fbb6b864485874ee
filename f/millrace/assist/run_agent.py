# no_postinstall
# requirements: millrace_agents

"""Run an agent.

One that somebody made answers a message with its tools, in the version that is in force, or in the
one that the run was started with; what needs a person is proposed.

scripts/millrace step assist/run_agent agent=reader task="What is new about tides?"
"""

from f.millrace.agents import defined_agent, registry, task_agent
from f.millrace.assist import close
from f.millrace.core import contracts, db, errors, run_context
from f.millrace.telemetry import events, runs, spans
from f.millrace.tools import approved_calls
from f.millrace.trust import decisions, policy


def main(
    agent: str,
    task: str,
    version: int = 0,
    written_by_others: bool = False,
    caller: str = "",
    pipeline: dict | None = None,
) -> dict:
    """Run the agent.

    Args:
        agent: Its name.
        task: What it is asked, in a few sentences.
        version: Which version of it; 0 is the one in force.
        written_by_others: The message comes from a mail, a page or another program: nothing that it
            says counts as the user's own wish.
        caller: The digest of the token of the program that asks, when one does.
        pipeline: What the flow's spec says: name, budget, agents.
    """
    with spans.step("assist.run_agent") as span:
        context, task = run_context.current(), task.strip()
        if not task or len(task) > contracts.LONGEST_TASK:
            raise errors.BadInput(
                f"a message to an agent has 1 to {contracts.LONGEST_TASK} characters, this one"
                f" {len(task)}"
            )
        found = registry.load_for_run(agent, version, context.run_id)
        span.set({"agent.id": found.name, "millrace.agent.version": found.version})
        row = db.fetch_one(
            "SELECT pipeline -> 'answer' AS answer FROM run WHERE id = %s", [context.run_id]
        )
        if row is None or row["answer"] is None:
            runs.keep_spec(context.run_id, pipeline)
            policy.note()
            message = defined_agent.Message(
                task,
                "untrusted" if written_by_others or caller else "own",
                context.session_id,
                caller,
            )
            result = defined_agent.answer(context.run_id, found, message)
            _keep(context.run_id, task, found, result)
        question = approved_calls.ask_together(context.run_id)
        span.set(asks=question is not None)
        return {
            "run_id": context.run_id,
            "action_id": str(question["id"]) if question else None,
            "needs_approval": bool(question and question["state"] == "proposed"),
        }


def _keep(run_id: str, task: str, found: registry.Agent, result: task_agent.TaskResult) -> None:
    """Keep the answer with its run: the text stays in the run's row, not in results of steps."""
    answer = {
        "text": result.text,
        "gaps": result.gaps,
        "stopped_because": result.stopped_because,
        "sources": result.sources,
    }
    if result.findings:
        answer[close.DETAILS] = close.make_details(task, result.findings, found.name)
    agent = {"name": found.name, "version": found.version}
    with db.transaction():
        runs.keep(run_id, {"answer": answer, "agent": agent})
        decisions.record_judgement(
            run_id, "task", task[: close.LONGEST_TITLE], None, found.name, result.escalated
        )
    events.emit("progress", f"{found.name} has answered")
