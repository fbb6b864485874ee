import pytest

from f.millrace.core import contracts
from f.millrace.evidence import conflicts, disputes, identifiers, listing
from f.millrace.evidence.prompt import Passage

RELEASES = [
    Passage(
        f"ev_{number}",
        f"release-{version}.md",
        "",
        f"Release {version} of the scheduler was made in May by {by}. It fixes {faults} faults and"
        f" needs {memory} MB of memory.",
        f"Release {version}",
    )
    for number, (version, by, faults, memory) in enumerate(
        [("2.4.0", "Ada", 3, 64), ("2.5.0", "Cy", 5, 128), ("3.0.0", "Eve", 7, 192)]
    )
]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Release 2.5.0", ("release", "2.5.0")),
        ("Invoice no. 2026-118", ("invoice", "2026-118")),
        ("see CVE-2026-1234", ("code CVE", "2026-1234")),
        ("Minutes of the board, March 2026", ("month", "march")),
    ],
)
def test_identifiers_are_found_with_their_form(text, found):
    assert found in identifiers.find(text)


def test_amounts_and_sizes_are_no_identifiers():
    assert identifiers.find("It costs 1.5 million and weighs 2.25 kg, or 3.1.2 GB.") == frozenset()


def test_only_what_carries_the_identifier_of_the_question_answers_it():
    question = "How much memory does release 2.5.0 of the scheduler need?"

    kept = identifiers.select(question, RELEASES)

    assert [passage.title for passage in kept] == ["Release 2.5.0"]
    assert disputes.find(question, RELEASES) == []


def test_of_a_list_of_releases_only_the_lines_of_the_one_asked_for_are_kept():
    listed = Passage(
        "ev_9",
        "changes.md",
        "",
        "Release 2.4.0 needs 64 MB of memory. Release 2.5.0 needs 128 MB of memory. It starts"
        " faster. Release 3.0.0 needs 192 MB of memory.",
        "Changes",
    )

    (kept,) = identifiers.select("How much memory does release 2.5.0 need?", [listed])

    assert kept.text == "Release 2.5.0 needs 128 MB of memory.\nIt starts faster."


def test_a_question_whose_identifier_nothing_carries_leaves_all_passages():
    assert identifiers.select("How much memory does release 9.9.9 need?", RELEASES) == RELEASES


def test_siblings_do_not_dispute_and_each_answer_says_whose_it_is():
    question = "How much memory does the scheduler need?"

    lines = listing.list_answers(question, RELEASES)

    assert disputes.find(question, RELEASES) == []
    assert {(line.about, line.text.split(" needs ")[1]) for line in lines} == {
        ("Release 2.4.0", "64 MB of memory."),
        ("Release 2.5.0", "128 MB of memory."),
        ("Release 3.0.0", "192 MB of memory."),
    }


def test_minutes_of_two_months_do_not_dispute():
    minutes = [
        Passage(
            f"ev_{month}",
            f"{month}.md",
            "",
            f"Minutes of the board, {month} 2026.\n\nThe minutes were taken by {by}. {count}"
            " members were present.",
            f"Minutes of the board, {month} 2026",
        )
        for month, by, count in (("March", "Ada Quill", 7), ("April", "Bo Lind", 9))
    ]

    assert disputes.find("How many members were present at the board?", minutes) == []
    (line,) = listing.list_answers(
        "Who took the minutes of the board of April 2026?",
        identifiers.select("Who took the minutes of the board of April 2026?", minutes),
    )
    assert "Bo Lind" in line.text


def test_a_conflict_that_a_model_sees_between_siblings_is_none():
    evidence = {
        release.id: contracts.Evidence(
            id=release.id,
            topic_id="t",
            url=f"https://a.example/{release.id}",
            title=release.title,
            text=release.text,
            source=release.source,
        )
        for release in RELEASES
    }
    seen = contracts.ProposedConflict(
        question="How much memory does it need?",
        sides=[
            contracts.ProposedSide(
                claim="It fixes 3 faults and needs 64 MB of memory.", value="64", evidence=["ev_0"]
            ),
            contracts.ProposedSide(
                claim="It fixes 5 faults and needs 128 MB of memory.",
                value="128",
                evidence=["ev_1"],
            ),
        ],
    )

    assert conflicts.validate([seen], evidence) == []
    same = {name: piece.model_copy(update={"title": "Notes"}) for name, piece in evidence.items()}
    assert len(conflicts.validate([seen], same)) == 1
