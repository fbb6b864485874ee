"""The command line's parser: what is mistyped is answered with what is meant, help is in groups."""

import argparse
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

from scripts.compiler.reader import closest

INVALID = re.compile(r"(?s)invalid choice: '(?P<word>[^']*)' \(choose from (?P<choices>.*)\)")
# What a byte that is no UTF-8 becomes in Python's arguments.
BYTES = re.compile("[\udc80-\udcff]")


class Parser(argparse.ArgumentParser):
    """argparse's parser; `groups` are the headings of its commands, each with their names."""

    groups: Mapping[str, Sequence[str]] = {}

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and what was probably meant, and end with 2."""
        invalid = INVALID.search(message)
        if invalid:
            choices = re.findall(r"'([^']*)'|([^\s,']+)", invalid["choices"])
            names = [quoted or bare for quoted, bare in choices]
            hint = closest(invalid["word"], names) or f"; there are: {', '.join(names)}"
            message = f"there is no {invalid['word']!r}{hint}"
        self.exit(2, f"{self.prog}: {message}\nSee {self.prog} --help.\n")

    def format_help(self) -> str:
        """Return the help, the commands under their headings."""
        if not self.groups:
            return super().format_help()
        formatter = self._get_formatter()
        formatter.add_usage(self.usage, self._actions, self._mutually_exclusive_groups)
        formatter.add_text(self.description)
        options = [each for each in self._actions if each.option_strings]
        formatter.start_section("options")
        formatter.add_arguments(options)
        formatter.end_section()
        helps = {each.dest: each for each in self._listed_commands()}
        for heading, names in self.groups.items():
            formatter.start_section(heading)
            formatter.add_arguments([helps[name] for name in names if name in helps])
            formatter.end_section()
        return formatter.format_help()

    def _listed_commands(self) -> Iterable[Any]:
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                yield from action._choices_actions


def refuse_bytes(arguments: Sequence[str]) -> str:
    """Return in words which argument is no text in UTF-8; empty when all are."""
    for argument in arguments:
        if BYTES.search(argument):
            shown = argument.encode("utf-8", "surrogateescape").decode("latin-1")
            return (
                f"an argument is not UTF-8: {shown!a}; set the terminal's encoding to UTF-8,"
                " or type it again"
            )
    return ""
