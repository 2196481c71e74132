"""`breakwater split`."""

from streams.cli._decide import decision

command = decision(
    "split",
    "an incident",
    """Says that some of an incident's symptoms are an incident of their own.

    WHAT names them: a channel (chat), a queue (chat/orders) or a signal's id.""",
    into="WHAT",
)
