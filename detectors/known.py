"""What a channel's seasons know of the week: for people who ask how much was learned."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from detectors.channel import Channel
from detectors.slots import WEEK_SLOTS

WEEK_SECONDS = 7 * 86_400


class KnownSeries(NamedTuple):
    """`queue` is empty for the whole channel. `weeks` and `contacts` as they are remembered (older ones count less);
    `share` of the week's half hours of which enough is known to judge them."""

    queue: str
    weeks: float
    contacts: float
    share: float


Known = list[KnownSeries]


def known_of(channel: Channel) -> Known:
    """One row a series, the channel first."""
    bank = channel.bank
    totals = bank.season.totals()
    enough = np.zeros(bank.size)
    for slot in range(WEEK_SLOTS):
        variance = bank.season.rates((slot,), totals)[1][0]
        enough += (variance < bank.params.quiet_variance) & (totals.seen >= bank.params.warm_up_contacts)
    weeks = totals.exposure / WEEK_SECONDS
    rows = zip(channel.names, weeks, totals.seen, enough / WEEK_SLOTS, strict=True)
    return [KnownSeries(name, float(week), float(seen), float(share)) for name, week, seen, share in rows]
