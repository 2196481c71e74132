from __future__ import annotations

import asyncio
import queue
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from misbehaving import closed_port, dripping, silent
from notice_examples import incident, notice, resolved, symptom
from pydantic import ValidationError

from schemas.errors import BadConfig
from streams.config import Mail, Notify
from streams.notify.sink import Delivered, Notice, Refused, Retry
from streams.sinks.mail import MailSink
from streams.stand_in.mail import Post

pytest.importorskip("aiosmtpd", reason="the extra `demo` is not installed")
PLAIN = {"security": "none", "sender": "breakwater@example.com", "recipients": ["desk@example.com", "lead@example.com"]}


@contextmanager
def running(context: ssl.SSLContext | None = None, *, tls: bool = False, **over: Any) -> Iterator[tuple[Post, int]]:
    """A mail server in a thread of its own, and its port."""
    post = Post(lambda _line: None)
    for name, value in over.items():
        setattr(post, name, value)
    listening: queue.SimpleQueue[tuple[int, Callable[[], None]]] = queue.SimpleQueue()

    async def serve() -> None:
        server, stop, loop = (
            await post.listen("127.0.0.1", 0, context, tls=tls),
            asyncio.Event(),
            asyncio.get_running_loop(),
        )
        listening.put((server.sockets[0].getsockname()[1], lambda: loop.call_soon_threadsafe(stop.set)))
        await stop.wait()
        server.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    port, stop = listening.get(timeout=10)
    try:
        yield post, port
    finally:
        stop()
        thread.join(10)


def built(port: int, host: str = "127.0.0.1", **over: Any) -> MailSink:
    section = {**PLAIN, "host": host, "port": port, "deadline_seconds": 20, **over}
    return MailSink.build(Mail(**section), Notify(status_url="https://s.example"))


def test_an_incident_is_a_thread_of_mails_that_a_person_can_read() -> None:
    with running() as (post, port):
        sink = built(port)
        assert sink.send(notice(incident(playbook="telephony_outage", title="Störung – Ünïcode"))) == Delivered()
        assert sink.send(Notice(notice_id="n2", what="resolved", subject=resolved())) == Delivered()

    opened, over = post.messages
    assert post.recipients[0] == ["desk@example.com", "lead@example.com"]
    assert opened["Subject"] == "[acme] Störung – Ünïcode since 14:02 UTC, likely telephony (92% sure)"
    assert opened["Auto-Submitted"] == "auto-generated"
    assert (opened["Importance"], over["Importance"]) == ("high", "normal")
    text = opened.get_content()
    assert "- within 2 min, operations lead: Acknowledge" in text
    assert f"https://s.example/?tenant=acme#incident-{incident().incident_id}" in text
    assert over["Subject"].startswith("Re: [acme]")
    assert over["In-Reply-To"] == over["References"] == opened["Message-ID"]
    assert over.get_content().startswith("Over after 53 min")


def test_a_resend_has_the_same_message_id() -> None:
    with running() as (post, port):
        sink = built(port)
        for told in (notice(), notice(), notice(what="changed"), notice(what="changed")):
            sink.send(told)

    ids = [message["Message-ID"] for message in post.messages]
    assert ids[0] == ids[1] != ids[2] == ids[3]


def test_no_title_can_make_a_header_of_its_own() -> None:
    with running() as (post, port):
        built(port).send(notice(incident(title="x\r\nBcc: spy@example.com", symptoms=[symptom(text="a\r\n.\r\nQUIT")])))

    (message,) = post.messages
    assert message["Bcc"] is None
    assert "x Bcc: spy@example.com" in message["Subject"]
    assert len(post.recipients[0]) == 2


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_it_speaks_only_over_tls_that_it_can_check_and_logs_in(
    tls: tuple[Path, ssl.SSLContext], tmp_path: Path, security: str
) -> None:
    certificate, context = tls
    (tmp_path / "password").write_text("open sesame".replace(" ", "-"))
    login = {"security": security, "username": "ann", "password_file": tmp_path / "password", "host": "localhost"}
    with running(context, tls=security == "tls", password="open-sesame") as (post, port):
        unknown = built(port, **login).send(notice())
        told = built(port, **login, ca_file=certificate).send(notice())
        post.password = "another"
        refused = built(port, **login, ca_file=certificate).send(notice())

    assert isinstance(unknown, Retry)
    assert unknown.why.startswith("notify.mail.host: TLS failed")
    assert told == Delivered()
    assert isinstance(refused, Refused)
    assert refused.why.startswith("notify.mail.password_file: the server answers 535")
    assert "another" not in refused.why


def test_a_server_without_starttls_is_not_spoken_to_in_clear() -> None:
    with running() as (post, port):
        outcome = built(port, security="starttls").send(notice())

    assert isinstance(outcome, Refused)
    assert outcome.why.startswith("notify.mail.security: the server does not offer it")
    assert post.messages == []


@pytest.mark.parametrize(
    ("refuse", "kind", "setting"),
    [
        ({"MAIL": "550 not from you"}, Refused, "sender"),
        ({"MAIL": "451 later"}, Retry, "sender"),
        ({"RCPT": "550 no such user"}, Refused, "recipients"),
        ({"RCPT": "450 greylisted"}, Retry, "recipients"),
        ({"DATA": "554 spam"}, Refused, "host"),
        ({"DATA": "452 disk full"}, Retry, "host"),
    ],
)
def test_a_reply_for_now_is_tried_again_and_one_for_good_names_its_setting(
    refuse: dict[str, str], kind: type, setting: str
) -> None:
    with running(refuse=refuse) as (_, port):
        outcome = built(port).send(notice())

    assert isinstance(outcome, kind)
    reply = next(iter(refuse.values()))
    assert outcome.why == f"notify.mail.{setting}: the server answers {reply[:3]}: {reply[4:]}"


def test_one_bad_recipient_keeps_the_others_from_nothing() -> None:
    with running(refuse={"RCPT lead@example.com": "550 gone"}) as (post, port):
        assert built(port).send(notice()) == Delivered()

    assert post.recipients == [["desk@example.com"]]


@pytest.mark.parametrize("security", ["none", "tls"])
def test_a_server_that_drips_is_silent_or_away_ends_at_the_deadline_and_leaves_no_thread(security: str) -> None:
    with dripping(b"220-") as (drip, held), silent() as still:
        for port in (drip, still):
            began = time.monotonic()
            outcome = built(port, security=security, deadline_seconds=1).send(notice())
            assert isinstance(outcome, Retry)
            assert outcome.why.startswith("notify.mail.host: ")
            assert time.monotonic() - began < 2.0
        outcome = built(closed_port(), security=security).send(notice())
        assert outcome == Retry("notify.mail.host: Connection refused")
        until(lambda: not held)
    until(lambda: not any(thread.name == "sink-attempt" for thread in threading.enumerate()))


def until(condition: Any) -> None:
    ends = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < ends, "it did not come to that"
        time.sleep(0.02)


@pytest.mark.parametrize(
    "address", ["nobody", "a@b@c", "a b@example.com", "x@", "ü@example.com", "a@example.com\r\nBcc: b@c"]
)
def test_an_address_that_is_none_is_said_at_the_start(address: str) -> None:
    with pytest.raises(BadConfig, match=r"notify\.mail\.(sender|recipients)"):
        built(25, recipients=[address])


def test_a_password_never_goes_over_the_wire_in_clear(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="for all to read"):
        Mail(**{**PLAIN, "host": "h", "username": "ann", "password_file": tmp_path / "p"})
    with pytest.raises(ValidationError, match="come together"):
        Mail(**{**PLAIN, "host": "h", "username": "ann"})
