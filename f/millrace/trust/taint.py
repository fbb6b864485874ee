# requirements:

"""Taint: what a tool call is made of, where it goes, and what follows from that.

A model may be talked into anything by what it reads, so nothing here asks what a text says or what
the model meant. It follows the flow: what was read so far (`TaintContext`), by whose words, from
which place, and what a call would carry to which place.

1. A call that changes something, made after untrusted text was read, waits for a person, unless
   every argument is the user's own: his words, a day or time that he named, or the identifier of
   the one record that he named.
2. A call that only reads on this machine is free.
3. A call that reads elsewhere sends its arguments away. It never carries a secret. After untrusted
   text was read it goes only to addresses that the user gave or a tool returned as a link.
4. After private data was read, too, it carries only the user's own words of this request, what its
   receiver said itself, and texts of public sources; what leaves is counted (outflow). Anything
   else waits for a person.
"""

import math
import re
from dataclasses import dataclass
from typing import Any, Literal

from f.millrace.core import contracts, ids, redaction, run_context
from f.millrace.trust import deobfuscation, outflow, own_words, quoted_material, tool_answers

Outcome = Literal["free", "ask", "refuse"]
# This machine; the world that everybody can read; a text whose place nobody told.
HERE, WORLD, ELSEWHERE = "here", "world", "elsewhere"
# So many calls of one task that only read may wait for a person; a question too many answers none.
MOST_ASKED = 20
BITS_OF_SWITCH = 1.0
# Private texts that are known again: letters of each, so that a common word is none, and how many.
LEAST_NOTED, MOST_NOTED = 32, 2_000
BITS_OF_PATH = 4.0


@dataclass(frozen=True)
class Verdict:
    """What becomes of a call, and why, in words for a person."""

    outcome: Outcome
    why: str = ""


class TaintContext:
    """What a model has read so far: by whose words, and from which place.

    Attributes:
        tainted: Untrusted text was read.
        own: The user's own words of this request.
        count: What left since private data was read.
        private_reads: Digests of the private texts that were read, and of what else they are part
            of: what left after them counts on wherever one of them is read again.
    """

    def __init__(self, request: str = "", trust: contracts.Trust = "own") -> None:
        """Begin with the task; `trust` says whether the user wrote it
        or it is untrusted (a headline, say).
        """
        self.tainted = False
        self.count = outflow.Count()
        self.public = outflow.ReadTexts()
        self.private_reads: set[str] = set()
        self._private: dict[str, outflow.ReadTexts] = {}
        self._links: dict[str, str] = {}
        self._spellings: dict[str, set[str]] = {}
        self._meant: set[str] = set()
        self._records = tool_answers.Records()
        self.asked = 0
        task = quoted_material.split(request) if trust != "untrusted" else None
        self.own = own_words.OwnWords(task.own if task else "")
        self.request = outflow.ReadTexts()
        self.request.add(run_context.now().date().isoformat())
        self.hosts: set[str] = set()
        if task is None:
            self.read(request, "untrusted")
            return
        self.request.add(task.own)
        self.read(task.quoted, "untrusted")
        self.link(*deobfuscation.addresses(task.own), origin=HERE)
        # A host that is named alone means all of it; one inside an address means that page.
        self.hosts |= deobfuscation.hosts(deobfuscation.URL.sub(" ", task.own))

    @property
    def has_private(self) -> bool:
        """Whether private data was read."""
        return bool(self._private)

    @property
    def private_places(self) -> set[str]:
        """Where private data was read."""
        return set(self._private)

    def read_private(self, place: str) -> None:
        """Take note that private data of a place was read whose words nobody kept."""
        self._private.setdefault(place, outflow.ReadTexts())

    def read(
        self, text: str, trust: contracts.Trust, private: bool = False, place: str = ""
    ) -> None:
        """Take note of a text that the model is shown;
        a mail to the owner is both untrusted and private. `place` says where it is from.
        """
        if not text:
            return
        if trust == "untrusted":
            self.tainted = True
        if private or trust == "own":
            place = place or (HERE if trust == "own" else ELSEWHERE)
            self._private.setdefault(place, outflow.ReadTexts()).add(text)
            self._note_private(text)
        else:
            self.public.add(text)

    def _note_private(self, text: str) -> None:
        plain = " ".join(text.split())
        if len(plain) >= LEAST_NOTED and len(self.private_reads) < MOST_NOTED:
            self.private_reads.add(ids.digest_of([plain])[:40])

    def read_answer(
        self, answer: dict[str, Any], trust: contracts.Trust, private: bool, place: str
    ) -> None:
        """Take note of what a tool answered: its texts and figures, its links, its records."""
        parts = tool_answers.split(answer)
        self.read("\n".join(parts.texts), trust, private, place)
        if private or trust == "own":
            for text in parts.texts:
                self._note_private(text)
        self.link(*parts.links, origin=place if private else WORLD)
        self._records.add(place, parts.records)
        if trust == "untrusted":
            self._meant.update(
                deobfuscation.normalise_address(url)
                for url in tool_answers.links_meant(parts.records, self.own)
            )

    def link(self, *urls: str, origin: str = WORLD) -> None:
        """Take note of addresses that came as links: from the user and the settings (origin HERE),
        or from a tool's field for links.
        """
        for url in filter(None, urls):
            plain = deobfuscation.normalise_address(url)
            self._links.setdefault(plain, origin)
            self._spellings.setdefault(plain, set()).add(url.strip())

    def allow(self, text: str) -> None:
        """Take words as free to leave, since whoever chose them was shown nothing private."""
        self.request.add(text)

    def private_elsewhere(self, place: str) -> bool:
        """Return whether private data was read that the place has not given itself."""
        return any(origin != place for origin in self._private)

    def price(self, text: str, place: str) -> float:
        """Return the bits that a text tells the place of what was read elsewhere."""
        return outflow.price(text, self._free(place), self.public)

    def price_of_lists(self, values: list[tuple[str, Any]], place: str) -> float:
        """Return the bits of the lists among the values, each seen as one text."""
        lists: dict[str, list[str]] = {}
        for path, value in values:
            lists.setdefault(path, []).append("" if value is None else str(value))
        return sum(
            outflow.price_of_order(each, self._free(place))
            for each in lists.values()
            if len(each) > outflow.FREE_RUNS
        )

    def price_of_blanks(self, text: str, addresses: list[str], place: str) -> float:
        """Return the bits of the white space around a text, and before the addresses in it."""
        # Without its addresses a text ends where they stood.
        inner = outflow.price_of_spaces(text, self._free(place)) if addresses else 0.0
        return outflow.price_of_edges(text) + inner

    def reduce(self, text: str, place: str = WORLD) -> str:
        """Return the text without the words that may not leave to the place unasked."""
        if not (self.tainted and self.private_elsewhere(place)):
            return text
        left = outflow.MOST_BITS - self.count.bits
        if self.price(text, place) <= left:
            return text
        return outflow.reduce(text, self._free(place), self.public, left)

    def _free(self, place: str) -> list[outflow.ReadTexts]:
        """Return what the place may be told: what the user said, and what the place keeps itself.
        Of public texts the words are chosen, whoever answered them.
        """
        return [self.request, *([self._private[place]] if place in self._private else [])]

    def is_private_word(self, piece: str) -> bool:
        """Return whether a word stands in what is private."""
        return any(piece in texts.words for texts in self._private.values())

    def is_named_record(self, value: Any, place: str) -> bool:
        """Return whether a value identifies the one record of the place that the user named."""
        return self._records.is_named(value, place, self.own)

    def is_own_value(self, text: str, place: str) -> bool:
        """Return whether the place itself gave this text as the whole of a field."""
        return self._records.has_value(text, place)

    def origin_of_link(self, url: str) -> str:
        """Return where an address came from as a link; empty when from nowhere."""
        return self._links.get(deobfuscation.normalise_address(url), "")

    def is_requested(self, url: str) -> bool:
        """Return whether the user asked for what stands behind this address, by who sent it."""
        return deobfuscation.normalise_address(url) in self._meant

    def bits_of_spelling(self, url: str, place: str) -> float:
        """Return the bits of writing an address other than it was offered: with another scheme,
        with a slash at its end, without its fragment; anything else is a text of its own.
        """
        if place == WORLD:
            url = url.partition("#")[0]  # the bundle's own tools send no fragment
        offered = self._spellings.get(deobfuscation.normalise_address(url), set())
        if url in offered:
            return 0.0
        usual = {
            deobfuscation.drop_scheme_and_slash(form)
            for each in offered
            for form in (each, each.partition("#")[0])
        }
        return (
            BITS_OF_SWITCH
            if deobfuscation.drop_scheme_and_slash(url) in usual
            else outflow.FORBIDDEN
        )

    def bits_of_link(self, url: str) -> float:
        """Return the bits of choosing this address among those that were offered."""
        offered = [address for address, origin in self._links.items() if origin != HERE]
        return math.log2(max(1, len(self._meant if self.is_requested(url) else offered)))


def decide(
    tool: str,
    arguments: dict[str, Any],
    taint_context: TaintContext,
    *,
    read_only: bool,
    is_egress: bool,
    place: str = WORLD,
    chosen: bool = True,
) -> Verdict:
    """Return what becomes of a call of a tool that only reads or not, here or elsewhere, and count
    what it carries away. `place` is who receives its arguments; not `chosen` is a link that code
    takes up in its order: then nothing is told by which it is.
    """
    values = list(tool_answers.list_leaves(arguments))
    secret = _find_secret(values) if is_egress or not read_only else None
    if secret is not None:
        return Verdict("refuse", f"{tool} was not called: {secret} holds a secret")
    if not read_only:
        return _decide_change(tool, values, taint_context, place)
    if not is_egress or not taint_context.tainted:
        return Verdict("free")
    verdict = _decide_egress(tool, values, taint_context, place, chosen)
    if verdict.outcome == "ask":
        taint_context.asked += 1
        if taint_context.asked > MOST_ASKED:
            return Verdict(
                "refuse",
                f"{tool} was not called: {MOST_ASKED} calls of this task wait for a person already;"
                f" {verdict.why}",
            )
    return verdict


def _find_secret(values: list[tuple[str, Any]]) -> str | None:
    """Return where the first secret stands."""
    for path, value in values:
        if isinstance(value, str) and redaction.redact(value) != value:
            return path
    return None


def _decide_change(
    tool: str, values: list[tuple[str, Any]], taint_context: TaintContext, place: str
) -> Verdict:
    if not taint_context.tainted:
        return Verdict("free")
    foreign = [
        path
        for path, value in values
        if not (taint_context.own.contains(value) or taint_context.is_named_record(value, place))
    ]
    if values and not foreign:
        return Verdict("free")
    what = ", ".join(dict.fromkeys(foreign)) or "no argument"
    return Verdict(
        "ask",
        f"it comes after untrusted text was read, and {what} of {tool} is not in the user's own"
        " words",
    )


def _decide_egress(
    tool: str, values: list[tuple[str, Any]], taint_context: TaintContext, place: str, chosen: bool
) -> Verdict:
    """Decide on a call that reads elsewhere after untrusted text was read."""
    guarded = taint_context.private_elsewhere(place)
    of_others = guarded and place not in (HERE, WORLD)
    shape = frozenset((path, value in (None, "", [], {})) for path, value in values)
    load = outflow.Load(letters=sum(len(str(value)) for _, value in values))
    if guarded:
        load.bits += taint_context.price_of_lists(values, place)
    for path, value in values:
        fault = _weigh(path, value, taint_context, place, guarded, load)
        if fault:
            return Verdict("ask", f"{fault}; so {tool} asks")
        if of_others and isinstance(value, str):
            load.bits += outflow.price_of_choice(value, taint_context.request)
    if of_others:
        load.bits += taint_context.count.price_of_form(place, tool, shape)
    if not guarded or not chosen:
        return Verdict("free")
    against = taint_context.count.reason_against(load)
    if against:
        return Verdict(
            "ask", f"it comes after private data was read, and {against}; so {tool} asks"
        )
    taint_context.count.add(load)
    if of_others:
        taint_context.count.keep_form(place, tool, shape)
    return Verdict("free")


def _weigh(
    path: str,
    value: Any,
    taint_context: TaintContext,
    place: str,
    guarded: bool,
    load: outflow.Load,
) -> str:
    """Add to the load what one value would carry to the place; return why it may not leave."""
    if value is None or isinstance(value, bool):
        load.bits += 0.0 if value is None else BITS_OF_SWITCH
        return ""
    text = str(value)
    addresses = tool_answers.addresses_in(text, path)
    load.bits += taint_context.price_of_blanks(text, addresses, place) if guarded else 0.0
    if load.bits == outflow.FORBIDDEN:
        return (
            f"it comes after private data was read, and {path} has white space around it that says"
            " nothing"
        )
    fault = _weigh_addresses(addresses, taint_context, place, guarded, load)
    if fault:
        return fault
    for url in addresses:
        text = text.replace(url, " ", 1)
    if not guarded or taint_context.own.names_moment(text):
        return ""
    load.bits += taint_context.price(text, place)
    if load.bits == outflow.FORBIDDEN:
        return (
            f"it comes after private data was read, and {path} carries words that neither the user"
            " nor a public source said"
        )
    return ""


def _weigh_addresses(
    urls: list[str], taint_context: TaintContext, place: str, guarded: bool, load: outflow.Load
) -> str:
    """Add to the load what the choice of addresses tells; return why one may not be opened."""
    for url in urls:
        fault, bits = _weigh_address(url, taint_context, place, guarded)
        if fault:
            return fault
        load.links.add(deobfuscation.normalise_address(url))
        load.link_bits += bits
        if guarded and taint_context.origin_of_link(url):
            load.bits += taint_context.bits_of_spelling(url, place)
    return ""


def _weigh_address(
    url: str, taint_context: TaintContext, place: str, guarded: bool
) -> tuple[str, float]:
    """Return why an address may not be opened, or the bits of its choice."""
    host = deobfuscation.urlsplit_host(url) or url[:60]
    origin = taint_context.origin_of_link(url)
    if origin and guarded and taint_context.bits_of_spelling(url, place) == outflow.FORBIDDEN:
        return f"the address at {host} is written as neither the user nor a result wrote it", 0.0
    if origin == HERE:
        return "", 0.0
    # `john.smith` is a name to the server that gave it, though it looks like a host's.
    if not re.search(r"[/\\:]", url) and taint_context.is_own_value(url, place):
        return "", 0.0
    if taint_context.is_requested(url):
        return "", taint_context.bits_of_link(url)
    if origin in (WORLD, place) or (origin and not guarded):
        return "", taint_context.bits_of_link(url)
    if origin:
        return f"the address at {host} came from private data and not from the user", 0.0
    cost = _price_of_page(url, taint_context, guarded)
    if cost < outflow.FORBIDDEN:
        return "", cost
    return f"the address at {host} came neither from the user nor as a link of a result", 0.0


def _price_of_page(url: str, taint_context: TaintContext, guarded: bool) -> float:
    """Return the bits of a page that the user did not name on a host that he named: nothing but
    plain words may stand in its path.
    """
    host, _, rest = deobfuscation.normalise_address(url).removeprefix("//").partition("/")
    plain = not any(sign in rest for sign in "?%@=&;") and "@" not in url
    site = host.removeprefix("www.")
    if not plain or not {host, site}.intersection(taint_context.hosts):
        return outflow.FORBIDDEN
    return (
        (0.0 if host in taint_context.hosts else BITS_OF_SWITCH)
        + sum(_price_of_step(piece, taint_context) for piece in outflow.split(rest))
        if guarded
        else 0.0
    )


def _price_of_step(piece: str, taint_context: TaintContext) -> float:
    if piece in taint_context.request.words:
        return 0.0
    if not piece.isalpha() or taint_context.is_private_word(piece):
        return outflow.FORBIDDEN
    return BITS_OF_PATH
