"""Secrets that were planted in sources, settings and faults reach no digest, mail, memory or record
of a run.
"""

import json
import threading

import pytest

from f.millrace.core import config, db
from f.millrace.core.errors import SourceFailed
from f.millrace.core.redaction import MASK
from tests.research.conftest import item
from tests.tools.test_mail import Server

KEY = "sk-live-" + "Zq81" * 8
OWN = "owner-Zq81-secret"
PLANTED = f"The key is {KEY}, and the other one {OWN}."


@pytest.fixture
def mail_server():
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.parametrize("by_smtp", [False, True])
def test_no_digest_mail_memory_or_row_holds_a_planted_secret(
    pipeline, offered, researcher, monkeypatch, mail_server, tmp_path, capfd, by_smtp
):
    monkeypatch.setenv("MILLRACE_BRAVE_API_KEY", OWN)
    if by_smtp:
        monkeypatch.setenv("MILLRACE_SMTP_URL", mail_server.url)
    config.reload()
    title = f"Sodium batteries keep their charge in deep winter {OWN}"
    offered["hackernews"] = [
        item("1", title, text=PLANTED, author=KEY, url=f"https://a.example/?token={KEY}")
    ]
    offered["feeds"] = SourceFailed(f"feeds answered 401 to {KEY}")
    kept = title.replace(OWN, MASK)
    researcher[kept] = lambda found, _: found.model_copy(
        update={"summary": PLANTED, "stopped_because": PLANTED}
    )

    pipeline.run()

    out = "".join(capfd.readouterr())
    files = [
        path.read_bytes().decode(errors="replace") for path in tmp_path.rglob("*") if path.is_file()
    ]
    mails = [mail.decode(errors="replace") for mail in mail_server.mails] if by_smtp else files
    rows = {
        name: json.dumps(db.fetch_all(f'SELECT t::text AS row FROM "{name}" t'))
        for name in tables()
    }
    assert mails and not [text[:200] for text in [*files, *mails, out] if "Zq81" in text]
    assert not [
        (name, text[max(0, text.index("Zq81") - 80) : text.index("Zq81") + 20])
        for name, text in rows.items()
        if "Zq81" in text
    ]


def tables():
    return {
        row["name"]
        for row in db.fetch_all(
            "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'"
        )
    }
