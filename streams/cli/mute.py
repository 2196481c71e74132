"""`breakwater mute`."""

from streams.cli._decide import decision

command = decision(
    "mute",
    "an incident",
    """Keeps an incident from waking anybody for a while.

    It goes on being followed and shown.""",
)
