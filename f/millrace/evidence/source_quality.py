# requirements:

"""What a source is worth: who published it, how near it is to what it tells, whether others print
the same, its record.
"""

from collections.abc import Sequence

from f.millrace.core import contracts, db, sentences
from f.millrace.evidence import claims, copies

# Texts that share this part of their runs of words are one voice.
COPIED = 0.6
USUAL_RECORD = 75.0
# Kinds of publishers, by how much editing or review stands behind what they publish.
REVIEWED = (
    "arxiv",
    "arxiv.org",
    "nature.com",
    "science.org",
    "acm.org",
    "ieee.org",
    "nih.gov",
    "who.int",
    "europa.eu",
)
REVIEWED_ENDINGS = (".gov", ".edu", ".ac.uk", ".mil")
TALK = (
    "mastodon",
    "reddit.",
    "news.ycombinator.com",
    "hackernews",
    "twitter.",
    "medium.com",
    "facebook.",
    "youtube.",
)
TALK_HOSTS = ("x.com",)


def rate(piece: contracts.Evidence, question: str = "") -> float:
    """Return the quality of one piece, 0 to 100: who published it, first hand or talk, dated, read
    whole.

    With the question, a publisher that the question is about speaks first hand.
    """
    source = piece.source.lower()
    if is_reviewed(piece):
        base = 85.0
    elif source in TALK_HOSTS or any(word in source for word in TALK):
        base = 35.0
    elif is_first_hand(piece, question):
        base = 78.0
    else:
        base = 62.0
    base += 5 if piece.published_at else -7
    # Only what a list said about it was read, not the thing itself.
    base -= 10 if piece.tool == "collected" and len(piece.text) < sentences.LONGEST else 0
    return max(0.0, min(100.0, base))


def is_first_hand(piece: contracts.Evidence, question: str) -> bool:
    """Tell whether the publisher is one that the question names: the maker of what it is about."""
    host = (
        piece.source.lower().removesuffix(".example").rsplit(".", 2)[0]
        if "." in piece.source
        else piece.source.lower()
    )
    named = {
        claims.stem(word)
        for word in claims.WORD.findall(host)
        if len(word) > 3 and word not in claims.STOPWORDS
    }
    return bool(named) and named <= claims.content_words(question)


def is_reviewed(piece: contracts.Evidence) -> bool:
    """Tell whether the publisher has what it prints reviewed, or is the reader."""
    return piece.trust in ("own", "trusted") or piece.source.lower().endswith(
        (*REVIEWED, *REVIEWED_ENDINGS)
    )


def gives_orders(piece: contracts.Evidence) -> bool:
    """Tell whether a piece gives orders to a machine that reads it."""
    return bool(claims.INJECTION.search(piece.text))


def is_copied(one: str, other: str) -> bool:
    """Tell whether one text repeats the other, word for word or nearly."""
    return copies.shared_wording(one, other) >= COPIED or claims.is_duplicate(one, [other])


def count_independent(pieces: Sequence[contracts.Evidence]) -> int:
    """Return how many voices these are: one a source, and one for all that print the same text."""
    voices: list[contracts.Evidence] = []
    for piece in pieces:
        if not any(
            piece.source == voice.source or is_copied(piece.text, voice.text) for voice in voices
        ):
            voices.append(piece)
    return len(voices)


def track_record(namespace: str, run_id: str, names: Sequence[str]) -> float:
    """Return how earlier results of the namespace fared, 0 to 100: what people said of them, and
    what these sources won or lost.

    A result that a person approved or corrected counts when it drew on one of the sources; so does
    each conflict that one of them won or lost. A verdict on a run counts for all. Without any of
    them it is the usual 75.
    """
    row = db.fetch_one(
        "WITH earlier AS (SELECT r.* FROM research_result r JOIN run ON run.id = r.run_id   WHERE"
        " run.namespace = %(namespace)s AND r.run_id <> %(run)s), reviewed AS (SELECT r.review ="
        " 'approved' AS good FROM earlier r WHERE r.review IN ('approved', 'corrected', 'refused') "
        "  AND EXISTS (SELECT 1 FROM evidence e WHERE e.run_id = r.run_id AND e.topic_id ="
        " r.topic_id AND e.source = ANY(%(names)s)     AND position(e.id in r.findings::text) >"
        " 0)), settled AS (SELECT (side.place - 1) = (conflict ->> 'trusted')::int AS good FROM"
        " earlier r,   jsonb_array_elements(r.conflicts) AS conflict, jsonb_array_elements(conflict"
        " -> 'sides') WITH ORDINALITY AS side(said, place),  "
        " jsonb_array_elements_text(coalesce(side.said -> 'sources', '[]')) AS source   WHERE"
        " jsonb_typeof(conflict -> 'trusted') = 'number' AND source = ANY(%(names)s)), judged AS"
        " (SELECT f.verdict = 'good' AS good FROM feedback f JOIN run ON run.id = f.run_id   WHERE"
        " run.namespace = %(namespace)s AND f.run_id <> %(run)s AND f.verdict IN ('good', 'bad')),"
        " verdicts AS (SELECT good FROM reviewed UNION ALL SELECT good FROM settled UNION ALL"
        " SELECT good FROM judged) SELECT count(*) FILTER (WHERE good) AS good, count(*) FILTER"
        " (WHERE NOT good) AS bad FROM verdicts",
        {"namespace": namespace, "run": run_id, "names": list(names)},
    )
    good, bad = (row["good"], row["bad"]) if row else (0, 0)
    # Three imagined good ones and one bad: a single verdict moves the figure, it does not make it.
    return round(100 * (good + 3) / (good + bad + 4), 1) if good + bad else USUAL_RECORD
