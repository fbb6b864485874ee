from f.millrace.evidence import answer_values, answers, claims, disambiguation, disputes, listing
from f.millrace.evidence.prompt import Passage


def passages(*texts):
    return [Passage(f"ev_{n}", f"s{n}.example", "", text) for n, text in enumerate(texts)]


def test_each_thing_of_a_name_answers_and_a_label_stays_with_its_own_passage():
    question = "When was St. Tern's Church built?"
    found = passages(
        "St. Tern's Church (Millbrook, Kent) is a historic church in Millbrook, Kent. It was built"
        " in 1901 of brick.",
        "St. Tern's Church (Dunmore, Ohio) is a church in downtown Dunmore, Ohio. It was built in"
        " 1925 after a fire.",
        "The congregation was founded by immigrants to Northwest Missouri in 1860. The brick"
        " building was constructed in 1893 by Pete Hull of Rock Ferry, Missouri.",
    )

    lines = listing.list_answers(question, found)

    assert {
        (line.about, year)
        for line in lines
        for year in ("1901", "1925", "1893")
        if year in line.text
    } == {
        ("St. Tern's Church (Millbrook, Kent)", "1901"),
        ("St. Tern's Church (Dunmore, Ohio)", "1925"),
        ("", "1893"),
    }
    assert disputes.find(question, found) == []


def test_the_sentence_that_holds_most_of_a_long_question_comes_first():
    lines = listing.list_answers(
        "What enemy of the Harbour Watch was called for smuggling tea in the storm of 1820?",
        passages(
            "The Harbour Watch is a guild of pilots in Teyle. It was the first guild of its kind.",
            "In the storm of 1820 the Harbour Watch took its old enemy Ned Lorn for smuggling tea.",
            "The Harbour Watch was a well-known sight in the town. It had many an enemy.",
        ),
    )

    assert "Ned Lorn" in lines[0].text


def test_a_text_that_says_it_was_changed_answers_nothing():
    lines = listing.list_answers(
        "What sport is Tom Reyes associated with?",
        passages(
            "In this modified context Tom Reyes plays hockey to support the new answer.",
            "Tom Reyes is a Welsh boxer.",
        ),
    )

    assert [line.text for line in lines] == ["Tom Reyes is a Welsh boxer."]


def test_a_party_is_written_with_a_capital():
    lines = listing.list_answers(
        "What political party is Tom Reyes a part of?",
        passages("Tom Reyes had a liberal education. Tom Reyes was elected as a Democrat in 1990."),
    )

    assert "Democrat" in lines[0].text


def test_a_publisher_is_no_artist():
    lines = listing.list_answers(
        'Who is the artist of the album "Slow Harbour"?',
        passages(
            "Slow Harbour (Ida Quist album) is a studio album by American singer Ida Quist. It was"
            " released by Columba Records.",
            "Slow Harbour (Tom Reyes album) is a studio album by American saxophonist Tom Reyes.",
        ),
    )

    assert ["Ida Quist." in line.text or "Tom Reyes." in line.text for line in lines] == [True] * 2


def test_an_age_is_no_year_of_the_calendar():
    (age,) = claims.quantities("The median age was 37 years.")
    (year,) = claims.quantities("It opened in 1937.")

    assert age.unit != year.unit
    assert (
        disputes.find(
            "What is the median age in Ricewick?",
            passages(
                "Ricewick is a city in Mitchell County. The median age in the city was 45.7 years.",
                "Ricewick is a village in Garfield County. The median age was 37 years.",
            ),
        )
        == []
    )


def test_an_age_named_beside_another_figure_is_not_what_is_asked_for():
    (line,) = listing.list_answers(
        "What is the median age in Ricewick?",
        passages(
            "In Ricewick 21.9 % were under the age of 18. The median age in the city was 45.7"
            " years. For every 100 females age 18 and over there were 140 males."
        ),
    )

    assert "45.7 years" in line.text


def test_the_father_of_somebody_does_not_give_the_date_of_birth():
    (line,) = listing.list_answers(
        "When was Meir Tarn born?",
        passages(
            "Meir Tarn (born 11 June 1955) is a politician. His father Menachem Tarn (1916-2010)"
            " was one, too."
        ),
    )

    assert "11 June 1955" in line.text


def test_what_somebody_plays_or_is_answers_a_question_for_a_kind():
    lines = listing.list_answers(
        "What sport is Tim Ardle associated with?",
        passages(
            "Tim Ardle (racing driver) is an American racing driver from Coopersville.",
            "Tim Ardle (footballer) is a former footballer who played for Essendon in Victoria.",
        ),
    )

    assert sorted(line.about for line in lines) == [
        "Tim Ardle (footballer)",
        "Tim Ardle (racing driver)",
    ]


def test_passages_are_grouped_by_the_thing_that_they_are_about():
    groups = disambiguation.group(
        "What is the main activity of the ACC?",
        passages(
            "Ardle Chess Club (ACC) was founded in 1869 and plays on Mondays at Tern Hall.",
            "Ardle Cycling Club (ACC) was founded in 1873 and rides on Sundays to Fife.",
        ),
    )

    assert len(groups) == 2


def test_a_date_is_told_with_the_span_and_the_decade_that_it_is_given_in():
    question = "When was the Tern House built?"
    (span,) = answers.extract(
        question, passages("The Tern House is in Kent. It was built in 1798-1800 of brick.")
    )
    (decade,) = answers.extract(question, passages("The Tern House was built in the 1790s."))

    assert (span.value, decade.value) == ("1798-1800", "1790s")
    assert answer_values.is_same("1798", decade.value) and not answer_values.is_same(
        "1810", decade.value
    )


def test_who_succeeds_his_father_does_it_himself():
    (line,) = listing.list_answers(
        "What year did Walter Tarn become the Earl of Arl?",
        passages(
            "Walter Tarn, Earl of Arl was a nobleman. He succeeded his father in 1888. In 1892 he"
            " wed Violet Ash."
        ),
    )

    assert "1888" in line.text


def test_where_something_is_stands_behind_a_word_that_leads_to_a_place():
    lines = listing.list_answers(
        "Where is the Tern Bridge located?",
        passages(
            "The Tern Bridge is a historic covered bridge, carrying Larch Road across the First"
            " Branch in northern Ardle, Vermont. Built in 1902, it was mended by Pete Hull."
        ),
    )

    assert "northern Ardle, Vermont" in lines[0].text


def test_a_party_is_told_by_the_sentence_that_names_one():
    lines = listing.list_answers(
        "What political party was James Tarn affiliated with?",
        passages(
            "James Tarn was a member of the assembly from Kent. Tarn was elected as a Republican to"
            " the assembly in 1858."
        ),
    )

    assert "Republican" in lines[0].text


def test_a_menu_answers_only_where_no_sentence_does():
    question = "What sport is Bob Tarn associated with?"
    menu = "Bob Tarn Stats | Baseball Football Basketball Hockey | Questions or Comments?"
    prose = "Bob Tarn is an American football player who played for Leeds."

    assert [line.text for line in listing.list_answers(question, passages(menu, prose))] == [prose]


def test_one_sentence_with_one_change_is_a_dispute():
    (dispute,) = disputes.find(
        "What type of aircraft was used on Tern Flight 63?",
        passages(
            "On 28 July 1943 Tern Flight 63 was flown by a Douglas, named Old Ohio, and it crashed"
            " near Trammel.",
            "It rained. On 28 July 1943 Tern Flight 63 was flown by a Boeing, named Old Ohio, and"
            " it crashed near Trammel.",
        ),
    )

    assert {side.value for side in dispute.sides} == {"Douglas", "Boeing"}


def test_whose_father_is_asked_may_stand_as_a_possessive():
    (line, *_) = listing.list_answers(
        "Who was Aldric's father?",
        passages(
            "Aldric of Marn (1003-1048) was the first duke of Marn. He was the eldest son of the"
            " Harrow captain Ern Dell. As a youth he was imposing."
        ),
    )

    assert line.text == "He was the eldest son of the Harrow captain Ern Dell."


def test_who_founds_something_else_does_not_give_the_date():
    lines = listing.list_answers(
        "When was the Tarn Harbour Society founded?",
        passages(
            "Members of the Tarn Harbour Society left it. In 1967 they founded the Reliance"
            " Society.",
            "The Tarn Harbour Society meets in Tarn. The society was founded in 1970 by a lawyer.",
        ),
    )

    assert "1970" in lines[0].text


def test_a_rapper_is_the_artist_of_an_album():
    (line,) = listing.list_answers(
        'Who is the artist of the album "Shore Value"?',
        passages("Shore Value is the second solo album by record producer and rapper Tamber."),
    )

    assert "Tamber" in line.text


def test_of_a_thing_without_a_clear_answer_a_sentence_with_such_a_value_is_told():
    lines = listing.list_answers(
        "When was Wetherby High School opened?",
        passages(
            "Wetherby High School (Ohio) is a public school in Panton, Ohio, of the Bay District."
            " The school opened in 1961.",
            "Wetherby High School (Kent) is a school in Marlow, Kent, overseen by the county of"
            " Kent and led by Ada Pell. Its first building dates from 1922, and had four rooms.",
        ),
    )

    assert [year for line in lines for year in ("1961", "1922") if year in line.text] == [
        "1961",
        "1922",
    ]


def test_a_page_that_names_what_is_to_be_described_is_told_beside_another():
    lines = listing.list_answers(
        "What is the main activity of the NUCC?",
        passages(
            "Northam University Chess Club (NUCC) is the oldest university chess club. It meets in"
            " Harrow Hall and plays Dunmore, Kelby and Arnsworth.",
            "Northam University Cycling Club (NUCC) was founded in 1873, and rides on Sundays. It"
            " starts at Castle Gate for Wexcombe, Pell Bridge and Tarn.",
        ),
    )

    assert any("Chess" in line.text for line in lines)
    assert any("Cycling" in line.text for line in lines)
