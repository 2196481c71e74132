"""More customers than planned, and everything works: a promotion, a storm, a recall, a wrong bill."""

from response.playbook import Playbook, Sign, Step

DEMAND_SURGE = Playbook(
    answers=("demand-surge",),
    text="Contacts rise on one or several channels, none is silent, tools answer.",
    steps=(
        Step(
            role="real-time analyst",
            owner="workforce desk",
            within_minutes=5,
            text={
                "en": "Read the reasons behind the rise; confirm with marketing, billing or logistics what set it off",
                "de": "Kontaktgründe lesen; mit Marketing, Abrechnung oder Logistik klären, was der Auslöser ist",
            },
        ),
        Step(
            role="real-time analyst",
            owner="workforce desk",
            within_minutes=10,
            text={
                "en": "Move breaks and off-phone work; lend agents as the staffing alerts say",
                "de": "Pausen und Nebenarbeit verschieben; Kräfte nach den Besetzungshinweisen ausleihen",
            },
        ),
        Step(
            role="operations lead",
            owner="operations lead on duty",
            within_minutes=15,
            text={
                "en": "Approve overflow and call-back; open the on-call bench if the gap lasts past the next interval",
                "de": "Überlauf und Rückruf freigeben; die Rufbereitschaft holen, wenn die Lücke über das nächste"
                " Intervall hinaus dauert",
            },
        ),
        Step(
            role="communications",
            owner="communications on call",
            within_minutes=20,
            text={
                "en": "Answer the question of the day where customers look first: menu greeting, site, bot, social",
                "de": "Die Frage des Tages dort beantworten, wo Kunden zuerst nachsehen: Ansage, Website, Bot, "
                "soziale Medien",
            },
        ),
    ),
    actions=("skill-flex", "overflow", "call-back", "sms", "bot", "deflect", "alternative-site"),
    messages="demand_surge",
    example=(
        Sign(channel="voice", queue="billing", signal_kind="surge", ratio=2.4, after_seconds=90),
        Sign(channel="voice", signal_kind="surge", ratio=1.9, after_seconds=180, expected=200),
        Sign(channel="voice", signal_kind="abandonment-wave", ratio=2.0, after_seconds=600, measure="abandoned"),
    ),
)
