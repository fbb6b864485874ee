# requirements:

"""What a model thinks aloud before it answers, between `<think>` and `</think>`: no part of its
answer.

Servers cut a stream where they like, also within a tag or with a tag and text in one piece; some
leave the opening tag in the prompt, and the answer begins with thoughts that are only closed.
"""

from collections.abc import Callable

OPEN, CLOSE = "<think>", "</think>"
# An answer whose thoughts have no opening tag looks like any other until the closing one.
BEGIN, THINKING, ANSWERING = range(3)


def strip(text: str) -> str:
    """Return an answer without the thoughts that it begins with; thoughts without an end are all of
    it.
    """
    heard: list[str] = []
    listener = ThoughtFilter(heard.append)
    listener.hear(text)
    listener.end()
    shown = "".join(heard)
    before, closed, after = shown.partition(CLOSE)
    return after.lstrip() if closed and OPEN not in before else shown


class ThoughtFilter:
    """Hands on the pieces of a streamed answer, without the thoughts that it begins with."""

    def __init__(
        self, hear: Callable[[str], None], restart: Callable[[], None] | None = None
    ) -> None:
        """Make one for a stream; `restart` says that what was handed on is void, because it turned
        out to be thoughts without an opening tag.
        """
        self._hear = hear
        self._restart = restart
        self._shown = ""
        self._state = BEGIN
        self._held = ""

    def hear(self, piece: str) -> None:
        """Take the next piece; what may be the beginning of a tag waits for the one after."""
        if self._state == ANSWERING:
            self._pass(piece)
            return
        self._held += piece
        if self._state == BEGIN:
            start = self._held.lstrip()
            if start.startswith(OPEN):
                self._state, self._held = THINKING, start.removeprefix(OPEN)
            elif start and not OPEN.startswith(start[: len(OPEN)]):
                self._answer(self._held)
                return
        if self._state == THINKING:
            _, closed, answer = self._held.partition(CLOSE)
            if closed and answer.strip():
                self._answer(answer.lstrip())
            elif not closed:
                self._held = self._held[-len(CLOSE) :]

    def end(self) -> None:
        """Hand on what still waits, for nothing comes after it."""
        if self._state == BEGIN:
            self._answer(self._held)

    def _answer(self, text: str) -> None:
        self._state, self._held = ANSWERING, ""
        self._pass(text)

    def _pass(self, text: str) -> None:
        self._shown += text
        before, closed, after = self._shown.partition(CLOSE)
        if closed and self._restart is not None and OPEN not in before:
            self._restart()
            self._restart, text = None, after.lstrip()
        if text:
            self._hear(text)
