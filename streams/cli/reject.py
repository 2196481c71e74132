"""`breakwater reject`."""

from streams.cli._decide import decision

command = decision(
    "reject",
    "a proposal",
    """Says no to a proposal.

    The way that it would have used is left alone until the proposal would have ended.""",
)
