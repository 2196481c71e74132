"""What somebody asked of the desk and cannot have."""

from __future__ import annotations

from response import sentences, words
from schemas.incident import Reason


class Refused(Exception):
    """Something that is not carried out. `code` tells it to programs, `sentence` (by default the code's own) with its
    `values` to people."""

    def __init__(self, code: str, sentence: str = "", /, **values: object) -> None:
        self.code = code
        self._sentence = sentence or code
        self._values = values
        super().__init__(self.text(sentences.ENGLISH))

    def text(self, language: str) -> str:
        """Why not."""
        values = dict(self._values)
        if "phase" in values:
            values["phase"] = words.word(words.STATES, str(values["phase"]), language)
        return sentences.say(self._sentence, language, **values)

    @property
    def reason(self) -> Reason:
        return Reason(code=self.code, text=self.text(sentences.ENGLISH))


class NotAllowed(Refused):
    """Refused for a reason that the guard gave."""

    def __init__(self, code: str, why: Reason) -> None:
        self._why = why
        super().__init__(code)

    def text(self, language: str) -> str:
        return sentences.why(self._why, language)


class NotWaiting(Refused):
    """A proposal that somebody still decides about though it is over; `became` is the code of its last word."""

    def __init__(self, target: str, became: str) -> None:
        self._became = became
        super().__init__("not-waiting", "no-longer-waiting", target=target)

    def text(self, language: str) -> str:
        return sentences.say(self._sentence, language, **self._values, became=sentences.became(self._became, language))
