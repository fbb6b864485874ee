"""What servers do to streams: no stream at all, none that ends, thoughts in any piece."""

import asyncio

import pytest

from f.millrace.agents.writer import write
from f.millrace.core.contracts import Evidence
from f.millrace.models import thoughts

SENTENCE = "The Orbit plant in Leeds opened on Monday. [ev_0123456789abcdef]"
EVIDENCE = [
    Evidence(id="ev_0123456789abcdef", text="The Orbit plant in Leeds opened on Monday, it said.")
]


@pytest.fixture(autouse=True)
def openai(edge, configure):
    configure(model="openai:gpt-4o")


def ask(told):
    restarts = []
    answer = asyncio.run(
        write(
            "Orbit plant",
            EVIDENCE,
            on_token=told.append,
            on_restart=lambda: restarts.append(len(told)),
        )
    )
    return answer.output, "".join(told[restarts[-1] if restarts else 0 :])


def pieces(*texts, ends=True):
    def fault(handler, _):
        handler.send_response(200)
        handler.send_header("content-type", "text/event-stream")
        handler.send_header("connection", "close")
        handler.end_headers()
        for text in texts:
            handler.chunk([{"index": 0, "delta": {"content": text}, "finish_reason": None}])
        if ends:
            handler.chunk([{"index": 0, "delta": {}, "finish_reason": "stop"}])
        handler.close_connection = True
        return True

    return fault


def whole(handler, _):
    handler.message({"role": "assistant", "content": SENTENCE}, "stop")
    return True


def test_a_server_that_answers_in_one_piece_is_asked_for_one_piece(edge, in_step):
    edge.faults = [whole, whole]

    assert ask([]) == (SENTENCE, SENTENCE)
    assert [bool(body.get("stream")) for body in edge.requests] == [True, False]


def test_streams_that_never_say_that_they_end_are_replaced_by_a_whole_answer(edge, in_step):
    edge.faults = [pieces(SENTENCE, ends=False)] * 2 + [whole]

    assert ask([]) == (SENTENCE, SENTENCE)


@pytest.mark.parametrize(
    "texts",
    [
        ("<think>The reader asks.</think>" + SENTENCE,),
        ("<thi", "nk>The reader", " asks.</th", "ink>\n\n" + SENTENCE),
        ("\n<think>", "The reader asks.</think>The Orbit ", SENTENCE.removeprefix("The Orbit ")),
        ("<think></think>", SENTENCE),
        ("The reader asks", ". Let me see.</th", "ink>" + SENTENCE),
    ],
)
def test_thoughts_are_no_part_of_the_answer_wherever_the_stream_is_cut(edge, in_step, texts):
    edge.faults = [pieces(*texts)]

    assert ask([]) == (SENTENCE, SENTENCE)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("The reader asks.</think>\n\nYes.", "Yes."),
        ("A page about <think> and </think> tags.", "A page about <think> and </think> tags."),
        ("<think>never ended", ""),
        ("<thin ice>", "<thin ice>"),
        ("", ""),
    ],
)
def test_thoughts_are_only_what_an_answer_begins_with(text, answer):
    assert thoughts.strip(text) == answer
