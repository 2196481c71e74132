"""`breakwater resolve`."""

from streams.cli._decide import decision

command = decision(
    "resolve",
    "an incident",
    """Says that an incident is over.

    What was moved goes back at once. Its signals that are still out open no new one.""",
)
