"""The router: which plan answers a question."""

from datetime import UTC, datetime

import pytest

from f.millrace.memory.router import route

NOW = datetime(2026, 11, 18, 15, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("question", "kinds"),
    [
        ("hard carbon anodes", ["similar"]),
        ("What happened on 3 May?", ["when", "similar"]),
        ("what's new since last week", ["when", "similar"]),
        ("what happened yesterday evening?", ["when", "when", "similar"]),
        ("what did Ana buy yesterday evening?", ["similar", "when"]),
        ("WHAT HAPPENED LAST WEEK", ["when", "similar"]),
        ("What did Ana buy in June?", ["similar", "when"]),
        ("what did we say about the harbour?", ["conversation", "similar"]),
        ("did I tell you about my dog", ["conversation", "similar"]),
        ("what did we discuss last week about pumps", ["conversation", "similar", "when"]),
        ("projects with status open", ["structured", "similar"]),
        ("which projects whose owner is Ana?", ["structured", "similar"]),
        ("type:project status:open", ["structured", "similar"]),
        ("which projects are open?", ["structured", "similar"]),
        ("all projects", ["structured", "similar"]),
        ("projects over 1,000 pounds", ["structured", "similar"]),
        ("projects in Norway with a harbour", ["similar"]),
        ("list all projects", ["structured", "similar"]),
        ("rivers with status open", ["similar"]),
        ("How is Kestrel related to the harbour?", ["relation", "similar"]),
        ("what connects sodium and the grid", ["relation", "similar"]),
        (
            "what did we say about Kestrel and how is it related to the grid?",
            ["several", "relation", "conversation", "similar"],
        ),
        ("cats and dogs; birds", ["similar"]),
    ],
)
def test_each_question_has_its_plan_and_the_next(question, kinds):
    assert [plan.kind for plan in route(question, NOW, types=["project"])] == kinds


@pytest.mark.parametrize(
    ("question", "conditions"),
    [
        (
            "projects with status open and owner is Bo?",
            [("status", "=", "open"), ("owner", "=", "Bo")],
        ),
        ("projects with partner Smith and Sons", [("partner", "=", "Smith and Sons")]),
        ("which projects have a plan", None),
        ("projects with budget over 1,250.50 pounds", [("budget", ">", "1250.50")]),
        ("all projects over £2000", [("", ">", "2000")]),
        ("projects where due before 2026-05-01", [("due", "<", "2026-05-01")]),
        ("open projects", [("", "=", "open")]),
        ("projects with at least 3 partners", None),
        ("projects with balance under -1,250.50 pounds", [("balance", "<", "-1250.50")]),
        ("projects with balance over -£500", [("balance", ">", "-500")]),
        ("all projects over £-500.", [("", ">", "-500")]),
        ("projects under \u221240", [("", "<", "-40")]),
        ("projects with version over 1.2.3", None),
        ("projects where start after 12:30", None),
        ("projects with staff over 10-20", None),
    ],
)
def test_conditions_are_told_field_by_field(question, conditions):
    plan = route(question, NOW, types=["project"])[0]

    assert (list(plan.conditions) if plan.kind == "structured" else None) == conditions


def test_the_ends_of_a_relation_are_named():
    [plan, _] = route("How is the Kestrel mission related to 'sodium cells'?", NOW)

    assert plan.ends == ("Kestrel mission", "sodium cells")


def test_a_field_and_its_value_are_named():
    [plan, _] = route("Projects with status 'In Review'?", NOW, types=["project"])

    assert (plan.type, plan.conditions) == ("project", [("status", "=", "In Review")])


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("all projects", "asks for each project"),
        (
            "projects with status open and budget over 1000",
            "asks for each project with status = 'open' and budget > '1000'",
        ),
        ("open projects", "asks for each project with something = 'open'"),
        ("How is Kestrel related to the harbour?", "asks what links 'Kestrel' and 'harbour'"),
        ("What happened on 3 May?", "asks about '3 May'"),
        ("hard carbon anodes", "by words and meaning"),
    ],
)
def test_a_plan_says_why_it_was_chosen(question, reason):
    plan = route(question, NOW, types=["project"])[0]

    assert plan.reason == reason


@pytest.mark.parametrize(("questions", "kind"), [(4, "several"), (5, "similar")])
def test_at_most_four_questions_are_told_apart(questions, kind):
    asked = "; ".join(["what did we say about cats", *["birds"] * (questions - 1)])

    plan = route(asked, NOW)[0]

    assert (plan.kind == "several") == (kind == "several")
    assert len(plan.parts) == (questions if kind == "several" else 0)


@pytest.mark.parametrize(
    ("types", "question", "found"),
    [
        (["company"], "all companies", "company"),
        (["companies"], "all companies", "companies"),
        (["Project"], "all PROJECTS", "Project"),
        (["project"], "all companies", ""),
    ],
)
def test_a_type_is_known_in_its_singular_and_plural(types, question, found):
    assert route(question, NOW, types=types)[0].type == found
