"""The offline model: which sentences of a story's pages it picks."""

from f.millrace.models import offline

PAGE = (
    "## Headline\nBailiff names\n\n## Own pages\n- ev_1\n\n## Evidence\n"
    '<evidence id="ev_1" source="orrin" date="" trust="untrusted" title="Bailiff names">\n'
    "{}\n</evidence>\n"
)
ASKED = "The bailiff of Orrin asked the port for the names of its pilots on Monday."
NAMES = "So it is understood that the pilots of Orrin are worried about their names."


def test_a_sentence_that_leans_on_one_that_cannot_be_quoted_is_left_out():
    follows = offline.report(PAGE.format(f"{ASKED} {NAMES}"))
    hangs = offline.report(PAGE.format(f"{ASKED} Could that be a trick? {NAMES}"))

    first = offline.report(PAGE.format(f"By Staff\nBailiff names.\n{NAMES}"))

    assert first == f"{NAMES} [ev_1]"
    assert follows == f"{ASKED} [ev_1]\n{NAMES} [ev_1]"
    assert hangs == f"{ASKED} [ev_1]"


def test_who_speaks_in_the_first_person_is_named():
    spoken = "I have moved all of my pilots to the port of Orrin since the bailiff asked."
    ours = "When the bailiff asks for names of pilots, we answer within a day."

    alone = offline.report(PAGE.format(spoken))
    several = offline.report(PAGE.format(ours))
    both = offline.report(PAGE.format(f"{spoken} {ours}"))

    assert both == f"The author writes: “{spoken}” [ev_1]\n“{ours}” [ev_1]"
    assert alone == f"The author writes: “{spoken}” [ev_1]"
    assert several == f"The authors write: “{ours}” [ev_1]"


def test_what_is_no_speech_of_the_author_stays_as_it_is():
    quoted = "The bailiff of Orrin said on Monday: “I have asked for the names of all pilots.”"
    numbered = "In World War I the bailiff of Orrin asked the port for the names of its pilots."

    assert offline.report(PAGE.format(quoted)) == f"{quoted} [ev_1]"
    assert offline.report(PAGE.format(numbered)) == f"{numbered} [ev_1]"


def test_of_a_paper_it_is_told_what_the_paper_does():
    known = [f"The port number {n} has had pilots for {n + 2} hundred years." for n in range(1, 6)]
    does = "This paper presents a schedule of pilots that needs no bailiff in Orrin."
    so = "This lets a port do with half as many boats on the whole coast."

    said = offline.report(PAGE.format(" ".join([*known, does, so])))

    assert does in said and len(said.splitlines()) == 4


def test_a_sentence_that_leans_on_a_later_choice_is_told_after_it():
    shared = "They asked the port of Orrin for pilots, port for port, pilot for pilot."
    before = "Boats left at 5."
    page = f"Rain fell on the quay of a small town in the north. {before} {ASKED} {shared}"

    said = offline.report(PAGE.format(page))

    assert said.index(ASKED) < said.index(shared)
