# requirements:

"""The sources by name. A new one is a file beside this one that defines SOURCE, and its name in the
default of the setting `sources` (core/all_settings).

What can be set for one source is declared in its own file (tools/source_options).
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from f.millrace.core import all_settings, config, errors

if TYPE_CHECKING:
    from f.millrace.core import contracts
    from f.millrace.tools import fetch_state, items, source_options

NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")


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
    read: Callable[[int, fetch_state.FetchState], list[items.SourceItem]]
    trust: contracts.Trust = "untrusted"
    options: type[source_options.Options] | None = None
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
                f"unknown source {name!r}; the bundle has"
                f" {', '.join(all_settings.Settings.sources)}"
            )
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(config.settings().sources)

    def __len__(self) -> int:
        return len(config.settings().sources)


SOURCES: Mapping[str, Source] = _Sources()
