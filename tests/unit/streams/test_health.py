"""Alive is the loop alone; ready is every role; standing still is having work and getting nowhere."""

from __future__ import annotations

import asyncio

import pytest

from schemas.errors import Unavailable
from streams import clock
from streams.health import BEAT_SECONDS_MAX, STUCK_SECONDS, Health, stuck


class Part:
    def __init__(self, name: str, *, why: str = "", waits: int | Exception = 0, still: float = 0.0) -> None:
        self.name = name
        self.why = why
        self.waits = waits
        self.still = still

    def ready(self) -> tuple[bool, str]:
        return not self.why, self.why

    def progress_at(self) -> float:
        return clock.elapsed() - self.still

    async def lag(self) -> int:
        if isinstance(self.waits, Exception):
            raise self.waits
        return self.waits


AWAY = Unavailable("the broker", "it does not answer")


def test_a_worker_is_ready_when_all_of_its_roles_are() -> None:
    health = Health()
    health.parts = [Part("detect"), Part("respond", why="reading back state")]
    assert health.ready() == (False, "starting")
    health.started = True
    assert health.ready() == (False, "respond: reading back state")
    health.parts.pop()
    assert health.ready() == (True, "ready")


def test_a_worker_is_alive_while_its_loop_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [50.0]
    monkeypatch.setattr(clock, "elapsed", lambda: now[0])
    health = Health()
    assert health.alive()
    now[0] += BEAT_SECONDS_MAX
    assert not health.alive()
    health.beat()
    assert health.alive()


@pytest.mark.parametrize(
    ("part", "ends"),
    [
        (Part("busy", waits=5, still=STUCK_SECONDS / 2), False),
        (Part("idle", waits=0, still=STUCK_SECONDS * 10), False),
        (Part("away", waits=AWAY, still=STUCK_SECONDS * 10), False),
        (Part("stuck", waits=5, still=STUCK_SECONDS + 1), True),
    ],
    ids=lambda value: value.name if isinstance(value, Part) else "",
)
def test_only_work_that_waits_while_nothing_moves_and_the_broker_answers_ends_a_process(part: Part, ends: bool) -> None:
    found = asyncio.run(stuck([Part("well"), part]))
    assert [why.split(" ")[0] for why in found] == ([part.name] if ends else [])


def test_a_mistake_in_the_watchdog_itself_is_not_taken_for_an_outage() -> None:
    with pytest.raises(ZeroDivisionError):
        asyncio.run(stuck([Part("odd", waits=ZeroDivisionError())]))
