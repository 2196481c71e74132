"""A share of contacts that grows: escalated of finished, abandoned of decided, negative of rated, refunds of orders.

Two numbers a pane, `part` of `whole`, both taken at the moment of decision: what is not decided yet is in neither.
Evidence for odds 1.4 to 5 times the usual against the edge of the usual band; a discounted Beta baseline by hour of
weekdays, Saturdays and Sundays; contacts of one pane that are not independent count for less. See `shares` for the
arithmetic.
"""

from __future__ import annotations

import msgspec

from detectors.contract import Features, number
from detectors.one_share import OneShare
from detectors.shares import ShareParams


class Params(msgspec.Struct, frozen=True, kw_only=True):
    """`falling`: watch the share of the rest, for a part that may vanish."""

    false_a_month: float = 1.0
    falling: bool = False
    time_zone: str = "UTC"
    share: ShareParams = ShareParams()


class Ratio(OneShare):
    """y of n, against the usual share."""

    fields = ("part", "whole")

    def __init__(self, params: Params | None = None) -> None:
        self.params = params = params or Params()
        super().__init__(params.share, params.false_a_month, params.time_zone, params.falling)

    def counted(self, x: Features) -> tuple[float, float]:
        part, whole = number(x, "part"), number(x, "whole")
        return (whole - part if self.params.falling else part), whole


def build(time_zone: str = "UTC") -> Ratio:
    """With the defaults."""
    return Ratio(Params(time_zone=time_zone))
