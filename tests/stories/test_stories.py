import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f.millrace.stories import event_match, stories, story_terms
from f.millrace.stories.duplicates import Item
from f.millrace.stories.stories import KnownStory, Story

DAY = date(2026, 11, 2)
FLAW = Item(
    "a",
    "feeds",
    "Flaw in the logging library Tallow",
    "The logging library Tallow writes memory of other users into its logs. The flaw,"
    " CVE-2026-51234, was soon called Tallowfat.",
)


def item(key: str, title: str, text: str = "", **more: object) -> Item:
    return Item(key, "feeds", title, text, **more)  # pyright: ignore[reportArgumentType]


def are_one(*items: Item) -> bool:
    return len(stories.group(list(items))) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            item("a", "Corvane to cut 1,200 jobs", "Corvane will lay off 1,200 workers in Europe."),
            item("b", "Selmark to cut 900 jobs", "Selmark will lay off 900 workers in Europe."),
        ),
        (
            item("a", "CVE-2026-51234 in Tallow", "Tallow leaks memory of other users."),
            item("b", "CVE-2026-51777 in Tallow", "Tallow lets users inject lines into logs."),
        ),
        (item("a", "Tallow 4.0 released"), item("b", "Wickerwork 4.0 released")),
        (item("a", "Tallow 4.0 released"), item("b", "Tallow 4.1 released")),
        (
            item("a", "Storm Ulla: ferries of Tarnvik stay in port", "Storm Ulla nears Tarnvik."),
            item("b", "Storm Piet: ferries of Tarnvik stay in port", "Storm Piet nears Tarnvik."),
        ),
        (
            item("a", "Earthquake of magnitude 6.1 near Oskol", "Houses fell in Oskol on Monday."),
            item(
                "b", "Earthquake of magnitude 6.1 near Tirgan", "Houses fell in Tirgan on Monday."
            ),
        ),
        (
            item("a", "Polls open in Velmor", "The prime minister of Velmor faces a former mayor."),
            item("b", "Polls open in Karsk", "The prime minister of Karsk faces a former judge."),
        ),
        (
            item("a", "Minister Ada Brandel resigns", "Ada Brandel gave a contract to her cousin."),
            item("b", "Ada Brandel wins the marathon", "Ada Brandel ran it in under three hours."),
        ),
        (
            item("a", "Mirel 4 review", "The screen of the Mirel 4 is good, its keyboard dull."),
            item("b", "Owners of the Mirel 4 locked out", "Servers failed for five hours."),
        ),
        (item("a", "Show HN: A clock in Rust"), item("b", "Show HN: A calculator in Rust")),
        (
            item("a", "Energy Department keeps its names", "Donald Trump asked for names. The"
                 " Energy Department said no."),
            item("b", "Coal wanes in the mountains", "Donald Trump spoke of mines. A report of the"
                 " Energy Department counts fewer of them."),
        ),
        (
            item("a", "Two arrested in card fraud", "Police in Orlando and in Texas had looked for"
                 " them since they left Alabama."),
            item("b", "Coach hired at last", "The coach came from Orlando; his teams won in Texas"
                 " and in Alabama."),
        ),
        (
            item("a", "Minutes of the Tarnvik council, October 2026", "The Tarnvik council agreed"
                 " to repair the quay. Ada Brandel asks for offers for cranes."),
            item("b", "Minutes of the Tarnvik council, November 2026", "The Tarnvik council hears"
                 " that the quay is late. Ada Brandel has two offers for cranes."),
        ),
        (
            item("a", "Halibut in the North", "I’ve met the fishers of the North. I’m no fisher."),
            item("b", "Verilog in the North", "I’ve built boards in the North. I’m no builder."),
        ),
    ],
)  # fmt: skip
def test_a_near_miss_is_two_stories(one, other):
    assert not are_one(one, other)


@pytest.mark.parametrize(
    "other",
    [
        item("b", "Tallowfat explained with pictures"),
        item("b", "CVE-2026-51234: what to do now"),
        item("b", "Patch now", "Tallow has been writing memory into logs: CVE-2026-51234."),
        item(
            "b", "La faille Tallowfat inquiète les banques", "Trois banques ont coupé leurs sites."
        ),
    ],
)
def test_a_story_is_known_by_nickname_number_and_in_another_language(other):
    assert are_one(FLAW, other)


def test_a_later_paper_on_a_subject_is_no_update_of_an_earlier_one():
    text = "Tallowfat mutants of Wickerwork test the Brandel model of Corvane smart contracts."
    papers = [
        replace(item(key, title, text), source="arxiv")
        for key, title in (
            ("2212.00001", "Tallowfat mutation testing of Wickerwork"),
            ("2212.00777", "Wickerwork after Tallowfat: mutation testing on real faults"),
        )
    ]
    (earlier,) = stories.group(papers[:1])
    (later,) = stories.group(papers[1:])

    assert not are_one(*papers)
    assert are_one(replace(papers[0], source="feeds"), papers[1])
    assert stories.match(later, [known_of(earlier)]) is None


def test_a_mention_in_passing_is_no_story():
    long = "Bakers of the region speak of flour, ovens and apprentices who stay for a year. " * 8
    other = item("b", "Bakers look for apprentices", f"{long} A reader asked about Tallowfat.")

    assert not are_one(FLAW, other)


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        (
            ("青河市爆发洪水 三座桥梁被毁", "青河市周一爆发洪水，三座桥梁被毁，两千人撤离。"),
            (
                "青河洪水后救援人员撤离两千人",
                "救援人员周二说，青河市洪水中两千人已撤离，桥梁要数月。",
            ),
            ("南湖市举行马拉松 三千人参加", "南湖市周一举行马拉松，三千人参加，两座桥梁封闭。"),
        ),
        (
            ("Warnstreik bei der Westbahn", "Die Lokführer der Westbahn streiken für mehr Lohn."),
            (
                "Westbahn: kaum Züge",
                "Wegen des Warnstreiks der Lokführer fährt kaum ein Zug der Westbahn.",
            ),
            (
                "Warnstreik an Kliniken",
                "Die Pfleger der Kliniken in Hessfeld streiken für mehr Lohn.",
            ),
        ),
        (
            ("В Заречье открыли мост", "В Заречье открыли мост через Вельму, его строил Орлик."),
            ("Мост в Заречье закрыт", "Через день мост через Вельму закрыли, сообщил Орлик."),
            ("В Заборье открыли школу", "В Заборье открыли школу на триста учеников."),
        ),
    ],
)
def test_other_scripts_and_languages_are_grouped(one, other, apart):
    found = stories.group(
        [item(key, *told) for key, told in (("a", one), ("b", other), ("c", apart))]
    )

    assert sorted(sorted(each.id for each in story.items) for story in found) == [["a", "b"], ["c"]]


def page(key: str, title: str, text: str, site: str = "halm.example") -> Item:
    return item(key, title, text, url=f"https://{site}/{key}")


TICKETS = ("Tickets for May go on sale at noon.", "The Lantern Play by Orsolya Brandel: tickets.")
REVIEWS = (
    "What visitors write",
    "Visitors of the Lantern Play by Orsolya Brandel liked the seats.",
)
LABELS = [
    pytest.param("[The Lantern Play by Orsolya Brandel] {}", id="label in brackets"),
    pytest.param("{} | Lantern Play, Orsolya Brandel", id="name of the site behind"),
    pytest.param("Lantern Play, Orsolya Brandel – {}", id="name of the site before"),
    pytest.param("【Lantern Play】{} - Orsolya Brandel", id="both"),
    pytest.param("Lantern Play, Orsolya Brandel, a thread: {}", id="label before a colon"),
]


@pytest.mark.parametrize("label", LABELS)
def test_two_pages_of_one_series_are_two_stories(label):
    one, other = (page(key, label.format(title), text)
                  for key, (title, text) in zip("ab", (TICKETS, REVIEWS), strict=True))  # fmt: skip
    of_another_site = page("b", label.format(REVIEWS[0]), REVIEWS[1], "paper.example")

    assert not are_one(one, other)
    assert are_one(one, of_another_site)


@pytest.mark.parametrize("label", LABELS)
def test_a_series_is_no_story_that_goes_on(label):
    told = stories.group([page("a", label.format(TICKETS[0]), TICKETS[1])])[0]
    later = stories.group([page("b", label.format(REVIEWS[0]), REVIEWS[1])])[0]

    assert stories.match(later, [known_of(told)]) is None


@pytest.mark.parametrize("label", LABELS)
def test_two_pages_of_one_series_that_tell_one_event_are_one_story(label):
    fire = page("a", label.format("Fire in the hall of Tarnvik"), "Tarnvik: 340 guests are safe.")
    cause = page("b", label.format("Tarnvik: a lamp lit the hall"), "340 guests fled in Tarnvik.")

    assert are_one(fire, cause)


def test_a_link_to_the_page_of_the_other_joins():
    paper = item("a", "Certificates for Inlining", url="https://papers.example/abs/2611.07781")
    post = item("b", "Lovely", "Read https://papers.example/abs/2611.07781 with your morning tea.")
    front = item("c", "Also lovely", "Read https://papers.example/ with your morning tea.")

    assert are_one(paper, post) and not are_one(paper, front)


def test_a_list_of_news_joins_no_stories():
    quake = [
        item(f"q{n}", f"Quake {word} Oskol and Tirgan", f"Houses {word} in Oskol and Tirgan.")
        for n, word in enumerate(("shakes", "empties", "frightens"))
    ]
    merger = [
        item(f"m{n}", f"Opalin {word} Grantfell", f"The publishers Opalin and Grantfell {word}.")
        for n, word in enumerate(("courts", "buys", "marries"))
    ]
    brief = item("z", "News in brief", "A quake in Oskol and Tirgan. Opalin to buy Grantfell.")

    found = stories.group([*quake, *merger, brief])

    home = {each.id: number for number, story in enumerate(found) for each in story.items}
    assert home["q0"] == home["q1"] == home["q2"] != home["m0"] == home["m1"] == home["m2"]


WORDS = st.sampled_from(
    "Tallow Oskol Selmark storm Ulla quake flaw CVE-2026-51234 ships 6.1 jobs 洪水青河 Мост".split()
)
ITEMS = st.lists(
    st.builds(
        Item,
        st.uuids().map(str),
        st.sampled_from(["feeds", "hackernews"]),
        st.lists(WORDS, max_size=6).map(" ".join) | st.text(max_size=40),
        st.lists(WORDS, max_size=40).map(" ".join) | st.text(max_size=200),
    ),
    max_size=10,
    unique_by=lambda each: each.id,
)


@given(ITEMS, st.randoms(use_true_random=False))
def test_the_order_of_items_does_not_matter(items, draw):
    shuffled = draw.sample(items, len(items))

    assert stories.group(shuffled) == stories.group(items)


@given(ITEMS)
def test_every_item_is_in_one_story_and_no_copy_leads_one(items):
    found = stories.group(items)

    assert sorted(each.id for story in found for each in story.items) == sorted(
        each.id for each in items
    )
    assert all(story.lead.id not in story.copies for story in found)
    assert all(story.copies.keys() < {each.id for each in story.items} for story in found)


@given(ITEMS)
def test_what_was_told_continues_itself_and_says_nothing_new(items):
    told = stories.group(items)
    known = [known_of(story, str(number)) for number, story in enumerate(told)]

    again = stories.follow(stories.group(items), known)

    assert [(story, old) for story, old in again] == list(zip(told, known, strict=True))
    assert not any(stories.new_items(story, old) for story, old in zip(told, known, strict=True))


def known_of(story: Story, key: str = "k") -> KnownStory:
    return KnownStory(key, story.lead.title, story.entities(), DAY, DAY, list(story.items))


def test_a_follow_up_continues_the_story_and_a_copy_of_it_says_nothing_new():
    later = datetime(2026, 11, 4, 8, tzinfo=UTC)
    known = known_of(stories.group([FLAW])[0])
    attack = item("x", "Tax office shut", "It was attacked by CVE-2026-51234.", published_at=later)
    copy = item("y", FLAW.title, FLAW.text, published_at=later)
    other = item("z", "Bakers look for apprentices", published_at=later)

    found = stories.follow(stories.group([attack, copy, other]), [known])

    continued = next(story for story, old in found if old is known)
    assert [each.id for each in stories.new_items(continued, known)] == ["x"]
    assert [[each.id for each in story.items] for story, old in found if old is None] == [["z"]]


def test_a_name_that_only_one_story_is_about_leads_back_to_it():
    told = [FLAW, item("b", "Tallow has a hole", "Operators of Tallow install a new version.")]
    known = KnownStory("st_1", FLAW.title, [], DAY, DAY, told)
    joke = item(
        "j", "ada/grease: dreadful code", "A joke that does with other memory what Tallow does."
    )
    other = item(
        "o", "ada/grease: dreadful code", "A joke that does with other memory what Wax does."
    )

    assert stories.match(Story([joke]), [known]) is known
    assert stories.match(Story([other]), [known]) is None


def test_two_groups_that_continue_one_story_are_one():
    rest = item("b", "Tallow: users inject lines", "Attackers also use CVE-2026-51234 in Tallow.")
    nickname = item("c", "Tallowfat explained with pictures")
    known = known_of(stories.group([FLAW])[0])

    found = stories.follow([Story([rest]), Story([nickname])], [known])

    assert [([each.id for each in story.items], old) for story, old in found] == [
        (["b", "c"], known)
    ]


def test_a_story_whose_items_are_gone_is_known_by_its_names():
    known = known_of(stories.group([FLAW])[0])
    known.items = []

    later = stories.group([item("b", "Patch now", "Banks look for CVE-2026-51234 in Tallow.")])[0]

    assert stories.match(later, [known]) is known


def test_the_entities_are_written_as_in_the_text():
    assert {"Tallow", "CVE-2026-51234", "Tallowfat"} <= set(stories.group([FLAW])[0].entities())


def test_an_office_is_no_name():
    talk = "A talk of the {0} was heard. On Monday the {0} spoke again, and the Senator too."

    assert Story([item("a", "Talks", talk.format("Minister"))]).entities() == []
    assert Story([item("b", "Talks", talk.format("Brandel"))]).entities() == ["Brandel"]


def test_a_name_that_past_weeks_are_full_of_tells_nothing():
    one = item("a", "Brukh and Osmo", "Brukh opens a shop beside the lake in Osmo.")
    other = item("b", "Osmo looks at Brukh", "Pupils in Osmo wrote letters to a pilot of Brukh.")
    background = [f"Brukh in Osmo, part {number}" for number in range(300)]

    assert are_one(one, other)
    assert len(stories.group([one, other], background)) == 2


def test_a_loud_story_is_one_also_when_the_background_has_it():
    plain = "shuts opens weighs fears counts hopes waits asks warns blames praises doubts".split()
    loud = [
        item(
            f"{one} {two}",
            f"A mayor {one} and {two} after the Ostrel leak at Quorvex",
            f"The leak at the Quorvex works in Ostrel {two} a nurse who {one}.",
        )
        for place, one in enumerate(plain)
        for two in plain[place + 1 : place + 5]
    ]

    found = stories.group(loud, [each.title for each in loud])

    assert len(found) == 1


def test_the_longer_a_story_rests_the_more_has_to_speak_for_it():
    now = datetime(2026, 11, 30, 8, tzinfo=UTC)
    told = "Lawyers of Brukh spoke."
    first = item("a", "Brukh and Osmo meet", told, published_at=now - timedelta(days=28))
    known = known_of(Story([first]))

    soon = Story([item("b", "Osmo, Brukh", published_at=now - timedelta(days=27))])
    late = Story([item("b", "Osmo, Brukh", published_at=now)])

    assert stories.match(soon, [known]) is known and stories.match(late, [known]) is None


# What speaks for one event, and how much. `NOTHING` knows no item: rarity follows from the kind and
# the length of a term alone, and a name of four letters and more counts in full.

NOTHING = story_terms.Collection([])


def terms(*salient: str, passing: str = "", **more: Any) -> story_terms.Terms:
    """The terms of an item that is about `salient` ones and names some in passing."""
    salience = dict.fromkeys(salient, 1.0) | dict.fromkeys(passing.split(), 0.4)
    plain = story_terms.Terms({}, frozenset(), salience, [], {})
    return replace(plain, **more)


# How much two characters in a row say before their number counts.
PAIR = (math.log(1 / 0.008) - 3.3) / 1.7


def weighed(one: story_terms.Terms, other: story_terms.Terms, days: float = 0.0) -> float:
    score = event_match.weigh_terms(one, other, days, NOTHING)
    assert score == pytest.approx(event_match.weigh_terms(other, one, days, NOTHING))
    return pytest.approx(score, abs=1e-9)  # pyright: ignore[reportReturnType]


@pytest.mark.parametrize(
    ("both", "counts"),
    [
        ([], 0),
        (["n:osmo"], 1),
        (["n:osmo", "n:tarnvik"], 2),
        (["i:x77"], (math.log(1 / 0.02) - 3.3) / 1.7),  # short
        (["w:osmo"], 0),
        (["e:ulla"], 2),
        (["e:ulla", "e:piet"], 2),
        (["e:ulla", "n:osmo"], 3),
        (["f:123"], 0.35),
        (["f:12"], 0),
        (["f:123", "f:6.1"], 0.7),
        (["f:123", "f:6.1", "f:456"], 0.7),
        (["m:" + "x" * 40], 0.5),
        (["m:" + "x" * 40, "m:" + "y" * 40], 0.7),
        (["c:" + "x" * 40], 0.5),
        (["c:" + letter * 40 for letter in "abc"], 1.5),
        (["c:" + letter * 40 for letter in "abcd"], 1.5),
        (["c:" + "x" * 40, "m:" + "x" * 40], 1.0),
        (["n:chile", "n:ghana"], 1),
        (["n:chile", "n:ghana", "n:osmo", "n:tarnvik"], 3),
        (["n:chile", "n:ghana", "m:" + "x" * 40, "c:" + "x" * 40], 2),
        (["c:" + letter * 40 for letter in "ab"] + ["p:ab"], 1 + 0.2 * PAIR),
        (["c:" + letter * 40 for letter in "abc"] + ["p:ab"], 1.5),
    ],
)
def test_what_two_items_share_counts_by_its_kind(both, counts):
    assert weighed(terms(*both), terms(*both)) == counts


@pytest.mark.parametrize(
    ("run", "share"), [("ab", 0.2), ("abc", 0.4), ("abcd", 0.7), ("abcdefg", 0.7)]
)
def test_characters_in_a_row_count_more_the_longer_the_row(run, share):
    pairs = [f"p:{run[at : at + 2]}" for at in range(len(run) - 1)]

    assert weighed(terms(*pairs), terms(*pairs)) == share * PAIR
    apart = [*pairs, "p:xy"]
    assert weighed(terms(*apart), terms(*apart)) == (share + 0.2) * PAIR


def test_what_one_of_two_items_names_in_passing_counts_less():
    assert weighed(terms("n:osmo"), terms(passing="n:osmo")) == 0.4
    assert weighed(terms("e:ulla"), terms(passing="e:ulla")) == 0.8


def test_a_name_of_several_words_counts_once_as_much_as_its_rarest_word():
    whole = [("n:ada", "n:brandel")]
    one = terms("n:ada", "n:brandel", names=whole)

    assert weighed(one, terms("n:ada", "n:brandel")) == 1
    # What a chain of names joins is one thing, too.
    longer = terms("n:osmo", "n:brandel", "n:tarnvik", names=[("n:osmo", "n:brandel")])
    chain = terms("n:osmo", "n:brandel", "n:tarnvik", names=[("n:tarnvik", "n:brandel")])
    assert weighed(longer, chain) == 1
    apart = terms("n:osmo", "n:brandel", "n:tarnvik")
    assert weighed(longer, apart) == 2
    # Also a chain whose links are told last.
    four = ("n:ada", "n:brandel", "n:osmo", "n:tarnvik")
    ends = [(four[1], four[0]), (four[3], four[2])]
    middle = terms(*four, names=[(four[3], four[1])])
    assert weighed(terms(*four, names=ends), middle) == 1
    assert weighed(terms(*four, names=ends), terms(*four)) == 2


def test_a_common_word_beside_a_name_is_part_of_its_thing():
    maybe = "m:" + "x" * 40
    together = terms("n:osmo", maybe, names=[("n:osmo", maybe)])

    assert weighed(together, terms("n:osmo", maybe)) == 1
    assert weighed(terms("n:osmo", maybe), terms("n:osmo", maybe)) == 1.5


def test_the_words_around_names_count_three_times_their_cosine_and_at_most_so_much():
    def with_cosine(value: float) -> float:
        one = terms(weights={"w:crane": 1.0})
        rest = math.sqrt(1 - value * value)
        return weighed(one, terms(weights={"w:crane": value, "w:port": rest}))

    assert with_cosine(0.3) == 0.9
    assert with_cosine(0.4) == 1.2
    assert with_cosine(0.9) == 1.2


def test_a_name_that_counts_and_the_words_beside_it_are_no_context_any_more():
    beside = {"n:osmo": {"w:port"}}
    weights = {"n:osmo": 0.6, "w:port": 0.8}
    one = terms("n:osmo", weights=weights, neighbours=beside)

    assert weighed(one, one) == 1
    assert weighed(one, terms("n:osmo", weights=weights)) == 1 + 1.2
    event = terms("e:ulla", weights={"e:ulla": 1.0})
    assert weighed(event, event) == 2


@pytest.mark.parametrize(("linked", "counts"), [(11, 2), (12, 0)])
def test_a_link_that_all_items_have_joins_none(linked, counts):
    url = "https://a.example/one"
    items = [item(str(number), f"{number}", f"see {url}") for number in range(linked)]
    one = terms(links=frozenset([url]))

    assert event_match.weigh_terms(one, one, 0, story_terms.Collection(items)) == counts


def test_one_kind_of_event_counts_where_a_name_is_shared():
    quake, storm = frozenset(["quake"]), frozenset(["storm"])

    assert weighed(terms("n:osmo", kinds=quake), terms("n:osmo", kinds=quake)) == 1.7
    assert weighed(terms("n:osmo", kinds=quake), terms("n:osmo", kinds=storm)) == 1
    assert weighed(terms(kinds=quake), terms(kinds=quake)) == 0
    passing = terms(passing="n:osmo", kinds=quake)
    assert weighed(passing, passing) == 0.4


@pytest.mark.parametrize(
    ("one", "other", "counts"),
    [
        ({"tallow": {"4.0"}}, {"tallow": {"4.1"}}, -1),
        ({"tallow": {"4.0"}}, {"tallow": {"4.0", "4.1"}}, 1),
        ({"tallow": {"4.0"}}, {"wax": {"4.1"}}, 1),
        ({"tallow": {"4.0"}}, {}, 1),
        ({"tallow": {"4.0"}, "wax": {"1"}}, {"tallow": {"4.0"}, "wax": {"2"}}, -1),
    ],
)
def test_two_numbers_of_one_series_are_two_events(one, other, counts):
    left, right = terms("n:osmo", versions=one), terms("n:osmo", versions=other)

    assert weighed(left, right) == counts


def test_two_registered_flaws_are_two_events_unless_a_link_joins_them():
    link = frozenset(["https://a.example/one"])
    one, other = terms("n:osmo", "e:ulla"), terms("n:osmo", "e:piet")

    assert weighed(one, other) == -1
    assert weighed(one, terms("n:osmo")) == 1
    assert weighed(replace(one, links=link), replace(other, links=link)) == 3


def test_titles_that_name_others_count_against_one_event():
    one = terms("n:osmo", "n:kielce", title=frozenset(["n:osmo", "n:kielce"]))
    other = terms("n:osmo", "n:lindholm", title=frozenset(["n:osmo", "n:lindholm"]))
    knows = terms("n:osmo", "n:lindholm", "n:kielce", title=other.title)

    assert weighed(one, other) == 0.5
    assert weighed(one, knows) == 2
    assert weighed(one, replace(other, title=frozenset(["n:osmo"]))) == 1
    # Names that are not rare are no others.
    short = terms("n:osmo", "n:kie", title=frozenset(["n:osmo", "n:kie"]))
    assert weighed(short, other) == 1
    link = frozenset(["https://a.example/one"])
    assert weighed(replace(one, links=link), replace(other, links=link)) == 3
    # Of one kind are then two events as well.
    quake = frozenset(["quake"])
    assert weighed(replace(one, kinds=quake), replace(other, kinds=quake)) == 0.5


def test_titles_that_name_others_and_share_no_name_tell_two_events():
    weights = {"w:crane": 1.0}
    one = terms("f:123", "n:kielce", title=frozenset(["n:kielce"]), weights=weights)
    other = terms("f:123", "n:lindholm", title=frozenset(["n:lindholm"]), weights=weights)

    assert weighed(one, other) == 0
    assert weighed(one, replace(other, title=frozenset())) == 0.35 + 1.2
    event = {"f:123": 1.0, "e:ulla": 1.0}
    told = (
        replace(one, salience=one.salience | event),
        replace(other, salience=other.salience | event),
    )
    assert weighed(*told) == 0.35 + 1.2 + 2 - 0.5


@pytest.mark.parametrize(("shared", "others", "apart"), [(1, 1, 0.5), (2, 1, 0), (1, 2, 0.5)])
def test_where_a_capital_may_mean_nothing_more_names_have_to_differ_than_are_shared(
    shared, others, apart
):
    both = ["m:" + letter * 40 for letter in "ab"[:shared]]
    mine, theirs = (["m:" + letter * 40 for letter in each[:others]] for each in ("cd", "ef"))
    one = terms("n:osmo", *both, *mine, title=frozenset([*both, *mine]))
    other = terms("n:osmo", *both, *theirs, title=frozenset([*both, *theirs]))

    assert weighed(one, other) == 1 + min(0.7, 0.5 * shared) - apart


@pytest.mark.parametrize(("days", "counts"), [(0, 1), (1, 1), (2, 0.97), (11, 0.7)])
def test_each_day_after_the_first_counts_against_one_event(days, counts):
    assert weighed(terms("n:osmo"), terms("n:osmo"), days) == counts


def test_the_days_between_are_counted_where_both_items_have_one():
    now = datetime(2026, 11, 30, 8, tzinfo=UTC)
    one = item("a", "so Osmo", published_at=now)
    later = item("b", "so Osmo", published_at=now + timedelta(days=5))
    collection = story_terms.Collection([one, later])
    undated = item("b", "so Osmo")

    assert event_match.weigh(one, undated, collection) - event_match.weigh(
        later, one, collection
    ) == pytest.approx(4 * 0.03)
    assert event_match.weigh(undated, one, collection) == event_match.weigh(
        one, undated, collection
    )


# Stories of earlier days


def test_of_items_told_before_the_one_that_fits_best_says_which_story_goes_on():
    flaw = KnownStory("st_1", FLAW.title, [], DAY, DAY, [FLAW])
    other = item("o", "CVE-2026-59999 in Wickerwork", "Wickerwork writes over files.")
    known = [KnownStory("st_0", other.title, [], DAY, DAY, [other]), flaw]

    later = Story([item("x", "Patch now", "Banks look for CVE-2026-51234 in Tallow.")])

    assert stories.match(later, known) is flaw
    assert stories.match(later, known[:1]) is None


def test_an_item_that_was_told_leads_to_its_story_also_where_its_text_is_another():
    known = known_of(Story([FLAW]))
    same = item("a", "Bakers look for apprentices")
    copy = item("z", FLAW.title, FLAW.text)

    assert stories.match(Story([same]), [known]) is known
    assert stories.match(Story([copy]), [known]) is known
    assert stories.match(Story([replace(same, id="y")]), [known]) is None


def test_a_copy_inside_a_story_leads_nowhere_itself():
    bakers = item("z", "Bakers look for apprentices")
    known = known_of(Story([bakers]))

    assert stories.match(Story([FLAW, bakers], {"z": "a"}), [known]) is None


def test_a_story_without_items_is_as_old_as_the_day_that_told_it_last():
    known = KnownStory("k", "Brukh and Osmo meet", ["Brukh", "Osmo"], DAY, DAY, [])
    day = datetime(2026, 11, 2, tzinfo=UTC)

    def matches(days: int) -> bool:
        later = item("b", "so Osmo, Brukh", published_at=day + timedelta(days=days))
        return stories.match(Story([later]), [known]) is known

    assert matches(1) and not matches(40)


def test_the_sources_of_a_story_are_named_once_and_copies_count_for_none():
    told = Story(
        [
            Item("a", "feeds", "x"),
            Item("b", "mastodon", "x"),
            Item("c", "feeds", "x"),
            Item("d", "notes", "x"),
        ],
        {"d": "a"},
    )

    assert told.sources == ["feeds", "mastodon"]


def test_the_entities_are_those_of_most_items_first_and_sixteen_at_most():
    many = " ".join(f"X{number}-{number}, and" for number in range(10, 30))
    told = Story(
        [item("a", "so", many), item("b", "so", "X25-25"), item("c", "so", "X29-29")], {"c": "a"}
    )

    entities = told.entities()

    assert len(entities) == 16 and entities[0] == "X25-25"
    assert "X29-29" not in entities


def test_copies_stand_behind_the_items_that_they_repeat():
    text = "word " * 40
    lead = item("a", "Port Lindholm buys cranes", text + "more", score=1)
    near, far = item("b", "Cranes", text, score=2), item("c", "Cranes", text, score=3)

    (told,) = stories.group([near, far, lead])

    assert [each.id for each in told.items] == ["a", "c", "b"]
    assert told.copies == {"b": "a", "c": "a"}


def test_two_names_of_a_long_story_do_not_make_another_text_its_news():
    told = [
        item(str(day), f"Norrland and Sundmark quarrel about cranes, day {day}", text)
        for day, text in enumerate(
            [
                "Norrland puts a duty on cranes from Sundmark, minister Brandvik said in Askvoll.",
                "Sundmark answers the duty of Norrland. Harbours in Askvoll fear for work.",
                "Norrland offers Sundmark fewer cranes without duty, and Brandvik hopes.",
            ]
        )
    ]
    more = (
        " Imports tripled, makers closed halls, customs officers count each machine twice,"
        " exporters hire lawyers, dealers wait, buyers pay deposits, unions demand talks,"
        " economists warn."
    )
    told = [replace(one, text=one.text + more) for one in told]
    known = KnownStory("s", "x", [], DAY, DAY, told)
    chess = item(
        "c",
        "A girl of 15 wins the open of Askvoll",
        "Aiyana Castellanos, fifteen, won eight of nine games and beat two grandmasters on Sunday"
        " evening. With her rating she becomes the youngest master of Norrland. Players came from"
        " thirty countries and slept in a school beside the river.",
    )
    duty = item(
        "d",
        "Norrland drops its duty on cranes",
        "Norrland and Sundmark settled their quarrel: the duty on cranes is off, Brandvik said.",
    )
    background = [f"Report {number} of the paper" for number in range(60)]

    def follow(today):
        (found,) = stories.follow(stories.group([today]), [known], background)
        return found[1]

    assert follow(chess) is None and follow(duty) is known
