# no_postinstall
# requirements: millrace_core

"""Show a digest.

As data: topics, sentences with the numbers of their sources, conflicts, headlines.

scripts/millrace step research/show_digest
"""

from typing import Any

from f.millrace.core import db, errors
from f.millrace.digest import content_loader, digest_content, run_plan

# Of several windows of one edition the widest: what somebody reads who has read none before. Sample
# editions and dry runs have namespaces of their own.
DIGEST = """
SELECT id, run_id, subject, local_day, number, window_since, window_until, recipients, created_at
FROM digest
WHERE CASE WHEN %(id)s = '' THEN flow = %(flow)s AND namespace = 'main' ELSE id::text = %(id)s END
ORDER BY local_day DESC, number DESC, window_since NULLS FIRST LIMIT 1
"""


def main(digest_id: str = "") -> dict:
    """Read the digest; it makes no run of its own, for a page only shows it.

    Args:
        digest_id: Which digest; empty means the newest.

    Returns:
        digest: Its id, run_id, day, number, subject, sections, headlines, failed_sources and notes;
            null when there is none.
    """
    row = db.fetch_one(DIGEST, {"id": digest_id.strip(), "flow": run_plan.FLOW})
    if row is None:
        if digest_id.strip():
            raise errors.NotFound(
                f"there is no digest {digest_id!r}; leave digest_id empty for the newest"
            )
        return {"digest": None}
    run_id = str(row["run_id"])
    window = run_plan.Window(
        since=row["window_since"], until=row["window_until"], recipients=row["recipients"]
    )
    content = content_loader.load(run_id, run_plan.load(run_id), window, operator=True)
    return {
        "digest": {
            "id": str(row["id"]),
            "run_id": run_id,
            "day": row["local_day"].isoformat(),
            "number": row["number"],
            "made_at": row["created_at"].isoformat(),
            "subject": row["subject"],
            "sections": [_section(section) for section in content.sections],
            "headlines": [_headline(*one) for one in enumerate(content.headlines, 1)],
            "failed_sources": [
                {"name": reading.name, "error": reading.error} for reading in content.failed
            ],
            "notes": [*content.notices, *content.notes],
        }
    }


def _section(section: digest_content.Section) -> dict[str, Any]:
    return {
        "title": section.title,
        "url": section.url,
        "site": section.site,
        "age": section.age,
        "talk": _talk(section.talk),
        "theme": section.theme,
        "confidence": section.confidence,
        "trust": section.support,
        "unreviewed": section.unreviewed,
        "update": section.update,
        "background": section.background,
        "why_it_matters": section.why_it_matters,
        "own": section.own,
        "findings": [{"text": text, "numbers": numbers} for text, numbers in section.findings],
        "conflicts": [
            {"question": one.question, "sides": one.sides, "why": one.why}
            for one in section.conflicts
        ],
        "references": [_reference(reference) for reference in section.references],
        "missing": "",
    }


def _reference(reference: digest_content.Reference) -> dict[str, Any]:
    return {
        name: getattr(reference, name)
        for name in ("number", "title", "url", "host", "site", "date", "source")
    }


def _headline(number: int, headline: digest_content.Headline) -> dict[str, Any]:
    return {
        "number": number,
        "title": headline.title,
        "url": headline.url,
        "host": headline.site,
        "site": headline.site,
        "date": headline.date,
        "source": headline.source,
        "talk": _talk(headline.talk),
        "unread": headline.unread,
    }


def _talk(talk: digest_content.Discussion | None) -> dict[str, str] | None:
    return {"words": talk.in_words, "url": talk.url} if talk else None
