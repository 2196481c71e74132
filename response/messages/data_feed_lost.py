"""We do not see a channel; its customers may be perfectly well served, so only supervisors are told."""

from response.template import Approval, Messages, Template

_APPROVED = Approval(by="Breakwater", on="2026-11-22")

DATA_FEED_LOST = Messages(
    templates=(
        Template(
            audience="supervisors",
            language="en",
            version=1,
            text="Since {since} we do not see {channels}: the data feed is lost. This is no outage by itself; nothing "
            "is moved.\n{steps}\nNext update: {next_update}.",
            approved=_APPROVED,
        ),
        Template(
            audience="supervisors",
            language="de",
            version=1,
            text="Seit {since} sehen wir {channels} nicht: Die Daten bleiben aus. Das allein ist kein Ausfall; nichts "
            "wird umgeleitet.\n{steps}\nNächster Stand: {next_update}.",
            approved=_APPROVED,
        ),
        Template(
            audience="supervisors",
            language="en",
            version=1,
            stage="over",
            text="We see {channels} again. What was not delivered stays unknown.",
            approved=_APPROVED,
        ),
        Template(
            audience="supervisors",
            language="de",
            version=1,
            stage="over",
            text="Wir sehen {channels} wieder. Was nicht geliefert wurde, bleibt unbekannt.",
            approved=_APPROVED,
        ),
    )
)
