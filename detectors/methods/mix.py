"""Which category takes a larger share than usual: reasons, sites, regions, languages, whatever a pane counts by name.

Every number of a pane but its time is the count of one category, and they make the whole. Each category has the
evidence of `ratio` for its own share, against one baseline for all times; the line is raised by how many there are, so
that the false alarms asked for are those of the whole mix. The one with the most evidence is named. What drops is seen
by what rises: shares sum to one. A category that was never named had none, so one that is new may rise at once.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import msgspec

from detectors.contract import Features, Method, Verdict, needs, number, unix_seconds
from detectors.one_share import OneShare, ShareReading, ShareState
from detectors.shares import MIX, ShareParams
from detectors.singles import Singles, fork

OTHER = "other"
_AT = "at"


class Params(msgspec.Struct, frozen=True, kw_only=True):
    """Beyond `categories_max` names, those that come later are counted as "other"."""

    false_a_month: float = 1.0
    categories_max: int = 24
    time_zone: str = "UTC"
    share: ShareParams = MIX


class State(msgspec.Struct):
    """By category, in the order in which they came."""

    shares: dict[str, ShareState] = {}


class Reading(NamedTuple):
    """`each` is by category; S is how far the highest is beyond the line of one category alone."""

    statistic: float
    each: dict[str, ShareReading]
    highest: str


class Part(OneShare):
    """One category's share; its state lies in that of the mix."""

    fields = ("part", "whole")

    def counted(self, x: Features) -> tuple[float, float]:
        return number(x, "part"), number(x, "whole")


class Mix(Method[Reading, State]):
    """Several categories at once."""

    fields = ()

    def __init__(self, params: Params | None = None) -> None:
        self.params = params = params or Params()
        self._parts: dict[str, Part] = {}
        super().__init__(State())

    @property
    def line(self) -> float:  # type: ignore[override]  # it follows from the budget, once a pane's length is known
        return next((part.line for part in self._following().values()), self._part().line)

    def read(self, x: Features) -> Reading:
        counts = self._counts(x)
        whole = sum(counts.values()) if counts else math.nan
        # a category that is not named in a pane has none in it
        parts = self._following()
        parts |= {name: self._newborn() for name in counts if name not in parts}
        each, best, highest = {}, -math.inf, ""
        for name, part in parts.items():
            pane = {_AT: x.get(_AT), "part": counts.get(name, 0.0), "whole": whole}
            each[name] = reading = part.read(pane)
            if reading.statistic > best:
                best, highest = reading.statistic, name
        # the line of one in so many is higher by the logarithm of how many
        return Reading(best - math.log(max(len(parts), 1)) if parts else 0.0, each, highest)

    def commit(self, x: Features, reading: Reading) -> None:
        following = self._following()
        for name, found in reading.each.items():
            part = following.get(name) or self._newborn()
            part.commit(x, found)
            self._parts[name], self.state.shares[name] = part, part.state

    def explain(self, x: Features, reading: Reading) -> Verdict:
        name = reading.highest
        if not name:
            return Verdict("up", 0.0, 0.0, number(x, _AT), "no category is known")
        said = self._part().explain(x, reading.each[name])
        return said._replace(reason=f"{name}: {said.reason}")

    def features(self, timestamp: Any, value: Any) -> dict[str, Any]:
        """`value` is a mapping of names to counts. Raises BadConfig for a single number."""
        if not isinstance(value, dict):
            raise needs("mix", self.fields)
        return {**value, _AT: unix_seconds(timestamp)}

    def _counts(self, x: Features) -> dict[str, float]:
        """By category; empty where one of them is unknown."""
        known, found = self.state.shares, dict[str, float]()
        for name in x:
            if name == _AT:
                continue
            count = number(x, name)
            if not 0 <= count < 1e12:
                return {}
            room = name in known or len(known.keys() | found.keys()) < self.params.categories_max
            found[name if room else OTHER] = found.get(name if room else OTHER, 0.0) + count
        return found

    def _part(self) -> Part:
        params = self.params
        return Part(params.share, params.false_a_month, params.time_zone)

    def _newborn(self) -> Part:
        """Of a category that had none until now, in all that the others have seen."""
        part = self._part()
        other = next(iter(self.state.shares.values()), None)
        if other is not None:
            part.state = fork(
                msgspec.structs.replace(
                    part.state,
                    decided=other.decided,
                    sums=Singles((0.0, *other.sums[1:])),
                    exposure=other.exposure,
                    block=other.block,
                    slot=other.slot,
                    first=other.first,
                    step=other.step,
                )
            )
        part.order.last = self.order.last
        return part

    def _following(self) -> dict[str, Part]:
        """A detector for each category of the state."""
        for name, state in self.state.shares.items():
            part = self._parts.get(name)
            if part is None or part.state is not state:
                part = self._parts[name] = self._part()
                part.state = state
            part.order.last = self.order.last
        return {name: self._parts[name] for name in self.state.shares}


def build(time_zone: str = "UTC") -> Mix:
    """With the defaults."""
    return Mix(Params(time_zone=time_zone))
