from __future__ import annotations

import base64
import hashlib
import hmac
from pathlib import Path

import orjson
import pytest
from notice_examples import notice, staffing_alert
from standing import Running

from schemas.errors import BadConfig
from streams.config import Notify, Webhook
from streams.notify.sink import Delivered, Refused
from streams.sinks.webhook import WebhookSink, key_of, signature
from streams.stand_in import Fault


def built(stand_in: Running, secret_file: Path | None) -> WebhookSink:
    section = Webhook(url=f"{stand_in.address}/webhook", secret_file=secret_file, deadline_seconds=5)
    return WebhookSink.build(section, Notify())


def test_the_receiver_can_check_who_sent_it_and_when(stand_in: Running, token_file: Path) -> None:
    assert built(stand_in, token_file).send(notice(staffing_alert())) == Delivered()

    ((headers, body),) = stand_in.hooks
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(b"grafana-token", signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert headers["Content-Type"].startswith("application/cloudevents+json")
    assert orjson.loads(body)["type"] == "breakwater.staffing-alert.v1"
    assert orjson.loads(body)["id"] == headers["webhook-id"] == "n1"


def test_without_a_secret_nothing_is_signed(stand_in: Running) -> None:
    built(stand_in, None).send(notice())

    ((headers, _),) = stand_in.hooks
    assert "webhook-signature" not in headers


def test_the_signature_is_that_of_the_specification() -> None:
    # the example of the Standard Webhooks libraries
    key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")

    headers = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')

    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_secret_that_claims_to_be_base64_must_be() -> None:
    with pytest.raises(BadConfig, match="not base64"):
        key_of("whsec_%%%")


def test_a_signature_that_is_not_accepted_names_the_secret(stand_in: Running, token_file: Path) -> None:
    stand_in.faults = [Fault(status=401), Fault(status=410, body="gone")]
    sink = built(stand_in, token_file)

    assert sink.send(notice()) == Refused("notify.webhook.secret_file: the signature was not accepted (401)")
    assert sink.send(notice()) == Refused("notify.webhook.url: answers 410: gone")
