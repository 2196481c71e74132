"""The fold: repeats, time, tenants apart, state."""

from __future__ import annotations

from datetime import timedelta

import msgspec
from desk_builder import START, TENANT, Script, centre, entries, minute, signal, staffed, telephony_outage, tick

from response.pipeline import ResponseFold
from schemas import codec
from schemas.base import Origin
from schemas.desk import DeskBody, DeskEntry
from schemas.fold import Fold
from schemas.topics import DESK_OUTPUTS


def _all(fold: Fold, bodies: list[DeskBody]) -> list[bytes]:
    said = []
    for entry, origin in entries(bodies):
        said += [codec.encode(output.value) for output in fold.step(entry, origin)]
    return said


def test_every_output_has_the_key_of_its_topic_and_an_id_of_its_own() -> None:
    script = Script(first=centre())
    script.hear(*telephony_outage())
    assert {output.topic for output in script.outputs} <= set(DESK_OUTPUTS)
    for output in script.outputs:
        value = msgspec.to_builtins(output.value)
        value["desk"] = "desk"
        name = {
            "incidents": "incident_id",
            "staffing-alerts": "alert_id",
            "bulletins": "bulletin_id",
            "recoveries": "incident_id",
            "desk-status": "desk",
        }
        assert output.key == f"{TENANT}|{value[name.get(output.topic.name, 'command_id')]}"
        assert output.value.origin.topic == "desk"  # type: ignore[attr-defined]
    ids = [(output.topic.name, output.id) for output in script.outputs]
    assert len(ids) == len(set(ids))


def test_an_entry_that_comes_again_says_nothing() -> None:
    script = Script(first=centre())
    bodies: list[DeskBody] = [minute(0), *staffed(0), tick(0), signal("voice", "silence", 20, ratio=0.0)]
    (*before, last) = entries(bodies, 1)
    for entry, origin in before:
        script.fold.step(entry, origin)
    assert script.fold.step(*last)
    # once more at its own place, and at a later one: the writer repeated itself
    assert script.fold.step(*last) == []
    assert script.fold.step(last[0], Origin(topic="desk", partition=0, offset=99)) == []


def test_several_entries_of_one_cause_are_told_apart_by_their_index() -> None:
    fold = ResponseFold()
    heard = 0
    for n, at in enumerate(("voice", "chat", "email")):
        caused = Origin(topic="queue-panes", partition=0, offset=7, n=n)
        body = signal(at, "surge", 20, ratio=3.0)
        entry = DeskEntry(tenant=TENANT, origin=caused, body=body)
        heard += bool(fold.step(entry, Origin(topic="desk", partition=0, offset=n)))
    assert heard == 3


def test_tenants_never_meet() -> None:
    fold = ResponseFold()
    said = []
    for n, tenant in enumerate(("one", "two")):
        body = msgspec.structs.replace(signal("voice", "silence", 20, ratio=0.0), tenant=tenant)
        entry = DeskEntry(tenant=tenant, origin=Origin(topic="queue-panes", partition=0, offset=1), body=body)
        said += fold.step(entry, Origin(topic="desk", partition=0, offset=n))
    assert {output.key.split("|")[0] for output in said} == {"one", "two"}


def test_time_is_what_was_seen_and_what_was_read_only_once_that_stands_still() -> None:
    script = Script(first=centre())
    script.hear(tick(100, complete=80), signal("voice", "silence", 90, ratio=0.0))
    script.hear(tick(130, complete=80), tick(170, complete=80), tick(200, complete=80))
    desk = script.fold._desks[TENANT]
    assert desk.now == START + timedelta(seconds=90)
    script.hear(tick(260, complete=80))
    assert desk.now == START + timedelta(seconds=260)


def test_played_history_whose_readers_are_years_ahead_keeps_its_own_time() -> None:
    script = Script(first=centre())
    for second in range(0, 400, 10):
        body = tick(100, complete=100, at=100)
        script.hear(msgspec.structs.replace(body, read_to=START + timedelta(days=9000, seconds=second)))
    assert script.fold._desks[TENANT].now == START + timedelta(seconds=100)


def test_between_two_changes_only_the_small_clock_is_written() -> None:
    script = Script(first=centre())
    script.hear(*telephony_outage()[:100])
    script.fold.changes()
    script.hear(tick(400))
    script.fold.changes()
    script.hear(tick(401))
    changed = script.fold.changes()
    assert list(changed) == [f"clock/{TENANT}"]
    assert len(changed[f"clock/{TENANT}"] or b"") < 1000
    assert script.fold.changes() == {}


def test_the_place_applied_is_written_last() -> None:
    script = Script(first=centre())
    script.hear(minute(0), signal("voice", "silence", 20, ratio=0.0))
    names = list(script.fold.changes())
    assert names[-1] == f"clock/{TENANT}"
    assert set(names) == {f"{kind}/{TENANT}" for kind in ("centre", "flows", "floor", "desk", "clock")}


def test_a_crash_between_two_entries_of_the_state_doubles_nothing() -> None:
    bodies = telephony_outage()[:160]
    whole = ResponseFold()
    expected = _all(whole, [centre(), *bodies])
    script = entries([centre(), *bodies])
    for cut in (5, 40, 64, 65, 66, 67, 68, 70, 90):
        fold, kept, said = ResponseFold(), dict[str, bytes](), []
        for entry, origin in script[:cut]:
            said += fold.step(entry, origin)
            kept |= {name: raw for name, raw in fold.changes().items() if raw is not None}
        said += fold.step(*script[cut])
        # of this step's state only the first entries were written
        torn = list(fold.changes().items())[:-1]
        kept |= {name: raw for name, raw in torn if raw is not None}
        again = ResponseFold()
        again.restore(kept)
        repeated = again.step(*script[cut])
        for entry, origin in script[cut + 1 :]:
            said += again.step(entry, origin)
        first = {codec.encode(output.value) for output in said}
        assert {codec.encode(output.value) for output in repeated} <= first
        assert [codec.encode(output.value) for output in said] == expected


def test_state_of_another_version_is_learned_anew() -> None:
    script = Script(first=centre())
    script.hear(signal("voice", "silence", 20, ratio=0.0))
    entries_now = {name: raw for name, raw in script.fold.changes().items() if raw is not None}
    desk = f"desk/{TENANT}"
    again = ResponseFold()
    again.restore({**entries_now, desk: b"\xff" + entries_now[desk][1:]})
    assert again._desks[TENANT].incidents == {}
    assert again._desks[TENANT].centre is not None
