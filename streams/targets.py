"""What a name on the command line means, looked up on the bus: an incident, a load shift, an alert, a tenant."""

from __future__ import annotations

from typing import NamedTuple

from schemas import topics
from schemas.centre import Centre
from schemas.command import LoadShiftCommand, StaffingAlert
from schemas.errors import BadConfig, BadMessage
from schemas.incident import Incident
from streams import log_reader
from streams.config import Settings
from streams.log_reader import Record
from streams.values import value_of

LOOKED_UP = (
    topics.CENTRE,
    topics.INCIDENTS,
    topics.LOAD_SHIFT_PROPOSALS,
    topics.LOAD_SHIFT_COMMANDS,
    topics.STAFFING_ALERTS,
)
FIX = "`breakwater incidents` lists what there is"


class Target(NamedTuple):
    """What a decision is about; a model stands for the whole tenant."""

    tenant: str
    id: str
    value: Centre | Incident | LoadShiftCommand | StaffingAlert


def find(settings: Settings, name: str | None, tenant: str | None) -> Target:
    """The last word on what `name` names; without a name the whole tenant, which may be left out where there is one.

    Raises BadConfig where there is no such thing, or several tenants have one; Unavailable.
    """
    found: dict[tuple[str, str], Target] = {}

    def wanted(record: Record) -> bool:
        of, named = _names(record)
        return (tenant is None or of == tenant) and (name is None or named == name)

    for record in log_reader.read_to_end(settings, _topics(name), wanted=wanted):
        of, named = _names(record)
        try:
            value = value_of(record.topic, record.value)
        except BadMessage:
            continue
        if value is not None:
            # a command that was approved lies on two topics; either says what it is
            found[of, named] = Target(of, named, value)
    return _only(list(found.values()), name, tenant)


def published(settings: Settings) -> dict[str, Centre]:
    """The models in force, by tenant. Raises Unavailable, BadConfig."""
    found: dict[str, Centre] = {}
    for record in log_reader.read_to_end(settings, [topics.CENTRE]):
        try:
            value = value_of(record.topic, record.value)
        except BadMessage:
            continue
        if isinstance(value, Centre) and (value.tenant not in found or value.version >= found[value.tenant].version):
            found[value.tenant] = value
    return dict(sorted(found.items()))


def _topics(name: str | None) -> tuple[topics.Topic, ...]:
    return (topics.CENTRE,) if name is None else LOOKED_UP


def _names(record: Record) -> tuple[str, str]:
    """Tenant and name by the record's key; a model is named for its tenant."""
    key = (record.key or b"").decode(errors="replace")
    of, _, named = key.rpartition("|")
    return (key, key) if record.topic == topics.CENTRE.name else (of, named)


def _only(found: list[Target], name: str | None, tenant: str | None) -> Target:
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(sorted(one.tenant for one in found))
        raise BadConfig([("--tenant", f"which one? There is {names}")])
    if name is None:
        text = f"{tenant} has no model" if tenant else "no tenant has a model"
        raise BadConfig([("--tenant", f"{text}: `breakwater centre apply FILE` publishes one")])
    where = f" of {tenant}" if tenant else ""
    raise BadConfig([(name, f"is no incident, proposal, command or staffing alert{where} on the bus: {FIX}")])
