# requirements:

"""Measures of how far a tool meets a need: by its words, by what is done to which things, and by
its fields.
"""

import functools
import operator
from collections.abc import Iterable, Sequence

from f.millrace.agents import (
    tool_actions,
    tool_coverage,
    tool_requests,
    tool_signatures,
    tool_words,
)
from f.millrace.core import embedding, errors
from f.millrace.evidence import claims

# The names of what is measured of a need with inputs or outputs, in order.
OF_SCHEMA = (
    "named",
    "names",
    "name_words",
    "covered",
    "least_covered",
    "covers",
    "covers_least",
    "opposite",
    "changes_instead",
    "kind",
    "inputs",
    "outputs",
    "unfilled",
    "unused",
    "shared",
    "rivals",
)
# The names of what is measured of a bare request, in order.
OF_REQUEST = (
    "described",
    "named",
    "whole",
    "name",
    "asked",
    "takes",
    "kind",
    "opposite",
    "changes_instead",
    "unfilled",
    "shared",
    "object_found",
    "object_least",
    "covers",
    "covers_least",
    *tool_coverage.OF_COVERAGE,
)
# What fields are worth at least that can only mean each other: as many as are required, of the same
# kind.
PLACED = 0.6
OTHER_KIND = 0.4
MOST_VECTORS = 20_000

Signature = tool_signatures.ToolSignature
_vectors: dict[str, embedding.Vector | None] = {}


def measure_schema(need: Signature, offers: Sequence[Signature]) -> list[tuple[float, ...]]:
    """Return OF_SCHEMA of a need and each offer."""
    _embed(_texts_of_need(need), *map(_texts_of_offer, offers))
    return [_measure_schema(need, offer) for offer in offers]


def measure_request(request: str, offers: Sequence[Signature]) -> list[tuple[float, ...]]:
    """Return OF_REQUEST of a request and each offer."""
    bare = tool_requests.drop_values(request)
    asked = tool_requests.list_clauses(request)
    objects = tool_requests.list_objects(request)
    things = tool_words.things(bare, values=True)
    _embed([bare, *asked, *objects, *things], *map(_texts_of_offer, offers))
    covered = tool_coverage.measure(request, offers)
    return [
        (*_measure_request(request, offer), *coverage)
        for offer, coverage in zip(offers, covered, strict=True)
    ]


def _texts_of_need(need: Signature) -> list[str]:
    return [
        *_texts_of_offer(need),
        f"{need.spoken_name}: {need.description}",
        *tool_words.things(need.description),
    ]


def _texts_of_offer(offer: Signature) -> list[str]:
    return [
        offer.spoken_name,
        offer.description,
        *offer.sentences,
        *offer.titled_sentences,
        offer.full_text,
        offer.input_names,
        *map(tool_signatures.split_name, (*offer.inputs, *offer.outputs)),
        *_things_of_offer(offer),
        *_things_of_fields(offer),
    ]


@functools.lru_cache(maxsize=4096)
def _things_cached(text: str) -> tuple[str, ...]:
    return tuple(tool_words.things(text))


def _things_of_offer(offer: Signature) -> list[str]:
    """Return what name and description are about."""
    return [*_things_cached(offer.spoken_name), *_things_cached(offer.description)]


def _things_of_head(offer: Signature, sentence: str) -> tuple[str, ...]:
    """Return what the name and one sentence are about."""
    return _things_cached(f"{offer.spoken_name} {sentence}")


def _find_sentence(wish: str, offer: Signature) -> str:
    """Return the sentence of the description that is nearest to what is wished."""
    return max(offer.sentences, key=lambda sentence: likeness(wish, sentence))


def _things_of_fields(offer: Signature) -> list[str]:
    names = (*offer.inputs, *offer.outputs)
    return [word for name in names for word in _things_cached(tool_signatures.split_name(name))]


def _measure_request(request: str, offer: Signature) -> tuple[float, ...]:
    bare = tool_requests.drop_values(request)
    asked = tool_requests.list_clauses(request)
    kinds = tool_requests.list_kinds(request)
    sentence = _find_sentence(bare, offer)
    other, head = offer.kind_of_sentence(sentence), _things_of_head(offer, sentence)
    agreements = [tool_actions.compare(kind, other) for kind in kinds] or [0.0]
    changes = any(not tool_actions.only_reads(kind) for kind in kinds)
    things = tool_words.things(bare, values=True)
    ours, theirs = (set(map(tool_words.standard, words)) for words in (things, head))
    told = (*offer.sentences, *offer.titled_sentences, offer.spoken_name)
    lacking = max(0, len(offer.required) - tool_requests.count_values(request))
    objects = tool_requests.list_objects(request) or things
    reversed_way = tool_words.are_reversed(bare, f"{offer.spoken_name}. {sentence}")
    return (
        max(likeness(bare, sentence) for sentence in offer.sentences),
        max(likeness(bare, sentence) for sentence in offer.titled_sentences),
        likeness(bare, offer.full_text),
        likeness(bare, offer.spoken_name),
        max(likeness(part, said) for part in asked for said in told),
        likeness(bare, offer.input_names) if offer.inputs else 0.3,
        max(agreements),
        float((min(agreements) == -1 and max(agreements) < 1) or reversed_way),
        float(request.rstrip().endswith("?") and not offer.read_only and not changes),
        lacking / max(1, len(offer.required)),
        len(ours & theirs) / max(1, len(ours | theirs)),
        *_cover(objects, [*_things_of_offer(offer), *_things_of_fields(offer)]),
        *_cover(head, [*objects, *things]),
    )


def _measure_schema(need: Signature, offer: Signature) -> tuple[float, ...]:
    wish = f"{need.spoken_name}: {need.description}"
    sentence = _find_sentence(need.description, offer)
    agreement = tool_actions.compare(need.kind, offer.kind_of_sentence(sentence))
    if tool_words.are_reversed(wish, f"{offer.spoken_name}. {sentence}"):
        agreement = -1.0
    reads = tool_actions.only_reads(need.kind)
    wanted, offered = _things_cached(need.description), _things_of_head(offer, sentence)
    covered, least_covered = _cover(wanted, [*_things_of_offer(offer), *_things_of_fields(offer)])
    asked = [*_things_cached(need.spoken_name), *wanted, *_things_of_fields(need)]
    ours, theirs = (set(map(tool_words.standard, words)) for words in (wanted, offered))
    names, others = (
        set(map(tool_words.standard, each.spoken_name.split())) for each in (need, offer)
    )
    return (
        max(
            likeness(each, said)
            for each in (need.description, wish)
            for said in offer.titled_sentences
        ),
        likeness(need.spoken_name, offer.spoken_name),
        len(names & others) / max(1, len(names | others)),
        covered,
        least_covered,
        *_cover(offered, asked),
        float(agreement == -1),
        0.0 if reads is None else 1.0 if reads != offer.read_only else -1.0,
        agreement,
        *_measure_fields(need, offer),
        len(ours & theirs) / max(1, len(ours | theirs)),
        float(tool_words.are_rivals(wish, offer.titled_sentences[0])),
    )


def _measure_fields(need: Signature, offer: Signature) -> tuple[float, float, float, float]:
    """Return how near inputs and outputs are, and which share of inputs is unfilled or unused."""
    placed = len(offer.required) == len(need.inputs)
    filled = _match_fields(offer.required, need.inputs, placed)
    inputs = (_share(filled) + _share(_match_fields(need.inputs, offer.inputs, placed))) / 2
    alone = len(offer.outputs) == len(need.outputs) == 1
    both = offer.outputs and need.outputs
    outputs = _share(_match_fields(need.outputs, offer.outputs, alone)) if both else 0.5
    left = [tool_signatures.loose_kind(name, kind) for name, kind in need.inputs.items()]
    lacking = 0
    for name, kind in offer.required.items():
        wanted = tool_signatures.loose_kind(name, kind)
        if wanted in left:
            left.remove(wanted)
        else:
            lacking += 1
    return (
        inputs,
        outputs,
        lacking / max(1, len(offer.required)),
        len(left) / max(1, len(need.inputs)),
    )


def _match_fields(wanted: dict[str, str], given: dict[str, str], placed: bool) -> list[float]:
    """Return for each wanted field how near its counterpart is, 0 to 1; each given field stands for
    one.
    """
    pairs = sorted(
        (
            (_same_field(one, wanted[one], other, given[other]), one, other)
            for one in wanted
            for other in given
        ),
        reverse=True,
    )
    found: list[float] = []
    left, right = set(wanted), set(given)
    for near, one, other in pairs:
        if one in left and other in right:
            left.discard(one)
            right.discard(other)
            alike = _kinds_agree(one, wanted[one], other, given[other])
            found.append(max(near, PLACED) if placed and alike else near)
    return found + [0.0] * len(left)


def _same_field(one: str, its: str, other: str, others: str) -> float:
    words, of_other = (set(tool_actions.words_of(name)) for name in (one, other))
    spoken, of_spoken = map(tool_signatures.split_name, (one, other))
    near = 1.0 if words & of_other else likeness(spoken, of_spoken)
    return near if _kinds_agree(one, its, other, others) else OTHER_KIND * near


def _kinds_agree(one: str, its: str, other: str, others: str) -> bool:
    return tool_signatures.field_kind(one, its) == tool_signatures.field_kind(other, others)


def _share(found: list[float]) -> float:
    return sum(found) / len(found) if found else 1.0


def _cover(words: Sequence[str], others: Sequence[str]) -> tuple[float, float]:
    """Return how well the words are found among the others: on average, and the least of them."""
    if not words:
        return 0.5, 0.5
    best = [max((_same_thing(word, other) for other in others), default=0.0) for word in words]
    return sum(best) / len(best), min(best)


def _same_thing(one: str, other: str) -> float:
    if tool_words.standard(one) == tool_words.standard(other):
        return 1.0
    return likeness(one, other)


def likeness(one: str, other: str) -> float:
    """Return how near two texts are in meaning, 0 to 1; by their words where no embedding can be
    had.
    """
    return _likeness(tool_words.standardise(one), tool_words.standardise(other))


@functools.lru_cache(maxsize=65_536)
def _likeness(one: str, other: str) -> float:
    if one == other:
        return 1.0
    first, second = _vector(one), _vector(other)
    if first is None or second is None:
        own, others = claims.content_words(one), claims.content_words(other)
        return len(own & others) / (min(len(own), len(others)) or 1)
    return max(0.0, sum(map(operator.mul, first, second)))


def _vector(text: str) -> embedding.Vector | None:
    if text not in _vectors:
        _learn({text})
    return _vectors[text]


def _embed(*groups: Iterable[str]) -> None:
    """Make the vectors of texts that are not known yet, at once: one by one takes several times as
    long.
    """
    _learn({tool_words.standardise(text) for texts in groups for text in texts})


def _learn(wanted: set[str]) -> None:
    """Keep the vectors of these texts, which are in standard words already."""
    new = [text for text in wanted if text not in _vectors]
    if len(_vectors) + len(new) > MOST_VECTORS:
        _vectors.clear()
        new = list(wanted)
    # The local model, whatever the settings say: the weights were fitted with it.
    try:
        _vectors.update(zip(new, embedding.embed(new), strict=True))
    except errors.BadSetting:
        _vectors.update(dict.fromkeys(new))
