"""The commands about settings and topics, as a person runs them without a broker."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from schemas import topics
from schemas.errors import BadConfig
from streams import clock, config
from streams.__main__ import breakwater
from streams.cli._moments import SINCE
from streams.cli.check_config import tree, without_secrets
from streams.cli.tail import stream
from streams.config import Settings


def run(*arguments: str, **variables: str) -> str:
    done = CliRunner().invoke(breakwater, list(arguments), env=variables, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def settings_file(directory: Path, text: str) -> str:
    (directory / "breakwater.yaml").write_text(text)
    return str(directory / "breakwater.yaml")


def test_check_config_shows_every_setting_and_marks_what_is_not_usual(tmp_path: Path) -> None:
    file = settings_file(tmp_path, "broker: {replication: 3}\nchannels: {voice: {partitions: 8}}\n")
    shown = run("check-config", "--config", file).splitlines()
    assert "  replication: 3  # default: 1" in shown
    assert "    partitions: 8  # default: 4" in shown
    assert "  session_timeout_seconds: 10.0" in shown


def test_check_config_tells_every_mistake_at_once(tmp_path: Path) -> None:
    file = settings_file(tmp_path, "broker: {replication: 0, brokers: x}\nweb: {port: 70000}\n")
    with pytest.raises(BadConfig) as raised:
        run("check-config", "--config", file)
    assert {where for where, _ in raised.value.problems} == {"broker.replication", "broker.brokers", "web.port"}


def test_check_config_reads_every_secret_before_somebody_needs_it(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    file = settings_file(
        tmp_path,
        "broker: {security: {mechanism: PLAIN, username: ann, password_file: /nowhere/password}}\n"
        f"notify: {{pagerduty: {{routing_key_file: {tmp_path}/empty}}}}\n",
    )
    with pytest.raises(BadConfig) as raised:
        run("check-config", "--config", file)
    problems = dict(raised.value.problems)
    assert "No such file" in problems["broker.security.password_file"]
    assert "secret is empty" in problems["notify.pagerduty.routing_key_file"]


def test_check_config_says_why_an_operator_could_not_sign_in(tmp_path: Path) -> None:
    (tmp_path / "short").write_text("1234")
    ana, kim = (f"{{name: {name}, token_file: {tmp_path}/{file}}}" for name, file in (("ana", "short"), ("kim", "no")))
    file = settings_file(tmp_path, f"web: {{operators: [{ana}, {kim}]}}\n")
    with pytest.raises(BadConfig) as found:
        run("check-config", "--config", file)
    (short, missing) = found.value.problems
    assert short[0] == "web.operators.0.token_file" and "holds 4 characters" in short[1]
    assert missing[0] == "web.operators.1.token_file" and "cannot be read" in missing[1]


def test_check_config_says_what_would_keep_a_sink_from_starting(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("too short")
    (tmp_path / "token").write_text("token")
    file = settings_file(
        tmp_path,
        "notify:\n"
        f"  pagerduty: {{routing_key_file: {tmp_path}/key, ca_file: /nowhere/ca.pem}}\n"
        f"  grafana: {{token_file: {tmp_path}/token, url: 'grafana:3000'}}\n"
        "  webhook: {url: 'https://ann:t0ken@example.net/in'}\n",
    )
    with pytest.raises(BadConfig) as raised:
        run("check-config", "--config", file)
    problems = dict(raised.value.problems)
    assert set(problems) == {"notify.pagerduty.routing_key_file", "notify.grafana.url", "notify.webhook.url"}
    assert "t0ken" not in str(raised.value)


def test_check_config_shows_no_secret(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("correct horse")
    file = settings_file(
        tmp_path,
        f"broker: {{security: {{mechanism: PLAIN, username: ann, password_file: {tmp_path}/password}}}}\n"
        "notify: {webhook: {url: 'https://example.net/in?key=k3y'}}\n",
    )
    shown = run("check-config", "--config", file, "--json", str(tmp_path / "out.json"))
    shown += (tmp_path / "out.json").read_text()
    assert "https://example.net/in?hidden" in shown
    for secret in ("correct horse", "k3y"):
        assert secret not in shown


def test_a_misspelt_variable_is_pointed_at() -> None:
    shown = run("check-config", BREAKWATER_BROKR__REPLICATION="3", BREAKWATER_BROKER__REPLICATION="2")
    assert "BREAKWATER_BROKR__REPLICATION is set, but is no setting of ours" in shown
    assert "BREAKWATER_BROKER__REPLICATION is set" not in shown


def test_a_variable_keeps_its_text_where_text_is_wanted() -> None:
    found = config.load(
        environment={
            "BREAKWATER_BROKER__INSTANCE_ID": "01",
            "BREAKWATER_BROKER__REPLICATION": "3",
            "BREAKWATER_BROKER__SECURITY": "{tls: true}",
            "BREAKWATER_BROKERS": "a:1,b:2",
        }
    )
    assert found.broker.instance_id == "01"
    assert found.broker.replication == 3
    assert found.broker.security.tls
    assert found.broker.bootstrap == ["a:1", "b:2"]


@pytest.mark.parametrize(
    "variables",
    [
        {"BREAKWATER_BROKER": "x", "BREAKWATER_BROKER__REPLICATION": "3"},
        {"BREAKWATER_BROKER__SECURITY": "{tls: "},
    ],
)
def test_a_variable_that_cannot_be_meant_is_named(variables: dict[str, str]) -> None:
    with pytest.raises(BadConfig, match="BREAKWATER_BROKER"):
        config.load(environment=variables)


def test_the_settings_are_shown_without_what_an_address_hides() -> None:
    assert without_secrets("http://127.0.0.1:9/x") == "http://127.0.0.1:9/x"
    assert without_secrets("https://a:b@[::1") == "hidden"
    assert json.dumps(tree(Settings()))  # plain values all the way down


def test_topics_are_listed_with_what_they_are_for() -> None:
    shown = run("topics", "list", BREAKWATER_BROKER__TOPIC_PREFIX="acme.")
    for topic in topics.FIXED:
        assert f"acme.{topic.name} " in shown


@pytest.mark.parametrize(
    ("text", "ago"),
    [("90s", timedelta(seconds=90)), ("30m", timedelta(minutes=30)), ("2h", timedelta(hours=2)), ("7d", timedelta(7))],
)
def test_a_time_ago_is_understood(text: str, ago: timedelta) -> None:
    assert abs(clock.now() - ago - SINCE.convert(text, None, None)) < timedelta(seconds=5)


def test_a_time_without_a_zone_is_utc() -> None:
    assert SINCE.convert("2026-11-24T14:02:00", None, None) == datetime(2026, 11, 24, 14, 2, tzinfo=UTC)
    assert SINCE.convert("2026-11-24T14:02:00+02:00", None, None) == datetime(2026, 11, 24, 12, 2, tzinfo=UTC)


@pytest.mark.parametrize("text", ["yesterday", "99999999999999d", "5 minutes", ""])
def test_what_is_no_time_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(click.BadParameter, match="30m, 2h"):
        SINCE.convert(text, None, None)


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("commands", "load-shift-commands"),
        ("acme.incidents", "incidents"),
        ("signals", "desk"),
        ("contact-events.voice", "contact-events.voice"),
    ],
)
def test_a_name_on_the_command_line_is_a_topic(name: str, read: str) -> None:
    settings = config.load(environment={}, broker={"topic_prefix": "acme."})
    assert [topic.name for topic in stream(settings, name).topics] == [read]


def test_a_name_that_is_none_is_answered_with_those_that_are() -> None:
    with pytest.raises(click.BadParameter, match="there are alerts, bulletins"):
        stream(Settings(), "incident")
