"""Mail goes to a server or to the outbox."""

import base64
import email
import email.policy
import os
import socketserver
import threading
from pathlib import Path

import pytest

from f.millrace.core import config, db
from f.millrace.core.errors import BadInput, BadSetting, ToolFailed
from f.millrace.core.run_context import Context, use
from f.millrace.memory import forget
from f.millrace.telemetry import upkeep
from f.millrace.tools import mail
from f.millrace.trust import recipients


class Server(socketserver.ThreadingTCPServer):
    """An SMTP server that takes mail, or behaves as the test asks."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Session)
        self.mails: list[bytes] = []
        self.refuse = b""
        self.vanish = False
        self.last_word = b"250 taken"
        self.before_content = b"354 go"
        self.offers: tuple[bytes, ...] = ()
        self.heard: list[bytes] = []

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.server_address[1]}"


class Session(socketserver.StreamRequestHandler):
    server: Server

    def handle(self) -> None:
        self.wfile.write(b"220 hello\r\n")
        while line := self.rfile.readline():
            verb = line[:4].upper()
            self.server.heard.append(line.strip())
            if verb == b"QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            if verb == b"RCPT" and self.server.refuse:
                self.wfile.write(self.server.refuse + b"\r\n")
            elif verb == b"EHLO":
                names = (b"mail", *self.server.offers)
                lines = [b"250-" + name for name in names[:-1]] + [b"250 " + names[-1]]
                self.wfile.write(b"".join(line + b"\r\n" for line in lines))
            elif verb == b"AUTH":
                self.wfile.write(b"235 welcome\r\n")
            elif verb == b"DATA":
                self.wfile.write(self.server.before_content + b"\r\n")
                if not self.server.before_content.startswith(b"354"):
                    continue
                body = b""
                while (piece := self.rfile.readline()) != b".\r\n":
                    body += piece
                self.server.mails.append(body)
                if self.server.vanish:
                    return
                self.wfile.write(self.server.last_word + b"\r\n")
            else:
                self.wfile.write(b"250 fine\r\n")


@pytest.fixture
def smtp(configure):
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        configure(smtp_url=server.url)
        yield server
        server.shutdown()
        thread.join()


def send(**changes):
    given = {
        "to": "a@b.example",
        "subject": "Today",
        "text": "plain",
        "html": "<p>rich</p>",
        "message_id": "d1@millrace",
    }
    return mail.send(**(given | changes))


def read(path: str) -> email.message.EmailMessage:
    return email.message_from_bytes(Path(path).read_bytes(), policy=email.policy.default)


def test_without_a_server_the_mail_is_a_file(tmp_path):
    sent = send(subject="Grüße 📬\nInjected: x")

    written = read(sent.path)
    assert (sent.status, sent.message_id) == ("outbox", "d1@millrace")
    assert written["Message-ID"] == "<d1@millrace>"
    assert written["Subject"] == "Grüße 📬 Injected: x"
    assert written["Injected"] is None
    assert written.get_body(("plain",)).get_content().strip() == "plain"
    assert written.get_body(("html",)).get_content().strip() == "<p>rich</p>"


def test_the_same_mail_twice_is_one_file(tmp_path):
    assert send().path == send().path
    assert os.listdir(tmp_path / "outbox") == ["d1@millrace.eml"]


@pytest.mark.parametrize("name", ["", "no-host", "../../etc/x@y", "a b@c", "a@b\nBcc: x@y"])
def test_a_message_id_must_be_one(name):
    with pytest.raises(BadInput, match="message_id"):
        send(message_id=name)


@pytest.mark.parametrize("to", ["", "nobody", "a@b.example\nBcc: c@d.example", "a@b, c@d"])
def test_a_recipient_must_be_one_address(to):
    with pytest.raises(BadInput):
        send(to=to)


def test_a_dry_run_sends_nothing(smtp):
    with use(Context(dry_run=True)):
        assert send().status == "dry_run"

    assert smtp.mails == []


def test_a_server_takes_the_mail(smtp):
    assert send().status == "sent"
    assert b"Message-ID: <d1@millrace>" in smtp.mails[0]


def test_a_refused_recipient_was_not_sent(smtp):
    smtp.refuse = b"550 unknown here"

    with pytest.raises(
        ToolFailed, match=r"does not take mail for a@b\.example: 550 unknown here"
    ) as caught:
        send()
    assert not isinstance(caught.value, mail.DeliveryUnknown)


def test_a_connection_lost_after_the_content_is_unknown(smtp):
    smtp.vanish = True

    with pytest.raises(mail.DeliveryUnknown):
        send()


def test_a_server_that_is_not_there_is_a_failure(configure):
    configure(smtp_url="smtp://127.0.0.1:1")

    with pytest.raises(ToolFailed, match=r"127\.0\.0\.1:1 cannot be reached"):
        send()


def test_an_smtp_url_of_another_kind_is_a_bad_setting(configure):
    configure(smtp_url="http://mail.example")

    with pytest.raises(BadSetting):
        send()


def test_an_outbox_that_cannot_be_written_is_said(configure, tmp_path):
    (tmp_path / "file").write_text("x")
    configure(outbox_dir=tmp_path / "file" / "outbox")

    with pytest.raises(ToolFailed, match="outbox"):
        send()


def test_on_a_worker_the_mail_is_a_row_that_outlives_the_job(database, worker, tmp_path):
    rich = "<p>" + "Grüße an Ada Byron. " * 200 + "</p>"

    sent = [send(subject="Grüße 📬", text="Für Zoë\x00", html=rich) for _ in range(2)]

    assert [one.to_json() for one in sent] == 2 * [
        {"message_id": "d1@millrace", "status": "outbox", "path": ""}
    ]
    assert not (tmp_path / "outbox").exists()
    (row,) = db.fetch_all("SELECT * FROM outbox")
    assert (row["recipient"], row["subject"]) == ("a@b.example", "Grüße 📬")
    # As text, not encoded for transport: so `forget` finds whom it mentions.
    assert rich in row["content"] and "Für Zoë" in row["content"]
    message = email.message_from_bytes(row["content"].encode(), policy=email.policy.default)
    assert (message["Subject"], message["Message-ID"]) == ("Grüße 📬", "<d1@millrace>")
    assert message.get_body(("plain",)).get_content().strip() == "Für Zoë"
    assert message.get_body(("html",)).get_content().strip() == rich


def test_on_a_worker_what_became_of_a_mail_can_be_seen(database, worker):
    assert mail.look("d1@millrace") is False
    send()
    assert mail.look("d1@millrace") == mail.Sent(message_id="d1@millrace", status="outbox")


def test_on_a_worker_with_a_server_nothing_is_kept(database, worker, smtp):
    assert send().status == "sent"
    assert db.fetch_all("SELECT 1 FROM outbox") == []


def test_a_mail_belongs_to_its_run(database, worker):
    run_id = "00000000-0000-0000-0000-00000000000a"
    with use(Context(run_id=run_id)):
        send()

    assert [str(row["run_id"]) for row in mail.list_kept()] == [run_id]


def test_old_mails_leave_the_outbox_of_the_workers(database, worker, configure):
    configure(event_days=7)
    for number in (6, 8):
        send(message_id=f"d{number}@millrace")
        db.execute(
            "UPDATE outbox SET made_at = now() - make_interval(days => %s) WHERE message_id = %s",
            [number, f"d{number}@millrace"],
        )

    assert upkeep.prune()["mails"] == 1
    assert [row["message_id"] for row in mail.list_kept()] == ["d6@millrace"]


def test_forgetting_somebody_takes_their_mails_out_of_the_outbox(database, worker):
    send(
        html="<p>"
        + "About the harbour. " * 100
        + "Zoë Ångström said so. "
        + "And more. " * 100
        + "</p>"
    )
    send(message_id="d2@millrace", to="zoe@angstrom.example")
    send(message_id="d3@millrace")

    for subject in ("Zoë Ångström", "zoe@angstrom.example"):
        assert forget.forget(subject).proved

    assert [row["message_id"] for row in mail.list_kept()] == ["d3@millrace"]


def test_a_mail_of_a_list_says_how_to_leave_it(configure):
    configure(
        mail_from="news@home.example", mail_name="Millrace at home", reply_to="say@home.example"
    )
    long = "https://mail.example/" + "a" * 120
    listing = mail.Listing("Millrace, daily", "daily", [long, "mailto:say@home.example?subject=x"])

    raw = Path(send(listing=listing).path).read_bytes()

    written = email.message_from_bytes(raw, policy=email.policy.default)
    assert str(written["From"]) == "Millrace at home <news@home.example>"
    assert str(written["Reply-To"]) == "say@home.example"
    assert written["List-Id"] == "Millrace daily <daily.home.example>"
    assert written["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    # Whole, however long: an encoded address unsubscribes nobody.
    assert f"List-Unsubscribe: <{long}>,\r\n <mailto:say@home.example?subject=x>".encode() in raw


def test_without_a_web_address_nothing_promises_one_click():
    written = read(send(listing=mail.Listing("M", "m", ["mailto:a@b.example"])).path)

    assert written["List-Unsubscribe"] == "<mailto:a@b.example>"
    assert written["List-Unsubscribe-Post"] is None and written["Reply-To"] is None
    assert read(send().path)["List-Id"] is None


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("smtp://u:p#a/s?s@host:25", ("smtp", "host", 25, "u", "p#a/s?s")),
        (
            "smtps://a@b.example:p%40ss@mail.example",
            ("smtps", "mail.example", 465, "a@b.example", "p@ss"),
        ),
        ("smtp://u:100%@host", ("smtp", "host", 587, "u", "100%")),
        ("smtp://u:grün@[::1]:2525/", ("smtp", "::1", 2525, "u", "grün")),
        ("smtp://mail.bücher.example", ("smtp", "mail.xn--bcher-kva.example", 587, "", "")),
    ],
)
def test_a_server_is_read_with_whatever_letters_its_password_has(url, found):
    server = mail.server_of(url)

    assert (server.scheme, server.host, server.port, server.user, server.password) == found


@pytest.mark.parametrize(
    "url", ["mail.example:587", "smtp:mail.example", "smtp://", "smtp://u:p@", "smtp://h:99999"]
)
def test_what_names_no_server_is_a_bad_setting(url):
    with pytest.raises(BadSetting, match="smtp://user:password@host:587"):
        mail.server_of(url)


def test_a_setting_without_a_scheme_is_refused_at_once(configure):
    configure(smtp_url="mail.example:587")

    with pytest.raises(BadSetting, match="smtp_url"):
        config.settings()


def test_a_domain_in_other_letters_travels_in_ascii(smtp):
    send(to="ann@bücher.example")

    assert b"rcpt TO:<ann@xn--bcher-kva.example>" in smtp.heard
    assert b"To: ann@xn--bcher-kva.example" in smtp.mails[0]


def test_a_name_in_other_letters_needs_a_server_that_takes_it(smtp):
    with pytest.raises(ToolFailed, match="SMTPUTF8"):
        send(to="jörg@b.example")

    smtp.offers = (b"SMTPUTF8", b"8BITMIME")
    assert send(to="jörg@b.example").status == "sent"
    assert "rcpt TO:<jörg@b.example>".encode() in smtp.heard
    assert "To: jörg@b.example".encode() in smtp.mails[0]


def test_a_password_in_other_letters_is_sent_in_utf_8(smtp, configure):
    smtp.offers = (b"AUTH PLAIN LOGIN",)
    configure(smtp_url=smtp.url.replace("://", "://ann:gr#ün@"))

    send()

    (said,) = [line for line in smtp.heard if line.startswith(b"AUTH PLAIN ")]
    assert base64.b64decode(said.split()[2]).decode() == "\0ann\0gr#ün"


@pytest.mark.parametrize("to", ["a..b@c.example", ".a@c.example", "a@c..example", "a@-c.example"])
def test_an_address_that_no_server_can_know_is_refused(to):
    with pytest.raises(BadInput, match="not a mail address"):
        recipients.check_address(to)


@pytest.mark.parametrize("word", [b"250 taken", b"251 passed on", b"250-two\r\n250 lines"])
def test_whatever_says_yes_to_the_content_is_a_mail_that_was_sent(smtp, word):
    smtp.last_word = word

    assert send().status == "sent"


@pytest.mark.parametrize(
    "word", [b"OK queued as 17", b"", b"354 go on", b"199 hm", b"600 no", b"250" + b"x" * 9000]
)
def test_an_answer_to_the_content_that_is_none_leaves_it_unknown(smtp, word):
    smtp.last_word = word

    with pytest.raises(mail.DeliveryUnknown):
        send()
    assert len(smtp.mails) == 1


@pytest.mark.parametrize(
    ("word", "temporary"), [(b"451 later", True), (b"552 too large", False), (b"OK go", True)]
)
def test_what_comes_before_the_content_is_a_mail_that_was_not_sent(smtp, word, temporary):
    smtp.before_content = word

    with pytest.raises(ToolFailed) as failed:
        send()
    assert not isinstance(failed.value, mail.DeliveryUnknown) and smtp.mails == []
    assert failed.value.temporary is temporary


def test_a_line_that_begins_with_a_dot_arrives_as_it_was(smtp):
    send(text="one\n.two\n..three\n.\nfour", html="")

    body = smtp.mails[0].replace(b"\r\n..", b"\r\n.").decode()
    assert body.rstrip().endswith("one\r\n.two\r\n..three\r\n.\r\nfour")


def test_mails_and_their_folder_are_their_owners_alone(configure, tmp_path):
    configure(outbox_dir=str(tmp_path / "new" / "box"))

    path = Path(send().path)

    assert path.stat().st_mode & 0o777 == 0o600
    assert {folder.stat().st_mode & 0o777 for folder in list(path.parents)[:2]} == {0o700}
