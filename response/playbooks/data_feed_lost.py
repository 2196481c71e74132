"""We do not see a channel any more. That says nothing about the customers: no outage is declared, nothing is moved."""

from response.playbook import Playbook, Sign, Step

DATA_FEED_LOST = Playbook(
    answers=("data-feed-lost",),
    text="A source stopped sending its heartbeat: contacts are unknown, not zero.",
    steps=(
        Step(
            role="platform engineer",
            owner="data platform on call",
            within_minutes=5,
            text={
                "en": "Look at the connector of the source: is it running, can it reach the vendor and the bus?",
                "de": "Anbindung der Quelle prüfen: Läuft sie, erreicht sie den Anbieter und den Bus?",
            },
        ),
        Step(
            role="real-time analyst",
            owner="workforce desk",
            within_minutes=5,
            text={
                "en": "Watch this channel in the vendor's own console until its feed is back",
                "de": "Diesen Kanal in der Konsole des Anbieters beobachten, bis die Daten wieder kommen",
            },
        ),
        Step(
            role="platform engineer",
            owner="data platform on call",
            within_minutes=30,
            text={
                "en": "When it is back, check that the missing time was delivered or say from when to when it is "
                "unknown",
                "de": "Danach prüfen, ob die fehlende Zeit nachgeliefert wurde, oder festhalten, was unbekannt bleibt",
            },
        ),
    ),
    actions=(),
    messages="data_feed_lost",
    example=(Sign(channel="chat", signal_kind="telemetry-lost", ratio=None, after_seconds=40, measure="heartbeat"),),
)
