"""`breakwater not-an-incident`."""

from streams.cli._decide import decision

command = decision(
    "not-an-incident",
    "an incident",
    """Says that it was none: a false alarm.

    What was moved goes back at once. Its signals that are still out open no new one.""",
)
