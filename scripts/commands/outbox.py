"""`outbox`: the mails that no server was set to take, of this machine (files) and of the workers
(rows).
"""

import argparse
import os
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

from f.millrace.core import config, private_files, visible_text
from f.millrace.core.errors import BadInput, NotFound
from f.millrace.tools import mail
from scripts.commands.output import dump, relative
from scripts.commands.terminal import WIDE, Terminal, line, shown
from scripts.database.ready import ready
from scripts.paths import ROOT

DATABASE = "database"


def add(commands: Any) -> None:
    """Declare `outbox list|show|save`."""
    parser = commands.add_parser(
        "outbox",
        help="mails that nobody got because no SMTP server is set: list, show or save them",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="list|show|save")
    listed = actions.add_parser("list", help="list them, the newest first")
    listed.add_argument("--json", action="store_true")
    listed.add_argument("--wide", action="store_true", help=WIDE)
    listed.set_defaults(function=list_mails)
    show = actions.add_parser("show", help="print one: headers and text")
    show.add_argument("id", metavar="ID", help="its Message-ID, or the beginning of it")
    show.set_defaults(function=show_mail)
    save = actions.add_parser(
        "save", help="write those of the workers as .eml files, which mail programs open"
    )
    save.add_argument("folder", metavar="FOLDER", type=os.path.abspath)
    save.set_defaults(function=save_mails)


def list_mails(options: argparse.Namespace) -> int:
    """Print every mail: when it was made, for whom, what about, and where it is."""
    ready()
    rows = _all()
    if options.json:
        print(dump({"mails": rows}))
        return 0
    if not rows:
        print("The outbox is empty.")
        return 0
    console = Terminal(wide=options.wide)
    for row in rows:
        console.print_row(
            f"{row['made_at']:%Y-%m-%d %H:%M}  {shown(row['recipient'])}  {shown(row['subject'])}"
        )
        console.print_row(f"  {shown(row['message_id'])}  ({shown(row['where'])})")
    return 0


def show_mail(options: argparse.Namespace) -> int:
    """Print one mail as a person reads it."""
    ready()
    found = [row for row in _all() if row["message_id"].startswith(options.id.strip("<>"))]
    if not found:
        raise NotFound(
            f"no mail in the outbox has the id {options.id!r}; scripts/millrace outbox list shows"
            " them"
        )
    if len({row["message_id"] for row in found}) > 1:
        raise BadInput(f"{options.id!r} is the beginning of several ids; give more of it")
    message = message_from_bytes(_content(found[0]), policy=policy.default)
    for name in ("Date", "From", "To", "Subject", "Message-ID"):
        print(f"{name}: {line(message[name])}")
    body = message.get_body(("plain", "html"))
    print("\n" + visible_text.block(body.get_content() if body else ""))
    return 0


def save_mails(options: argparse.Namespace) -> int:
    """Write the mails that workers kept into a folder; those of this machine are files already."""
    ready()
    folder = Path(options.folder)
    rows = [row for row in _all() if row["where"] == DATABASE]
    try:
        private_files.make_folder(folder)
        for row in rows:
            private_files.write(folder / mail.file_name(row["message_id"]), _content(row))
    except OSError as error:
        raise BadInput(
            f"cannot write to {folder}: {error.strerror}; name a folder that can be written"
        ) from error
    print(f"{len(rows)} mail{'' if len(rows) == 1 else 's'} saved in {relative(folder)}")
    return 0


def _all() -> list[dict[str, Any]]:
    rows = [{**row, "where": DATABASE} for row in mail.list_kept()] + [
        _read_file(path) for path in _files()
    ]
    return sorted(rows, key=lambda row: row["made_at"], reverse=True)


def _files() -> list[Path]:
    return sorted(Path(config.settings().outbox_dir).glob("*.eml"))


def _read_file(path: Path) -> dict[str, Any]:
    message = message_from_bytes(path.read_bytes(), policy=policy.default)
    return {
        "message_id": str(message["Message-ID"] or path.stem).strip(" <>\r\n"),
        "recipient": str(message["To"] or ""),
        "subject": str(message["Subject"] or ""),
        "made_at": datetime.fromtimestamp(path.stat().st_mtime, UTC),
        "run_id": None,
        "where": relative(path),
    }


def _content(row: dict[str, Any]) -> bytes:
    kept = mail.find_kept(row["message_id"]) if row["where"] == DATABASE else None
    return kept["content"].encode() if kept else (ROOT / row["where"]).read_bytes()
