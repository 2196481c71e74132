"""What the fold wrote before is read after an update, and what a later release wrote is not guessed at."""

from __future__ import annotations

from typing import Any

import msgspec
from desk_builder import TENANT, Script, centre, entries, minute, signal, staffed, tick

from response.memory import VERSION, Memory
from response.pipeline import ResponseFold
from schemas.base import Origin
from schemas.topics import LOAD_SHIFT_COMMANDS


def _written() -> dict[str, bytes]:
    script = Script(first=centre("auto"))
    script.hear(minute(0), *staffed(0), tick(0))
    script.hear(signal("voice", "silence", 20, ratio=0.0, onset=1, expected=10), tick(25))
    return {name: raw for name, raw in script.fold.changes().items() if raw is not None}


def _as_first(raw: bytes) -> bytes:
    """The desk entry as version 1 wrote it: a stop was a name, an incident's not even that."""
    kept: dict[str, Any] = msgspec.msgpack.decode(raw[2:])
    kept["killed"] = {TENANT: "ana"}
    del kept["status"]
    for incident in kept["incidents"].values():
        incident["killed"] = True
        for new in ("unanswered_since", "asked", "escalation", "aftermath"):
            incident.pop(new, None)
    return bytes([1, 0]) + msgspec.msgpack.encode(kept)


def test_a_state_of_the_first_layout_keeps_its_incidents_and_its_stops() -> None:
    written = _written()
    name = f"desk/{TENANT}"
    assert written[name][:2] == bytes([VERSION, 0])
    old = {**written, name: _as_first(written[name])}
    old |= {other: bytes([1]) + raw[1:] for other, raw in written.items() if other != name}
    desk = Memory().restore(old)[TENANT]
    (incident,) = desk.incidents.values()
    assert incident.killed is not None
    assert (incident.killed.reach, incident.killed.by) == ("incident", "unknown")
    assert (desk.killed[TENANT].by, desk.killed[TENANT].reach) == ("ana", "tenant")
    # and it goes on from there: nothing is moved for what was stopped
    fold, said = ResponseFold(), []
    fold.restore(old)
    for entry, _ in entries([tick(60), minute(60, {"voice": 0})], 500):
        said += fold.step(entry, Origin(topic="desk", partition=0, offset=1000 + entry.origin.offset))
    assert not [output for output in said if output.topic is LOAD_SHIFT_COMMANDS]


def test_what_a_later_release_wrote_is_learned_anew() -> None:
    later = {name: bytes([VERSION + 1]) + raw[1:] for name, raw in _written().items()}
    assert Memory().restore(later) == {}
