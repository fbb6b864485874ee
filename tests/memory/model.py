"""Memory as on paper: plain Python, days as numbers, validity as a set of days."""

from dataclasses import dataclass, field

DAYS = 24  # what lasts, lasts until here


class Refused(Exception):
    """The operation is an error; nothing changed."""


@dataclass
class Fact:
    """One text: on which days it is true, and what was believed of it from which day on."""

    made: int
    valid: frozenset[int]
    beliefs: list[tuple[int, frozenset[int]]]
    # True: it stands
    sayings: dict[tuple[str, int | None, int | None], bool] = field(default_factory=dict)
    replaced_by: str | None = None
    bases: set[str] = field(default_factory=set)
    displaced: dict[str, frozenset[int]] = field(default_factory=dict)

    @property
    def stands(self) -> bool:
        return any(self.sayings.values())


class Model:
    """What memory has to answer."""

    def __init__(self) -> None:
        self.facts: dict[str, Fact] = {}
        self.barred: set[str] = set()

    def known(self, as_of: int, known_at: int) -> set[str]:
        """Return the texts that were held true on the day `as_of`, as believed on the day
        `known_at`.
        """
        found = set()
        for text, fact in self.facts.items():
            held = [days for day, days in fact.beliefs if day <= known_at]
            if held and as_of in held[-1]:
                found.add(text)
        return found

    def remember(
        self,
        today: int,
        text: str,
        source: str,
        start: int | None,
        end: int | None,
        base: str | None,
    ) -> None:
        if base is not None and base not in self.facts:
            raise Refused
        fallen = base is not None and not self.facts[base].stands
        self._say(today, text, source, start, end, stands=source not in self.barred and not fallen)
        if base is not None and base != text:
            self.facts[text].bases.add(base)

    def supersede(self, today: int, old: str, text: str, source: str, since: int | None) -> None:
        fact = self.facts.get(old)
        if fact is None:
            raise Refused
        if fact.replaced_by == text:
            return
        taken = frozenset(day for day in fact.valid if since is None or day >= since)
        if fact.replaced_by or not taken or text == old or source in self.barred:
            raise Refused
        for start, end in _intervals(taken):
            self._say(today, text, source, start, end, stands=True, repeat=True)
        new = self.facts[text]
        new.displaced[old] = new.displaced.get(old, frozenset()) | taken
        self._hold(today, fact, fact.valid - taken)
        fact.replaced_by = text

    def retract(self, today: int, source: str) -> None:
        self.barred.add(source)
        touched = {
            text
            for text, fact in self.facts.items()
            if any(fact.sayings[one] for one in fact.sayings if one[0] == source)
        }
        for fact in self.facts.values():
            for saying in fact.sayings:
                if saying[0] == source:
                    fact.sayings[saying] = False
        gone = {text for text in touched if not self.facts[text].stands}
        while True:
            further = {
                text
                for text, fact in self.facts.items()
                if text not in gone and fact.stands and fact.bases & gone
            }
            if not further:
                break
            for text in further:
                self.facts[text].sayings = dict.fromkeys(self.facts[text].sayings, False)
            gone |= further
        for text in sorted(gone, key=lambda text: -self.facts[text].made):
            before = self.facts[text].valid
            if before:
                self._hold(today, self.facts[text], frozenset())
                self._give_back(today, text, before, {text})

    def believe(self, source: str) -> None:
        if source not in self.barred:
            raise Refused
        self.barred.discard(source)

    def _say(
        self,
        today: int,
        text: str,
        source: str,
        start: int | None,
        end: int | None,
        *,
        stands: bool,
        repeat: bool = False,
    ) -> None:
        days = frozenset(range(today if start is None else start, DAYS if end is None else end))
        if text not in self.facts:
            held = days if stands else frozenset()
            self.facts[text] = Fact(today, held, [(today, held)], {(source, start, end): stands})
            return
        fact, saying = self.facts[text], (source, start, end)
        repeated = fact.sayings.get(saying, False) and start is not None and not repeat
        fact.sayings[saying] = stands or fact.sayings.get(saying, False)
        if (
            not stands
            or repeated
            or (start is None and (today in fact.valid or (end is not None and end <= today)))
        ):
            return
        if not days <= fact.valid:
            self._hold(today, fact, fact.valid | days)
            fact.replaced_by = None

    def _give_back(self, today: int, text: str, held: frozenset[int], seen: set[str]) -> None:
        for old, taken in self.facts[text].displaced.items():
            back, fact = taken & held, self.facts[old]
            if old in seen or not back:
                continue
            if not fact.stands:
                self._give_back(today, old, back, {*seen, old})
            elif not back <= fact.valid:
                self._hold(today, fact, fact.valid | back)
                fact.replaced_by = None

    def _hold(self, today: int, fact: Fact, days: frozenset[int]) -> None:
        fact.valid = days
        fact.beliefs.append((today, days))


def _intervals(days: frozenset[int]) -> list[tuple[int, int | None]]:
    found: list[tuple[int, int | None]] = []
    for day in sorted(days):
        if found and found[-1][1] == day:
            found[-1] = (found[-1][0], day + 1)
        else:
            found.append((day, day + 1))
    return [(start, None if end == DAYS else end) for start, end in found]
