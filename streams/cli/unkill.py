"""`breakwater unkill`."""

from streams.cli._decide import decision

command = decision(
    "unkill",
    "anything",
    """Ends the kill switch of an incident, or of a whole tenant.

    Without ID that of --tenant, or of the only tenant that there is. Whatever is still wanted is planned anew.""",
)
