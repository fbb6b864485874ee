from scripts.verbs.display import Display

OPENFLOW = {"value": {"modules": [{"id": "research", "summary": "Research each topic", "value": {"modules": []}}]}}
STEP = "research[0].investigate"


def topic(status, title, **more):
    metadata = {"status": status, "title": title, "topic_id": "tp_1", "seconds": 1.5, **more}
    return {"kind": "event", "step": STEP, "event": "topic", "message": title, "metadata": metadata}


def test_each_topic_of_a_process_has_a_line_of_its_own(capsys):
    display = Display(OPENFLOW)

    display.show(topic("researching", "Orbit opens"))
    display.show(topic("researched", "Orbit opens", findings=3, confidence=80))
    display.show(topic("failed", "Cells cost less", error="RuntimeError: model gone"))
    display.show({"kind": "step_finished", "step": STEP, "seconds": 4.0, "result": {"topics": [], "count": 2, "failed": 1}})

    lines = [line.split("s  ", 1)[-1].strip() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "Research each topic",
        "Orbit opens  3 findings, confidence 80",
        "Cells cost less  RuntimeError: model gone",
    ]
