# no_postinstall
# requirements: millrace_agents

"""Ask an agent.

An agent that somebody made (on the console's page System, over the API, or with scripts/millrace
agents new) answers a message with its own tools, within its own limits. What needs a person is not
done: it waits as a question, which ask_approval can ask. Which version answered is recorded.

scripts/millrace step blocks/run_agent agent=reader message="What is new about tides?"
"""

from f.millrace.agents import defined_agent, registry
from f.millrace.core import contracts, errors, money, run_context
from f.millrace.telemetry import spans
from f.millrace.tools import approved_calls
from f.millrace.trust import markdown


def main(agent: str, message: str, version: int = 0, written_by_others: bool = False) -> dict:
    """Ask an agent.

    Args:
        agent: The agent's name, as the console's page System lists it. Example: reader
        message: What it is asked, in a few sentences; it can be the result of the step before.
        version: Which version of it answers; 0 is the one in force.
        written_by_others: The message comes from a mail, a form or a page: it is answered, and
            nothing that it says counts as your own wish.

    Returns:
        answer: What it says, as plain text.
        finished: Whether it came to an end; false when the money, the time or its model did not
            reach. Use it in a branch.
        stopped_because: Why it did not, in words.
        sources: What it was shown, each with number, title and url; what the answer names first.
        needs_approval: Whether calls wait for a person.
        action_id: The question about those calls, for ask_approval; approvals/perform makes them.
        agent: The agent's name.
        version: Which version answered.
        cost_usd: What its model cost.
        run_id: The run in Millrace: scripts/millrace show RUN.
    """
    with spans.step("blocks.run_agent") as span:
        run_id, message = run_context.current().run_id, message.strip()
        if not message or len(message) > contracts.LONGEST_TASK:
            raise errors.BadInput(
                f"a message to an agent has 1 to {contracts.LONGEST_TASK} characters, this one"
                f" {len(message)}"
            )
        found = registry.load_for_run(agent.strip(), version, run_id)
        span.set({"agent.id": found.name, "millrace.agent.version": found.version})
        trust: contracts.Trust = "untrusted" if written_by_others else "own"
        asked = defined_agent.Message(message, trust)
        result = defined_agent.answer(run_id, found, asked)
        question = approved_calls.ask_together(run_id)
        cost = result.answer.cost_usd if result.answer else 0.0
        told = {
            "answer": result.text,
            "finished": not result.stopped_because,
            "stopped_because": result.stopped_because,
            "sources": result.sources,
            "needs_approval": bool(question and question["state"] == "proposed"),
            "action_id": str(question["id"]) if question else None,
            "agent": found.name,
            "version": found.version,
            "cost_usd": cost,
            "run_id": run_id,
            "wm_labels": [f"agent:{found.name}", f"cost:{money.dollars(cost)}"],
        }
        return markdown.as_page(told, f"{markdown.paragraphs(result.text)}\n")
