"""What the fold wrote before is read after an update, and what a later release wrote is not guessed at."""

from __future__ import annotations

import zlib
from typing import Any

import msgspec
import pytest
from desk_builder import TENANT, Script, centre, entries, minute, signal, staffed, telephony_outage, tick

from response.memory import VERSION, Memory
from response.pipeline import ResponseFold
from schemas import codec
from schemas.base import Origin
from schemas.desk import DeskBody
from schemas.fold import digest
from schemas.topics import DESK_STATUS, LOAD_SHIFT_COMMANDS


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


OUTAGE = [centre("auto"), *telephony_outage(8)][60:260]
OUTAGE = [centre("auto"), *OUTAGE]


def _outputs(bodies: list[DeskBody], cut: int | None) -> list[str]:
    """What is said, but for the desk's own standing; at `cut` by a fold that reads a state of the first layout."""
    fold, kept, said = ResponseFold(), dict[str, bytes](), []
    for n, (entry, origin) in enumerate(entries(bodies)):
        for output in fold.step(entry, origin):
            if output.topic is not DESK_STATUS:
                said.append(f"{output.key} {output.id} {digest(codec.encode(output.value))}")
        kept |= {name: raw for name, raw in fold.changes().items() if raw is not None}
        if n == cut:
            fold = ResponseFold()
            fold.restore({name: _before_stops(name, raw) for name, raw in kept.items()})
    return said


def _before_stops(name: str, raw: bytes) -> bytes:
    """An entry as version 1 wrote it while nothing was stopped; a site's report lay under its queue's name."""
    plain = zlib.decompress(raw[2:]) if raw[1] else raw[2:]
    kept: dict[str, Any] = msgspec.msgpack.decode(plain)
    if name.startswith("desk/"):
        del kept["status"]
    if name.startswith("floor/"):
        kept["floor"] = {key.partition(" ")[0]: line for key, line in kept["floor"].items()}
    return bytes([1, 0]) + msgspec.msgpack.encode(kept)


@pytest.fixture(scope="module")
def uncut() -> list[str]:
    return _outputs(OUTAGE, None)


@pytest.mark.parametrize("cut", [40, 120, 180])
def test_an_update_in_the_middle_of_an_outage_changes_no_byte(uncut: list[str], cut: int) -> None:
    assert any(line.partition(" ")[2].partition(" ")[0].endswith(".run") for line in uncut)
    again = _outputs(OUTAGE, cut)
    assert next((pair for pair in zip(again, uncut, strict=False) if pair[0] != pair[1]), None) is None
    assert len(again) == len(uncut)


def test_a_sites_report_that_lay_under_its_queues_name_is_read_as_the_sites() -> None:
    script = Script(first=centre("auto"))
    line = msgspec.structs.replace(staffed(0)[0], site="east")
    script.hear(line, tick(1))
    written = {name: raw for name, raw in script.fold.changes().items() if raw is not None}
    desk = Memory().restore({name: _before_stops(name, raw) for name, raw in written.items()})[TENANT]
    assert desk.floor == {"voice/orders": {"east": line}}
