"""Where sentences end, in which language they are, and which can stand in a digest."""

import itertools

import pytest

from f.millrace.core import sentences

# Each ends where a reader of the language says that it does.
WHOLE = {
    "en": [
        "Dr. Smith et al. paid approx. $3.5 million in Jan. 2021 (see Fig. 3).",
        "The U.S. Senate voted on the bill at 3 p.m. on Tuesday.",
        "Version 2.15.0 of the library fixes it, says Acme Inc. of Ohio.",
        "J. K. Rowling wrote it, and Mr. Green of St. Ives sold it.",
        'He said: "It works as it did before."',
        "It costs no more than €3.50 a month, i.e. less than the old one.",
    ],
    "de": [
        "Am 3. Oktober 2021 kam Dr. Müller, d.h. der 2. Vorsitzende, nach Berlin.",
        "Die Fa. Meier zahlt ca. 3,5 Mio. Euro für das Haus in der Bahnhofstr. 7 in Ulm.",
        "„Es geht wieder“, sagte Hr. Schulz am Montag.",
        "Das Gesetz nach Art. 5 Abs. 2 gilt z.B. auch für kleine Betriebe.",
    ],
    "fr": [
        "M. Dupont est arrivé le 1er mai avec Mme Durand.",
        "Elle a payé env. 3,5 millions d’euros pour la maison.",
        "« Ça marche très bien », dit le maire de la ville.",
    ],
    "es": [
        "El Sr. García llegó a la ciudad el 3 de mayo con la Dra. López.",
        "La empresa pagó aprox. 3,5 millones de euros por la casa.",
        "EE. UU. votó en contra de la propuesta del martes.",
    ],
    "pt": [
        "O Sr. Silva chegou à cidade no dia 3 de maio com a Dra. Costa.",
        "A empresa pagou aprox. 3,5 milhões de euros pela casa.",
    ],
    "it": [
        "Il sig. Rossi è arrivato in città il 3 maggio con la dott.ssa Bianchi.",
        "La società ha pagato ca. 3,5 milioni di euro per la casa.",
    ],
    "nl": [
        "Dhr. de Vries kwam op 3 mei met mevr. Jansen naar de stad.",
        "Het bedrijf betaalde ca. 3,5 miljoen euro voor het huis, d.w.z. te veel.",
    ],
}


@pytest.mark.parametrize("language", WHOLE)
def test_sentences_end_where_a_reader_of_the_language_says(language):
    for first, second in itertools.product(WHOLE[language], repeat=2):
        assert sentences.split(f"{first} {second}", language) == [first, second]


@pytest.mark.parametrize("language", WHOLE)
def test_the_language_is_told_from_the_text(language):
    assert sentences.guess_language(" ".join(WHOLE[language])) == language


def test_a_company_can_end_a_sentence():
    assert sentences.split("She works at Acme Inc. It pays well.") == [
        "She works at Acme Inc.",
        "It pays well.",
    ]


def test_lines_that_were_broken_by_hand_are_one_sentence_and_list_entries_are_not():
    text = (
        "The port of Lindholm started a trial of six cranes that\nmove containers without a driver."
        "\n- Two operators watch them\n- Each of them can be stopped"
    )

    assert sentences.split(text) == [
        "The port of Lindholm started a trial of six cranes that move containers without a driver.",
        "Two operators watch them",
        "Each of them can be stopped",
    ]


def test_the_place_where_a_report_was_written_is_no_part_of_its_first_sentence():
    assert sentences.split("LINDHOLM — The port started a trial of six cranes.") == [
        "The port started a trial of six cranes."
    ]


@pytest.mark.parametrize(
    "sentence",
    [
        "The port of Lindholm started a trial of six cranes on Tuesday.",
        "“It works as it did before,” said the operator of the port (Ada Berg).",
        'She asked him: "Does it work as it did before?"',
        "The law on copyright was changed by parliament on Thursday.",
        "By 2030 the port wants to move all of its containers without drivers.",
    ],
)
def test_a_whole_sentence_of_prose_is_clean(sentence):
    assert sentences.is_clean(sentence)


@pytest.mark.parametrize(
    "fragment",
    [
        "The port of Lindholm started a trial of",
        "The port of Lindholm started a trial of six …",
        "“It works as it did before, said the operator of the port.",
        "The port (which belongs to the town started a trial of six cranes.",
        "if (x == 1) { return false; } is what the function does here.",
        "| Founded | February 28, 1998 and it is still there.",
        "Photo by Ada Berg shows the cranes of the port at night.",
        "Subscribe to the newsletter and never miss a crane again.",
        "This article needs additional citations for verification of cranes.",
        "Permission is hereby granted, free of charge, to any person who asks.",
        "★★★★☆ A wonderful port with many cranes to look at for hours.",
        "A matrix is square if and only if it is such that A matrix is square.",
        "PORT OF LINDHOLM STARTS A TRIAL OF SIX CRANES ON TUESDAY.",
        "For a list of ports with cranes, see the list of all ports.",
    ],
)
def test_what_is_no_sentence_of_prose_is_not_clean(fragment):
    assert not sentences.is_clean(fragment)


@pytest.mark.parametrize("start", ["It", "However,", "This", "But the port", "(The port"])
def test_a_sentence_that_leans_on_another_does_not_stand_alone(start):
    assert not sentences.stands_alone(
        f"{start} moves all containers without a driver since Tuesday."
    )
