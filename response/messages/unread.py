"""Some of a team have not confirmed that they read a bulletin: said to their lead, by opaque ids."""

from response.template import Approval, Messages, written

_APPROVED = Approval(by="Breakwater", on="2026-11-22")

UNREAD = Messages(
    templates=written(
        "over",
        _APPROVED,
        {"supervisors": {"en": "Not read yet: {symptoms}", "de": "Noch nicht gelesen: {symptoms}"}},
    )
)
