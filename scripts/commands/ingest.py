"""`ingest` and `documents`: read documents into memory, and see what is there."""

from __future__ import annotations

import argparse
import os
import subprocess
from typing import TYPE_CHECKING, Any

from f.millrace.core.config import settings
from f.millrace.core.errors import BadInput
from scripts.commands import report
from scripts.commands.display import Display
from scripts.commands.explained import explain
from scripts.commands.output import dump, relative
from scripts.commands.terminal import WIDE, Table, Terminal, framed, shown
from scripts.database.ready import ready
from scripts.paths import ROOT
from scripts.runner.openflow import load_openflow

if TYPE_CHECKING:
    from f.millrace.memory.documents import ShownDocument

FLOW = "ingest_documents"
AROUND = 300


def add(commands: Any) -> None:
    """Declare `ingest` and `documents`."""
    ingest = commands.add_parser(
        "ingest", help="read documents into memory: new, changed, moved and deleted ones"
    )
    ingest.add_argument(
        "paths",
        metavar="PATH",
        nargs="*",
        type=os.path.abspath,
        help="folders and files; none: documents_dirs",
    )
    ingest.add_argument(
        "--namespace", default="main", metavar="NAME", help="keep them apart under this name"
    )
    ingest.add_argument("--again", action="store_true", help="read unchanged documents again too")
    ingest.add_argument(
        "--wait",
        action="store_true",
        help="return when the passages are embedded; else as soon as words find them",
    )
    ingest.add_argument(
        "--json", action="store_true", help="print one JSON object and nothing else"
    )
    ingest.add_argument(
        "--explain",
        action="store_true",
        help="show what the database is asked by this command, and how long it takes",
    )
    for refused in ("--as-of", "--known-at"):
        ingest.add_argument(
            refused, metavar="TIME", help="not for ingest: files are read as they are now"
        )
    ingest.set_defaults(function=explain(run_ingest))
    documents = commands.add_parser(
        "documents", help="the documents in memory, and the passage behind a citation"
    )
    documents.add_argument("what", metavar="list|show", choices=("list", "show"))
    documents.add_argument(
        "document",
        nargs="?",
        metavar="DOCUMENT",
        help="id or citation, e.g. document:doc_0123#offset=400",
    )
    documents.add_argument("--namespace", default="main", metavar="NAME")
    documents.add_argument("--json", action="store_true")
    documents.add_argument("--wide", action="store_true", help=WIDE)
    documents.set_defaults(function=look)


def run_ingest(options: argparse.Namespace) -> int:
    """Run the pipeline over the given paths and return the exit code."""
    if options.as_of or options.known_at:
        raise BadInput(
            "files are read as they are now; ask for an earlier time with memory search --as-of or"
            " --known-at"
        )
    if not options.paths and not any(os.path.isdir(one) for one in settings().documents_dirs):
        raise BadInput(
            f"there is no folder of documents ({', '.join(settings().documents_dirs)}, setting"
            " documents_dirs): name one, scripts/millrace ingest FOLDER, or make it"
        )
    openflow = load_openflow(FLOW)
    inputs = {
        "paths": options.paths,
        "namespace": options.namespace,
        "again": options.again,
        "embed": options.wait,
    }
    with Display(openflow, quiet=options.json) as display:
        ready()
        from scripts.runner import run

        outcome = run.start(openflow, FLOW, inputs, on_event=display.show)
    code = report.outcome(outcome, as_json=options.json)
    result = report.load_report(outcome.run_id)["result"] or {}
    if result.get("to_embed"):
        _embed_in_background(result["to_embed"], options.json)
    problems = result.get("problems", [])
    # What was named and cannot be read is a failure, also the second time.
    return code or int(any(one["path"] in options.paths for one in problems))


def _embed_in_background(count: int, quiet: bool) -> None:
    """Start a process of its own that embeds what waits, and say so; the pipeline `embed_memory`
    does what it leaves.
    """
    subprocess.Popen(
        [str(ROOT / "scripts/millrace"), "run", "embed_memory", "most=1000000", "--json"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    if not quiet:
        print(
            f"\n{count} passages are being embedded in the background; until then they are found by"
            " their words (--wait waits)"
        )


def look(options: argparse.Namespace) -> int:
    """List the documents, or show one, opened at the passage that a citation names."""
    ready()
    if options.what == "list":
        return _list(options)
    return _show(options)


def _list(options: argparse.Namespace) -> int:
    from f.millrace.memory import documents

    rows = documents.list_shown(options.namespace)
    if options.json:
        print(dump(rows))
        return 0
    if not rows:
        print("no documents; scripts/millrace ingest PATH reads some")
        return 0
    table = Table("id", "document", "what it is", keep=("id",))
    for row in rows:
        passages = f"{row['passages']} passage{'' if row['passages'] == 1 else 's'}"
        is_mail = row["kind"] == "mail" and row["title"]
        what = passages if is_mail else f"{row['title']}, {passages}"
        table.add_row(row["id"], _name(row), row["problem"] or what)
    Terminal(wide=options.wide).print(table)
    return 0


def _name(row: ShownDocument) -> str:
    """Return what a person knows a document by: its path, of a mail the subject and the sender,
    whose file is named by a Message-ID.
    """
    if row["kind"] != "mail" or not row["title"]:
        return relative(row["path"])
    author = f", {row['author']}" if row["author"] else ""
    dated = f", {row['dated_at']:%Y-%m-%d}" if row["dated_at"] else ""
    return f"{row['title']}{author}{dated}"


def _show(options: argparse.Namespace) -> int:
    from f.millrace.memory import documents

    if not options.document:
        raise BadInput("say which document; scripts/millrace documents list")
    passage = documents.open_citation(options.document)
    if options.json:
        print(dump(passage))
        return 0
    body, start, end = (
        documents.get(passage["id"])["body"],
        passage["offset"],
        passage["offset"] + passage["length"],
    )
    console = Terminal(soft_wrap=True)
    about = [passage["author"], str(passage["dated_at"] or "")[:10], passage["place"]]
    console.print(f"[bold]{shown(passage['title'])}[/]\n{shown(passage['path'])}")
    console.print(f"[dim]{shown(', '.join(filter(None, about)))}[/]\n")
    before, after = body[max(0, start - AROUND) : start], body[end : end + AROUND]
    console.print(
        "\n".join(
            part
            for part in (
                f"[dim]{framed(before)}[/]" if before else "",
                framed(passage["text"]),
                f"[dim]{framed(after)}[/]" if after else "",
            )
            if part
        )
    )
    return 0
