"""`breakwater kill`."""

from streams.cli._decide import decision

command = decision(
    "kill",
    "anything",
    """Stops load shifts: of an incident, of one command, or of a whole tenant.

    What was moved goes back at once, and nothing more is moved until `breakwater unkill`. ID is an incident, a command
    or a tenant. Without one everything of --tenant stops, or of the only tenant that there is.""",
)
