"""Contacts arrive, agents are free, and the two do not meet: routing does not hand contacts out."""

from response.playbook import Playbook, Sign, Step

ROUTING_OUTAGE = Playbook(
    answers=("routing",),
    text="Contacts arrive as usual and are not answered although agents are idle; customers give up.",
    steps=(
        Step(
            role="operations lead",
            owner="operations lead on duty",
            within_minutes=2,
            text={
                "en": "Acknowledge; open the bridge with the routing team; freeze all changes of queues and skills",
                "de": "Annehmen; Telefonkonferenz mit dem Verteilungs-Team öffnen; Änderungen an Warteschlangen und "
                "Fähigkeiten anhalten",
            },
        ),
        Step(
            role="platform engineer",
            owner="routing on call",
            within_minutes=5,
            text={
                "en": "Follow one contact: which queue, which rule, which agents fit; take back the last change of the "
                "rules",
                "de": "Einen Kontakt verfolgen: welche Warteschlange, welche Regel, welche Kräfte passen; die letzte "
                "Regeländerung zurücknehmen",
            },
        ),
        Step(
            role="team lead",
            owner="team leads of all channels",
            within_minutes=5,
            text={
                "en": "Have agents log out and in again, one team at a time; let teams pick contacts by hand where the "
                "desktop allows it",
                "de": "Teamweise ab- und wieder anmelden lassen; Kontakte von Hand holen lassen, wo das geht",
            },
        ),
        Step(
            role="real-time analyst",
            owner="workforce desk",
            within_minutes=10,
            text={
                "en": "Route by the emergency plan (one queue a channel, everybody) if there is no fix in sight",
                "de": "Nach Notfallplan verteilen (eine Warteschlange je Kanal, alle Kräfte), wenn keine Lösung in "
                "Sicht ist",
            },
        ),
        Step(
            role="communications",
            owner="communications on call",
            within_minutes=12,
            text={
                "en": "Change the greeting: say the wait, name the site and the app for what can be done there",
                "de": "Ansage ändern: Wartezeit nennen, auf Website und App verweisen, wo es dort geht",
            },
        ),
    ),
    # what has to be handed out by the routing that fails (overflow, call-back) does not help
    actions=("skill-flex", "deflect", "sms", "bot", "second-carrier", "alternative-site"),
    messages="routing_outage",
    example=(
        Sign(channel="voice", signal_kind="drop", ratio=0.1, after_seconds=60, measure="answered"),
        Sign(channel="chat", signal_kind="drop", ratio=0.2, after_seconds=90, measure="answered"),
        Sign(channel="voice", signal_kind="abandonment-wave", ratio=4.0, after_seconds=240, measure="abandoned"),
    ),
)
