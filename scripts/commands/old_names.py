"""What people typed before names changed: each old word still works for one release, with a notice.

A row is removed with the release after the one that brought the new name; the tests read old
command lines by this table.
"""

import sys
from collections.abc import Sequence
from typing import Any, NamedTuple


class OldName(NamedTuple):
    """A word of a command line and what is said now; `command` is how the line begins.

    A word that ends with `=` stands for the name of an input, whatever its value.
    """

    command: tuple[str, ...]
    old: str
    new: tuple[str, ...]


NAMES = (
    OldName(("approvals",), "settle", ("resolve",)),
    OldName(("approvals", "resolve"), "happened", ("--outcome", "done")),
    OldName(("approvals", "resolve"), "not", ("--outcome", "not-done")),
    OldName(("memory", "retract"), "--because", ("--reason",)),
    OldName(("memory", "retract"), "--because=", ("--reason=",)),
    OldName(("step", "ops/retract"), "because=", ("reason=",)),
    OldName(("bench",), "strangers", ("prompt_injection",)),
)
# Keys of --json by their new names; both are printed.
JSON_KEYS = {
    "reason": "because",
    "scores": "figures",
    "thread_max": "thread",
    "next_turn": "next",
    "question_penalty": "asks",
    "feedback": "echo",
}


def translate(program: str, arguments: Sequence[str]) -> list[str]:
    """Return the arguments in today's words; each old word is told on standard error."""
    words = list(arguments)
    for name in NAMES:
        command = name.command[1:] if name.command[0] == program else name.command
        if tuple(words[: len(command)]) != command:
            continue
        for place in range(len(command), len(words)):
            new = _replace(words[place], name)
            if new:
                print(
                    f"{program}: {name.old!r} is now {' '.join(name.new)!r}; the old word goes with"
                    " the next release",
                    file=sys.stderr,
                )
                words[place : place + 1] = new
                break
    return words


def with_old_keys(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values with those of renamed keys under their old names, too."""
    return values | {JSON_KEYS[key]: value for key, value in values.items() if key in JSON_KEYS}


def _replace(word: str, name: OldName) -> list[str]:
    if name.old.endswith("=") and word.startswith(name.old):
        return [name.new[0] + word.removeprefix(name.old)]
    return list(name.new) if word == name.old else []
