"""The outage is over and its anger arrives: those who waited or were cut off ask for more than an answer."""

from response.playbook import Playbook, Sign, Step

ESCALATION_WAVE = Playbook(
    answers=(),
    waves=("escalation-wave", "sentiment-wave"),
    text="What failed works again; escalations and complaints rise on the channels that customers turned to.",
    steps=(
        Step(
            role="operations lead",
            owner="operations lead on duty",
            within_minutes=10,
            text={
                "en": "Name an owner for the wave; set the goodwill that agents may give without asking",
                "de": "Verantwortung für die Welle festlegen; Kulanz bestimmen, die ohne Rückfrage gegeben werden darf",
            },
        ),
        Step(
            role="team lead",
            owner="team leads of the channels concerned",
            within_minutes=15,
            text={
                "en": "Put the calmest people on escalations; short breaks after hard contacts; explain what happened",
                "de": "Erfahrene Kräfte an die Eskalationen; kurze Pausen nach schweren Kontakten; erklären, was war",
            },
        ),
        Step(
            role="real-time analyst",
            owner="workforce desk",
            within_minutes=20,
            text={
                "en": "Sort cases by VIP, age, promise and repeats; keep specialists free for 48 hours",
                "de": "Fälle nach VIP, Alter, Zusage und Wiederholung ordnen; Fachkräfte dafür 48 Stunden freihalten",
            },
        ),
        Step(
            role="communications",
            owner="communications on call",
            within_minutes=30,
            text={
                "en": "Say once and openly what happened and what is made good; answer social posts one by one",
                "de": "Einmal offen sagen, was war und was ausgeglichen wird; auf soziale Medien einzeln antworten",
            },
        ),
    ),
    actions=(),
    messages="escalation_wave",
    example=(
        Sign(channel="voice", signal_kind="silence", ratio=0.0, after_seconds=30, lasts_seconds=900),
        Sign(channel="chat", signal_kind="escalation-wave", ratio=2.5, after_seconds=1200, measure="escalated"),
    ),
)
