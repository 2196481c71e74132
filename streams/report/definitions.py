"""What each figure of a report means: formulas, inputs and assumptions, in words for whoever doubts one."""

from __future__ import annotations

from response.whatif import PATIENCE_TRIED

IMPACT = """\
Impact: the minutes in which at least one customers' channel had a signal of this incident that was not cleared;
channel-minutes count each channel."""
CONTACTS = """\
Came, expected, beyond: sums over the minutes in which the channel's signals about arrivals were out, as far as they
were delivered (at most {seen} here). Expected is the season's, as detection said at the time. Its band: the chance of
arrivals (variances add up) and the doubt about the level (standard deviations add up)."""
AFFECTED = """\
Contacts affected: those missing (expected - came, where fewer came) and those beyond (came - expected, where more
came). Who could not call may be who wrote: so at least the greater of the two, at most both, and the middle is told."""
GAVE_UP = """\
Gave up beyond usual: given up - decided x usual share; decided = answered + given up; the share is that of the 24 h
before the onset without other incidents (up to {usual} decided contacts a channel), beta-binomial."""
LEVEL = """\
Service level: answered within the target of those offered, who gave up within it left out; by Erlang A for each queue
and quarter of an hour, from contacts, handle time and the people whom the workforce feed reported. Not in time = sum
of offered x max(0, usual - was). Waits are not counted one by one, so this is the model's."""
BANDS = "Every band holds nine in ten outcomes of what it is about."

EFFECTS = """\
Shares of those who were answered or gave up at the queue that is helped: in the ten minutes before it was in force,
and from ten minutes after it began. Several shifts may help one queue: then they share what is seen there."""

WITHOUT_US = (
    "The outage would have lasted as long, and the same customers would have come.",
    """Each quarter of an hour is a queue in balance (Erlang A: arrivals counted, handle time of that quarter, people
by the workforce feed, patience of the model); work that nobody gives up on is drained in its order, and is lost
where it is not done when it is due.""",
    """People whom we lent would have stayed in their queue; contacts that we sent on would have waited in theirs; what
came by a way in of ours would not have come.""",
    f"""The band holds {", ".join(f"{one:g}" for one in PATIENCE_TRIED)} times the patience (a quarter faster or slower
work where nobody gives up), and is wider by as much as the model missed the measured.""",
)
