# requirements:

"""The sources by name. A new one is a file beside this one that defines SOURCE, and its name in the
default of the setting `sources` (core/config).

What can be set for one source is declared in its own file, as a class of `Options`, and set under
its name in the setting `source_options`.
"""

import importlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from f.millrace.core import config, contracts, errors
from f.millrace.tools import fetch_state

NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")


class Options(BaseModel):
    """What can be set for one source; each field has a default and a description."""

    model_config = ConfigDict(extra="forbid")


Chosen = TypeVar("Chosen", bound=Options)


@dataclass(frozen=True)
class Source:
    """Something that offers items.

    `read(limit, state)` returns at most `limit` items, newest or best first. It raises SourceFailed
    when nothing could be read, and adds to `state.problems` when only a part could. An empty list
    with `state.unchanged` means no news.

    Attributes:
        complete: Its items hold their whole text: the page behind one is not read.
        chosen: The reader chose each place that it reads, in whatever language that writes.
    """

    name: str
    summary: str
    read: Callable[[int, fetch_state.FetchState], list[contracts.SourceItem]]
    trust: contracts.Trust = "untrusted"
    options: type[Options] | None = None
    complete: bool = False
    chosen: bool = False


class _Sources(Mapping[str, Source]):
    """Imports a source when it is asked for: a step must not load the libraries of the others."""

    def __getitem__(self, name: str) -> Source:
        found = None
        if NAME.fullmatch(name):
            try:
                found = getattr(importlib.import_module(f"f.millrace.tools.{name}"), "SOURCE", None)
            except ModuleNotFoundError as error:
                if error.name != f"f.millrace.tools.{name}":
                    raise
        if not isinstance(found, Source):
            raise errors.BadSetting(
                f"unknown source {name!r}; the bundle has {', '.join(config.Settings.sources)}"
            )
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(config.settings().sources)

    def __len__(self) -> int:
        return len(config.settings().sources)


SOURCES: Mapping[str, Source] = _Sources()


def options_of(name: str, kind: type[Chosen]) -> Chosen:
    """Return what is set for a source; BadSetting names every mistake at once."""
    try:
        return kind.model_validate(config.settings().source_options.get(name, {}))
    except ValidationError as error:
        raise errors.BadSetting(
            "\n".join(
                f"setting source_options.{name}.{'.'.join(str(part) for part in each['loc'])} is"
                f" {each['input']!r}: {each['msg']}; it has {', '.join(kind.model_fields)}"
                for each in error.errors()
            )
        ) from None
