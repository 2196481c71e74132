"""A site is dark: power, network or building. Several channels fall silent together and their agents are gone."""

from response.playbook import Playbook, Sign, Step

SITE_LOSS = Playbook(
    answers=("power-or-site",),
    text="Several channels are silent at once and far fewer agents are there than planned.",
    steps=(
        Step(
            role="operations lead",
            owner="operations lead on duty",
            within_minutes=2,
            text={
                "en": "Is everybody safe? Acknowledge; call the site's emergency contact; open the crisis bridge",
                "de": "Sind alle in Sicherheit? Annehmen; Notfallkontakt des Standorts anrufen; Krisenkonferenz öffnen",
            },
        ),
        Step(
            role="telephony engineer",
            owner="telephony on call",
            within_minutes=5,
            text={
                "en": "Move the numbers to the other site or the second carrier, as the approved plan says",
                "de": "Rufnummern nach freigegebenem Plan auf den anderen Standort oder das zweite Netz legen",
            },
        ),
        Step(
            role="platform engineer",
            owner="facilities and network on call",
            within_minutes=10,
            text={
                "en": "Ask the power and the network provider for cause and duration; check the generator and its fuel",
                "de": "Strom- und Netzbetreiber nach Ursache und Dauer fragen; Notstrom und Vorrat prüfen",
            },
        ),
        Step(
            role="real-time analyst",
            owner="workforce desk",
            within_minutes=10,
            text={
                "en": "Call the bench at other sites and at home; give them the queues with the longest promise first",
                "de": "Rufbereitschaft an anderen Standorten und zu Hause holen; Dringendes zuerst",
            },
        ),
        Step(
            role="communications",
            owner="communications on call",
            within_minutes=10,
            text={
                "en": "Put the approved messages on the site, in the app and on social",
                "de": "Freigegebene Texte auf Website, App und soziale Medien stellen",
            },
        ),
        Step(
            role="operations lead",
            owner="operations lead on duty",
            within_minutes=60,
            text={
                "en": "Decide whether agents go home, to another site or wait; tell them and their team leads",
                "de": "Entscheiden, ob das Team nach Hause geht, den Standort wechselt oder wartet; es allen sagen",
            },
        ),
    ),
    actions=("alternative-site", "second-carrier", "skill-flex", "overflow", "deflect", "call-back", "sms", "bot"),
    messages="site_loss",
    example=(
        Sign(channel="voice", signal_kind="silence", ratio=0.0, after_seconds=30),
        Sign(channel="chat", signal_kind="silence", ratio=0.0, after_seconds=40),
        Sign(channel="email", signal_kind="silence", ratio=0.0, after_seconds=70),
        Sign(channel="social", signal_kind="surge", ratio=4.0, after_seconds=400, expected=20),
    ),
)
