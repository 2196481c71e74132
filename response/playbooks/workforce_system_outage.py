"""The workforce system is down: shifts, breaks and skills are not handed out, so agents are missing where they are
needed although customers come as usual."""

from response.playbook import Playbook, Sign, Step

WORKFORCE_SYSTEM_OUTAGE = Playbook(
    answers=("wfm",),
    text="Arrivals are as planned, far fewer agents are there than planned; waits and abandonment rise.",
    steps=(
        Step(
            role="operations lead",
            owner="operations lead on duty",
            within_minutes=3,
            text={
                "en": "Acknowledge; declare the last printed schedule the valid one until further notice",
                "de": "Annehmen; den zuletzt gedruckten Dienstplan bis auf Weiteres für gültig erklären",
            },
        ),
        Step(
            role="team lead",
            owner="team leads of all channels",
            within_minutes=5,
            text={
                "en": "Count who is there by hand; send everybody with a free seat to the queue on the paper list",
                "de": "Anwesende von Hand zählen; alle mit freiem Platz nach Papierliste der Warteschlange zuordnen",
            },
        ),
        Step(
            role="platform engineer",
            owner="workforce system on call",
            within_minutes=10,
            text={
                "en": "Check log-in and the feed from the schedule to routing; restore the last good export of skills",
                "de": "Anmeldung und Übergabe vom Dienstplan an die Verteilung prüfen; den letzten guten Stand der "
                "Fähigkeiten einspielen",
            },
        ),
        Step(
            role="real-time analyst",
            owner="workforce desk",
            within_minutes=15,
            text={
                "en": "Stagger breaks by voice; report staffing by queue every quarter of an hour by hand",
                "de": "Pausen auf Zuruf staffeln; Besetzung je Warteschlange viertelstündlich von Hand melden",
            },
        ),
    ),
    actions=("skill-flex", "overflow", "call-back", "deflect", "sms", "bot"),
    messages="workforce_system_outage",
    example=(
        Sign(channel="voice", signal_kind="abandonment-wave", ratio=3.0, after_seconds=240, measure="abandoned"),
        Sign(channel="voice", signal_kind="metric-shift", ratio=4.0, after_seconds=280, measure="wait_seconds"),
        Sign(channel="chat", signal_kind="abandonment-wave", ratio=2.0, after_seconds=400, measure="abandoned"),
    ),
    example_tools_down=("wfm",),
)
