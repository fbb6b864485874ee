# requirements:

"""The offline model: it picks sentences from the evidence in the prompt and invents nothing.

A Pydantic AI model like any other, so that each path runs without a key and costs nothing. It
answers the output tools of this bundle's agents (`plan`, `judge`) and, as plain text, what writer
and summariser write: sentences, each with the ids it cites.
"""

import re
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    TextPart,
    ToolCallPart,
    UserPromptPart,
)
from pydantic_ai.models import (
    CompletedStreamedResponse,
    Model,
    ModelRequestParameters,
    StreamedResponse,
)
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import RequestUsage

from f.millrace.core import errors, ids, sentences
from f.millrace.evidence import claims, conflicts, identifiers, listing, prompt, records

NAME = "offline-extractive"
# Its name in the settings.
MODEL = "offline"
MOST_SENTENCES = 6
MOST_QUERIES = 3
MOST_CLAIMS = 8
# A sentence is relevant when it holds this part of the question's words; a headline's words rarely
# all recur.
RELEVANT = 0.25
# A sentence that holds this part of them may be as short as it likes.
MOSTLY = 0.75
# A passage that holds this part of them tells the same story, whatever each of its sentences
# repeats; one of that very title is about nothing else.
SAME_STORY = 0.5
# What a row of a table calls its values: "number: 333; vessel: Svala".
ROW_LABEL = re.compile(r"(?:^|; )([^;:]{1,60}): ")
# The section that only the summariser's prompt has.
SUMMARY = "Summary of"
# The section that only the prompt for an item of a digest has, and the one that names its pages.
HEADLINE, OWN = "Headline", "Own pages"
# An item of a digest has so many sentences, at most this many of them from pages not its own.
REPORTED, FROM_OTHERS = 4, 1
# How much less a sentence is worth that speaks as its author: a reader has to be told who that is.
FIRST_PERSON = 0.4
# How much more one is worth in which a work says what it does or found.
CONTRIBUTION = 1.2


class OfflineModel(Model):
    """Extracts; see the module's description."""

    @property
    def model_name(self) -> str:
        return NAME

    @property
    def system(self) -> str:
        return "millrace"

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        text = _last_prompt(messages)
        _, parameters = self.prepare_request(model_settings, model_request_parameters)
        parts: list[Any] = [_answer_part(text, parameters)]
        usage = RequestUsage(input_tokens=len(text) // 4, output_tokens=len(str(parts[0])) // 4)
        return ModelResponse(parts=parts, usage=usage, model_name=NAME, finish_reason="stop")

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: Any = None,  # noqa: ARG002
    ) -> AsyncGenerator[StreamedResponse]:
        response = await self.request(messages, model_settings, model_request_parameters)
        yield CompletedStreamedResponse(
            response, model_request_parameters=model_request_parameters, replay_events=True
        )


def _last_prompt(messages: list[ModelMessage]) -> str:
    for message in reversed(messages):
        if isinstance(message, ModelRequest):
            # Pydantic AI puts a note of its own before a prompt that holds something like a
            # <system> tag.
            for part in reversed(message.parts):
                if isinstance(part, UserPromptPart):
                    return (
                        part.content
                        if isinstance(part.content, str)
                        else " ".join(map(str, part.content))
                    )
    return ""


def _answer_part(text: str, parameters: ModelRequestParameters) -> TextPart | ToolCallPart:
    tools = {tool.name for tool in parameters.output_tools}
    for name, answer in (("plan", plan), ("judge", judge), ("choose", choose_tool)):
        if name in tools:
            return ToolCallPart(name, answer(text), tool_call_id=ids.stable_id("call", name, text))
    if parameters.allow_text_output:
        if prompt.section(text, HEADLINE):
            return TextPart(report(text))
        return TextPart(summarise(text) if prompt.section(text, SUMMARY) else write(text))
    raise errors.ModelFailed(
        f"the offline model cannot fill {', '.join(sorted(tools))}; set a model for this agent"
    )


def plan(text: str) -> dict[str, Any]:
    """Return searches: the question, its rarer words, and what its items add."""
    question = prompt.section(text, "Question")
    words = [word for word in claims.WORD.findall(question) if word.lower() not in claims.STOPWORDS]
    queries = [question, " ".join(words[:8])]
    distinct = [
        query for query in dict.fromkeys(prompt.one_line(query) for query in queries) if query
    ]
    return {"queries": [{"text": query} for query in distinct[:MOST_QUERIES]]}


def choose_tool(_text: str) -> dict[str, Any]:
    """Return no tool: which one does what is needed is judged by rules where there is no model."""
    return {"tool": "", "reason": "The offline model does not judge tools."}


def judge(text: str) -> dict[str, Any]:
    """Return the claims that the evidence makes about the question, what contradicts, and what to
    ask next.
    """
    question = prompt.section(text, "Question")
    if prompt.section(text, OWN):
        return _judge_news(question, text)
    passages = _asked_for(question, prompt.passages(text))
    if found := _find_records(question, passages):
        return _judge_records(question, found)
    ranked = _rank_sentences(question, passages)
    answered = _list_answers(question, passages)
    sources = {passage.source for _, _, passage in ranked}
    enough = len(sources) >= 2 and len(ranked) >= 3
    known = {claim["text"] for claim in answered}
    said = [
        {"text": sentence, "citations": [passage.id]}
        for _, sentence, passage in ranked
        if sentence not in known
    ]
    return {
        "enough": enough,
        "claims": [*answered, *said][:MOST_CLAIMS],
        "missing": (
            [] if enough else _next_queries(question, ranked, prompt.lines(text, "Asked already"))
        ),
        "conflicts": _list_conflicts(question, passages),
    }


def _find_records(question: str, passages: list[prompt.Passage]) -> list[records.Record]:
    """Return the entries of tables and forms that answer: those of documents and notes before any
    sentence; those of pages, which are prose with labels in between, where no sentence answers.
    """
    stored = [passage for passage in passages if passage.kind != prompt.PAGE]
    if found := records.find(question, stored):
        return found
    found = records.find(question, passages)
    return [] if found and listing.is_answered(question, passages) else found


def _judge_records(question: str, found: list[records.Record]) -> dict[str, Any]:
    """Return the judgement of entries of tables and forms that answer: nothing beside them does."""
    return {
        "enough": True,
        "claims": [
            {
                "text": record.text,
                "citations": [record.passage.id],
                "about": listing.label_of(record.passage, record.text),
            }
            for record in found
        ],
        "missing": [],
        "conflicts": _list_conflicts(question, [record.passage for record in found]),
    }


def _judge_news(headline: str, text: str) -> dict[str, Any]:
    """Return the judgement of a news story: what its own pages say is enough to tell it."""
    chosen = _choose_sentences(headline, text)
    return {
        "enough": bool(chosen),
        "claims": [{"text": sentence, "citations": ids} for sentence, ids in chosen],
        "missing": [],
        "conflicts": _list_conflicts(headline, prompt.passages(text)),
    }


def _list_conflicts(question: str, passages: list[prompt.Passage]) -> list[dict[str, Any]]:
    return [one.model_dump() for one in conflicts.propose(question, passages)]


def report(text: str) -> str:
    """Return an item of a digest: the sentences of the story's pages that say most, in their order,
    one a line, each with the ids of all that say the same.
    """
    chosen = _choose_sentences(prompt.section(text, HEADLINE), text)
    page_of = {one.id: (one.source, one.title) for one in prompt.passages(text)}
    introduced: set[tuple[str, str]] = set()
    told: list[str] = []
    for sentence, cited in chosen:
        plain, page = claims.strip_links(sentence), page_of[cited[0]]
        said = plain
        if sentences.is_first_person(plain):
            said = sentences.attribute(plain, again=page in introduced)
        if said != plain:
            introduced.add(page)
        told.append(f"{said} {' '.join(f'[{one}]' for one in cited[:3])}")
    return "\n".join(told) or "NO EVIDENCE"


@dataclass
class _Said:
    """A sentence of a story's page: its place among those that can be quoted, how many others of
    the page are before it, and whether it leans on the last of them.
    """

    text: str
    passage: prompt.Passage
    place: int
    number: int
    leans: bool
    weight: float = 0.0


def _choose_sentences(headline: str, text: str) -> list[tuple[str, list[str]]]:
    told = [*prompt.lines(text, "Already told"), headline]
    own_ids = set(prompt.lines(text, OWN))
    passages = prompt.passages(text)
    said = [
        one
        for one in _list_said(headline, passages)
        if not claims.is_duplicate(one.text, told) and not _repeats(one.text, headline)
    ]
    uses = Counter(word for one in said for word in claims.content_words(one.text))
    for one in said:
        words = claims.content_words(one.text)
        shared = sum(min(uses[word], 6) - 1 for word in words) / (len(words) + 4)
        one.weight = (
            2.5 / (1 + 0.5 * one.place)
            + 0.5 * shared
            + 0.5 * claims.overlap(headline, one.text)
            + 0.1 * bool(claims.quantities(one.text))
            - (1.0 if one.passage.id not in own_ids else 0.0)
            - (1.0 if one.text.endswith("!") else 0.0)  # an invitation, not news
            - FIRST_PERSON * sentences.is_first_person(one.text)
            + CONTRIBUTION * sentences.tells_contribution(one.text)
        )
    chosen: list[_Said] = []
    by_weight = sorted(said, key=lambda each: -each.weight)
    # What leans on another sentence has its turn again when that one was chosen after it.
    for one in [*by_weight, *(each for each in by_weight if each.leans)]:
        others = sum(each.passage.id not in own_ids for each in chosen)
        if (
            len(chosen) < REPORTED
            and one not in chosen
            and not claims.is_duplicate(one.text, [each.text for each in chosen])
            and (one.passage.id in own_ids or others < FROM_OTHERS)
            and (not one.leans or _follows(one, chosen))
        ):
            chosen.append(one)
    # In the order of the pages; the page that says most comes first.
    chosen.sort(key=said.index)
    return [
        (
            one.text,
            [one.passage.id]
            + [
                other.passage.id
                for other in said
                if other is not one and claims.is_duplicate(other.text, [one.text])
            ],
        )
        for one in chosen
    ]


def _list_said(headline: str, passages: list[prompt.Passage]) -> list[_Said]:
    found: list[_Said] = []
    places: Counter[tuple[str, str]] = Counter()
    numbers: Counter[tuple[str, str]] = Counter()
    for passage in passages:
        page = (passage.source, passage.title)
        for sentence in sentences.split(passage.text):
            own = passage.trust != "untrusted"
            leans = (
                not own
                and sentences.POINTING.match(sentence) is not None
                and not sentences.is_announcement(sentence)
            )
            if claims.is_quotable(sentence, own) or (leans and sentences.is_clean(sentence)):
                found.append(_Said(sentence, passage, places[page], numbers[page], leans))
                places[page] += 1
            # What a reader has read above, and a byline, is nothing to lean on.
            numbers[page] += sentences.is_whole(sentence) and not _repeats(sentence, headline)
    return found


def _repeats(sentence: str, headline: str) -> bool:
    return claims.is_duplicate(sentence, [headline]) or claims.is_repeated(sentence, headline)


def _follows(one: _Said, chosen: list[_Said]) -> bool:
    """Tell whether what it leans on is there: the sentence before it on the same page, or, for the
    first one, the headline.
    """
    return one.number == 0 or any(
        (each.passage.source, each.passage.title, each.number)
        == (one.passage.source, one.passage.title, one.number - 1)
        for each in chosen
    )


def _asked_for(question: str, passages: list[prompt.Passage]) -> list[prompt.Passage]:
    """Return the passages without the rows of tables that hold less of the question than others do:
    those are of something else.
    """
    passages = identifiers.select(question, _drop_of_others(question, passages), strict=True)
    lines = [passage.text.splitlines() for passage in passages]
    rows = {
        line: " ".join(labels)
        for line in {line for own in lines for line in own}
        if len(labels := ROW_LABEL.findall(line)) > 1
    }
    words = claims.content_words(question) | set(re.findall(r"\d+", question))
    held = {
        row: len(words & (claims.content_words(row) | set(re.findall(r"\d+", row)))) for row in rows
    }
    most = {
        labels: max(count for row, count in held.items() if rows[row] == labels)
        for labels in set(rows.values())
    }
    return [
        replace(
            passage,
            text="\n".join(
                line
                for line in own
                if (line not in rows or held[line] == most[rows[line]])
                and not records.is_of_another(question, line, passage)
            ),
        )
        for passage, own in zip(passages, lines, strict=True)
    ]


def _drop_of_others(question: str, passages: list[prompt.Passage]) -> list[prompt.Passage]:
    """Return the passages without documents and notes when none of them has a name of the question.
    A page that was found for a name is about it, even where it does not say so.
    """
    stored = [passage for passage in passages if passage.kind != prompt.PAGE]
    if not records.are_of_others(question, stored):
        return passages
    return [passage for passage in passages if passage.kind == prompt.PAGE]


def _list_answers(question: str, passages: list[prompt.Passage]) -> list[dict[str, Any]]:
    """Return a claim for each value that answers the question; each says what it is about."""
    return [
        {"text": line.text, "citations": list(line.ids), "about": line.about}
        for line in listing.list_answers(question, passages)
    ]


def write(text: str) -> str:
    """Return the checked claims, then the best other sentences, one a line, each with the ids of
    all that says the same.
    """
    question = prompt.section(text, "Question")
    passages = _asked_for(question, prompt.passages(text))
    found = [(one.text, [one.passage.id]) for one in _find_records(question, passages)]
    lines = found or _write_lines(question, passages, prompt.lines(text, "Checked claims"))
    told = [
        f"{claims.strip_links(line)} {' '.join(f'[{one}]' for one in ids[:3])}"
        for line, ids in lines[:MOST_SENTENCES]
    ]
    return "\n".join(told) or "NO EVIDENCE"


def _write_lines(
    question: str, passages: list[prompt.Passage], checked: list[str]
) -> list[tuple[str, list[str]]]:
    """Return the checked claims, then the best other sentences, each with its ids."""
    known = {passage.id for passage in passages}
    lines: list[tuple[str, list[str]]] = []
    for line in checked:
        claim, _, cited = line.rpartition(" [")
        ids = [identity for identity in cited.rstrip("]").split(", ") if identity in known]
        if claim and ids:
            lines.append((claim, ids))
    for sentence, ids in _more(question, passages, lines):
        if not claims.is_duplicate(sentence, [one for one, _ in lines]):
            lines.append((sentence, ids))
    return [line for line in lines if not _said_by_another(line[0], question, lines)] or lines


def _more(
    question: str, passages: list[prompt.Passage], lines: list[tuple[str, list[str]]]
) -> list[tuple[str, list[str]]]:
    """Return what else there is to say. Beside an answer more is told of the things that answered
    only, and no other value.
    """
    ranked = _drop_duplicates(_rank_sentences(question, passages))
    rivals = listing.rivals(question, passages, [line for line, _ in lines])
    if rivals is None:
        return ranked
    answered = {one for _, ids in lines for one in ids}
    return [(said, ids) for said, ids in ranked if said not in rivals and answered & set(ids)]


def summarise(text: str) -> str:
    """Return the sentences whose words the documents use most, in the documents' order, one a line
    with its id.
    """
    focus, passages = prompt.section(text, "Focus"), prompt.passages(text)
    said = [
        (place, sentence, passage)
        for passage in passages
        for place, sentence in enumerate(sentences.split(passage.text))
        if claims.is_quotable(sentence, passage.trust != "untrusted")
        and (not focus or claims.overlap(focus, f"{passage.title} {sentence}") >= RELEVANT)
    ]
    uses = Counter(word for _, sentence, _ in said for word in claims.content_words(sentence))

    def weight(entry: tuple[int, str, prompt.Passage]) -> float:
        place, sentence, _ = entry
        words = claims.content_words(sentence)
        # Long sentences hold many words; early ones and those with figures say more.
        shared = sum(uses[word] for word in words) / (len(words) + 4)
        return (
            shared * (1 + claims.overlap(focus, sentence))
            + 0.1 * bool(claims.quantities(sentence))
            - 0.02 * min(place, 10)
        )

    kept: list[tuple[int, str, prompt.Passage]] = []
    for entry in sorted(said, key=weight, reverse=True):
        if len(kept) < int(prompt.section(text, "Lines") or MOST_SENTENCES):
            kept += (
                []
                if claims.is_duplicate(entry[1], [sentence for _, sentence, _ in kept])
                else [entry]
            )
    told = [f"{claims.strip_links(entry[1])} [{entry[2].id}]" for entry in said if entry in kept]
    return "\n".join(told) or "NO EVIDENCE"


def _said_by_another(sentence: str, question: str, lines: list[tuple[str, list[str]]]) -> bool:
    """Tell whether a reader loses nothing without the sentence: it is the headline, or another line
    holds all of it.
    """
    if sentence[-1:] not in ".!?" and claims.is_duplicate(sentence, [question]):
        return True
    said = claims.content_words(sentence)
    return any(
        said < claims.content_words(other)
        and claims.quantities(sentence) <= claims.quantities(other)
        for other, _ in lines
    )


Ranked = list[tuple[float, str, prompt.Passage]]


def _rank_sentences(question: str, passages: list[prompt.Passage]) -> Ranked:
    """Return the sentences that have to do with the question, best first."""
    found: Ranked = []
    for passage in passages:
        about = claims.overlap(question, passage.text)
        whole = claims.is_duplicate(passage.title, [question])
        for place, sentence in enumerate(sentences.split(passage.text)):
            share = claims.overlap(question, sentence)
            in_context = claims.overlap(question, f"{passage.title} {sentence}")
            if _is_quotable(sentence, passage, share) and (
                (share >= RELEVANT and in_context >= listing.IN_CONTEXT)
                or ((share or whole) and about >= SAME_STORY)
            ):
                # Early sentences and ones with figures say more; the differences only break ties.
                score = (
                    share
                    + 0.1 * about
                    + 0.05 * bool(claims.quantities(sentence))
                    - 0.01 * min(place, 10)
                )
                found.append((score, sentence, passage))
    return sorted(found, key=lambda entry: (-entry[0], entry[2].id, entry[1]))


def _is_quotable(sentence: str, passage: prompt.Passage, share: float) -> bool:
    """Tell whether a sentence can be a finding; a short one can if it is of the question for the
    most part: `The gate is locked at 22:00.`
    """
    return claims.is_quotable(sentence, passage.trust != "untrusted") or (
        share >= MOSTLY and sentences.stands_alone(sentence)
    )


def _drop_duplicates(ranked: Ranked) -> list[tuple[str, list[str]]]:
    kept: list[tuple[str, list[str]]] = []
    for _, sentence, passage in ranked:
        same = next((entry for entry in kept if claims.is_duplicate(sentence, [entry[0]])), None)
        if same is None:
            kept.append((sentence, [passage.id]))
        elif passage.id not in same[1]:
            same[1].append(passage.id)
    return kept


def _next_queries(question: str, ranked: Ranked, asked: list[str]) -> list[str]:
    known = claims.content_words(question)
    extra: dict[str, int] = {}
    for _, sentence, _ in ranked[:10]:
        for word in claims.WORD.findall(sentence):
            if (
                word[0].isupper()
                and len(word) > 3
                and not claims.content_words(word) <= known
                and word.lower() not in claims.STOPWORDS
            ):
                extra[word] = extra.get(word, 0) + 1
    best = sorted(extra, key=lambda word: (-extra[word], word))[:2]
    words = " ".join(
        word for word in claims.WORD.findall(question) if word.lower() not in claims.STOPWORDS
    )
    query = " ".join([words, *best]).strip()
    return [query] if best and query not in asked else []
