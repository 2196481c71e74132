"""A shift ends: said to supervisors, with all that the next one has to know."""

from response.template import Approval, Messages, written

_APPROVED = Approval(by="Breakwater", on="2026-11-22")

HANDOVER = Messages(
    templates=written(
        "over",
        _APPROVED,
        {"supervisors": {"en": "Hand-over. {symptoms}", "de": "Übergabe. {symptoms}"}},
    )
)
