"""What is said to people is approved, filled in, and says what they need."""

from __future__ import annotations

import itertools
from datetime import timedelta

import msgspec
import pytest
from desk_builder import START, Script, centre, minute, signal, staffed, telephony_outage, tick

from response import drawer, messages
from response.template import AUDIENCES, Approval, Messages, Template, Unsendable, fill, lint

TEMPLATES = [
    pytest.param(template, id=f"{name}-{template.audience}-{template.language}-{template.stage}-{template.version}")
    for name, member in drawer.members(messages, Messages).items()
    for template in member.templates
]
GOOD = Template(
    audience="customers",
    language="en",
    version=1,
    text="Phones have been out since {since}. We are sorry. Use {works}. Next update {next_update}.",
    approved=Approval(by="comms", on="2026-11-01"),
)
VALUES = {"since": "10:12", "works": "chat", "next_update": "10:30"}


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_template_of_the_drawer_passes_lint_and_is_approved(template: Template) -> None:
    assert lint(template) == []
    assert template.approved is not None


@pytest.mark.parametrize("name", sorted(drawer.members(messages, Messages)))
def test_every_message_exists_in_both_languages(name: str) -> None:
    templates = drawer.members(messages, Messages)[name].templates
    english = {(t.audience, t.stage) for t in templates if t.language == "en"}
    assert {(t.audience, t.stage) for t in templates if t.language == "de"} == english


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("Out since {since}. Use {works}. Next {next_update}.", "sorry"),
        ("Sorry! Use {works}. Next {next_update}.", "since"),
        ("Sorry! Out since {since}. Next {next_update}.", "works"),
        ("Sorry! Out since {since}. Use {works}.", "next_update"),
        ("Sorry! Out since {since}. Use {works}. Next {next_update}, as soon as possible.", "vague"),
        ("Sorry! Out since {since}. Use {works}. Next {next_update} {who}.", "unknown blank"),
        ("Sorry! Out since {since. Use {works}.", "cannot be read"),
    ],
)
def test_lint_finds_what_is_missing(text: str, wrong: str) -> None:
    assert any(wrong in said for said in lint(msgspec.structs.replace(GOOD, text=text)))


def test_a_filled_template_has_no_blanks() -> None:
    assert fill(GOOD, VALUES) == "Phones have been out since 10:12. We are sorry. Use chat. Next update 10:30."


@pytest.mark.parametrize(
    ("template", "values"),
    [
        (msgspec.structs.replace(GOOD, approved=None), VALUES),
        (GOOD, {**VALUES, "works": " "}),
        (GOOD, {"since": "10:12"}),
        (msgspec.structs.replace(GOOD, text="We are aware of it."), VALUES),
        (msgspec.structs.replace(GOOD, audience="social", text=GOOD.text + " x" * 200), VALUES),
    ],
)
def test_a_draft_a_vague_an_unfilled_or_an_overlong_message_cannot_be_sent(
    template: Template, values: dict[str, str]
) -> None:
    with pytest.raises(Unsendable):
        fill(template, values)


def test_four_audiences_are_told_in_the_step_that_opens_the_incident() -> None:
    script = Script(first=centre())
    script.hear(minute(0), *staffed(0), tick(0))
    script.hear(signal("voice", "silence", 20, ratio=0.0, onset=0))
    assert {(b.audience, b.language) for b in script.bulletins} == {
        (a, lang) for a in AUDIENCES for lang in ("en", "de")
    }
    customers = next(b for b in script.bulletins if b.audience == "customers" and b.language == "en")
    # 10:00 UTC is 11:00 in Berlin
    assert "since 11:00" in customers.text
    assert "chat, e-mail and social media" in customers.text
    assert customers.next_update_at is not None
    agents = next(b for b in script.bulletins if b.audience == "agents" and b.language == "en")
    assert "not measured to your usual handle time" in agents.text


def test_updates_come_when_they_were_promised_and_ever_more_rarely() -> None:
    script = Script(first=centre())
    script.hear(signal("voice", "silence", 20, ratio=0.0, onset=0))
    script.pass_time(30, 12 * 3600, 30)
    said = [b for b in script.bulletins if b.audience == "supervisors" and b.language == "en"]
    minutes = [round((b.at - said[0].at) / timedelta(minutes=1)) for b in said]
    assert minutes == [0, 15, 45, 105, 225, 465]
    for before, after in itertools.pairwise(said):
        assert before.next_update_at is not None
        assert abs(after.at - before.next_update_at) <= timedelta(seconds=30)


def test_that_it_is_over_is_said_once() -> None:
    script = Script(first=centre())
    script.hear(*telephony_outage())
    over = [
        b
        for b in script.bulletins
        if (b.audience, b.language, b.template) == ("customers", "de", "telephony_outage") and b.next_update_at is None
    ]
    assert [b.text for b in over] == [
        "Sie können uns wieder anrufen. Es tut uns leid, dass das seit 11:00 nicht möglich war."
    ]
    ids = [b.bulletin_id for b in script.bulletins]
    assert len(ids) == len(set(ids))


def test_customers_hear_nothing_where_nothing_would_be_left_to_offer() -> None:
    script = Script()
    script.hear(signal("voice", "silence", 20, ratio=0.0, onset=START.second))
    assert not [b for b in script.bulletins if b.audience == "customers"]
    assert any("nothing to fill in for works" in note.text for note in script.incident.notes)


@pytest.mark.parametrize("template", [p for p in TEMPLATES if p.values[0].audience == "sms"])
def test_every_text_message_fits_into_one(template: Template) -> None:
    full = {
        "since": "11:00", "next_update": "11:15", "works": "chat, e-mail and our app", "channels": "phone and chat",
    }  # fmt: skip
    assert len(fill(template, full)) <= 160


@pytest.mark.parametrize("name", sorted(set(drawer.members(messages, Messages)) - {
    "bench_call", "data_feed_lost", "escalation", "handover", "refusal", "unread",
}))  # fmt: skip
def test_all_that_are_touched_have_a_message_for_the_start_and_the_end(name: str) -> None:
    templates = drawer.members(messages, Messages)[name].templates
    audiences = {"agents", "supervisors", "customers", "social", "sms", "status-page"}
    for stage in ("open", "over"):
        assert {t.audience for t in templates if t.stage == stage} == audiences
