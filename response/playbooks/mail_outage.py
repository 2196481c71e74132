"""E-mails do not become cases: nothing is lost for good, but it comes later and all at once."""

from response.playbook import Playbook, Sign, Step

MAIL_OUTAGE = Playbook(
    answers=("e-mail",),
    text="No e-mails arrive, or tickets are not made of them. Calls and chats rise by those who ask again.",
    steps=(
        Step(
            role="operations lead",
            owner="operations lead on duty",
            within_minutes=3,
            text={
                "en": "Acknowledge; open the bridge with the mail and the ticket team",
                "de": "Annehmen; Telefonkonferenz mit dem E-Mail- und dem Ticket-Team öffnen",
            },
        ),
        Step(
            role="platform engineer",
            owner="mail and tickets on call",
            within_minutes=10,
            text={
                "en": "Send a letter from outside: is it refused, does it wait at the gateway, or is no ticket made of "
                "it? Keep what waits from expiring",
                "de": "Von außen eine Nachricht senden: Wird sie abgelehnt, wartet sie am Eingang, oder entsteht kein "
                "Ticket? Wartendes vor dem Verfallen schützen",
            },
        ),
        Step(
            role="real-time analyst",
            owner="workforce desk",
            within_minutes=10,
            text={
                "en": "Lend idle e-mail agents to voice and chat; plan them back for the wave of delayed letters",
                "de": "Freie E-Mail-Kräfte an Telefon und Chat geben; für die Welle der verspäteten Nachrichten "
                "zurückplanen",
            },
        ),
        Step(
            role="communications",
            owner="communications on call",
            within_minutes=15,
            text={
                "en": "Say on the contact page and in the automatic answer that letters come late and need not be "
                "sent twice",
                "de": "Auf der Kontaktseite und in der automatischen Antwort sagen, dass Nachrichten später ankommen "
                "und nicht doppelt nötig sind",
            },
        ),
        Step(
            role="team lead",
            owner="team leads e-mail",
            within_minutes=60,
            text={
                "en": "When it is back, sort the backlog by promise and age; merge letters that were sent twice",
                "de": "Danach den Rückstand nach Zusage und Alter ordnen; doppelt Gesendetes zusammenlegen",
            },
        ),
    ),
    actions=("skill-flex", "overflow", "deflect", "call-back", "sms", "bot"),
    messages="mail_outage",
    example=(
        Sign(channel="email", signal_kind="silence", ratio=0.0, after_seconds=60),
        Sign(channel="voice", signal_kind="surge", ratio=1.4, after_seconds=500),
        Sign(channel="chat", signal_kind="surge", ratio=1.5, after_seconds=560),
    ),
)
