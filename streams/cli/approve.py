"""`breakwater approve`."""

from streams.cli._decide import decision

command = decision(
    "approve",
    "a proposal",
    """Says yes to a proposal: it becomes a command.

    The desk looks once more whether it is safe, and refuses with the reason where it is not, or is no longer wanted.
    The command keeps its end, its inverse and the guard that stops it by itself. A staffing alert's id calls in the
    bench whom it asks for.""",
)
