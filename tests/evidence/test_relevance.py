"""A text is about a story when it shares its names and figures, not common words."""

import pytest

from f.millrace.evidence import relevance

CRANES = (
    "Port of Lindholm starts trial of autonomous cranes\nThe port of Lindholm started a trial of"
    " six autonomous cranes of Nordkran on Tuesday. Two operators of Nordkran watch them."
)
FLAW = (
    "A flaw in Log4j lets attackers run code\nThe flaw CVE-2021-44228 in the logging library Log4j"
    " of Apache lets attackers run code."
)
NAMELESS = "How to write idempotent shell scripts\nA script that runs twice should change nothing."


@pytest.mark.parametrize(
    ("story", "text"),
    [
        (CRANES, "Nordkran's cranes pass first week in Lindholm\nThe trial of autonomous cranes at"
         " the port of Lindholm goes well."),
        (FLAW, "Patch for CVE-2021-44228 is out\nA new version of Log4j closes the hole."),
    ],
)  # fmt: skip
def test_the_same_story_in_other_words_is_about_it(story, text):
    assert relevance.is_about(story, text)


@pytest.mark.parametrize(
    ("story", "text"),
    [
        (CRANES, "Cranes fly south early\nThe trial of a new ring for cranes began in Skåne on"
         " Tuesday."),
        (CRANES, "Port of Hamburg starts trial of autonomous trucks\nThe port of Hamburg started a"
         " trial of six autonomous trucks."),
        (FLAW, "A flaw in OpenSSL lets attackers read memory\nThe flaw CVE-2014-0160 in the library"
         " OpenSSL lets attackers read memory."),
        (NAMELESS, "How to write good shell scripts\nQuote your variables, always."),
        ("This website has 81% battery power remaining\nThe site runs on a panel in Barcelona.",
         "Power of tests\nSome battery tests have more power than others, and 81% is enough."),
    ],
)  # fmt: skip
def test_shared_common_words_do_not_make_a_text_about_it(story, text):
    assert not relevance.is_about(story, text)


def test_of_a_headline_in_title_case_only_real_names_count():
    story = "Improving Code Search at Scale\nGitHub made its search of code faster."

    assert not relevance.is_about(story, "Code Search Improving\nImproving search helps at Acme.")
    assert "github" in relevance.names(story)
