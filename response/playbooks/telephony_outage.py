"""Nobody can call; callers turn to everything else while the agents of the telephone sit idle."""

from response.playbook import Playbook, Sign, Step

TELEPHONY_OUTAGE = Playbook(
    answers=("telephony",),
    text="No calls arrive. Chat, e-mail and social rise within minutes; voice agents are idle.",
    steps=(
        Step(
            role="operations lead",
            owner="operations lead on duty",
            within_minutes=2,
            text={
                "en": "Acknowledge; open the bridge with telephony and the carrier",
                "de": "Annehmen; Telefonkonferenz mit Telefonie und Netzbetreiber öffnen",
            },
        ),
        Step(
            role="telephony engineer",
            owner="telephony on call",
            within_minutes=5,
            text={
                "en": "Test inbound calls over two carriers; open a priority ticket with the carrier that fails",
                "de": "Eingehende Anrufe über zwei Netze prüfen; beim gestörten Betreiber ein dringendes Ticket öffnen",
            },
        ),
        Step(
            role="real-time analyst",
            owner="workforce desk",
            within_minutes=5,
            text={
                "en": "Lend idle voice agents to chat and e-mail as the staffing alerts say; approve or reject "
                "load shifts",
                "de": "Freie Telefonkräfte nach den Besetzungshinweisen an Chat und E-Mail geben; Umleitungen "
                "freigeben oder ablehnen",
            },
        ),
        Step(
            role="team lead",
            owner="team leads voice",
            within_minutes=8,
            text={
                "en": "Tell the agents: who writes now, with which templates; nobody is measured to handle time",
                "de": "Dem Team sagen, wer jetzt schreibt und mit welchen Vorlagen; die Bearbeitungszeit wird "
                "nicht gemessen",
            },
        ),
        Step(
            role="communications",
            owner="communications on call",
            within_minutes=10,
            text={
                "en": "Put the approved messages on the site, in the app and on social; change the menu's greeting",
                "de": "Freigegebene Texte auf Website, App und soziale Medien stellen; Ansage im Menü ändern",
            },
        ),
        Step(
            role="operations lead",
            owner="operations lead on duty",
            within_minutes=45,
            text={
                "en": "Decide on the second carrier if there is one; plan the call-back wave for after the recovery",
                "de": "Über das zweite Netz entscheiden, falls vorhanden; die Rückrufwelle nach der Störung einplanen",
            },
        ),
    ),
    actions=("skill-flex", "overflow", "deflect", "call-back", "sms", "bot", "second-carrier", "alternative-site"),
    messages="telephony_outage",
    example=(
        Sign(channel="voice", signal_kind="silence", ratio=0.0, after_seconds=30),
        Sign(channel="chat", signal_kind="surge", ratio=3.8, after_seconds=120),
        Sign(channel="email", signal_kind="surge", ratio=2.2, after_seconds=260),
        Sign(channel="social", signal_kind="surge", ratio=6.0, after_seconds=300, expected=20),
        Sign(channel="chat", signal_kind="escalation-wave", ratio=2.5, after_seconds=1500, measure="escalated"),
    ),
)
