"""`memory retract|forget|export|import`: taking back what a source said, deleting a subject, moving
memory.
"""

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from f.millrace.core.errors import BadInput
from f.millrace.memory.export import export, import_
from f.millrace.memory.retract import unretract, withdraw
from scripts.commands.output import dump
from scripts.database.ready import ready


def add(actions: Any, common: argparse.ArgumentParser) -> None:
    """Declare the actions."""
    # Unset it is main, of an import what its file names; to forget is for all of them.
    common.set_defaults(namespace=None)
    retracting = actions.add_parser(
        "retract", parents=[common], help="withdraw what a source said and what was derived from it"
    )
    retracting.add_argument(
        "source",
        metavar="SOURCE|ID",
        help="a name, an address, a document, a folder with /, or an item",
    )
    retracting.add_argument("--reason", metavar="WORDS", default="")
    retracting.add_argument("--lift", action="store_true", help="undo the retraction of a source")
    retracting.set_defaults(function=retract_source)
    forgetting = actions.add_parser(
        "forget", parents=[common], help="really delete all that mentions a subject, everywhere"
    )
    forgetting.add_argument(
        "subject", metavar="SUBJECT", help="a name, an address, a source or an item's id"
    )
    forgetting.add_argument("--dry-run", action="store_true", help="only count what mentions it")
    forgetting.set_defaults(function=forget_subject)
    exporting = actions.add_parser(
        "export", parents=[common], help="write a namespace as lines of JSON"
    )
    exporting.add_argument(
        "file",
        metavar="FILE",
        type=_path,
        nargs="?",
        default="-",
        help="- (default) is standard output",
    )
    exporting.set_defaults(function=export_to)
    importing = actions.add_parser(
        "import", parents=[common], help="read an export, all or nothing"
    )
    importing.add_argument("file", metavar="FILE", type=_path, help="- is standard input")
    importing.set_defaults(function=import_from)


def retract_source(options: argparse.Namespace) -> int:
    """Withdraw a source, or one item."""
    from f.millrace.ops import retract

    ready()
    if options.lift:
        unretract(options.source, namespace=options.namespace)
        done: dict[str, Any] = {"lifted": options.source}
    elif options.source.startswith("mem_"):
        fell = withdraw([options.source], options.reason)
        done = {
            "withdrawn": len(fell.withdrawn),
            "derived": len(fell.derived),
            "restored": len(fell.restored),
            "ids": [*fell.withdrawn, *fell.derived],
        }
    else:
        done = retract.main(options.source, options.reason, options.namespace)
    return _print(done, options.json)


def forget_subject(options: argparse.Namespace) -> int:
    """Delete a subject everywhere; exit code 1 when something still mentions it."""
    from f.millrace.ops import forget

    if options.namespace is not None:
        raise BadInput(
            f"memory forget deletes in every namespace, not only in {options.namespace!r}: nothing"
            " may be left of a subject. Leave --namespace out, or forget one item by its id"
        )
    ready()
    done = forget.main(options.subject, options.dry_run)
    _print(done, options.json)
    return 0 if done["proved"] or options.dry_run else 1


def export_to(options: argparse.Namespace) -> int:
    """Write one record a line."""
    ready()
    records = export(options.namespace, options.as_of, options.known_at)
    lines = (json.dumps(record, ensure_ascii=False, default=_to_json) + "\n" for record in records)
    if options.file == "-":
        sys.stdout.writelines(lines)
        return 0
    try:
        with open(options.file, "w", encoding="utf-8", opener=_open_private) as file:
            count = sum(1 for line in lines if file.write(line)) - 1
    except OSError as error:
        raise BadInput(
            f"cannot write {options.file}: {error.strerror}; name another file, or - to print it"
        ) from error
    return _print({"file": options.file, "records": count}, options.json)


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def import_from(options: argparse.Namespace) -> int:
    """Store the records of an export."""
    ready()
    return _print({"imported": import_(_records(options.file), options.namespace)}, options.json)


def _records(file: str) -> Iterator[dict[str, Any]]:
    try:
        with (
            contextlib.nullcontext(sys.stdin) if file == "-" else open(file, encoding="utf-8")
        ) as lines:
            for number, line in enumerate(lines, 1):
                try:
                    yield json.loads(line)
                except ValueError as error:
                    raise BadInput(f"line {number} of {file} is not JSON: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"cannot read {file!r}: {error}") from error


def _path(file: str) -> str:
    """Return the file as it is meant where the command was typed; commands run in the checkout."""
    return file if file == "-" else str(Path(file).expanduser().absolute())


def _to_json(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _print(done: dict[str, Any], as_json: bool) -> int:
    if as_json:
        print(dump(done))
        return 0
    for name, value in done.items():
        if value not in ({}, [], None):
            if isinstance(value, dict):
                value = ", ".join(f"{key} {count}" for key, count in value.items())
            print(f"{name}: {value}")
    return 0
