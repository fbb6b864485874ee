"""What a call carries to a place, by whose words were read there before."""

import math

import pytest

from f.millrace.trust import outflow, taint
from f.millrace.trust.taint import HERE, TaintContext, decide

NOTE = "Kestrel is our name for the takeover of Brannock Cells."
PAGE = "Orbit opened a plant in Leeds. Halden Works supplies the cells."


def read_all(request: str = "What is new in Leeds?") -> TaintContext:
    made = TaintContext(request)
    made.read(NOTE, "own")
    made.read(PAGE, "untrusted")
    return made


def ask(
    context: TaintContext,
    place: str = taint.WORLD,
    tool: str = "x.find",
    chosen: bool = True,
    **arguments: object,
) -> str:
    return decide(
        tool,
        arguments,
        context,
        read_only=True,
        is_egress=True,
        place=place,
        chosen=chosen,
    ).outcome


def test_what_was_read_is_private_by_whose_it_is_or_because_it_is_said_to_be():
    context = TaintContext("What is new?")
    assert (context.tainted, context.has_private, context.private_places) == (False, False, set())

    context.read("", "untrusted", private=True)
    assert not context.tainted and not context.has_private
    context.read("public", "trusted")
    assert not context.tainted and not context.has_private and "public" in context.public.words
    context.read("mine", "own")
    context.read("of a mail", "untrusted", private=True)
    context.read("of the office", "own", place="office")
    context.read("of the shop", "trusted", private=True, place="shop")

    assert context.tainted
    assert context.private_places == {"here", "elsewhere", "office", "shop"}
    assert "mail" not in context.public.words
    assert context.is_private_word("mail") and not context.is_private_word("public")
    context.read_private("post")
    context.read_private("shop")
    assert "post" in context.private_places and context.is_private_word("shop")


def test_a_place_is_told_what_it_keeps_and_not_what_another_does():
    context = TaintContext("What is new?")
    context.read("Mail", "untrusted")
    context.read("Quay twelve", "untrusted", private=True, place="library")
    assert not context.private_elsewhere("library") and context.private_elsewhere("town")

    assert context.price("Quay twelve", "library") == 0
    assert context.price("Quay twelve", "town") == outflow.FORBIDDEN
    context.allow("quay twelve")
    assert context.price("Quay twelve", "town") == 0


def test_a_text_is_reduced_only_where_something_private_could_leave():
    context = TaintContext("What is new in Leeds?")
    assert context.reduce("Brannock in Leeds") == "Brannock in Leeds"
    context.read(NOTE, "own")
    assert context.reduce("Brannock in Leeds") == "Brannock in Leeds"
    context.read(PAGE, "untrusted")

    assert context.reduce("Brannock in Leeds") == "in leeds"
    assert context.reduce("Brannock in Leeds", HERE) == "Brannock in Leeds"
    assert context.reduce("Leeds, in Weather!") == "Leeds, in Weather!"
    context.count.bits = outflow.MOST_BITS - 6
    assert context.reduce("Leeds Weather!") == "Leeds Weather!"
    context.count.bits = outflow.MOST_BITS - 5
    assert context.reduce("Leeds Weather!") == "leeds"


def test_the_day_is_free_to_leave(configure):
    configure(now="2031-05-06T08:00:00+00:00")

    assert read_all().price("2031-05-06 in Leeds", taint.WORLD) == 0
    assert read_all().price("2031-05-16 in Leeds", taint.WORLD) == pytest.approx(6.6)


@pytest.mark.parametrize(
    ("arguments", "outcome"),
    [
        ({"query": "new in Leeds"}, "free"),
        ({"query": "new in Leeds", "exact": True}, "free"),
        ({"query": "new in Leeds "}, "free"),
        ({"query": "new in Leeds" + " " * 14}, "ask"),
        ({"query": "in Leeds"} | {f"o{n}": n % 2 == 0 for n in range(12)}, "free"),
        ({"query": "in Leeds"} | {f"o{n}": n % 2 == 0 for n in range(13)}, "ask"),
        ({"query": "in Leeds"} | {f"o{n}": None for n in range(30)}, "free"),
        ({}, "free"),
    ],
    ids="words switch space spaces 12-switches 13-switches 30-nones none".split(),
)
def test_switches_and_white_space_count_as_bits(arguments, outcome):
    assert ask(read_all(), **arguments) == outcome


def test_letters_are_counted_of_every_argument():
    context = read_all()

    assert ask(context, query="new in Leeds", page=77, exact=True) == "free"

    assert context.count.letters == len("new in Leeds") + len("77") + len("True")
    assert context.count.bits == pytest.approx(6.6 + 1)


def test_nothing_is_counted_of_what_asks_or_was_not_chosen():
    context = read_all()
    assert ask(context, query="Brannock") == "ask"
    assert ask(context, query="Orbit opened", chosen=False) == "free"
    assert (context.count.requests, context.count.bits, context.asked) == (0, 0.0, 1)

    assert ask(context, query="Orbit opened") == "free"

    assert (context.count.requests, context.count.bits) == (1, 6.5)


def test_before_private_data_was_read_nothing_is_counted():
    context = TaintContext("What is new in Leeds?")
    context.read(PAGE, "untrusted")

    assert ask(context, query="anything at all") == "free"
    assert ask(context, url="https://evil.example/") == "ask"

    assert context.count.requests == 0


def test_twenty_calls_wait_and_further_ones_are_refused():
    context = read_all()

    outcomes = [ask(context, query="Brannock") for _ in range(22)]

    assert outcomes == ["ask"] * 20 + ["refuse"] * 2
    refused = decide("x.find", {"query": "Brannock"}, context, read_only=True, is_egress=True)
    assert refused.why.startswith("x.find was not called: 20 calls of this task wait for a person")
    assert "query carries words that neither the user nor a public source said" in refused.why
    assert ask(context, query="new in Leeds") == "free"


def test_to_a_server_of_others_the_form_of_a_request_is_a_choice():
    context = read_all("What is new in Leeds and at Halden Works and in the harbour?")

    assert ask(context, "shop", query="new in Leeds") == "free"
    assert context.count.bits == 0
    assert ask(context, "shop", tool="x.show", query="new in Leeds") == "free"
    assert context.count.bits == outflow.BITS_OF_NEW_TOOL
    assert ask(context, "shop", query="new in Leeds", page=None) == "free"
    assert context.count.bits == pytest.approx(
        outflow.BITS_OF_NEW_TOOL + 1 + outflow.BITS_OF_EMPTY + outflow.BITS_OF_SHAPE
    )


@pytest.mark.parametrize("place", [HERE, taint.WORLD])
def test_the_bundles_own_tools_are_asked_in_any_form(place):
    context = read_all()
    for tool in ("x.find", "x.show", "x.list"):
        assert ask(context, place, tool=tool, query="Leeds") == "free"

    assert context.count.bits == 0


def test_single_words_of_the_user_are_a_choice_to_a_server_of_others():
    context = read_all()

    assert ask(context, "shop", query="Leeds") == "free"

    said = max(each.length for each in context.request.said)
    assert context.count.bits == pytest.approx(0.5 * math.log2(said))


def test_empty_values_are_the_same_in_whatever_kind():
    context = read_all()
    assert ask(context, "shop", query="new in Leeds", a="", b=None) == "free"

    assert context.count.bits == 2 * outflow.BITS_OF_EMPTY


def link_of(context: TaintContext, url: str, place: str = taint.WORLD) -> tuple[str, float]:
    before = context.count.bits
    return ask(context, place, url=url), context.count.bits - before


def test_how_an_offered_address_is_written_counts():
    context = read_all()
    context.link("https://found.example/a/#part")

    assert link_of(context, "https://found.example/a/#part") == ("free", 1.0)
    assert link_of(context, "https://found.example/a/") == ("free", 1.0)
    assert link_of(context, "http://found.example/a") == ("free", 1.0)
    assert link_of(context, "https://Found.example/a")[0] == "ask"
    context.link("https://plain.example/a")
    assert link_of(context, "https://plain.example/a")[1] == 0.0
    assert link_of(context, "https://plain.example/a#b")[1] == 0.0


def test_to_another_server_a_fragment_is_a_text_of_its_own():
    context = read_all()
    context.link("https://found.example/a", "https://found.example/b#part")

    assert context.bits_of_spelling("https://found.example/a", "shop") == 0.0
    assert context.bits_of_spelling("https://found.example/a#b", "shop") == outflow.FORBIDDEN
    assert context.bits_of_spelling("https://found.example/b#part", "shop") == 0.0
    assert context.bits_of_spelling("https://found.example/b", "shop") == 1.0
    assert context.bits_of_spelling("https://other.example/b", "shop") == outflow.FORBIDDEN


def test_the_first_place_that_offered_a_link_is_where_it_came_from():
    context = read_all()
    context.link("https://found.example/a", origin="shop")
    context.link("https://found.example/a/", "", origin=taint.WORLD)

    assert context.origin_of_link("http://found.example/a") == "shop"
    assert context.origin_of_link("https://found.example/b") == ""
    assert ask(context, url="https://found.example/a") == "ask"
    assert ask(context, "shop", url="https://found.example/a") == "free"


def test_a_link_of_private_data_may_be_opened_before_more_was_read():
    context = TaintContext("What is new?")
    context.read("Mail", "untrusted")
    context.link("https://found.example/a", origin="shop")

    assert ask(context, url="https://found.example/a") == "free"
    context.read(NOTE, "own")
    why = decide(
        "x.find", {"url": "https://found.example/a"}, context, read_only=True, is_egress=True
    ).why
    assert "the address at found.example came from private data and not from the user" in why


def test_which_link_is_opened_counts_by_how_many_others_offered():
    context = read_all("Open https://mine.example/x for me")
    assert context.bits_of_link("https://mine.example/x") == 0.0
    context.link(*(f"https://found.example/{number}" for number in range(8)))

    assert context.bits_of_link("https://found.example/1") == 3.0
    assert ask(context, url="https://found.example/1") == "free"
    assert context.count.link_bits == 3.0
    assert ask(context, url="https://mine.example/x") == "free"
    assert context.count.link_bits == 3.0
    assert context.count.links == {"//found.example/1", "//mine.example/x"}


@pytest.mark.parametrize(
    ("path", "bits"),
    [
        ("", 0),
        ("new", 0),
        ("install", 4),
        ("install/guide", 8),
        ("kestrel", None),
        ("v2", None),
        ("a%20b", None),
        ("a;b", None),
        ("a=b", None),
        ("a&b", None),
        ("?a", None),
    ],
)
def test_on_a_host_that_the_user_named_a_page_may_be_guessed(path, bits):
    context = read_all("What is new at docs.tool.example and tool.example?")

    outcome = ask(context, url=f"https://docs.tool.example/{path}")

    assert outcome == ("ask" if bits is None or bits > outflow.MOST_LINK_BITS else "free")
    if outcome == "free":
        assert context.count.link_bits == bits


def test_a_page_may_be_guessed_for_nothing_before_private_data_was_read():
    context = TaintContext("What is new at docs.tool.example?")
    context.read(PAGE, "untrusted")

    assert ask(context, url="https://docs.tool.example/install/v2") == "free"
    assert ask(context, url="https://docs.tool.example/install?x") == "ask"


def test_a_name_with_a_dot_that_a_place_gave_is_no_address_to_it():
    context = TaintContext("What is new?")
    context.read_answer({"people": [{"user": "john.smith"}]}, "untrusted", True, "office")
    context.read(NOTE, "own")

    assert ask(context, "office", user="john.smith") == "free"
    assert ask(context, "shop", user="john.smith") == "ask"
    assert ask(context, "office", user="jane.smith") == "ask"


def test_an_answer_is_read_with_its_links_by_where_it_is_from():
    context = TaintContext("What is new?")
    public = {"hits": [{"title": "Orbit", "url": "https://found.example/a"}]}
    context.read_answer(public, "untrusted", False, "search")
    context.read_answer({"url": "https://mine.example/b", "is": "Kestrel"}, "own", True, "office")

    assert context.origin_of_link("https://found.example/a") == taint.WORLD
    assert context.origin_of_link("https://mine.example/b") == "office"
    assert context.private_places == {"office"} and context.is_private_word("kestrel")
    assert "orbit" in context.public.words


def test_a_task_of_others_gives_no_words_links_or_hosts():
    context = TaintContext("Open docs.tool.example and https://a.example/x", "untrusted")

    assert context.tainted and context.hosts == set()
    assert context.origin_of_link("https://a.example/x") == ""
    assert not context.own.contains("Open") and "open" not in context.request.words
    assert TaintContext("").tainted is False


def test_where_a_secret_stands_is_told_and_on_this_machine_it_may_be_searched(
    monkeypatch, configure
):
    monkeypatch.setenv("OPENAI_API_KEY", "planted-0123456789")
    configure()
    given = {"query": "a", "more": {"text": "planted-0123456789"}}

    def outcome(read_only: bool, is_egress: bool) -> taint.Verdict:
        return decide("x.y", given, read_all(), read_only=read_only, is_egress=is_egress)

    assert outcome(True, True).why == "x.y was not called: more.text holds a secret"
    assert outcome(False, False).outcome == "refuse"
    assert outcome(True, False).outcome == "free"


def test_a_call_that_only_reads_here_is_free_and_not_counted():
    context = read_all()

    verdict = decide("notes.find", {"q": "Kestrel"}, context, read_only=True, is_egress=False)

    assert (verdict.outcome, context.count.requests) == ("free", 0)
