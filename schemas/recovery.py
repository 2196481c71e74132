"""After an outage: what is left to do, by when it is done, who is to be asked how they are, what still may come."""

from __future__ import annotations

from schemas.base import Count, Message, Name, Origin, Part, QueueRef, Share, Utc
from schemas.incident import Phase, Reason


class Between(Part, frozen=True, kw_only=True):
    """An expectation and the band that holds nine in ten outcomes."""

    expected: float
    low: float
    high: float


class BurnDown(Part, frozen=True, kw_only=True):
    """One queue's backlog on its way back to usual.

    Rates are contacts an hour, as of late. `capacity_per_hour` is what its people can finish: staffed slots at the
    occupancy cap, over handle time; `heads_rostered` what that takes on the roster after shrinkage. ETAs are None where
    the backlog does not fall at that rate. `curve` has the backlog at the end of each quarter of an hour.
    """

    queue: QueueRef
    backlog: Count
    usual: Count
    arrivals_per_hour: float
    finished_per_hour: float
    capacity_per_hour: float | None
    staffed: Count | None
    shrinkage: Share
    heads_rostered: Count | None = None
    eta: Utc | None = None
    eta_early: Utc | None = None
    eta_late: Utc | None = None
    curve: list[Between] = []


class WaveHours(Part, frozen=True, kw_only=True):
    """Escalations in some hours of the watch, beyond the usual ones. `observed` None: they are still to come."""

    start: Utc
    hours: Count
    forecast: Between
    observed: float | None = None


class TriagedCase(Part, frozen=True, kw_only=True):
    """An open case, by the order in which it is to be worked on. `score` rises with urgency, `because` says why."""

    case_id: Name
    customer: Name | None
    queue: QueueRef
    score: float
    because: list[str]
    due_at: Utc | None = None


class StandDown(Part, frozen=True, kw_only=True):
    """Whether the watch may end: its time is over and all is back in its band. `missing` says what is not."""

    ready: bool
    earliest_at: Utc | None
    missing: list[Reason] = []


class Recovery(Message, frozen=True, kw_only=True):
    """The state of one incident's recovery. Lists are the first of their order: `cases_open` and `customers_affected`
    count all, and `breakwater recovery` lists all. Customers are opaque: the platform knows who they are."""

    incident_id: Name
    tenant: Name
    revision: Count
    at: Utc
    phase: Phase
    burn_down: list[BurnDown] = []
    wave: list[WaveHours] = []
    wave_total: Between | None = None
    cases: list[TriagedCase] = []
    cases_open: Count = 0
    customers: list[Name] = []
    customers_affected: Count = 0
    stand_down: StandDown
    text: str
    origin: Origin
