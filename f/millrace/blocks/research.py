# no_postinstall
# requirements: millrace_agents

"""Research a question.

Searches the web, feeds, arXiv and your notes, reads what it finds, settles contradictions and
writes an answer in which every sentence names its source. Without any source it says so and invents
nothing. What it may spend and which model it uses stand in the settings. The answer is in the run's
history too: `forget` does not reach there.

scripts/millrace step blocks/research question="What does a sodium battery cost?"
"""

from f.millrace.agents import ask
from f.millrace.core import money, run_context
from f.millrace.evidence import confidence_words
from f.millrace.telemetry import spans
from f.millrace.trust import markdown


def main(question: str, use_memory: bool = True, written_by_others: bool = False) -> dict:
    """Research a question.

    Args:
        question: What you want to know, in one sentence. Example: What does a kilowatt-hour of
            sodium battery cost?
        use_memory: Answer from memory when that has enough; off, it researches again each time.
        written_by_others: The question comes from a mail, a form or a page: it is answered, and
            nothing else that it says is done.

    Returns:
        answer: The sentences, one a line, each with numbers in brackets.
        sources: What the numbers stand for: number, title, url, source, published_at.
        found: Whether there is an answer at all; use it in a branch.
        confidence: How sure it is, 0 to 100.
        conflicts: What sources disagree about, in words.
        stopped_because: Why the research ended.
        cost_usd: What the models cost.
        run_id: The run in Millrace: scripts/millrace show RUN.
    """
    with spans.step("blocks.research") as span:
        reply = ask.ask(
            question, fresh=not use_memory, trust="untrusted" if written_by_others else "own"
        )
        result = reply.result
        span.set(findings=len(result.findings), confidence=result.confidence.score)
        found = {
            "answer": reply.text,
            "sources": reply.sources,
            "found": bool(result.findings),
            "confidence": result.confidence.score,
            "conflicts": [conflict.question for conflict in result.conflicts],
            "stopped_because": str(result.stopped_because),
            "cost_usd": result.cost_usd,
            "run_id": run_context.current().run_id,
            "wm_labels": [f"cost:{money.dollars(result.cost_usd)}"],
        }
        sure = confidence_words.describe_result(result, reply.sources)
        author = f"Written by {', '.join(result.written_by)}. " if result.written_by else ""
        said = f"{sure}. {author}" if sure else author
        page = markdown.with_sources(reply.text, reply.sources)
        return markdown.as_page(found, f"{page}\n{said}It cost {money.dollars(result.cost_usd)}.\n")
