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
            text="Read the reasons behind the rise; confirm with marketing, billing or logistics what set it off",
        ),
        Step(
            role="real-time analyst",
            owner="workforce desk",
            within_minutes=10,
            text="Move breaks and off-phone work; lend agents as the staffing alerts say",
        ),
        Step(
            role="operations lead",
            owner="operations lead on duty",
            within_minutes=15,
            text="Approve overflow and call-back; open the on-call bench if the gap lasts past the next interval",
        ),
        Step(
            role="communications",
            owner="communications on call",
            within_minutes=20,
            text="Answer the question of the day where customers look first: menu greeting, site, bot, social",
        ),
    ),
    actions=("overflow", "call-back", "sms", "bot", "deflect", "alternative-site"),
    messages="demand_surge",
    example=(
        Sign(channel="voice", queue="billing", signal_kind="surge", ratio=2.4, after_seconds=90),
        Sign(channel="voice", signal_kind="surge", ratio=1.9, after_seconds=180, expected=200),
        Sign(channel="voice", signal_kind="abandonment-wave", ratio=2.0, after_seconds=600, measure="abandoned"),
    ),
)
