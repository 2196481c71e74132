"""Agents cannot see their customers' records: every contact takes longer, on every channel, and queues build up."""

from response.playbook import Playbook, Sign, Step

CRM_OUTAGE = Playbook(
    answers=("crm",),
    text="Handle time rises on all channels at once while arrivals stay as usual; then waits, then backlogs.",
    steps=(
        Step(
            role="operations lead",
            owner="operations lead on duty",
            within_minutes=2,
            text={
                "en": "Acknowledge; open the bridge with the CRM team; ask what was released in the last hours",
                "de": "Annehmen; Telefonkonferenz mit dem CRM-Team öffnen; nach Änderungen der letzten Stunden fragen",
            },
        ),
        Step(
            role="team lead",
            owner="team leads of all channels",
            within_minutes=5,
            text={
                "en": "Switch to the paper form: name, matter, call-back number; no questions that need the record",
                "de": "Auf den Notfallbogen wechseln: Name, Anliegen, Rückrufnummer; keine Fragen nach der Akte",
            },
        ),
        Step(
            role="platform engineer",
            owner="CRM on call",
            within_minutes=5,
            text={
                "en": "Measure one look-up end to end: log-in, search, save; take back the last change if it fits",
                "de": "Einen Abruf ganz durchmessen: Anmelden, Suchen, Speichern; die letzte Änderung zurücknehmen, "
                "falls sie passt",
            },
        ),
        Step(
            role="real-time analyst",
            owner="workforce desk",
            within_minutes=10,
            text={
                "en": "Plan with the handle time of now, not of the forecast; offer call-backs in place of waiting",
                "de": "Mit der jetzigen Bearbeitungszeit planen, nicht mit der Prognose; Rückruf statt Warten anbieten",
            },
        ),
        Step(
            role="team lead",
            owner="team leads of all channels",
            within_minutes=60,
            text={
                "en": "When it is back, enter the paper forms: shares of the shift set aside for it, oldest first",
                "de": "Danach die Notfallbögen nachtragen: dafür Zeit in der Schicht einplanen, die ältesten zuerst",
            },
        ),
    ),
    # to lend agents helps nobody where all of them are slow
    actions=("skill-flex", "call-back", "deflect", "sms", "bot"),
    messages="crm_outage",
    example=(
        Sign(channel="voice", signal_kind="metric-shift", ratio=1.8, after_seconds=120, measure="handle_seconds"),
        Sign(channel="chat", signal_kind="metric-shift", ratio=1.7, after_seconds=160, measure="handle_seconds"),
        Sign(channel="voice", signal_kind="abandonment-wave", ratio=2.2, after_seconds=420, measure="abandoned"),
    ),
)
