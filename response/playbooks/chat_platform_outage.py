"""Chats do not arrive, or the bot stops resolving them: customers turn to the phone and to e-mail."""

from response.playbook import Playbook, Sign, Step

CHAT_PLATFORM_OUTAGE = Playbook(
    answers=("chat-platform",),
    text="No chats arrive or the bot resolves fewer. Calls and e-mails rise; chat agents are idle.",
    steps=(
        Step(
            role="operations lead",
            owner="operations lead on duty",
            within_minutes=2,
            text={
                "en": "Acknowledge; open the bridge with the chat platform's team and its vendor",
                "de": "Annehmen; Telefonkonferenz mit dem Chat-Team und dem Anbieter öffnen",
            },
        ),
        Step(
            role="platform engineer",
            owner="chat platform on call",
            within_minutes=5,
            text={
                "en": "Start a chat from outside and one with the bot switched off: tells the widget, the bot and "
                "the platform apart",
                "de": "Von außen einen Chat beginnen, mit und ohne Bot: trennt Fenster, Bot und Plattform",
            },
        ),
        Step(
            role="real-time analyst",
            owner="workforce desk",
            within_minutes=5,
            text={
                "en": "Lend idle chat agents to voice and e-mail as the staffing alerts say; approve or reject load "
                "shifts",
                "de": "Freie Chat-Kräfte nach den Besetzungshinweisen an Telefon und E-Mail geben; Umleitungen "
                "freigeben oder ablehnen",
            },
        ),
        Step(
            role="communications",
            owner="communications on call",
            within_minutes=8,
            text={
                "en": "Hide the chat window on the site and in the app; put the approved message in its place",
                "de": "Chat-Fenster auf Website und in der App ausblenden; den freigegebenen Text dort zeigen",
            },
        ),
        Step(
            role="team lead",
            owner="team leads chat",
            within_minutes=10,
            text={
                "en": "List the chats that were cut off, so that their customers are written to",
                "de": "Abgebrochene Chats auflisten, damit diese Kunden angeschrieben werden",
            },
        ),
    ),
    actions=("skill-flex", "overflow", "deflect", "call-back", "sms", "alternative-site"),
    messages="chat_platform_outage",
    example=(
        Sign(channel="chat", signal_kind="silence", ratio=0.0, after_seconds=30),
        Sign(channel="voice", signal_kind="surge", ratio=1.6, after_seconds=200),
        Sign(channel="email", signal_kind="surge", ratio=1.5, after_seconds=320),
    ),
)
