"""What somebody asked of the desk and cannot have."""

from __future__ import annotations

from schemas.incident import Reason


class Refused(Exception):
    """A decision that is not carried out; `reason` says why."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.reason = Reason(code=code, text=text)
