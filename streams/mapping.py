"""What the columns of an export mean: a YAML file that turns each row's timestamps into contact events.

tenant: bank                              # a constant, a template "{column}", or {column: ..., values: ...}
time_zone: Asia/Jerusalem                 # of times that carry no offset
times:                                    # moments of a row, by names of your own
  entered: {date: date, time: vru_entry}
  served: {date: date, time: ser_start, empty: ["0:00:00"], after: entered}
keep: [{column: outcome, not_in: [PHANTOM]}]
fields: {channel: voice, queue: {column: type, values: {PS: regular}}, contact_id: "{line}-{call}"}
events:                                   # which moment is which event
  offered: {at: entered}
  answered: {at: served, when: [{column: outcome, in: [AGENT]}], wait_seconds: {column: q_time}}
"""

from __future__ import annotations

import string
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from schemas.contact import CONTACT_TYPES
from schemas.errors import BadConfig
from streams.config import Frozen, read_yaml

EventType = Literal["offered", "answered", "abandoned", "transferred", "escalated", "finished", "rated"]
ISO_FORMATS = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M")
EPOCHS = {"epoch-seconds": 1_000_000, "epoch-milliseconds": 1_000}
PER_SECOND = {"seconds": 1.0, "milliseconds": 1000.0, "minutes": 1 / 60}
References = Iterator[tuple[str, str]]


def _word(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("YAML reads this as true or false: put it in quotes")
    return str(value) if isinstance(value, int | float) else value


Word = Annotated[str, BeforeValidator(_word)]


class When(Frozen):
    """A condition on one column: its text is `in` a list, `not_in` one, or there at all (`present`)."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    column: str
    one_of: Annotated[list[Word] | None, Field(alias="in")] = None
    not_in: list[Word] | None = None
    present: bool | None = None

    @model_validator(mode="after")
    def _one(self) -> When:
        if sum(x is not None for x in (self.one_of, self.not_in, self.present)) != 1:
            raise ValueError("give exactly one of `in`, `not_in`, `present`")
        return self


class Column(Frozen):
    """A column's text, through a value map. Texts that are not in `values` are refused, kept, or become `default`."""

    column: str
    values: dict[Word, Word] = Field(default={})
    otherwise: Literal["refuse", "keep"] = "refuse"
    default: Word | None = None


class Moment(Frozen):
    """One timestamp of a row: one column, or a date and a time of day in two.

    `after` names another moment: a time of day more than 12 hours before it is of the next day. `format` is a list of
    strptime formats (with %z the offset counts, not `time_zone`), or `epoch-seconds`, `epoch-milliseconds`.
    """

    column: str | None = None
    date: str | None = None
    time: str | None = None
    format: list[str] | None = None
    date_format: str = "%Y-%m-%d"
    time_format: str = "%H:%M:%S"
    empty: list[Word] = Field(default=[])
    after: str | None = None

    @field_validator("format", mode="before")
    @classmethod
    def _list(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one(self) -> Moment:
        if (self.column is None) == (self.date is None) or (self.date is None) != (self.time is None):
            raise ValueError("give `column`, or `date` and `time`")
        zoned = [("%z" in form or form in EPOCHS) for form in self.format or []]
        if any(zoned) and not all(zoned):
            raise ValueError("either every format carries an offset (%z, epoch) or none does")
        return self

    @property
    def zoned(self) -> bool:
        """Whether the texts carry their own offset."""
        return bool(self.format) and all("%z" in form or form in EPOCHS for form in self.format or [])


class Span(Frozen):
    """Seconds: a column's number in `unit`, or from one moment to another."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    column: str | None = None
    unit: Literal["seconds", "milliseconds", "minutes"] = "seconds"
    start: Annotated[str | None, Field(alias="from")] = None
    to: str | None = None

    @model_validator(mode="after")
    def _one(self) -> Span:
        if (self.column is None) == (self.start is None) or (self.start is None) != (self.to is None):
            raise ValueError("give `column`, or `from` and `to`")
        return self


class Event(Frozen):
    """One event of a row: at the first of its moments that is there, if all of `when` holds.

    `once`: an export with several rows a contact gives this event for the contact's first row alone.
    """

    at: Annotated[list[str], Field(min_length=1)]
    when: list[When] = Field(default=[])
    once: bool = False
    transfer: bool = False
    wait_seconds: Span | None = None
    handle_seconds: Span | None = None

    @field_validator("at", mode="before")
    @classmethod
    def _list(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value


Text = Word | Column


class Fields(Frozen):
    """Where the event's fields come from. `vip` holds where any of its conditions does."""

    channel: Text
    queue: Text
    contact_id: Text
    reason: Text | None = None
    site: Text | None = None
    region: Text | None = None
    provider: Text | None = None
    customer: Text | None = None
    sentiment: Text | None = None
    vip: list[When] = Field(default=[])


class Csv(Frozen):
    separator: Annotated[str, Field(min_length=1, max_length=1)] = ","
    quote: Annotated[str, Field(max_length=1)] = '"'
    encoding: str = "utf-8"


class Mapping(Frozen):
    """All that one export needs to become contact events."""

    tenant: Text
    time_zone: str = "UTC"
    # the hour that comes twice in autumn: its first or its second pass; or refuse such rows
    ambiguous: Literal["earliest", "latest", "refuse"] = "earliest"
    # the hour that is skipped in spring: an hour later by the clock, as if it had not been put forward; or refuse
    non_existent: Literal["forward", "refuse"] = "forward"
    empty: list[Word] = Field(default=[""])
    csv: Csv = Csv()
    times: Annotated[dict[str, Moment], Field(min_length=1)]
    keep: list[When] = Field(default=[])
    fields: Fields
    events: Annotated[dict[EventType, Event], Field(min_length=1)]

    @field_validator("times", mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: {"column": at} if isinstance(at, str) else at for name, at in value.items()}

    @field_validator("time_zone")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("is no time zone of the IANA list, such as America/New_York") from None
        return value

    def columns(self) -> References:
        """Every column the mapping reads, with the place that reads it."""
        yield from _of_text("tenant", self.tenant)
        for name, moment in self.times.items():
            for part in ("column", "date", "time"):
                if (column := getattr(moment, part)) is not None:
                    yield f"times.{name}.{part}", column
        for i, when in enumerate(self.keep):
            yield f"keep.{i}.column", when.column
        for name in Fields.model_fields:
            if name != "vip":
                yield from _of_text(f"fields.{name}", getattr(self.fields, name))
        for i, when in enumerate(self.fields.vip):
            yield f"fields.vip.{i}.column", when.column
        for kind, event in self.events.items():
            yield from _of_event(f"events.{kind}", event)

    def problems(self) -> list[tuple[str, str]]:
        """What fits no file: moments and templates that name nothing."""
        names = ", ".join(self.times)
        wrong = []
        for name, moment in self.times.items():
            if moment.after is not None and (moment.after not in self.times or moment.after == name):
                wrong.append((f"times.{name}.after", f"names no other moment; there are {names}"))
            elif moment.after is not None and self.times[moment.after].after is not None:
                wrong.append(
                    (f"times.{name}.after", "names a moment that itself comes `after` another: name the first")
                )
        for kind, event in self.events.items():
            used = [("at", at) for at in event.at]
            for field in ("wait_seconds", "handle_seconds"):
                span: Span | None = getattr(event, field)
                used += [(field, at) for at in ((span.start, span.to) if span else ()) if at is not None]
            wrong += [
                (f"events.{kind}.{w}", f"{at!r} is no moment; there are {names}")
                for w, at in used
                if at not in self.times
            ]
        for place, text in [
            ("tenant", self.tenant),
            *((f"fields.{n}", getattr(self.fields, n)) for n in Fields.model_fields),
        ]:
            if isinstance(text, str) and (why := template_problem(text)):
                wrong.append((place, why))
        return wrong


def load(path: Path) -> Mapping:
    """The mapping in a YAML file. Raises BadConfig with every mistake, its path and the fix."""
    tree = read_yaml(path)
    if not isinstance(tree, dict):
        raise BadConfig([(str(path), "must be a mapping with tenant, times, fields and events")])
    try:
        mapping = Mapping.model_validate(tree)
    except ValidationError as error:
        raise BadConfig(_readable(error)) from None
    if wrong := mapping.problems():
        raise BadConfig(wrong)
    return mapping


def template_parts(text: str) -> Iterator[tuple[str, str | None]]:
    """`"{line}-{call}"` as ("", "line"), ("-", "call"): literal text, then the column that follows it."""
    for literal, column, _, _ in string.Formatter().parse(text):
        yield literal, column


def template_problem(text: str) -> str | None:
    """Why the template cannot be read, if so."""
    try:
        parts = list(template_parts(text))
    except ValueError as error:
        return f"{error}: write {{{{ for a brace itself"
    return "names an empty column: {}" if any(column == "" for _, column in parts) else None


def _of_text(place: str, text: Text | None) -> References:
    if isinstance(text, Column):
        yield f"{place}.column", text.column
    elif text is not None:
        for _, column in template_parts(text):
            if column is not None:
                yield place, column


def _of_event(place: str, event: Event) -> References:
    for i, when in enumerate(event.when):
        yield f"{place}.when.{i}.column", when.column
    for field in ("wait_seconds", "handle_seconds"):
        span: Span | None = getattr(event, field)
        if span and span.column is not None:
            yield f"{place}.{field}.column", span.column


def _readable(error: ValidationError) -> list[tuple[str, str]]:
    """One line a place: a value that may be a text or a column is judged as what it looks like."""
    found: dict[str, str] = {}
    for problem in error.errors():
        steps = [str(step) for step in problem["loc"]]
        if problem["type"] == "string_type" and isinstance(problem["input"], dict):
            continue  # the other half of the union says what is wrong
        if problem["type"] == "model_type" and not isinstance(problem["input"], dict):
            continue
        place = ".".join(step for step in steps if step not in ("Column", "[key]") and not step.startswith("function-"))
        found.setdefault(place or "mapping", _what(problem))
    return list(found.items())


def _what(problem: Any) -> str:
    if problem["type"] == "missing":
        return "is missing"
    if problem["type"] == "extra_forbidden":
        return "is no key of a mapping here: check its spelling and place"
    if problem["type"] == "literal_error" and "events" in problem["loc"]:
        return f"is no event type; there are {', '.join(CONTACT_TYPES)}"
    return f"{problem['msg'].removeprefix('Value error, ')} (got {problem['input']!r})"
