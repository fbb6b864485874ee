from scripts.commands.display import Display

OPENFLOW = {
    "value": {
        "modules": [{"id": "research", "summary": "Research each topic", "value": {"modules": []}}]
    }
}
STEP = "research[0].investigate"


def topic(status, title, **more):
    metadata = {"status": status, "title": title, "topic_id": "tp_1", "seconds": 1.5, **more}
    return {"kind": "event", "step": STEP, "event": "topic", "message": title, "metadata": metadata}


def test_each_topic_of_a_process_has_a_line_of_its_own(capsys):
    display = Display(OPENFLOW)

    display.show(topic("researching", "Orbit opens"))
    display.show(topic("researched", "Orbit opens", findings=3, confidence=80))
    display.show(topic("failed", "Cells cost less", error="RuntimeError: model gone"))
    display.show(
        {
            "kind": "step_finished",
            "step": STEP,
            "seconds": 4.0,
            "result": {"topics": [], "count": 2, "failed": 1},
        }
    )

    lines = [line.split("s  ", 1)[-1].strip() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "Research each topic",
        "Orbit opens  3 findings",
        "Cells cost less  RuntimeError: model gone",
    ]


def test_a_decision_says_who_made_it_or_that_nobody_was_asked(capsys):
    display = Display(
        {"value": {"modules": [{"id": "approve", "summary": "Record the decision", "value": {}}]}}
    )

    for decision, by in (
        ("nothing_to_approve", "policy"),
        ("approved", "ada"),
        ("expired", "unknown"),
    ):
        result = {"approved": decision == "approved", "decision": decision, "by": by}
        display.show({"kind": "step_finished", "step": "approve", "seconds": 0.1, "result": result})

    words = [
        line.split("Record the decision")[1].strip()
        for line in capsys.readouterr().out.splitlines()
    ]
    assert words == ["nobody had to be asked", "approved by ada", "nobody answered in time"]
