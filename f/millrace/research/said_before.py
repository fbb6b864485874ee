# requirements:

"""What readers were told on earlier days: nothing is said twice."""

from datetime import timedelta

from f.millrace.core import db, sentences
from f.millrace.digest import run_plan
from f.millrace.evidence import claims

LOOK_BACK = timedelta(days=30)


def findings(opened: run_plan.RunPlan, private: bool = False) -> list[str]:
    """Return the sentences of digests that somebody got on an earlier day, the newest first; those
    about what is private only for a topic that is `private` too: queries are made with them.
    """
    found = db.fetch_all(
        "SELECT f.finding ->> 'text' AS text FROM research_result s JOIN run r ON r.id = s.run_id"
        " JOIN topic t ON t.id = s.topic_id,"
        " jsonb_array_elements(s.findings) AS f (finding) WHERE (%s OR NOT t.private) AND"
        " r.flow = %s AND r.namespace = %s AND r.local_day < %s AND r.local_day >= %s AND EXISTS"
        " (SELECT 1 FROM delivery d WHERE d.run_id = r.id AND d.status IN ('sent',"
        " 'outbox')) ORDER BY r.local_day DESC, s.topic_id",
        [private, opened.flow, opened.lasting, opened.day, opened.day - LOOK_BACK],
    )
    return [row["text"] for row in found]


def pages(opened: run_plan.RunPlan, topic_id: str) -> list[str]:
    """Return the addresses that earlier digests told a topic's story from, other than its own."""
    found = db.fetch_all(
        "SELECT DISTINCT i.url FROM topic t JOIN topic e ON e.story_id = t.story_id AND e.namespace"
        " = t.namespace JOIN run r ON r.id = e.run_id JOIN source_item i ON i.id = ANY(e.item_ids)"
        " WHERE t.id = %s AND r.flow = %s AND r.local_day < %s AND NOT i.id = ANY(t.item_ids) AND"
        " EXISTS (SELECT 1 FROM delivery d WHERE d.run_id = r.id AND d.status IN ('sent',"
        " 'outbox')) ORDER BY 1",
        [topic_id, opened.flow, opened.day],
    )
    return [row["url"] for row in found]


def find_background(topic_id: str, private: bool = False) -> str:
    """Return in one sentence what earlier topics of the story said, given the last of them: its
    sentence with most of its title that says the same on a later day and needs no other; of a topic
    without one, that of the topic before; empty when none said anything.
    """
    rows = db.fetch_all(
        "SELECT s.title, s.summary, s.findings FROM topic l JOIN topic t ON t.id = l.id OR"
        " (t.story_id = l.story_id AND t.namespace = l.namespace AND t.created_at < l.created_at)"
        " JOIN research_result s ON s.topic_id = t.id WHERE (%s OR NOT t.private) AND l.id = %s"
        " ORDER BY t.created_at DESC, s.created_at",
        [private, topic_id],
    )
    for row in rows:
        said = [one["text"] for one in row["findings"] if _is_lasting(one["text"])]
        if said:
            return max(said, key=lambda text: claims.overlap(row["title"], text))
    return next((row["summary"] for row in rows if row["summary"]), "")


def _is_lasting(text: str) -> bool:
    return sentences.stays_true(text) and not sentences.is_first_person(text)
