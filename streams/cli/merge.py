"""`breakwater merge`."""

from streams.cli._decide import decision

command = decision(
    "merge",
    "an incident",
    """Says that two incidents are one.

    The older one lives on with the symptoms of both; the younger is resolved and points to it.""",
    into="OTHER-ID",
)
