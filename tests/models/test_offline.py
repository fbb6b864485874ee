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
