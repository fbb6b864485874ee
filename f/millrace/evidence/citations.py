# requirements:

"""From a writer's text to findings: every sentence stands on stored evidence, or it goes.

Ids that do not exist are removed, links are removed, sentences without a citation or without
support are dropped.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from f.millrace.core import contracts, sentences
from f.millrace.evidence import claims, missing_names

IDS = re.compile(r"ev_[0-9a-f]{4,40}")
# A sentence that nobody marked is told to stand on at most so many passages.
MOST_CARRYING = 3
# One or more groups of ids in brackets, then perhaps the full stop; each part is taken whole, so
# that no text is read twice.
ID = r"(?>[\w-]*ev_[0-9a-f]++(?![\w-]))"
CITED = re.compile(
    rf"(?<!\s)(?P<ids>(?:\s*+[\[(【]\s*+{ID}(?:[\s,;]++{ID})*+[\s,;]*+[\])】])++)(?P<stop>\s*+[.!?]?)"
)
BULLET = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s+")
# Code as it is, emphasis around words, headings: names_with_underscores, C# and 2 * 3 are none of
# them.
MARKUP = re.compile(
    r"`{1,3}([^`]*+)`{1,3}|`|(?<![\w*_])[*_]{1,3}(?=[^\s*_])|(?<=[^\s*_])[*_]{1,3}(?![\w*_])|(?:^|(?<=\s))#{1,6}(?=\s)"
)


# What an encyclopedia puts behind its sentences: [5], [note 2], [citation needed].
NOTE_MARK = re.compile(r"\[(?:\d{1,3}|[a-z]|note \d{1,3}|citation needed)\]")


@dataclass
class VerifiedText:
    """What of a text can be kept, and what was dropped and why."""

    findings: list[contracts.Finding] = field(default_factory=list)
    dropped: list[tuple[str, str]] = field(default_factory=list)


def verify(text: str, evidence: Mapping[str, contracts.Evidence]) -> VerifiedText:
    """Return the findings of a text whose sentences the cited evidence carries."""
    checked = VerifiedText()
    for line in text.splitlines():
        part = verify_line(line, evidence, [finding.text for finding in checked.findings])
        checked.findings += part.findings
        checked.dropped += part.dropped
    return checked


def verify_line(
    line: str, evidence: Mapping[str, contracts.Evidence], kept: list[str] | None = None
) -> VerifiedText:
    """Return the findings of one line; sentences that are in `kept` already are not repeated."""
    checked, end = VerifiedText(), 0
    line = BULLET.sub("", line)
    for match in CITED.finditer(line):
        text, end = line[end : match.start()], match.end()
        ids = [
            identity
            for identity in dict.fromkeys(IDS.findall(match["ids"]))
            if identity in evidence
        ]
        for sentence in sentences.split(_clean(text + match["stop"])):
            _weigh(sentence, ids, evidence, checked, kept or [])
    rest = line[end:].strip(" .!?")
    if rest and rest.upper() != "NO EVIDENCE":
        checked.dropped.append((_clean(rest), "it cites no evidence"))
    return checked


def keep_supported(
    findings: list[contracts.Finding], evidence: Mapping[str, contracts.Evidence]
) -> VerifiedText:
    """Return those of a model's claims that stand on stored evidence."""
    checked = VerifiedText()
    for finding in findings:
        ids = [identity for identity in dict.fromkeys(finding.citations) if identity in evidence]
        _weigh(_clean(finding.text), ids, evidence, checked, [], finding.about)
    return checked


def find_supporting(
    sentence: str, pieces: Sequence[contracts.Evidence], most: int = MOST_CARRYING
) -> list[str]:
    """Return the ids of the pieces that each carry a sentence alone, those first that share most of
    its words; none for one that states nothing.
    """
    if not claims.content_words(sentence):
        return []
    carrying = [piece for piece in pieces if not _find_unsupported(sentence, [piece])]
    carrying.sort(key=lambda piece: -claims.overlap(sentence, piece.text))
    return [piece.id for piece in carrying[:most]]


def _weigh(
    sentence: str,
    ids: list[str],
    evidence: Mapping[str, contracts.Evidence],
    checked: VerifiedText,
    kept: list[str],
    about: str = "",
) -> None:
    if not sentence or not claims.content_words(sentence):
        return
    if sentences.is_instruction(sentence):
        checked.dropped.append((sentence, "it gives an order instead of stating something"))
        return
    whole = sentences.balance(sentence)
    if not whole:
        checked.dropped.append((sentence, "it is cut: what it opens it does not close"))
        return
    sentence = whole
    if not ids:
        checked.dropped.append((sentence, "it cites no stored evidence"))
        return
    carrying = [
        identity for identity in ids if not _find_unsupported(sentence, [evidence[identity]])
    ]
    reason = _find_unsupported(sentence, [evidence[identity] for identity in ids])
    if reason and not carrying:
        # The sentence may be right and the id wrong: another piece that carries it takes its place.
        carrying = [
            piece.id for piece in evidence.values() if not _find_unsupported(sentence, [piece])
        ][:2]
        if not carrying:
            checked.dropped.append((sentence, reason))
            return
    if not claims.is_duplicate(sentence, [*kept, *(finding.text for finding in checked.findings)]):
        checked.findings.append(
            contracts.Finding(text=sentence, citations=carrying or ids, about=about)
        )


def _find_unsupported(sentence: str, pieces: Sequence[contracts.Evidence]) -> str:
    """Return why the evidence does not carry the sentence; empty when it does. Names may stand in
    its title and its source, too.
    """
    reason = claims.find_unsupported(sentence, [piece.text for piece in pieces])
    if reason:
        return reason
    name = missing_names.find(
        sentence, [f"{piece.title}\n{piece.source}\n{piece.text}" for piece in pieces]
    )
    return f"the name {name} is not in the evidence that it cites" if name else ""


def _clean(text: str) -> str:
    text = NOTE_MARK.sub("", text)
    text = re.sub(
        r"(?<!\s)\s++([.!?,;])", r"\1", MARKUP.sub(r"\1", claims.strip_links(text))
    ).strip()
    return re.sub(r"\(\s*\)|\[\s*\]", "", text).strip(" -–,;")


class StreamVerifier:
    """Passes a writer's stream on line by line, each checked before anyone sees it."""

    def __init__(
        self, evidence: Mapping[str, contracts.Evidence], show: Callable[[contracts.Finding], None]
    ) -> None:
        self._evidence = evidence
        self._show = show
        self._pending = ""
        self.shown: list[contracts.Finding] = []

    def token(self, text: str) -> None:
        """Take a piece of the stream."""
        self._pending += text
        *lines, self._pending = self._pending.split("\n")
        for line in lines:
            self._pass(line)

    def restart(self) -> None:
        """Forget the unfinished line: the stream begins again. What was shown was checked and
        stays.
        """
        self._pending = ""

    def close(self) -> None:
        """Pass on the last line."""
        line, self._pending = self._pending, ""
        self._pass(line)

    def _pass(self, line: str) -> None:
        for finding in verify_line(
            line, self._evidence, [shown.text for shown in self.shown]
        ).findings:
            self.shown.append(finding)
            self._show(finding)
