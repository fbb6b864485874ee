"""What a value that leaves may tell, in bits: what is free, what costs, what may not go."""

import math
from math import inf

import pytest

from f.millrace.trust import outflow

REQUEST = "What is new in Leeds about the tidal turbine of Brannock Works and its crew"
PAGE = "Orbit opened a plant in Leeds. Halden Works supplies the cells of McOrbit.\nTel. 20, ΑΒΓ."


def read(*texts: str) -> outflow.ReadTexts:
    made = outflow.ReadTexts()
    for text in texts:
        made.add(text)
    return made


def price(text: str, *own: str, public: str = PAGE) -> float:
    return outflow.price(text, [read(*(own or (REQUEST,)))], read(public))


@pytest.mark.parametrize(
    ("text", "bits"),
    [
        ("", 0),
        ("new in Leeds", 0),
        ("LEEDS", 0),
        # Of a public text: the choice of a phrase.
        ("Orbit opened a plant", 6.5),
        ("Halden Works supplies", 6.5),
        # Another form of one of the user's words.
        ("turbines", 1),
        ("crewed", 1),
        ("work", 1),
        ("crewing", 1),
        # Not of one that is shorter than three letters, or holds a digit.
        ("ins", outflow.FORBIDDEN),
        # What everybody searches by.
        ("festival", outflow.FORBIDDEN),
        ("weather", 6),
        ("monday", 3),
        ("oct", 3),
        ("7", 3.3),
        ("73", 6.6),
        ("739", outflow.FORBIDDEN),
        ("2026", 5),
        ("1999", 5),
        ("1899", outflow.FORBIDDEN),
        ("20267", outflow.FORBIDDEN),
    ],
)
def test_a_piece_costs_by_where_it_stands(text, bits):
    assert price(text) == pytest.approx(bits)


def test_the_costs_of_pieces_add_up_until_one_may_not_leave():
    assert price("weather monday 7") == pytest.approx(6 + 3 + 3.3)
    assert price("weather festival monday") == outflow.FORBIDDEN


def test_of_a_phrase_the_shortest_public_text_that_has_it_counts():
    long = " ".join(f"w{number}" for number in range(1000)) + " alpha beta"
    public = read(long)
    assert outflow.price("alpha beta", [], public) == pytest.approx(math.log2(1001))

    public.add("alpha beta " + " ".join(f"v{number}" for number in range(300)))

    assert outflow.price("alpha beta", [], public) == pytest.approx(math.log2(301))
    public.add("alpha beta")
    assert outflow.price("alpha beta", [], public) == outflow.BITS_OF_PHRASE


def test_a_run_is_as_long_as_the_text_has_it():
    public = read("alpha beta gamma", "gamma beta")

    assert outflow.price("alpha beta gamma", [], public) == pytest.approx(6.5)
    assert outflow.price("alpha gamma", [], public) == pytest.approx(13)
    assert outflow.price("gamma alpha beta", [], public) == pytest.approx(13)


def test_the_users_words_are_taken_before_a_longer_phrase_that_costs_more():
    own, public = read("alpha", "beta"), read("alpha beta")

    assert outflow.price("alpha beta", [own], public) == 0
    assert outflow.price("alpha beta gamma", [own], read("alpha beta gamma")) == pytest.approx(6.5)


def test_from_the_fifth_run_on_the_order_of_the_users_words_is_a_choice():
    own = read("one", "two", "three", "four", "five", "six")

    assert outflow.price("one two three four", [own], read()) == 0
    assert outflow.price("one two three four five", [own], read()) == outflow.BITS_OF_ORDER
    assert outflow.price("one two three four five six", [own], read()) == 2 * outflow.BITS_OF_ORDER
    assert outflow.price("monday one two three four", [own], read()) == 3


@pytest.mark.parametrize(
    ("text", "bits"),
    [
        # As many signs as words and one more are usual.
        ("new, Leeds!?", 0),
        ("new, Leeds!?.", 2),
        ("new, Leeds!?...", 6),
        ("?", 2),
        ("new ☂ Leeds", 6),
        ("new\nLeeds", 0),
        ("new\n\nLeeds", 0),
        ("new  Leeds", 2),
        ("new\tLeeds\t\tnew", 3),
        ("  new Leeds  ", 0),
        # Word for word as the user wrote it.
        ("in Leeds about the tidal turbine of Brannock Works", 0),
    ],
)
def test_what_stands_between_the_words_costs(text, bits):
    assert price(text) == pytest.approx(bits)


def test_signs_are_free_as_they_were_written_and_not_around_other_words():
    own = "Read #a#b#!!!! -- then"

    assert price("#a#b#!!!! --", own) == 0
    assert price("#b#a#!!!! --", own) > 0
    assert price("????", "Read ???? there") > 0


@pytest.mark.parametrize(
    ("text", "leaves"),
    [
        ("leeds Leeds LEEDS", True),
        ("lEEDS", False),
        ("LeedS", False),
        # A spelling that somebody wrote.
        ("McOrbit", True),
        ("mCorbit", False),
        ("Lee\u200bds", False),
        ("Lееds", False),
        ("ΑΒΓ", True),
    ],
)
def test_how_a_word_is_written_tells_nothing(text, leaves):
    assert (price(text) < outflow.FORBIDDEN) is leaves


def test_a_spelling_is_usual_where_any_text_has_it():
    own = [read("no such word"), read("McOrbit")]

    assert outflow.price("McOrbit", own, read()) == 0


@pytest.mark.parametrize(
    ("text", "bits"),
    [
        ("京都", 0),
        ("京", outflow.FORBIDDEN),
        ("大阪", 8),
        ("阪", outflow.FORBIDDEN),
        ("東京", outflow.FORBIDDEN),
    ],
)
def test_in_a_script_without_spaces_a_run_of_letters_may_stand_inside_another(text, bits):
    own = [read("nothing"), read("明日京都へ行く")]

    assert outflow.price(text, own, read("大阪の天気")) == bits


def test_a_text_of_twenty_thousand_letters_is_looked_at_and_none_longer():
    text = "new " * 5000

    assert price(text) < outflow.FORBIDDEN
    assert price(text + "n") == outflow.FORBIDDEN


def test_what_was_read_is_kept_up_to_a_limit_and_the_newest_always(monkeypatch):
    monkeypatch.setattr(outflow, "MOST_KEPT", 12)
    texts = read("alpha", "beta", "gamma")

    assert not texts.holds(["alpha"]) and texts.holds(["beta"]) and texts.holds(["gamma"])
    texts.add("a text that is longer than all that is kept")
    assert texts.holds(["longer", "than"]) and not texts.holds(["gamma"])
    assert outflow.MOST_READ == 200_000
    texts.add("x " * 99_999 + "12345")
    assert texts.holds(["12"]) and not texts.holds(["12345"])


def test_nothing_is_kept_of_white_space_and_signs_are_a_text():
    assert read("", " \n").said == []
    texts = read("--")
    assert texts.holds_literally("--") and not texts.holds_literally("  ")
    assert texts.holds_literally(" --\n")
    texts.add("a further text")
    assert texts.holds_literally("--") and texts.holds_literally("further text")


@pytest.mark.parametrize(
    ("text", "bits"),
    [
        ("new in Leeds", 0),
        ("about the tidal", 0),
        ("new Leeds", 2),
        ("Leeds", 1),
        ("Leeds new", 2),
        ("festival", 0),
        ("festival Leeds", 1),
        ("what is new Leeds", 1),
        ("", 0),
    ],
)
def test_which_of_the_users_words_are_taken_is_a_choice(text, bits):
    said = len(outflow.split(REQUEST))

    assert outflow.price_of_choice(text, read(REQUEST)) == pytest.approx(
        bits * outflow.SHARE_OF_OWN * math.log2(said)
    )


def test_all_that_the_user_said_is_no_choice_however_short():
    assert outflow.price_of_choice("Leeds", read("Leeds")) == 0
    assert outflow.price_of_choice("new Leeds", read("new Leeds")) == 0
    assert outflow.price_of_choice("Leeds", read("new Leeds")) == pytest.approx(0.5)
    assert outflow.price_of_choice("Leeds", read()) == 0
    assert outflow.price_of_choice("Leeds", read("2026", "a tidal Leeds turbine")) == 1


@pytest.mark.parametrize(
    ("text", "bits"), [("a", 0), ("a ", 1), (" a ", inf), ("\n a  ", inf), (" ", 1), ("", 0)]
)
def test_more_than_one_sign_of_white_space_around_a_text_does_not_leave(text, bits):
    assert outflow.price_of_edges(text) == bits


def test_a_text_is_reduced_to_what_may_leave_and_costs_little():
    own, public = [read(REQUEST)], read(PAGE)

    def reduce(text: str, *limit: float) -> str:
        return outflow.reduce(text, own, public, *limit)

    assert reduce("festival in Leeds, code 739104") == "in leeds"
    assert reduce("weather monday Leeds") == "weather monday leeds"
    assert reduce("weather monday Leeds", 6) == "weather leeds"
    assert reduce("weather monday Leeds", 5.9) == "monday leeds"
    assert reduce("weather map Leeds") == "weather map leeds"
    assert reduce("weather map price Leeds") == "weather map leeds"
    assert reduce("festival") == ""
    assert reduce("x" * outflow.LONGEST + " Leeds") == ""


def form(*names: str, empty: tuple[str, ...] = ()) -> outflow.Shape:
    return frozenset([*((name, False) for name in names), *((name, True) for name in empty)])


def test_the_first_form_of_a_request_says_nothing():
    count = outflow.Count()

    assert count.price_of_form("shop", "shop.find", form("q")) == 0
    assert count.price_of_form("shop", "shop.find", form("a", "b", "c", "d", "e")) == 0
    assert count.price_of_form("shop", "shop.find", form(*"abcdefg")) == 2
    assert count.price_of_form("shop", "shop.find", form("q", empty=("x", "y"))) == 4
    assert count.price_of_form("shop", "shop.find", form(*"abcde", empty=("x",))) == 2


def test_each_further_tool_and_form_costs():
    count = outflow.Count()
    count.keep_form("shop", "shop.find", form("q"))

    assert count.price_of_form("shop", "shop.find", form("q")) == 0
    assert count.price_of_form("shop", "shop.find", form("q", "page")) == outflow.BITS_OF_SHAPE
    assert count.price_of_form("shop", "shop.show", form("id")) == outflow.BITS_OF_NEW_TOOL
    assert count.price_of_form("post", "post.find", form("q")) == 0
    count.keep_form("shop", "shop.show", form("id"))
    assert count.price_of_form("shop", "shop.find", form("q")) == 1
    assert count.price_of_form("shop", "shop.buy", form("id")) == 2 * outflow.BITS_OF_NEW_TOOL
    count.keep_form("shop", "shop.find", form("q", "page"))
    assert count.price_of_form("shop", "shop.find", form("q")) == 2
    assert count.price_of_form("shop", "shop.find", form("z")) == 1 + 2 * outflow.BITS_OF_SHAPE


@pytest.mark.parametrize(
    ("name", "limit", "words"),
    [
        ("bits", 12, "choice of its words"),
        ("link_bits", 5, "choice of its links"),
        ("letters", 20_000, "letters left"),
    ],
)
def test_what_leaves_reaches_each_limit_and_does_not_pass_it(name, limit, words):
    count = outflow.Count()
    count.add(outflow.Load(**{name: limit - 2}))

    assert getattr(count, name) == limit - 2
    assert count.reason_against(outflow.Load(**{name: 2})) == ""
    assert words in count.reason_against(outflow.Load(**{name: 3}))


def test_requests_and_distinct_links_have_a_limit_too():
    count = outflow.Count()
    for _ in range(39):
        count.add(outflow.Load())
    assert count.reason_against(outflow.Load()) == ""
    count.add(outflow.Load())
    assert count.reason_against(outflow.Load()) == "40 requests left since private data was read"

    count = outflow.Count(links={str(number) for number in range(11)})
    assert count.reason_against(outflow.Load(links={"0", "x"})) == ""
    assert "13 different links" in count.reason_against(outflow.Load(links={"x", "y"}))


def test_of_two_counts_the_higher_of_each_counts():
    one = outflow.Count(requests=3, letters=10, bits=1.0, link_bits=2.0, links={"a"})

    one.raise_to(outflow.Count(requests=2, letters=20, bits=0.5, link_bits=3.0, links={"b"}))

    assert (one.requests, one.letters, one.bits, one.link_bits) == (3, 20, 1.0, 3.0)
    assert one.links == {"a", "b"}
    one.raise_to(outflow.Count(requests=4, bits=2.0))
    assert (one.requests, one.letters, one.bits, one.link_bits) == (4, 20, 2.0, 3.0)
