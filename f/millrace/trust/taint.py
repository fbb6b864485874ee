# requirements:

"""Taint: whose words a tool call is made of, and what follows from that.

A model may be talked into anything by what it reads, so nothing here asks what a text says or what
the model meant. It counts what the model has read (`Heard`) and what a call would carry:

1. A call that changes something, made after untrusted text was read, waits for a person, unless
   every argument stands in the user's own words.
2. A call that only reads on this machine is free.
3. A call that reads elsewhere sends its arguments to another system. It never carries a secret.
   After untrusted text was read it goes only to addresses that the user gave or a tool returned as
   a link, letter by letter (an address that was fixed before the private text was read cannot carry
   it), and says nothing that only private texts say.
"""

import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from f.millrace.core import contracts, redaction
from f.millrace.trust import deobfuscation

Outcome = Literal["free", "ask", "refuse"]
# Arguments that hold an address whole, also when it is written without its scheme.
ADDRESS_NAMES = frozenset(
    {
        "url",
        "uri",
        "link",
        "href",
        "endpoint",
        "feed",
        "webhook",
        "callback",
        "host",
        "domain",
        "site",
    }
)
# Words of fewer letters say nothing on their own.
SHORTEST_WORD = 4
SHORTEST_NUMBER = 3
OPAQUE = 20
# Everybody's words, though they are written like names or figures.
COMMON = frozenset(
    "monday tuesday wednesday thursday friday saturday sunday january february march april may june"
    " july august september october november december".split()
)
YEAR = re.compile(r"(?:19|20)\d\d")
MOST_READ = 200_000


@dataclass(frozen=True)
class Verdict:
    """What becomes of a call, and why, in words for a person."""

    outcome: Outcome
    why: str = ""


@dataclass
class Words:
    """What was read of one trust: its words, which of them are telling, and which follow which."""

    all: set[str] = field(default_factory=set)
    telling: set[str] = field(default_factory=set)
    pairs: set[tuple[str, str]] = field(default_factory=set)
    text: list[str] = field(default_factory=list)

    def add(self, text: str) -> None:
        """Add the words of a text."""
        text = text[:MOST_READ]
        found = deobfuscation.words(text)
        self.all.update(found)
        self.pairs.update(itertools.pairwise(found))
        self.telling.update(_revealing_words(text))
        self.text.append(deobfuscation.skeleton(text))

    def holds(self, word: str) -> bool:
        """Return whether the letters stand anywhere in what was read."""
        return any(word in text for text in self.text)


class TaintContext:
    """What a model has read so far, by whose words it was."""

    def __init__(self, request: str = "", trust: contracts.Trust = "own") -> None:
        """Begin with the task; `trust` says whether the user wrote it
        or it is untrusted (a headline, say).
        """
        self.tainted = False
        self.request = Words()
        self.private = Words()
        self.public = Words()
        self.links: set[str] = set()
        self.hosts: set[str] = set()
        if trust == "untrusted":
            self.read(request, "untrusted")
        else:
            self.request.add(request)
            self.link(*deobfuscation.addresses(request))
            # A host that is named alone means all of it; one inside an address means that page.
            self.hosts |= deobfuscation.hosts(deobfuscation.URL.sub(" ", request))

    def read(self, text: str, trust: contracts.Trust, private: bool = False) -> None:
        """Take note of a text that the model is shown;
        a mail to the owner is both untrusted and private.
        """
        if not text:
            return
        if trust == "untrusted":
            self.tainted = True
        (self.private if private or trust == "own" else self.public).add(text)

    def link(self, *urls: str) -> None:
        """Take note of addresses that came as links: from the user,
        the settings, or a tool's `url` field.
        """
        self.links |= {deobfuscation.normalise_address(url) for url in urls if url}


def decide(
    tool: str,
    arguments: dict[str, Any],
    taint_context: TaintContext,
    *,
    read_only: bool,
    is_egress: bool,
) -> Verdict:
    """Return what becomes of a call of a tool that only reads or not, here or elsewhere."""
    values = list(list_leaves(arguments))
    secret = _find_secret(values) if is_egress or not read_only else None
    if secret is not None:
        return Verdict("refuse", f"{tool} was not called: {secret} holds a secret")
    if not read_only:
        return _decide_change(tool, values, taint_context)
    if not is_egress:
        return Verdict("free")
    for path, value in values:
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            fault = _egress_reason(path, str(value), taint_context)
            if fault:
                return Verdict("refuse", f"{tool} was not called: {fault}")
    return Verdict("free")


def _find_secret(values: list[tuple[str, Any]]) -> str | None:
    """Return where the first secret stands."""
    for path, value in values:
        if isinstance(value, str) and redaction.redact(value) != value:
            return path
    return None


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


def _decide_change(
    tool: str, values: list[tuple[str, Any]], taint_context: TaintContext
) -> Verdict:
    if not taint_context.tainted:
        return Verdict("free")
    foreign = [path for path, value in values if not _said_by_user(value, taint_context)]
    if values and not foreign:
        return Verdict("free")
    what = ", ".join(dict.fromkeys(foreign)) or "no argument"
    return Verdict(
        "ask",
        f"it comes after untrusted text was read, and {what} of {tool} is not in the user's own"
        " words",
    )


def _said_by_user(value: Any, taint_context: TaintContext) -> bool:
    if value is None or value is False:
        return True
    if value is True:
        return False
    wanted = " ".join(deobfuscation.words(str(value)))
    return bool(wanted) and any(
        f" {wanted} " in f" {' '.join(deobfuscation.words(text))} "
        for text in taint_context.request.text
    )


def _egress_reason(path: str, text: str, taint_context: TaintContext) -> str:
    """Return why the text must not be sent to another system; empty when it may."""
    if not taint_context.tainted:
        return ""
    name = path.rpartition(".")[2].lower()
    urls = (
        [text]
        if name in ADDRESS_NAMES or deobfuscation.URL.fullmatch(text.strip())
        else deobfuscation.addresses(deobfuscation.strip_invisible(text))
    )
    unknown = [url for url in urls if not _is_known_url(url, taint_context)]
    if unknown:
        host = deobfuscation.urlsplit_host(unknown[0]) or unknown[0][:60]
        return f"the address at {host} came neither from the user nor as a link of a result"
    if urls and len(urls[0]) == len(text):
        return ""
    return _private_reason(path, text, taint_context)


def _is_known_url(url: str, taint_context: TaintContext) -> bool:
    if deobfuscation.normalise_address(url) in taint_context.links:
        return True
    host, _, rest = deobfuscation.normalise_address(url).removeprefix("//").partition("/")
    # A page that the user did not name, on a host that he named: nothing but plain words may stand
    # in its path.
    plain = "?" not in rest and "%" not in rest and "@" not in url
    return (
        host in taint_context.hosts
        and plain
        and not _private_reason("the address", rest.replace("/", " "), taint_context)
    )


def _private_reason(path: str, text: str, taint_context: TaintContext) -> str:
    own = taint_context.private
    if not own.all:
        return ""
    open_words = taint_context.request.all | taint_context.public.all
    telling = own.telling - open_words
    pairs = own.pairs - taint_context.request.pairs - taint_context.public.pairs
    for form in deobfuscation.decodings(text):
        found = deobfuscation.words(form)
        # What stands inside a longer word that others said (the year of a date) gives nothing away.
        said = {
            word
            for word in _said(telling, found, form)
            if not taint_context.request.holds(word) and not taint_context.public.holds(word)
        }
        paired = itertools.pairwise(found)
        if said or any(_private_pair(one, two, pairs, open_words) for one, two in paired):
            return f"{path} carries words of the owner's private texts"
    if _opaque(text, open_words) and not deobfuscation.addresses(text):
        return f"{path} carries something that cannot be read"
    return ""


def _said(telling: set[str], found: list[str], form: str) -> set[str]:
    """Return the telling words that a text says: as words, inside of one, or in pieces."""
    mixed = [word for word in found if not word.isalpha()]
    inside = {part for part in telling if len(part) > 5 and any(part in word for word in mixed)}
    bare = _bare(form)
    pieces = {word for word in telling if (len(word) > 5 or _number(word)) and _bare(word) in bare}
    return telling.intersection(found) | inside | pieces


def _bare(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def _opaque(text: str, open_words: set[str]) -> bool:
    """Tell whether a text has a long word that is no word, such as a code."""
    long = (word for word in text.split() if len(word) >= OPAQUE and not word.isalpha())
    return any(deobfuscation.skeleton(word) not in open_words for word in long)


def _private_pair(one: str, two: str, pairs: set[tuple[str, str]], open_words: set[str]) -> bool:
    long = len(one) >= SHORTEST_WORD and len(two) >= SHORTEST_WORD
    return long and (one, two) in pairs and one not in open_words and two not in open_words


def _number(word: str) -> bool:
    return len(word) >= SHORTEST_NUMBER and any(char.isdigit() for char in word)


def _revealing_words(text: str) -> Iterator[str]:
    """Yield the words that give something away alone: figures,
    addresses, codes, and names inside a sentence.
    """
    for match in deobfuscation.WORD.finditer(deobfuscation.strip_invisible(text)):
        word = match[0]
        before = text[: match.start()].rstrip(" \t\"'(«“")[-1:]
        inside = bool(before) and before not in ".!?:;\n#-*•|"
        name = word[:1].isupper() and inside and len(word) >= SHORTEST_WORD
        if _number(word) or "@" in word or name or (word.isupper() and len(word) >= SHORTEST_WORD):
            yield from (
                part
                for part in deobfuscation.words(word)
                if part not in COMMON and not YEAR.fullmatch(part)
            )
