# requirements:

"""Whether a passage that somebody wrote for himself speaks of what a story is about.

It does when it names something rare that the headline names, or in its own title something rare
that the story begins with, and says further words of the story; of a headline without a rare name
most of its words. How much a shared term says is its rarity in the news (the logarithm of items to
items that have it), so words that are common there say little, however many are shared.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from f.millrace.core import sentences
from f.millrace.evidence import relevance
from f.millrace.stories import duplicates, story_terms

# A name that one of 250 items or fewer has; what is shared has to say so much in all, less where
# the name is in the passage's own title, which says what it is about, or has digits in it, so that
# it is no ordinary word as well.
RARE_NAME = 5.5
ENOUGH, ENOUGH_IF_SURE = 13.0, 9.5
# Shorter words are shared by chance.
TELLING_WORD = 3.4
# A headline without a rare name: so many of its words, which are this part of what it says.
LEAST_WORDS, MOST_OF_HEADLINE = 3, 0.7


class Passage(NamedTuple):
    """A passage with the title of what it stands in."""

    title: str
    text: str


class Match(NamedTuple):
    """A passage that is related: its place in what was given, how much is shared, and its sentence
    that shares most.
    """

    place: int
    shared: float
    sentence: str


def find(
    title: str, text: str, passages: Sequence[Passage], background: Iterable[str]
) -> list[Match]:
    """Return the passages that are related to a story, those that share most first; `background`
    are titles of the news, by which rarity is counted.
    """
    story = duplicates.Item("story", "", title, text)
    news = story_terms.Collection([story], background=background)
    found = [
        match
        for place, passage in enumerate(passages)
        if (match := _match(place, passage, story, news)) is not None
    ]
    return sorted(found, key=lambda match: (-match.shared, match.place))


def _match(
    place: int, passage: Passage, story: duplicates.Item, news: story_terms.Collection
) -> Match | None:
    terms = news.of(story)
    told = {term for term, much in terms.salience.items() if much == 1.0} | terms.title
    in_title, in_text = _terms(passage.title, news), _terms(passage.text, news)
    shared = {
        term: news.rarity(term)
        for term in (in_title | in_text) & told
        if term in terms.weights and (term[0] in "nie" or news.rarity(term) >= TELLING_WORD)
    }
    anchors = {
        term
        for term, rarity in shared.items()
        if (term in terms.title or term in in_title) and term[0] in "nie" and rarity >= RARE_NAME
    }
    said = sum(shared.values())
    sure = anchors & in_title or any(term[0] in "ie" for term in anchors)
    enough = ENOUGH_IF_SURE if sure else ENOUGH
    related = (bool(anchors) and len(shared) > 1 and said >= enough) or (
        not _has_rare_name(terms, news) and _tells_headline(shared, terms, news)
    )
    if not related and not relevance.is_about(
        f"{story.title}\n{story.text}", f"{passage.title}\n{passage.text}"
    ):
        return None
    return Match(place, said, _best_sentence(passage.text, shared, news))


def _has_rare_name(terms: story_terms.Terms, news: story_terms.Collection) -> bool:
    return any(term[0] in "nie" and news.rarity(term) >= RARE_NAME for term in terms.title)


def _tells_headline(
    shared: dict[str, float], terms: story_terms.Terms, news: story_terms.Collection
) -> bool:
    whole = {term: news.rarity(term) for term in terms.title if term in terms.weights}
    both = {term for term in shared if term in whole}
    part = sum(whole[term] for term in both)
    return len(both) >= LEAST_WORDS and part >= MOST_OF_HEADLINE * sum(whole.values())


def _terms(text: str, news: story_terms.Collection) -> set[str]:
    read = story_terms.read(duplicates.Item("", "", "", text))
    return {news.key(token) for token in read.text}


def _best_sentence(text: str, shared: dict[str, float], news: story_terms.Collection) -> str:
    said = sentences.split(text) or [text]
    return max(said, key=lambda one: sum(shared.get(term, 0.0) for term in _terms(one, news)))
