# requirements:

"""What a tool's arguments and answers consist of: values, addresses, links and records."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

from f.millrace.trust import deobfuscation, own_words

# Fields of an answer that hold a link as its server gives it.
LINK_NAMES = frozenset("url uri link href permalink html_url web_url page_url".split())
# Arguments that hold words to search by; a host name in them is a word.
QUERY_NAMES = frozenset("query q question keywords search words term terms text".split())
IDENTIFIER = re.compile(r"(?i)(?:^|_)(?:id|key|uuid|uid|ref|number|no|code|handle)$|(?<=[a-z])Id$")
# An address without its scheme, or one that is written otherwise: the whole value is one.
BARE = re.compile(
    r"(?i)(?:[a-z][a-z0-9+.-]{1,20}:)?(?://|\\\\)\S+"
    r"|(?:[\w-]{1,63}\.){1,8}[a-z]{2,24}(?::\d{1,5})?(?:[/?#]\S*)?"
    r"|\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?(?:[/?#]\S*)?"
    r"|\[[0-9a-f:]{2,45}\](?::\d{1,5})?(?:/\S*)?"
    r"|(?:mailto|tel|javascript|data|file):\S+"
)
FILE = re.compile(
    r"(?i)[\w-]{1,80}\.(?:md|txt|csv|json|ya?ml|py|pdf|docx?|xlsx?|pptx?|png|jpe?g|zip"
    r"|html?|css|js|ts|xml|log|ini|toml|sh|markdown)"
)
ASKS_FOR_LINK = re.compile(
    r"(?i)\b(?:articles?|links?|pages?|posts?|websites?|sites?|urls?|blogs?|papers?|documents?"
    r"|reports?|storys?|stories|videos?|reads?|posted|shared|linked|behind|artikel|seite)\b"
)
SENDER = re.compile(r"(?i)^(?:from|sender|author|user|username|by|posted_by|name|from_name|owner)$")
MOST_RECORDS = 2_000
LONGEST_NAME = 6


class AnswerParts(NamedTuple):
    """An answer in parts: all that it says, its links, and its records."""

    texts: list[str]
    links: list[str]
    records: list[dict[str, Any]]


def list_leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each value inside the arguments, and each name that is not the tool's own,
    with where it stands.
    """
    if isinstance(value, dict):
        for name, inner in cast("dict[Any, Any]", value).items():
            if path:
                yield f"a name in {path}", str(name)
            yield from list_leaves(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list | tuple):
        for inner in cast("Iterable[Any]", value):
            yield from list_leaves(inner, path or "the arguments")
    else:
        yield path, value


def split(answer: Any) -> AnswerParts:
    """Return the parts of an answer; figures and switches are as much of it as texts are."""
    made = AnswerParts([], [], [])
    for path, value in list_leaves(answer):
        if isinstance(value, str) and path.rpartition(".")[2].lower() in LINK_NAMES:
            made.links.append(value)
        elif value is not None and not isinstance(value, bool):
            made.texts.append(str(value))
    made.records.extend(_records(answer))
    return made


def addresses_in(text: str, path: str) -> list[str]:
    """Return the addresses that a value names, by its shape and not by the name of its field."""
    shown = deobfuscation.strip_invisible(text).strip()
    found = deobfuscation.addresses(shown)
    if found:
        return [shown] if deobfuscation.URL.fullmatch(shown) else found
    name = path.rpartition(".")[2].lower()
    if not BARE.fullmatch(shown) or FILE.fullmatch(shown):
        return []
    # Among words to search by a name of a host is a word; with a path it is an address.
    return [] if name in QUERY_NAMES and not re.search(r"[/\\:]", shown) else [text]


@dataclass
class Records:
    """The records that each place has answered."""

    _of: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, place: str, records: Iterable[dict[str, Any]]) -> None:
        """Take in the records of an answer."""
        kept = self._of.setdefault(place, [])
        kept.extend(list(records)[: MOST_RECORDS - len(kept)])

    def has_value(self, value: str, place: str) -> bool:
        """Return whether a record of the place has this text as the whole of a field."""
        return any(value in record.values() for record in self._of.get(place, []))

    def is_named(self, value: Any, place: str, own: own_words.OwnWords) -> bool:
        """Return whether a value is the identifier of one record of the place, and the user said a
        title or name of that record and of no other.
        """
        if (
            not isinstance(value, str | int)
            or isinstance(value, bool)
            or addresses_in(str(value), "")
        ):
            return False
        named = [record for record in self._of.get(place, []) if _is_named(record, own)]
        identities = {
            str(inner)
            for record in named
            for name, inner in record.items()
            if IDENTIFIER.search(name) and isinstance(inner, str | int)
        }
        # Two records that the user's words fit are no longer the one that he meant.
        keys = {_key(record) for record in named}
        return len(keys) == 1 and str(value) in identities


def links_meant(records: Iterable[dict[str, Any]], own: own_words.OwnWords) -> Iterator[str]:
    """Yield the links of records that the user named by a sender or a title, where he asks for what
    stands behind a link.
    """
    if not any(ASKS_FOR_LINK.fullmatch(word) for word in own.words):
        return
    for record in records:
        # A title is whatever its sender chose; who sent it is not.
        senders = (value for name, value in record.items() if SENDER.fullmatch(name))
        if any(own.names(sender) for sender in senders):
            texts = (value for value in record.values() if isinstance(value, str))
            yield from (url for text in texts for url in deobfuscation.addresses(text))


def _records(value: Any) -> Iterator[dict[str, Any]]:
    """Yield each object with its own plain values; objects inside of it are their own records."""
    if isinstance(value, dict):
        fields = cast("dict[Any, Any]", value)
        plain = {
            str(name): inner
            for name, inner in fields.items()
            if not isinstance(inner, dict | list | tuple) and inner is not None
        }
        if plain:
            yield plain
        for inner in fields.values():
            yield from _records(inner)
    elif isinstance(value, list | tuple):
        for inner in cast("Iterable[Any]", value):
            yield from _records(inner)


def _is_named(record: dict[str, Any], own: own_words.OwnWords) -> bool:
    return any(
        len(deobfuscation.words(value)) <= LONGEST_NAME and own.names(value)
        for name, value in record.items()
        if isinstance(value, str) and not IDENTIFIER.search(name)
    )


def _key(record: dict[str, Any]) -> str:
    return "\n".join(
        f"{name}={inner}" for name, inner in sorted(record.items()) if IDENTIFIER.search(name)
    )
