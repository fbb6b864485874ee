# requirements:

"""Mail: over SMTP when a server is set, else into the outbox: a file, or on a worker, whose files
end with the job, a row.

Sending cannot be taken back. The caller gives the Message-ID, the same for the same mail, so that a
receiver can drop a second copy and the outbox has it once; whether a mail may go out is decided
before (trust/actions).
"""

from __future__ import annotations

import base64
import re
import smtplib
import ssl
import unicodedata
from dataclasses import asdict, dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from email.utils import format_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict
from urllib.parse import unquote

from f.millrace.core import config, db, errors, private_files, run_context, windmill
from f.millrace.trust import recipients

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from f.millrace.core import rows

    class KeptMail(TypedDict):
        """A mail of the outbox, without its text."""

        message_id: str
        recipient: str
        subject: str
        made_at: datetime
        run_id: UUID | None


SECONDS = 30
MESSAGE_ID = re.compile(r"<?([A-Za-z0-9][\w.+=-]{0,180}@[A-Za-z0-9][A-Za-z0-9.-]{0,180})>?")
PORTS = {"smtp": 587, "smtps": 465}
PLACE = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s\[\]/?#:@]+)(?::(?P<port>\d{1,5}))?/?")
LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


class Folding(EmailPolicy):
    """SMTP's lines; addresses of a list stay whole, which the library would encode when long."""

    def fold(self, name: str, value: Any) -> str:
        """Return a header's lines."""
        if name.lower() == "list-unsubscribe":
            return f"{name}: " + ",\r\n ".join(str(value).split(", ")) + "\r\n"
        return super().fold(name, value)

    def fold_binary(self, name: str, value: Any) -> bytes:
        """Return a header's lines as they travel."""
        if name.lower() == "list-unsubscribe":
            return self.fold(name, value).encode()
        return super().fold_binary(name, value)


POLICY = Folding(linesep=SMTP.linesep)


@dataclass(frozen=True)
class Server:
    """A mail server as the setting names it; `user` is empty where nobody logs in."""

    scheme: str
    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True)
class Sent:
    """What became of a mail.

    Attributes:
        status: sent: a server took it; outbox: it is kept, nobody has it yet.
        path: The file in the outbox; empty on a worker, where it is a row.
    """

    message_id: str
    status: Literal["sent", "outbox", "dry_run"]
    path: str = ""

    def to_json(self) -> dict[str, str]:
        """Return it as JSON has it."""
        return asdict(self)


@dataclass(frozen=True)
class Listing:
    """What a mail to subscribers says of its list.

    Attributes:
        name: The list as people call it.
        key: What tells it from other lists of the sender, one word.
        unsubscribe: Addresses that unsubscribe: mailto, and https when one click does it.
    """

    name: str
    key: str
    unsubscribe: list[str] = field(default_factory=list)


class DeliveryUnknown(errors.ToolFailed):
    """The connection was lost while the mail was handed over: it may have been sent. See the
    setting `smtp_unknown`.
    """


def send(
    to: str,
    subject: str,
    text: str,
    html: str = "",
    message_id: str = "",
    listing: Listing | None = None,
) -> Sent:
    """Send one mail to one address; `message_id` names it, and the same name means the same mail.

    `listing` makes it a mail to subscribers, who can unsubscribe.
    ToolFailed when it was not sent; DeliveryUnknown when it may have been.
    """
    found = MESSAGE_ID.fullmatch(message_id.strip())
    if not found:
        raise errors.BadInput(f"message_id must look like name@host, not {message_id[:80]!r}")
    message = compose(to, subject, text, html, found[1], listing=listing)
    if run_context.current().dry_run:
        return Sent(message_id=found[1], status="dry_run")
    url = _server_for(to)
    if url:
        _hand_over(message, url)
        return Sent(message_id=found[1], status="sent")
    if windmill.on_worker():
        # Plain UTF-8, not encoded for transport, so that `forget` finds in it what it mentions.
        _keep(compose(to, subject, text, html, found[1], "8bit", listing), found[1])
        return Sent(message_id=found[1], status="outbox")
    return Sent(message_id=found[1], status="outbox", path=str(_write(message, found[1])))


def _server_for(to: str) -> str:
    """Return the server that takes a mail for this address; empty: it stays in the outbox, as it
    always does for the reader of an installation that nobody has set up.
    """
    return "" if to.strip() == recipients.OWN else config.settings().smtp_url.get_secret_value()


def look(message_id: str, to: str = "") -> Sent | bool | None:
    """Return what became of a mail whose sender died: what lies in the outbox can be seen, what a
    server took cannot (None).
    """
    if _server_for(to):
        return None
    if windmill.on_worker():
        kept = db.fetch_one("SELECT 1 FROM outbox WHERE message_id = %s", [message_id])
        return Sent(message_id=message_id, status="outbox") if kept else False
    path = _file(message_id)
    return Sent(message_id=message_id, status="outbox", path=str(path)) if path.is_file() else False


def list_kept() -> list[KeptMail]:
    """Return the mails that workers kept because no server is set, the newest first; without their
    texts.
    """
    return db.fetch_all(
        "SELECT message_id, recipient, subject, made_at, run_id FROM outbox ORDER BY made_at DESC,"
        " message_id"
    )


def find_kept(message_id: str) -> rows.Outbox | None:
    """Return one of them whole: `content` is the mail as a file holds it; None when there is none
    of that Message-ID.
    """
    return db.fetch_one("SELECT * FROM outbox WHERE message_id = %s", [message_id])


def compose(
    to: str,
    subject: str,
    text: str,
    html: str,
    message_id: str,
    encoding: str | None = None,
    listing: Listing | None = None,
) -> EmailMessage:
    """Return the mail: plain text, and HTML as its alternative when there is some; `encoding` is
    that of both for transport.
    """
    message = EmailMessage(policy=POLICY)
    settings = config.settings()
    message["From"] = _address(settings.mail_from, "the setting mail_from", settings.mail_name)
    message["To"] = _address(to, "the recipient")
    message["Subject"] = " ".join(subject.split())[:250]
    message["Date"] = format_datetime(run_context.now())
    message["Message-ID"] = f"<{message_id}>"
    message["Auto-Submitted"] = "auto-generated"
    if listing:
        _add_list_headers(message, listing)
    message.set_content(text, cte=encoding)
    if html:
        message.add_alternative(html, subtype="html", cte=encoding)
    return message


def _add_list_headers(message: EmailMessage, listing: Listing) -> None:
    """Add a list's name and how to leave it (RFC 2369, 2919 and 8058)."""
    domain = str(message["From"].addresses[0].domain)
    name = re.sub(r"[^ \w-]", "", listing.name, flags=re.ASCII).strip()
    message["List-Id"] = f"{name} <{listing.key}.{domain}>"
    if listing.unsubscribe:
        message["List-Unsubscribe"] = ", ".join(f"<{url}>" for url in listing.unsubscribe)
    if any(url.startswith("https:") for url in listing.unsubscribe):
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    if config.settings().reply_to.strip():
        message["Reply-To"] = _address(config.settings().reply_to, "the setting reply_to")


def _address(text: str, what: str, name: str = "") -> Address:
    try:
        if "\r" in text or "\n" in text:
            raise ValueError("it has a line break")
        local, _, domain = recipients.check_address(text).rpartition("@")
        return Address(
            display_name=" ".join(name.split()), username=local, domain=wire_domain(domain)
        )
    except (ValueError, IndexError) as error:
        raise errors.BadInput(f"{what} {text[:80]!r} is not a mail address: {error}") from error
    except Exception as error:  # email.errors of broken addresses are of several kinds
        raise errors.BadInput(f"{what} {text[:80]!r} is not a mail address") from error


def _keep(message: EmailMessage, message_id: str) -> None:
    """Store a mail as a row; the same Message-ID again is the same row."""
    content = (
        message.as_bytes(policy=POLICY.clone(utf8=True))
        .decode("utf-8", errors="replace")
        .replace("\x00", "")
    )
    db.execute(
        "INSERT INTO outbox (message_id, recipient, subject, content, run_id) VALUES (%s, %s, %s,"
        " %s, %s) ON CONFLICT (message_id) DO UPDATE SET recipient = excluded.recipient, subject ="
        " excluded.subject, content = excluded.content, made_at = clock_timestamp(), run_id ="
        " excluded.run_id",
        [
            message_id,
            str(message["To"]),
            str(message["Subject"]),
            content,
            run_context.current().run_id or None,
        ],
    )


def file_name(message_id: str) -> str:
    """Return what a mail's file is called."""
    return re.sub(r"[^A-Za-z0-9._@+-]", "_", message_id) + ".eml"


def _file(message_id: str) -> Path:
    return Path(config.settings().outbox_dir) / file_name(message_id)


def _write(message: EmailMessage, message_id: str) -> Path:
    path = _file(message_id)
    folder = path.parent
    try:
        private_files.make_folder(folder)
        private_files.write(path, message.as_bytes(policy=_policy(message)))
    except OSError as error:
        raise errors.ToolFailed(
            f"the outbox {folder} cannot be written: {error.strerror} (setting outbox_dir)"
        ) from error
    return path


def server_of(url: str) -> Server:
    """Return the server that the setting `smtp_url` names; BadSetting says how it must look.

    User and password may be percent-encoded, and need not be: the last @ ends them.
    """
    scheme, there, rest = url.strip().partition("://")
    login, _, place = rest.rpartition("@")
    user, _, password = login.partition(":")
    found = PLACE.fullmatch(place)
    if scheme.lower() not in PORTS or not there or not found or int(found["port"] or 1) > 65_535:
        raise errors.BadSetting(
            "smtp_url must look like smtp://user:password@host:587 or"
            " smtps://user:password@host:465"
        )
    return Server(
        scheme.lower(),
        wire_domain(found["host"].strip("[]")),
        int(found["port"] or 0) or PORTS[scheme.lower()],
        unquote(user),
        unquote(password),
    )


def wire_domain(domain: str) -> str:
    """Return a domain as it travels: letters outside of ASCII in Punycode (RFC 3492)."""
    plain = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", domain).lower())
    labels = plain.replace("\u3002", ".").split(".")
    return ".".join(
        label if label.isascii() else f"xn--{label.encode('punycode').decode()}" for label in labels
    )


def _hand_over(message: EmailMessage, url: str) -> None:
    to = server_of(url)
    place = f"{to.host}:{to.port}"
    sender, recipient = _wire_address(message, "From"), _wire_address(message, "To")
    try:
        server = _connect(to)
    except (OSError, smtplib.SMTPException) as error:
        raise _fault(
            f"the mail server {place} cannot be reached: {error}",
            temporary=not isinstance(error, ssl.SSLCertVerificationError)
            and _is_temporary(getattr(error, "smtp_code", 0)),
        ) from error
    try:
        if to.user:
            _log_in(server, to)
        beyond_ascii = not (sender + recipient).isascii()
        if beyond_ascii and not server.has_extn("smtputf8"):
            raise _fault(
                f"{sender} or {recipient} has letters that the mail server {place} does not take"
                " (it offers no SMTPUTF8)"
            )
        options = ["SMTPUTF8", "BODY=8BITMIME"] if beyond_ascii else []
        _require(server.mail(sender, options), f"from {sender}", place)
        _require(server.rcpt(recipient), f"for {recipient}", place)
        _send_body(server, message.as_bytes(policy=_policy(message)), place)
    except smtplib.SMTPResponseException as error:
        words = _in_words(error.smtp_code, error.smtp_error)
        raise _fault(
            f"the mail server {place} refused the mail: {words}", _is_temporary(error.smtp_code)
        ) from error
    except smtplib.SMTPException as error:
        lost = isinstance(error, smtplib.SMTPServerDisconnected)
        raise _fault(f"the mail server {place} refused the mail: {error}", lost) from error
    except UnicodeError as error:
        raise _fault(
            f"{sender} or {recipient} has letters that the mail server {place} does not take"
        ) from error
    except OSError as error:
        raise _fault(
            f"the connection to the mail server {place} was lost before the mail was sent: {error}",
            temporary=True,
        ) from error
    finally:
        _leave(server)


def _wire_address(message: EmailMessage, name: str) -> str:
    return str(message[name].addresses[0].addr_spec)


def _policy(message: EmailMessage) -> EmailPolicy:
    """Return how the mail is written: an address beyond ASCII cannot be encoded (RFC 6532)."""
    wide = not all(_wire_address(message, name).isascii() for name in ("From", "To"))
    return POLICY.clone(utf8=wide)


def _fault(words: str, temporary: bool = False) -> errors.ToolFailed:
    fault = errors.ToolFailed(words)
    fault.temporary = temporary
    return fault


def _is_temporary(code: int) -> bool:
    """Tell whether the mail may go later: all but what a server refuses for good (RFC 5321, 4.2.1);
    an answer that is none says nothing of that.
    """
    return not 500 <= code < 600


def _in_words(code: int, answer: bytes | str) -> str:
    words = answer.decode(errors="replace") if isinstance(answer, bytes) else str(answer)
    return f"{code if code > 0 else ''} {' '.join(words.split())[:200]}".strip() or "nothing"


def _require(reply: tuple[int, bytes], what: str, place: str) -> None:
    code, answer = reply
    if not 200 <= code < 300:
        raise _fault(
            f"the mail server {place} does not take mail {what}: {_in_words(code, answer)}",
            _is_temporary(code),
        )


def _connect(to: Server) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if to.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(to.host, to.port, timeout=SECONDS, context=context)
        server.ehlo_or_helo_if_needed()
        return server
    server = smtplib.SMTP(to.host, to.port, timeout=SECONDS)
    server.ehlo_or_helo_if_needed()
    if server.has_extn("starttls"):
        server.starttls(context=context)
        server.ehlo()
    return server


def _log_in(server: smtplib.SMTP, to: Server) -> None:
    if to.host not in LOCAL and not isinstance(server.sock, ssl.SSLSocket):
        raise errors.ToolFailed(
            f"the mail server {to.host} offers no encryption; the password was not sent"
        )
    if (to.user + to.password).isascii():
        server.login(to.user, to.password)
        return
    # The library sends ASCII only; these two ways take UTF-8 (RFC 4616, and LOGIN by custom).
    if "PLAIN" in server.esmtp_features.get("auth", "").upper().split():
        code, answer = server.docmd(
            "AUTH", f"PLAIN {_base64(f'{chr(0)}{to.user}{chr(0)}{to.password}')}"
        )
    else:
        code, answer = server.docmd("AUTH", f"LOGIN {_base64(to.user)}")
        if code == 334:
            code, answer = server.docmd(_base64(to.password))
    if code not in (235, 503):
        raise smtplib.SMTPAuthenticationError(code, answer)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _send_body(server: smtplib.SMTP, content: bytes, place: str) -> None:
    """Send the content; from then to the server's answer nobody can know whether it was taken."""
    code, answer = server.docmd("data")
    if code != 354:
        raise _fault(
            f"the mail server {place} refused the mail: {_in_words(code, answer)}",
            _is_temporary(code),
        )
    try:
        # A line that begins with a dot gets another one (RFC 5321, 4.5.2).
        stuffed = re.sub(rb"(?m)^\.", b"..", content)
        server.send(stuffed + (b"" if stuffed.endswith(b"\r\n") else b"\r\n") + b".\r\n")
        code, answer = server.getreply()
    except (OSError, smtplib.SMTPException) as error:
        raise DeliveryUnknown(
            f"the connection to {place} was lost while the mail was handed over: {error}"
        ) from error
    if 400 <= code < 600:
        raise _fault(
            f"the mail server {place} refused the mail: {_in_words(code, answer)}",
            _is_temporary(code),
        )
    if not 200 <= code < 300:
        raise DeliveryUnknown(
            f"the mail server {place} answered the mail with what says neither yes nor no:"
            f" {_in_words(code, answer)}"
        )


def _leave(server: smtplib.SMTP) -> None:
    try:
        server.quit()
    except (OSError, smtplib.SMTPException):
        server.close()
