"""What an item is compared by: tokens, names, rarity, salience, links."""

import math

import pytest

from f.millrace.stories import story_terms
from f.millrace.stories.duplicates import Item
from f.millrace.stories.story_terms import Collection


def item(
    title: str, text: str = "", key: str = "a", url: str = "", canonical_url: str = ""
) -> Item:
    return Item(key, "feeds", title, text, url=url, canonical_url=canonical_url)


def forms(text: str) -> list[str]:
    return [token.form for token in story_terms.read(item(text)).title]


def keys(text: str, *others: Item) -> list[str]:
    """The keys of a text that stands behind a title, among others."""
    one = item("said:", text)
    collection = Collection([one, *others])
    return [collection.key(token) for token in story_terms.read(one).text]


@pytest.mark.parametrize(
    ("text", "form", "kind"),
    [
        ("cells", "cell", "word"),
        ("gas", "gas", "word"),
        ("oats", "oat", "word"),
        ("glass", "glass", "word"),
        ("Ulla's", "ulla", "word"),
        ("Ulla’s", "ulla", "word"),
        ("Lindholms'", "lindholm", "word"),
        ("open-source", "open-source", "word"),
        ("Straße", "strasse", "word"),
        ("1,200", "1200", "figure"),
        ("1.200", "1200", "figure"),
        ("1,000,000", "1000000", "figure"),
        ("1.5", "1.5", "figure"),
        ("1,5", "1.5", "figure"),
        ("1,25", "1.25", "figure"),
        ("64GB", "64", "figure"),
        ("10-year", "10", "figure"),
        ("12345-abcde", "12345-abcde", "identifier"),
        ("12345-abcd", "12345", "figure"),
        ("C7", "c7", "identifier"),
        ("CVE-2026-51234", "cve-2026-51234", "identifier"),
        # Cyrillic words lose their endings when more than four letters are left to tell by.
        ("мостами", "мост", "word"),
        ("мост", "мост", "word"),
        ("мосту", "мост", "word"),
        ("дома", "дома", "word"),
        ("والحكومة", "حكومة", "caseless"),
        ("للحكومة", "حكومة", "caseless"),
        ("كتاب", "كتاب", "caseless"),
    ],
)
def test_a_word_has_a_form_by_which_it_is_compared(text, form, kind):
    (token,) = story_terms.read(item(text)).title

    assert (token.form, token.kind) == (form, kind)


def test_scripts_without_spaces_are_read_as_pairs_of_characters():
    tokens = story_terms.read(item("洪水青河 bei 洪")).title

    assert [(token.form, token.kind) for token in tokens] == [
        ("洪水", "pair"),
        ("水青", "pair"),
        ("青河", "pair"),
        ("bei", "word"),
        ("洪", "pair"),
    ]


def test_a_comma_joins_digits_and_no_words():
    assert forms("red,green 1,200 x3,y") == ["red", "green", "1200", "x3", "y"]


def test_addresses_are_no_words():
    assert forms("see https://a.example/one now") == ["see", "now"]
    assert forms("see http://a.example/one now") == ["see", "now"]


@pytest.mark.parametrize(
    ("title", "read"),
    [
        ("Show HN: A clock", ["a", "clock"]),
        ("ask hn clock", ["clock"]),
        ("A show HN: clock", ["a", "show", "hn", "clock"]),
    ],
)
def test_the_label_before_a_title_of_hacker_news_is_not_read(title, read):
    assert forms(title) == read


@pytest.mark.parametrize(
    ("text", "opening"),
    [
        ("The port opens", ["The"]),
        ("The port. It opens", ["The", "It"]),
        ("Ports: Kiel opens", ["Ports", "Kiel"]),
        ("The port, Kiel opens", ["The"]),
        # A small letter says nothing behind a tag, and a capital inside of a word always tells.
        ("Ports of #kiel and @mo", ["Ports", "kiel", "mo"]),
        ("GitHub opens", []),
        ("NATO opens", ["NATO"]),
    ],
)
def test_some_words_have_a_capital_wherever_it_stands(text, opening):
    tokens = story_terms.read(item("x", text)).text

    assert [token.raw for token in tokens if token.opens] == opening


def test_a_tag_counts_as_a_capital():
    small, tagged, named, big = story_terms.read(item("x", "ports #kiel @mo Ada")).text

    assert [each.capital for each in (small, tagged, named, big)] == [False, True, True, True]


def test_words_are_apart_when_more_than_a_space_is_between_them():
    tokens = story_terms.read(item("x", "Ada Brandel, Kiel  Lindholm x1,y2")).text

    assert [token.apart for token in tokens] == [True, False, True, True, True, True]


def test_the_first_1500_letters_are_read():
    filler = "word " * 298

    assert len(story_terms.read(item("x", f"{filler}abcdefghij")).text) == 299
    assert story_terms.read(item("x", f"{filler}abcdefghijk")).text[-1].form == "abcdefghij"


# Links


@pytest.mark.parametrize(("links", "kept"), [(10, 10), (11, 0)])
def test_a_text_with_more_than_ten_links_is_about_none_of_them(links, kept):
    text = " ".join(f"https://a.example/{number}" for number in range(links))

    assert len(story_terms.read(item("x", text)).links) == kept
    own = story_terms.read(item("x", text, url="https://own.example/1")).links
    assert "https://own.example/1" in own and len(own) == kept + 1


def test_an_items_own_address_is_among_its_links_and_front_pages_are_not():
    both = item("x", url="https://a.example/1?utm_source=x", canonical_url="https://a.example/one")
    bare = item("x", url="https://a.example/1?utm_source=x")
    front = item("x", "See https://b.example/ and (https://b.example/two).")

    assert story_terms.read(both).links == {"https://a.example/one"}
    assert story_terms.read(bare).links == {"https://a.example/1"}
    assert story_terms.read(front).links == {"https://b.example/two"}


# Names


@pytest.mark.parametrize(
    ("title", "tells"),
    [
        ("the Port of Kiel opens soon", True),
        # Three of five and four of five: in Title Case a capital says nothing.
        ("the Port Of Kiel opens soon", True),
        ("the Port Of Kiel Opens soon", False),
    ],
)
def test_in_a_title_of_capitals_a_capital_says_nothing(title, tells):
    assert story_terms.read(item(title)).capitals_tell == (tells, True)


@pytest.mark.parametrize(
    ("text", "tells"),
    [
        ("one Two Three four five six", True),  # too short to judge
        ("one Two three four five six seven eight", True),
        ("one Two Three four five six seven", False),
        ("one Two Three four five six seven eight", False),  # 2 of 7, which is 0.286
        ("one Two Three four five six seven eight nine", True),  # 2 of 8
    ],
)
def test_in_a_text_that_writes_nouns_with_a_capital_it_says_nothing(text, tells):
    assert story_terms.read(item("kiel", text)).capitals_tell == (tells, tells)


def test_the_kind_of_a_term_says_what_it_is():
    said = "the port asked Brandel about 12 cranes on Monday, x3 and the Mayor, who was away"

    assert (
        keys(said)
        == (
            "w:the w:port w:asked n:brandel w:about f:12 w:crane w:on w:monday i:x3 w:and w:the"
            " w:mayor w:who w:was w:away"
        ).split()
    )


@pytest.mark.parametrize(
    ("capitals", "small", "key"),
    [(1, 0, "n:osmo"), (2, 1, "w:osmo"), (3, 1, "n:osmo"), (4, 2, "w:osmo"), (5, 2, "n:osmo")],
)
def test_a_name_is_written_with_a_capital_more_than_twice_as_often_as_without(capitals, small, key):
    others = [
        item("so", f"as we saw {word} there and more was said", f"{word}{number}")
        for word, times in (("Osmo", capitals - 1), ("osmo", small))
        for number in range(times)
    ]

    assert keys("as we saw Osmo there", *others)[3] == key


def test_a_word_that_opens_a_sentence_may_be_a_name_unless_it_is_written_small_elsewhere():
    assert keys("Osmo wins")[0] == "m:osmo"
    assert keys("Osmo wins", item("so", "we saw osmo", "b"))[0] == "w:osmo"


@pytest.mark.parametrize(
    ("form", "key"),
    [
        ("CVE-2026-51234", "e:cve-2026-51234"),
        ("CVE-2026", "i:cve-2026"),
        ("a-12345", "i:a-12345"),
        ("ab-12345", "e:ab-12345"),
        ("ab-1234", "i:ab-1234"),
    ],
)
def test_an_identifier_with_five_digits_is_one_event(form, key):
    assert keys(f"see {form}")[1] == key


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("so Tallow (CVE-2026-51234), called Tallowfat", {"tallowfat": "e:cve-2026-51234"}),
        ("so CVE-2026-51234 is called the Tallowfat", {"tallowfat": "e:cve-2026-51234"}),
        ("so CVE-2026-51234 is called what a Tallowfat", {"tallowfat": "n:tallowfat"}),
        ("so CVE-2026-51234 is called tallowfat", {"tallowfat": "w:tallow"}),
        ("so CVE-2026-51234 is called Ox", {"ox": "n:ox"}),
        ("the storm Ulla nears", {"ulla": "e:ulla"}),
        ("the baker Ulla nears", {"ulla": "n:ulla"}),
        ("a flaw called Tallowfat", {"tallowfat": "n:tallowfat"}),
    ],
)
def test_a_name_given_to_one_event_stands_for_it(text, terms):
    found = dict(zip(forms(text), keys(text), strict=True))

    assert {form: found[form] for form in terms} == terms


@pytest.mark.parametrize(("between", "key"), [(27, "e:cve-2026-51234"), (28, "n:tallowfat")])
def test_a_name_stands_for_an_identifier_within_thirty_words(between, key):
    text = f"so CVE-2026-51234 {'and ' * between}called Tallowfat"

    assert keys(text)[-1] == key


def test_a_name_stands_for_the_identifier_that_is_nearest():
    text = "so CVE-2026-51234 and CVE-2026-59999, called Tallowfat"

    assert keys(text)[-1] == "e:cve-2026-59999"


def test_a_name_of_two_identifiers_stands_for_itself():
    text = "so CVE-2026-51234, called Tallowfat"
    other = item("so", "so CVE-2026-59999, called Tallowfat", "b")

    assert keys(text, other)[-1] == "e:tallowfat"


def test_an_inflected_word_is_known_by_its_first_letters_and_a_compound_stays_whole():
    assert keys("so operations of open-sourced") == ["w:so", "w:operat", "w:of", "w:open-sourced"]


# Rarity


@pytest.mark.parametrize(
    ("term", "share"),
    [
        ("n:osmo", 0.001),
        ("n:osm", 0.02),
        ("i:ab12", 0.001),
        ("i:ab1", 0.02),
        ("e:cve-2026-51234", 0.001),
        ("n:google", 0.02),
        ("w:google", 0.02),
        ("f:123", 0.004),
        ("f:12", 0.04),
        ("p:洪水", 0.008),
        ("w:abc", 0.08),
        ("w:abcdefgh", 0.08 * 0.5 ** (5 / 1.7)),
        # Scripts without capitals leave vowels out; what may be a name is rarer.
        ("c:ab", 0.08),
        ("m:abc", 0.04),
        ("w:" + "x" * 40, 0.001),
        ("w:", 0.08 * 0.5 ** (-3 / 1.7)),
    ],
)
def test_a_term_that_no_item_has_is_as_rare_as_its_kind_and_length(term, share):
    nothing = Collection([])

    assert nothing.rarity(term) == pytest.approx(-math.log(min(0.3, share)))


@pytest.mark.parametrize(
    ("items", "counted"), [(1, 1), (12, 12), (13, 12), (15, 12), (16, 13), (20, 14)]
)
def test_of_the_items_of_a_day_more_than_twelve_count_a_quarter(items, counted):
    collection = Collection([item("see x12345", key=str(number)) for number in range(items)])

    expected = math.log((1000 + items) / (counted + 1000 * 0.001))
    assert collection.rarity("i:x12345") == pytest.approx(expected)


def test_an_earlier_story_counts_once_for_a_term_however_many_items_tell_it():
    story = [item(f"{number} sees x12345", key=str(number)) for number in range(3)]

    rarity = Collection([], [story, story]).rarity("i:x12345")

    assert rarity == pytest.approx(math.log(1002 / 3))


def test_titles_of_past_weeks_count_but_not_those_of_the_items_themselves():
    one, story = item("see x12345"), [item("saw x12345", key="b")]

    rarity = Collection(
        [one], [story], ["see x12345", "saw x12345", "more of x12345", "more of x12345"]
    ).rarity("i:x12345")

    assert rarity == pytest.approx(math.log(1004 / 5))


def test_an_item_that_is_listed_twice_counts_once():
    one = item("see x12345")

    assert Collection([one, one]).count == 1001


def test_links_are_counted_over_the_items_of_the_day():
    url = "https://a.example/one"
    collection = Collection([item("x", url, "a"), item("y", url, "b")], [[item("z", url, "c")]])

    assert collection.linked == {url: 2}


@pytest.mark.parametrize(
    ("number", "tells"),
    [
        ("12", False),
        ("99", False),
        ("123", True),
        ("1.5", True),
        ("1999", False),
        ("2026", False),
        ("1899", True),
        ("2126", True),
        ("20260", True),
        ("195", True),
    ],
)
def test_a_figure_tells_when_it_is_seldom_shared_by_chance(number, tells):
    assert story_terms.is_telling(number) is tells


# The terms of an item


def test_the_weights_are_of_length_one_and_grow_with_the_times_a_term_is_said():
    one = item("Kiel", "ports ports cranes the")
    collection = Collection([one])

    weights = collection.of(one).weights

    assert sum(weight**2 for weight in weights.values()) == pytest.approx(1)
    assert weights.keys() == {"m:kiel", "w:port", "w:crane"}
    crane, port, kiel = (
        weights[term] / collection.rarity(term) for term in ("w:crane", "w:port", "m:kiel")
    )
    # A word of the title counts as often as two of the text.
    assert port / crane == pytest.approx((1 + math.log(3)) / (1 + math.log(2)))
    assert kiel == pytest.approx(port)


def test_after_sixty_words_only_names_and_figures_count_and_those_less():
    lead = " ".join(["and"] * 59)
    one = item("so", f"{lead} hammer then Osmo x77 123 anvils")
    collection = Collection([one])

    weights = collection.of(one).weights

    assert weights.keys() == {"w:hammer", "n:osmo", "i:x77", "f:123"}
    early = item("so", f"{lead} Osmo", "b")
    assert collection.of(one).salience["n:osmo"] == 0.4
    assert Collection([early]).of(early).salience["n:osmo"] == 1.0
    ratio = weights["n:osmo"] / collection.rarity("n:osmo")
    hammer = weights["w:hammer"] / collection.rarity("w:hammer")
    assert ratio / hammer == pytest.approx((1 + math.log(1.4)) / (1 + math.log(2)))


@pytest.mark.parametrize(("times", "salience"), [(3, 0.4), (4, 1.0)])
def test_what_is_said_four_times_is_what_an_item_is_about(times, salience):
    one = item("so", " ".join(["and"] * 60 + ["Osmo"] * times))

    assert Collection([one]).of(one).salience["n:osmo"] == salience


def test_a_term_of_the_title_is_what_an_item_is_about():
    one = item("Visit to Osmo", " ".join(["and"] * 60 + ["Osmo"]))

    assert Collection([one]).of(one).salience["n:osmo"] == 1.0


def test_names_side_by_side_are_one_thing():
    one = item(
        "so",
        "so it was that we saw Ada Brandel, Kiel and then in the end we saw Osmo Lindholm X3 there",
    )

    assert Collection([one]).of(one).names == [
        ("n:ada", "n:brandel"),
        ("n:osmo", "n:lindholm", "i:x3"),
    ]


def test_the_words_beside_a_name_are_its_neighbours():
    one = item("so", "so it was that we saw Ada Brandel run 12 miles")

    assert Collection([one]).of(one).neighbours == {"n:ada": {"w:saw"}, "n:brandel": {"w:run"}}


def test_title_and_text_are_no_neighbours():
    one = item("so we saw Ada", "running far")

    assert Collection([one]).of(one).neighbours == {"n:ada": {"w:saw"}}


@pytest.mark.parametrize(
    ("title", "versions"),
    [
        ("so Tallow 4.0 is out", {"tallow": {"4.0"}}),
        ("so Tallow: 4.0 is out", {}),
        ("so 4.0 is out", {}),
        ("4.0 is out", {}),
        ("so CVE-2026-51234 is out", {"cve": {"2026-51234"}}),
        ("so GPT-5 and GPT-6 are out", {"gpt": {"5", "6"}}),
        ("so x3y is out", {"x": {"3y"}}),
    ],
)
def test_numbered_things_of_a_title_have_their_numbers(title, versions):
    one = item(title, "and Wickerwork 2.0 too")

    assert Collection([one]).of(one).versions == versions


def test_title_and_lead_tell_the_kind_of_event():
    one = item("Earthquake", " ".join(["and"] * 59 + ["flood", "hacker"]))

    assert Collection([one]).of(one).kinds == {"quake", "flood"}


def test_entities_are_names_identifiers_and_telling_figures_as_they_are_written():
    one = item(
        "so it was that we saw Ada Brandel",
        "then we also saw Ada Brandel, and on it went with Osmo’s X3, more of CVE-2026-51234, and"
        " at last 6.1 or 12 for 1,200 of Osmo",
    )

    assert Collection([one]).entities(one) == [
        "Ada Brandel",
        "Osmo X3",
        "CVE-2026-51234",
        "6.1",
        "1,200",
        "Osmo",
    ]


# Cosine


def test_the_cosine_leaves_terms_out_and_measures_what_is_left():
    left, right = {"a": 0.6, "b": 0.8}, {"a": 0.8, "b": 0.6, "c": 0.0}

    assert story_terms.cosine(left, right) == pytest.approx(0.96)
    assert story_terms.cosine(right, left) == pytest.approx(0.96)
    # Without `a` both are `b` alone; without both nothing is left.
    assert story_terms.cosine(left, right, {"a"}) == pytest.approx(1.0)
    assert story_terms.cosine(left, right, {"a", "b"}) == 0.0
    assert story_terms.cosine({"a": 1.0}, {"b": 1.0}) == 0.0
    assert story_terms.cosine({"a": 0.6, "b": 0.8}, {"b": 0.8, "c": 0.6}, {"a"}) == pytest.approx(
        0.64 / math.sqrt(0.64)
    )
