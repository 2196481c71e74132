"""The kinds of error: their fault, nobody's fault, the operator's settings. Any other exception is a defect of ours."""

from __future__ import annotations

from collections.abc import Sequence


class BadMessage(Exception):
    """Their fault: the record goes to its dead letter topic and the work goes on.

    `reason` is a short stable word (it labels a metric), `path` the field at fault as a JSON path ("$" is the whole),
    `detail` one sentence for a person.
    """

    def __init__(self, reason: str, path: str = "$", detail: str = "") -> None:
        super().__init__(f"{reason} at {path}: {detail}" if detail else f"{reason} at {path}")
        self.reason = reason
        self.path = path
        self.detail = detail


class BadConfig(Exception):
    """The operator's settings are wrong: every mistake at once, each with its path and the fix."""

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        super().__init__("\n".join(f"{path}: {text}" for path, text in problems))
        self.problems = tuple(problems)

    def __reduce__(self) -> tuple[type[BadConfig], tuple[object]]:
        return BadConfig, (self.problems,)  # so that it comes whole out of another process


class Unavailable(Exception):
    """Nobody's fault: something outside is away. Retried with back-off, bounded; `fix` says what to check."""

    def __init__(self, what: str, why: str, fix: str = "") -> None:
        super().__init__(f"{what} is away: {why}" + (f" ({fix})" if fix else ""))
        self.what = what
        self.why = why
        self.fix = fix
