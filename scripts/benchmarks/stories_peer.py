"""Peers of the grouping of stories, and invented items to take times with.

Run as a script in an environment of its own: texts and limits as JSON on stdin, for each limit the
groups of scikit-learn's agglomerative clustering on stdout.
"""

# pyright: reportMissingImports=false

import json
import math
import random
import re
import sys
from collections import Counter

SYLLABLES = "ka lo mi ter van so ri ne du pel gra sto fen wi bru tha ol en ist mar".split()


def single_pass(keys: list[str], texts: list[str], limit: float) -> dict[str, int]:
    """Return each item's group: that of the nearest earlier item by its words, or a new one."""
    bags = [Counter(re.findall(r"\w+", text.lower())) for text in texts]
    spread = Counter(word for bag in bags for word in bag)
    vectors = [_weigh(bag, spread, len(texts)) for bag in bags]
    group: list[int] = []
    for number, vector in enumerate(vectors):
        scored = [
            (sum(value * other.get(word, 0.0) for word, value in vector.items()), -place)
            for place, other in enumerate(vectors[:number])
        ]
        best = max(scored, default=(0.0, 0))
        group.append(group[-best[1]] if best[0] >= limit else number)
    return dict(zip(keys, group, strict=True))


def _weigh(bag: Counter[str], spread: Counter[str], count: int) -> dict[str, float]:
    raw = {w: (1 + math.log(times)) * math.log(count / spread[w]) for w, times in bag.items()}
    length = math.sqrt(sum(value * value for value in raw.values())) or 1.0
    return {word: value / length for word, value in raw.items()}


def invent(count: int) -> list[tuple[str, str, str]]:
    """Return items (id, title, text) of invented words; two items on average tell one story by its
    names.
    """
    draw = random.Random(7)

    def word(most: int) -> str:
        return "".join(draw.choice(SYLLABLES) for _ in range(draw.randint(1, most)))

    words = [word(4) for _ in range(20_000)]
    weights = [1 / (rank + 10) for rank in range(len(words))]
    names = [word(3).capitalize() + word(2) for _ in range(6_000)]
    told = [draw.sample(names, 5) for _ in range(count // 2)]
    drawn = iter(draw.choices(words, weights, k=count * 420))

    def sentence(mine: list[str]) -> str:
        plain = [next(drawn) for _ in range(14)]
        plain[draw.randint(2, 12)] = draw.choice(mine if draw.random() < 0.8 else names)
        plain[0] = plain[0].capitalize()
        return " ".join(plain) + "."

    return [
        (f"i{number}", sentence(mine)[:80], " ".join(sentence(mine) for _ in range(28)))
        for number in range(count)
        for mine in [draw.choice(told)]
    ]


def main() -> None:
    """Answer the request on stdin."""
    from sklearn.cluster import AgglomerativeClustering
    from sklearn.feature_extraction.text import TfidfVectorizer

    asked = json.load(sys.stdin)
    answer: dict[str, dict[str, list[int]]] = {}
    for name, texts in asked["texts"].items():
        vectors = TfidfVectorizer(sublinear_tf=True).fit_transform(texts).toarray()
        answer[name] = {
            str(limit): AgglomerativeClustering(
                n_clusters=None, metric="cosine", linkage="average", distance_threshold=limit
            )
            .fit_predict(vectors)
            .tolist()
            for limit in asked["limits"]
        }
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
