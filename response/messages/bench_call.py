"""Somebody of the bench is called in."""

from response.template import Approval, Messages, written

_APPROVED = Approval(by="Breakwater", on="2026-11-22")

BENCH_CALL = Messages(
    templates=written(
        "over",
        _APPROVED,
        {
            "agents": {
                "en": "Please come in for {place}: from {since} to {ends}. Your team lead knows; breaks and rest count "
                "as in every shift.",
                "de": "Bitte kommen Sie für {place}: von {since} bis {ends}. Die Teamleitung weiß Bescheid; Pausen und "
                "Ruhezeiten gelten wie in jeder Schicht.",
            }
        },
    )
)
