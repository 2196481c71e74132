"""`breakwater ack`."""

from streams.cli._decide import decision

command = decision(
    "acknowledge",
    "an incident",
    """Takes an incident on.

    The pager is told and wakes nobody for it again; everything else goes on.""",
)
