"""`breakwater unmute`."""

from streams.cli._decide import decision

command = decision(
    "unmute",
    "an incident",
    """Lets a muted incident wake people again.""",
)
