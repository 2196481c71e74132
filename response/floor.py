"""Who is there: the newest report of each queue and site, and the sites of a queue added up.

A report without a site is about the whole queue. Where both kinds come, the kind of the newest report is believed;
sites that have not reported lately are left out. A report that cannot be true is kept, so that what it replaces is not
believed any longer, and makes the whole queue unknown: the plan stands in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

import msgspec

from response.refused import Refused
from response.state import Desk
from schemas.base import Count, QueueRef
from schemas.workforce import Workforce

WHOLE = ""
SITES_MAX = 50  # of one queue; the one that is silent for longest makes room


def name_of(line: Workforce) -> str:
    """What a report is about."""
    return str(line.queue) if line.site is None else f"{line.queue} {line.site}"


def hear(desk: Desk, line: Workforce) -> bool:
    """Keeps a report; whether it is news, for they may come out of order. Raises Refused, once while it stays so, for
    one that cannot be true or that is about a queue which the centre's model does not know."""
    name, sites = name_of(line), desk.floor.setdefault(str(line.queue), {})
    before = sites.get(line.site or WHOLE)
    if before is not None and line.at < before.at:
        return False
    if before is None and len(sites) >= SITES_MAX:
        del sites[min(sites, key=lambda site: (sites[site].at, site))]
    sites[line.site or WHOLE] = line
    if _is_impossible(line) and not (before is not None and _is_impossible(before)):
        raise Refused("impossible-staffing", name=name, free=line.available, staffed=line.staffed)
    if before is None and _is_unknown(desk, line.queue):
        raise Refused("unknown-queue", name=name)
    return True


def of(desk: Desk, at: QueueRef, seconds: float) -> Workforce | None:
    """One queue's agents by reports of the last `seconds`, its sites added up; None where none can be believed."""
    here = [line for line in desk.floor.get(str(at), {}).values() if desk.fresh(line.at, seconds)]
    if not here:
        return None
    told = believed(here)
    if any(_is_impossible(line) for line in told):
        return None
    return told[0] if len(told) == 1 else _together(told, max(line.at for line in told))


def believed(lines: Iterable[Workforce]) -> list[Workforce]:
    """Of one queue's reports those of the newest one's kind: of the whole queue, or of its sites."""
    every = list(lines)
    newest = max(every, key=lambda line: (line.at, line.site or WHOLE))
    return [line for line in every if (line.site is None) == (newest.site is None)]


def queues(desk: Desk) -> list[QueueRef]:
    """All that reports came of."""
    return [line.queue for _, sites in sorted(desk.floor.items()) for line in list(sites.values())[:1]]


def _together(lines: list[Workforce], at: datetime) -> Workforce:
    def total(of_one: Callable[[Workforce], Count]) -> Count:
        return sum(of_one(line) for line in lines)

    waiting = [line.waiting for line in lines if line.waiting is not None]
    oldest = [
        line.oldest_wait_seconds + (at - line.at).total_seconds()
        for line in lines
        if line.oldest_wait_seconds is not None
    ]
    return msgspec.structs.replace(
        lines[0],
        at=at,
        site=None,
        staffed=total(lambda line: line.staffed),
        available=total(lambda line: line.available),
        on_contact=total(lambda line: line.on_contact),
        bench=total(lambda line: line.bench),
        on_break=total(lambda line: line.on_break),
        off_phone=total(lambda line: line.off_phone),
        waiting=sum(waiting) if waiting else None,
        oldest_wait_seconds=max(oldest, default=None),
    )


def _is_impossible(line: Workforce) -> bool:
    return line.available > line.staffed


def _is_unknown(desk: Desk, at: QueueRef) -> bool:
    known = desk.centre.queues if desk.centre else []
    return bool(known) and not any(queue.at == at or queue.at == QueueRef(channel=at.channel) for queue in known)
