# requirements:

"""Whether an agent that calls tools gets on: told once to try another way when it does not, then
ended.

Confused is an agent that makes the same call again and again; stalled is one whose calls bring
nothing new.
"""

from typing import Any

from f.millrace.core import errors, ids
from f.millrace.telemetry import events

SAME_CALLS = 2
WITHOUT_NEWS = 3
OTHER_WAY = (
    "{said}. Try another way: another tool or other words; or answer with what you have and say"
    " what is missing."
)


class Progress:
    """The calls of one task, each with the number of the model's request that asked for it."""

    def __init__(self) -> None:
        self._calls: dict[str, int] = {}
        self._answers: set[str] = set()
        self._news_at = 0
        self._told_at: int | None = None

    def calling(self, request: int, tool: str, arguments: dict[str, Any]) -> str:
        """Take note of a call that is about to be made; return what the agent is told instead when
        it repeats itself.
        """
        key = ids.digest_of([tool, arguments])
        self._calls[key] = self._calls.get(key, 0) + 1
        again = self._calls[key] > SAME_CALLS
        return (
            self._stuck(request, f"confused: {tool} was called again with the same arguments")
            if again
            else ""
        )

    def note_answer(self, request: int, tool: str, text: str, news: bool = False) -> str:
        """Take note of an answer; return what the agent is told with it when nothing new has come
        for a while.

        `news` says that the call changed something, whatever the answer's words.
        """
        key = ids.digest_of([tool, text])
        if news or key not in self._answers:
            self._news_at = request
        self._answers.add(key)
        idle = request - self._news_at
        return (
            self._stuck(request, f"stalled: {idle} requests in a row brought nothing new")
            if idle >= WITHOUT_NEWS
            else ""
        )

    def _stuck(self, request: int, said: str) -> str:
        """Return what the agent is told; AgentStuck when it was told so before and asked again all
        the same.
        """
        if self._told_at is None:
            self._told_at = self._news_at = request
            events.emit("decision", f"{said}; the agent is told to try another way", stuck=said)
        # Calls that were asked for side by side were asked for before the agent could read this.
        elif request > self._told_at:
            raise errors.AgentStuck(f"{said}, also after the agent was told to try another way")
        return OTHER_WAY.format(said=said[:1].upper() + said[1:])
