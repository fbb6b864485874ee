from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f.millrace.stories import stories
from f.millrace.stories.duplicates import Item
from f.millrace.stories.stories import Known, Story

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
    ],
)
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


def known_of(story: Story, key: str = "k") -> Known:
    return Known(key, story.lead.title, story.entities(), DAY, DAY, list(story.items))


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
    known = Known("st_1", FLAW.title, [], DAY, DAY, told)
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
