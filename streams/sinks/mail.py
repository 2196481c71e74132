"""E-mail by SMTP: a message a notice, those of one incident in one thread.

A resend has the same Message-ID, by which many mail systems drop the second copy. The server's certificate is checked
against the authorities of this machine, or `ca_file`; one that offers no STARTTLS where it is asked for is refused.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Callable
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as POLICY
from email.utils import format_datetime
from typing import Any, ClassVar, Self

from schemas.errors import BadConfig
from schemas.fold import digest
from schemas.incident import Incident
from streams import clock, telemetry
from streams.config import Mail, Notify, read_secret
from streams.notify.links import Links
from streams.notify.sink import Delivered, Notice, Outcome, Refused, Request, Retry, Sink, incident_of, one_line, secret
from streams.sinks import _http, _words
from streams.sinks._deadline import CONNECT_SECONDS_MAX, Connections, TooSlow, within

SETTING = "notify.mail"
SUBJECT_LENGTH_MAX = 200


class MailSink(Sink):
    """Writes to people."""

    name: ClassVar[str] = "mail"
    hears: ClassVar[tuple[type, ...]] = (Incident,)

    def __init__(self, section: Mail, password: str | None, links: Links) -> None:
        self._section = section
        self._password = password
        self._sender = _address(f"{SETTING}.sender", section.sender)
        self._recipients = [_address(f"{SETTING}.recipients", text) for text in section.recipients]
        self._ca_file = _http.checked_file(f"{SETTING}.ca_file", section.ca_file)
        self._links = links
        self._logger = telemetry.logger("notify").bind(sink=self.name)

    @classmethod
    def build(cls, section: Mail, notify: Notify) -> Self:
        path = section.password_file
        password = None if path is None else secret(f"{SETTING}.password_file", lambda: read_secret(path))
        return cls(section, password, Links.of(notify))

    def request(self, notice: Notice) -> Request:
        """The headers and the text; the date is that of sending."""
        incident = incident_of(notice)
        thread = f"<{digest(incident.incident_id)}@breakwater.{self._sender.domain}>"
        first = notice.what == "opened"
        headers = {
            "From": str(self._sender),
            "To": ", ".join(map(str, self._recipients)),
            "Subject": ("" if first else "Re: ") + _words.headline(incident, SUBJECT_LENGTH_MAX),
            "Message-ID": thread if first else f"<{notice.notice_id}@breakwater.{self._sender.domain}>",
            "Auto-Submitted": "auto-generated",
            "Importance": "high" if incident.severity in ("critical", "error") and first else "normal",
            "X-Breakwater-Incident": digest(incident.incident_id),
        }
        if not first:
            headers |= {"In-Reply-To": thread, "References": thread}
        return Request("MAIL", headers["To"], {"headers": headers, "text": _text(notice, incident, self._links)})

    def send(self, notice: Notice) -> Outcome:
        message = message_of(self.request(notice).body)
        connections = Connections()
        try:
            return within(self._section.deadline_seconds, connections, lambda: self._tell(message, connections))
        except TooSlow:
            return Retry(f"{SETTING}.host: no whole answer within {self._section.deadline_seconds:g} s")
        except ssl.SSLError as error:
            return Retry(f"{SETTING}.host: TLS failed: {one_line(str(error), 160)}; is `ca_file` right?")
        except smtplib.SMTPException as error:
            return _failed(error)
        except OSError as error:
            return Retry(f"{SETTING}.host: {one_line(error.strerror or str(error), 160)}")

    def _tell(self, message: EmailMessage, connections: Connections) -> Outcome:
        section = self._section
        connect = _secure if section.security == "tls" else _plain
        context = ssl.create_default_context(cafile=None if self._ca_file is None else str(self._ca_file))
        with connections.kept(), connect(section, context, connections.opened) as client:
            if section.security == "starttls":
                client.starttls(context=context)
            if section.username is not None:
                client.login(section.username, self._password or "")
            refused = client.send_message(message)
        for name, (code, text) in refused.items():
            self._logger.error(
                "a recipient is refused", setting=f"{SETTING}.recipients", recipient=name, why=_said(code, text)
            )
        return Delivered()


def _plain(section: Mail, context: ssl.SSLContext, opened: Callable[[socket.socket], None]) -> smtplib.SMTP:
    del context
    return _Noting(section.host, section.port, opened, section.deadline_seconds)


def _secure(section: Mail, context: ssl.SSLContext, opened: Callable[[socket.socket], None]) -> smtplib.SMTP:
    return _NotingTls(section.host, section.port, opened, section.deadline_seconds, context)


class _Noting(smtplib.SMTP):
    """Notes its connection before a word is said on it."""

    def __init__(self, host: str, port: int, opened: Callable[[socket.socket], None], seconds: float) -> None:
        self._opened = opened
        super().__init__(host, port, timeout=seconds)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        found = socket.create_connection((host, port), min(CONNECT_SECONDS_MAX, timeout))
        found.settimeout(timeout)
        self._opened(found.dup())  # TLS takes the connection into another socket
        return found


class _NotingTls(smtplib.SMTP_SSL, _Noting):
    def __init__(
        self, host: str, port: int, opened: Callable[[socket.socket], None], seconds: float, context: ssl.SSLContext
    ) -> None:
        self._opened = opened
        smtplib.SMTP_SSL.__init__(self, timeout=seconds, context=context)
        self._host = host
        code, text = self.connect(host, port)
        if code != 220:
            self.close()
            raise smtplib.SMTPConnectError(code, text)


def _failed(error: smtplib.SMTPException) -> Outcome:
    """A reply of 4xx is for later, one of 5xx for good (RFC 5321, 4.2.1)."""
    match error:
        case smtplib.SMTPNotSupportedError():
            return Refused(f"{SETTING}.security: the server does not offer it: {one_line(str(error), 120)}")
        case smtplib.SMTPRecipientsRefused():
            code, text = max(error.recipients.values(), key=lambda answer: answer[0] < 500)
            setting = "recipients"
        case smtplib.SMTPAuthenticationError(smtp_code=code, smtp_error=text):
            setting = "password_file"
        case smtplib.SMTPSenderRefused(smtp_code=code, smtp_error=text):
            setting = "sender"
        case smtplib.SMTPResponseException(smtp_code=code, smtp_error=text):
            setting = "host"
        case _:
            return Retry(f"{SETTING}.host: {one_line(str(error), 160)}")
    why = f"{SETTING}.{setting}: {_said(code, text)}"
    return Refused(why) if 500 <= code < 600 else Retry(why)


def _said(code: int, text: Any) -> str:
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    return f"the server answers {code}: {one_line(said, 160)}"


def _address(setting: str, text: str) -> Address:
    """Raises BadConfig."""
    try:
        found = Address(addr_spec=text)
        usable = bool(found.username and found.domain) and text.isascii() and text.isprintable()
    except (ValueError, IndexError, MessageError):
        usable = False
    if not usable:
        raise BadConfig([(setting, f"must be an address such as desk@example.com (got {text!r})")])
    return found


def message_of(body: dict[str, Any]) -> EmailMessage:
    message = EmailMessage(policy=POLICY)
    for name, text in body["headers"].items():
        message[name] = text
    message["Date"] = format_datetime(clock.now())
    message.set_content(body["text"])
    return message


def _text(notice: Notice, incident: Incident, links: Links) -> str:
    lines = [
        _words.what_now(notice),
        _words.headline(incident),
        "",
        f"Severity  {incident.severity}",
        f"Cause     {_words.cause(incident)}",
        f"Reach     {_words.reach(incident)}",
    ]
    for title, listed in (("Evidence", _words.evidence(incident)), ("Plan", _words.plan(incident))):
        lines += ["", title, *(f"- {line}" for line in listed)] if listed else []
    found = links.about(incident)
    lines += ["", *(f"{link.text}: {link.href}" for link in found)] if found else []
    return "\n".join(lines) + "\n"
