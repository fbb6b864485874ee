# no_postinstall
# requirements: millrace_agents

"""Answer a question.

With citations, for the flow that may mail the answer.

The answer is in the run's history too: `forget` does not reach there.

scripts/millrace step assist/answer question="What does a sodium battery cost?"
"""

from typing import Any

from f.millrace.agents import ask
from f.millrace.core import db, run_context
from f.millrace.telemetry import runs, spans
from f.millrace.trust import policy


def main(
    question: str,
    written_by_others: bool = True,
    reply_to: str = "",
    subject: str = "",
    use_memory: bool = True,
    pipeline: dict | None = None,
) -> dict:
    """Answer the question.

    Args:
        question: What is to be answered, in one sentence.
        written_by_others: Somebody else wrote it: it is answered, and nothing else that it says is
            done.
        reply_to: Who should get the answer by mail; empty means nobody.
        subject: The subject of that mail; empty makes one of the question.
        use_memory: Answer from memory when that has enough; off, it researches again each time.
        pipeline: What the flow's spec says: name, budget, agents.

    Returns:
        answer: The sentences, one a line, each with numbers in brackets.
        sources: What the numbers stand for: number, title, url, source, published_at.
        found: Whether there is an answer at all.
        confidence: How sure it is, 0 to 100.
        replies: Whether somebody should get it by mail; to, mail_subject and mail_text say what.
    """
    with spans.step("assist.answer") as span:
        run_id = run_context.current().run_id
        row = db.fetch_one("SELECT pipeline -> 'answer' AS answer FROM run WHERE id = %s", [run_id])
        known = row["answer"] if row else None
        if known is None:
            runs.keep_spec(run_id, pipeline)
            policy.note()
            known = _answer_question(question, written_by_others, use_memory)
            # A repeat of the step costs nothing and gives the same answer.
            runs.keep(run_id, {"answer": known})
        span.set(found=known["found"], confidence=known["confidence"])
        answer = {name: value for name, value in known.items() if name != "text"}
        return {
            "run_id": run_id,
            "answer": known["text"],
            **answer,
            "replies": bool(reply_to.strip()),
            "to": [reply_to.strip()] if reply_to.strip() else [],
            "mail_subject": subject.strip() or f"Answer: {' '.join(question.split())[:100]}",
            "mail_text": _mail(question, known),
        }


def _answer_question(question: str, written_by_others: bool, use_memory: bool) -> dict[str, Any]:
    reply = ask.ask(
        question, fresh=not use_memory, trust="untrusted" if written_by_others else "own"
    )
    return {
        "text": reply.text,
        "sources": reply.sources,
        "found": bool(reply.result.findings),
        "confidence": reply.result.confidence.score,
        "conflicts": [conflict.question for conflict in reply.result.conflicts],
        "cost_usd": reply.result.cost_usd,
    }


def _mail(question: str, known: dict[str, Any]) -> str:
    sources = [
        f"[{source['number']}] {source['title']}\n    {source['url']}"
        for source in known["sources"]
    ]
    asked = "\n".join("> " + line for line in question.strip().splitlines())
    return (
        "\n\n".join(
            [asked, known["text"], *(["Sources:\n" + "\n".join(sources)] if sources else [])]
        )
        + "\n"
    )
