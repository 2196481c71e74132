"""Somebody asked the desk for something it could not do: said to supervisors, with the reason."""

from response.template import Approval, Messages, Template

_APPROVED = Approval(by="Breakwater", on="2026-11-22")

REFUSAL = Messages(
    templates=(
        Template(
            audience="supervisors",
            language="en",
            version=1,
            stage="over",
            text="Not done: {symptoms}",
            approved=_APPROVED,
        ),
        Template(
            audience="supervisors",
            language="de",
            version=1,
            stage="over",
            text="Nicht ausgeführt: {symptoms}",
            approved=_APPROVED,
        ),
    )
)
