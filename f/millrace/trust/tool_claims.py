# requirements:

"""What a server says of its own tools, and how far that is believed.

`readOnlyHint` and `openWorldHint` are the server's words. Of a server that nobody vouches for they
are believed only where name and description do not say otherwise: a tool that `saves` something
changes something, and one that lists `mails` gives what is private, whatever its hints are.
"""

import re
from typing import Any

SPLIT = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+")
READS = frozenset(
    "get list search find fetch read look lookup query show tell check retrieve view see compute"
    " calculate convert translate detect identify describe measure count summarize summarise"
    " transcribe browse scrape parse give return returns gets lists searches finds shows preview"
    " compare estimate validate verify explain forecast predict is has who what when where which"
    " how analyze analyse inspect peek display suggest recommend rank resolve geocode route quote"
    " extract tail head cat ls stat diff grep download load open monitor watch select filter sort"
    " provides provide retrieves reads fetches returns tells checks calculates computes".split()
)
CHANGES = frozenset(
    "create make new add book schedule reschedule write save store put post send mail email message"
    " notify reply forward publish share unshare invite update edit change modify set reset rename"
    " move merge close buy purchase order pay transfer place subscribe unsubscribe vote sign submit"
    " fill install uninstall enable disable deploy roll restart start stop turn switch unlock lock"
    " upload insert call run execute register mark flag pin delete remove erase purge drop cancel"
    " destroy kill end revoke clear wipe trash archive restore copy append attach assign unassign"
    " approve reject accept decline confirm grant allow block unblock follow unfollow like unlike"
    " join leave kick ban mute sync push pull commit trigger invoke process perform apply handle"
    " relay export import log record report track untrack reserve withdraw deposit donate request"
    " connect disconnect link unlink backup replace patch upsert increment toggle adjust tweet"
    " retweet comment react rate dispatch submits creates adds sends deletes updates writes saves"
    " stores posts removes sets moves books pays transfers uploads exports syncs records".split()
)
# A tool whose words name one of these gives what is the owner's, not the world's.
PRIVATE = frozenset(
    "mail mails email emails inbox mailbox message messages dm dms sms chat chats channel"
    " channels conversation conversations calendar calendars appointment appointments agenda"
    " contact contacts addressbook note notes diary journal file files document documents drive"
    " folder folders disk clipboard photo photos account accounts transaction transactions"
    " balance iban bank wallet payment payments invoice invoices order orders booking bookings"
    " reservation reservations purchase purchases profile password passwords secret secrets"
    " credential credentials token patient health medical workspace crm customer customers"
    " employee employees ticket tickets task tasks todo todos reminder reminders memory history"
    " private personal my owner user users subscription subscriptions event events meeting"
    " meetings".split()
)
# Words that a description of a public tool has, too.
OFTEN = frozenset(
    "user users event events order orders file files history channel channels note notes like"
    " message messages task tasks account token document documents my".split()
)
WEB = frozenset(
    "web internet online website websites www http url urls google bing duckduckgo".split()
)


def split_name(name: str) -> list[str]:
    """Return the words of a name, in small letters: `chat.sendMessage` is chat, send, message."""
    return [word.lower() for word in SPLIT.split(name) if word]


def is_read_only(name: str, description: str, annotations: dict[str, Any], vouched: bool) -> bool:
    """Return whether a tool is taken to change nothing: by its hint, unless its own words deny it.

    Silence means that it may change something.
    """
    if annotations.get("readOnlyHint") is not True:
        return False
    return vouched or not _says_that_it_changes(name, description)


def is_public(name: str, description: str, annotations: dict[str, Any], vouched: bool) -> bool:
    """Return whether what a tool answers is the open world's and nothing of the owner's."""
    if annotations.get("openWorldHint") is not True:
        return False
    told = set(split_name(description.partition("\n\n")[0]))
    return vouched or not (PRIVATE.intersection(split_name(name)) | (told & PRIVATE) - OFTEN)


def reaches_out(name: str, description: str, annotations: dict[str, Any]) -> bool:
    """Return whether a tool may pass on to the open world what its server is told: it says so, or
    says nothing and its words speak of the web.
    """
    hint = annotations.get("openWorldHint")
    words = {*split_name(name), *split_name(description.partition("\n\n")[0])}
    return hint is True or (hint is None and bool(words & WEB))


def _says_that_it_changes(name: str, description: str) -> bool:
    """Tell whether the verb of a name, or of its description where the name has none, changes
    something.
    """
    own = split_name(name.rpartition(".")[2])
    first = next(iter(split_name(description)), "")
    if own and own[0] in READS:
        return False
    if own and own[0] in CHANGES:
        # A noun may be spelled like a verb (`order.status`); then the description says it.
        return first not in READS
    return first in CHANGES or (first not in READS and bool(CHANGES.intersection(own)))
