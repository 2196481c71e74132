"""Nobody has taken an incident on: said to supervisors, with who is asked now."""

from response.template import Approval, Messages, written

_APPROVED = Approval(by="Breakwater", on="2026-11-22")

ESCALATION = Messages(
    templates=written(
        "over",
        _APPROVED,
        {"supervisors": {"en": "On call: {symptoms}", "de": "Bereitschaft: {symptoms}"}},
    )
)
