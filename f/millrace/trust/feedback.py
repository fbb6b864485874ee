# requirements:

"""What recipients say of digests: it is verified, counted once, and changes what comes next.

- more, less: of this in the digest (`weights`, which ranking reads)
- untrue: the topic's judgement is refused; its sources lose record, and the scorecard counts it
- unsubscribe: no further digest, until somebody adds the recipient again
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple, TypedDict

from f.millrace.core import db, errors, run_context
from f.millrace.trust import audit, decisions, recipients, reply_tokens

if TYPE_CHECKING:
    from f.millrace.core import rows

    class TitledReply(TypedDict):
        """What a recipient said, with the title of what it is about."""

        recipient: str
        flow: str
        verb: str
        title: str
        comment: str
        way: str
        at: datetime

    class LatestReply(TypedDict):
        """More or less of a topic, as one recipient said it last."""

        recipient: str
        verb: str
        at: datetime
        title: str
        story_id: str | None
        entities: list[str]


# What was said a month ago counts half.
HALF_LIFE = timedelta(days=30)
LOOK_BACK = timedelta(days=180)
LONGEST_COMMENT = 500
# How much one reply says of its story, of each entity of the story, of each word of the title.
OF_STORY, OF_ENTITY, OF_WORD = 1.0, 0.6, 0.3
WORD = re.compile(r"[^\W\d_][\w'’-]{2,}\w")
COMMON = frozenset(
    "about after again also another back been before being between both but could does down"
    " during each ever every first from gets have here how into its just last like made make"
    " makes many more most much must need never next only other over people says show some"
    " started still such than that their them then there these they thing this those three time"
    " under until upon using very want were what when where which while will with without world"
    " would year years your".split()
)
DONE = {
    "more": "Noted: more like “{title}”.",
    "less": "Noted: less like “{title}”.",
    "untrue": "Noted: “{title}” is not true. It counts against its sources.",
    "unsubscribe": "{recipient} gets no further digest.",
}
QUESTIONS = {
    "more": "More like “{title}” in the digest?",
    "less": "Less like “{title}” in the digest?",
    "untrue": "Say that what the digest told of “{title}” is not true?",
    "unsubscribe": "Send no further digest to {recipient}?",
}


class Reply(NamedTuple):
    """A verified token, with what it is about."""

    verb: reply_tokens.Verb
    delivery: rows.Delivery
    topic_id: str | None
    title: str

    def in_words(self, words: dict[str, str]) -> str:
        """Return the sentence of these that is about its verb."""
        return words[self.verb].format(title=self.title, recipient=self.delivery["recipient"])


def read(token: str) -> Reply:
    """Return what a token says, without doing it; BadInput says why it counts for nothing."""
    found = reply_tokens.verify(token)
    if found.rank == 0:
        if found.verb not in ("unsubscribe", "show"):
            raise errors.BadInput("the token names no topic: nothing was done")
        return Reply(found.verb, found.delivery, None, "")
    row = db.fetch_one(
        "SELECT id, title FROM topic WHERE run_id = %s AND rank = %s",
        [found.delivery["run_id"], found.rank],
    )
    if row is None:
        raise errors.NotFound("the topic of this token is not known here any more")
    return Reply(found.verb, found.delivery, row["id"], row["title"])


def apply(token: str, way: str, sender: str | None = None, comment: str = "") -> str:
    """Do what a token says, once, and return what was done as a sentence; BadInput says why not.

    `way` is mail or link. By mail the sender has to be whom the token was given to.
    """
    reply = read(token)
    if reply.verb == "show":
        raise errors.BadInput("this token only shows a digest: nothing was done")
    recipient = str(reply.delivery["recipient"])
    if sender is not None and sender.strip().casefold() != recipient.casefold():
        raise errors.BadInput(
            f"the token was given to another address than {sender.strip()!r}: nothing was done"
        )
    with db.transaction():
        if not _keep(reply, way, comment):
            raise errors.BadInput(_said_before(reply))
        _carry_out(reply, comment)
        audit.append(
            recipient,
            f"reply.{reply.verb}",
            reply.topic_id or "digest",
            str(reply.delivery["run_id"]),
        )
    return reply.in_words(DONE)


def _keep(reply: Reply, way: str, comment: str) -> bool:
    """Store the reply; False when this token was used before."""
    row = reply.delivery
    return bool(
        db.execute(
            "INSERT INTO reply (namespace, flow, recipient, message_id, run_id, verb, topic_id,"
            " comment, way, at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO"
            " NOTHING",
            [
                row["namespace"],
                row["flow"],
                row["recipient"],
                row["message_id"],
                row["run_id"],
                reply.verb,
                reply.topic_id,
                comment.strip()[:LONGEST_COMMENT],
                way,
                run_context.now(),
            ],
        )
    )


def _said_before(reply: Reply) -> str:
    row = db.fetch_one(
        "SELECT at FROM reply WHERE message_id = %s AND verb = %s AND topic_id IS NOT DISTINCT FROM"
        " %s",
        [reply.delivery["message_id"], reply.verb, reply.topic_id],
    )
    day = f" on {row['at']:%Y-%m-%d}" if row else ""
    way_out = (
        "; whoever was added again since then unsubscribes by a newer mail"
        if reply.verb == "unsubscribe"
        else ""
    )
    return f"this was said{day} already, and a token counts once: nothing was done{way_out}"


def _carry_out(reply: Reply, comment: str) -> None:
    row = reply.delivery
    if reply.verb == "unsubscribe":
        recipients.unsubscribe(row["recipient"], row["flow"], row["namespace"])
    elif reply.verb == "untrue" and reply.topic_id:
        decisions.give(
            str(row["run_id"]), "refused", row["recipient"], comment, subjects=[reply.topic_id]
        )


def weights(namespace: str, flow: str) -> dict[str, float]:
    """Return how much more (up to 1) or less (down to -1) the recipients want of what.

    Keys are `story:` and a story's id, a story's entities, and words of its titles, both in lower
    case. A reply gives 1 to its story, 0.6 to each entity and 0.3 to each word, halved every 30
    days; of what one recipient says of one topic the latest counts; the sum is divided by the
    number of recipients. What nobody spoke of is not in it.
    """
    readers = len(recipients.list_recipients(flow, namespace)) or 1
    return _sum([_weigh(row) for row in _opinions(namespace, flow)], readers)


def of_recipient(address: str, flow: str, namespace: str) -> dict[str, float]:
    """Return the same for what one recipient said."""
    mine = [row for row in _opinions(namespace, flow) if row["recipient"] == address]
    return _sum([_weigh(row) for row in mine], 1)


def _sum(weighed: list[dict[str, float]], readers: int) -> dict[str, float]:
    found: dict[str, float] = {}
    for one in weighed:
        for name, value in one.items():
            found[name] = found.get(name, 0.0) + value / readers
    limited = {name: max(-1.0, min(1.0, round(value, 4))) for name, value in found.items()}
    return {name: value for name, value in limited.items() if value}


def list_replies(namespace: str = "main", address: str = "") -> list[TitledReply]:
    """Return what recipients said, the newest first: recipient, verb, title, comment, way, at."""
    return db.fetch_all(
        "SELECT r.recipient, r.flow, r.verb, coalesce(t.title, '') AS title, r.comment, r.way, r.at"
        " FROM reply r LEFT JOIN topic t ON t.id = r.topic_id WHERE r.namespace = %s AND (%s = ''"
        " OR r.recipient = %s) ORDER BY r.at DESC, r.id DESC",
        [namespace, address, address],
    )


def _opinions(namespace: str, flow: str) -> list[LatestReply]:
    """Return the latest of more and less that each recipient said of each topic."""
    return db.fetch_all(
        "SELECT DISTINCT ON (r.recipient, r.topic_id) r.recipient, r.verb, r.at, t.title,"
        " t.story_id, coalesce(s.entities, '{}') AS entities FROM reply r JOIN topic t ON t.id ="
        " r.topic_id LEFT JOIN story s ON s.id = t.story_id WHERE r.namespace = %s AND r.flow = %s"
        " AND r.verb IN ('more', 'less') AND r.at > %s ORDER BY r.recipient, r.topic_id, r.at DESC,"
        " r.id DESC",
        [namespace, flow, run_context.now() - LOOK_BACK],
    )


def _weigh(row: LatestReply) -> dict[str, float]:
    value = (1 if row["verb"] == "more" else -1) * _decay(row["at"])
    words = {word for word in WORD.findall(row["title"].casefold()) if word not in COMMON}
    entities = {entity.casefold() for entity in row["entities"]}
    return {
        **dict.fromkeys(words, OF_WORD * value),
        **dict.fromkeys(entities, OF_ENTITY * value),
        **({f"story:{row['story_id']}": OF_STORY * value} if row["story_id"] else {}),
    }


def _decay(at: datetime) -> float:
    age = max(timedelta(0), run_context.now() - at)
    return 0.5 ** (age / HALF_LIFE)
