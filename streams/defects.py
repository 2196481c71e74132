"""What stopped us: records that raised what is none of the known kinds of error, noted on `defects`."""

from __future__ import annotations

from schemas import codec
from schemas.errors import BadMessage
from schemas.notice import Defect
from schemas.topics import DEFECTS
from streams import clock
from streams.bus import Bus, Outgoing

ERROR_CHARACTERS_MAX = 2_000
Place = tuple[str, int, int]


class Defects:
    """The attempts of one group at records that stopped it."""

    def __init__(self, bus: Bus, group: str) -> None:
        self._bus = bus
        self._group = group
        self._attempts: dict[Place, int] = {}

    async def start(self) -> None:
        """Reads back what was noted before the last end. Raises Unavailable."""
        for record in await self._bus.read(DEFECTS.name, 0):
            try:
                noted = codec.decode(Defect, record.value)
            except BadMessage:
                continue  # deleted by hand, or written by a later release
            if noted.group == self._group:
                self._attempts[(noted.topic, noted.partition, noted.offset)] = noted.attempt

    def attempts(self, place: Place) -> int:
        """How often the record at (topic, partition, offset) has stopped us."""
        return self._attempts.get(place, 0)

    async def note(self, place: Place, tenant: str | None, error: BaseException) -> Defect:
        """Records one more attempt. Raises Unavailable."""
        topic, partition, offset = place
        defect = Defect(
            group=self._group,
            topic=topic,
            partition=partition,
            offset=offset,
            attempt=self.attempts(place) + 1,
            at=clock.now(),
            tenant=tenant,
            error=repr(error)[:ERROR_CHARACTERS_MAX],
        )
        key = f"{self._group}|{topic}/{partition}/{offset}"
        headers = codec.headers(
            defect, id=f"{key}/{defect.attempt}", source=f"breakwater/{self._group}", time=defect.at
        )
        await self._bus.send([Outgoing(DEFECTS.name, key.encode(), codec.encode(defect), headers)])
        self._attempts[place] = defect.attempt
        return defect
