"""Everything works, but many more customers than usual want us."""

from response.template import Approval, Messages, Template

_APPROVED = Approval(by="Breakwater", on="2026-11-22")

DEMAND_SURGE = Messages(
    templates=(
        Template(
            audience="agents",
            language="en",
            version=1,
            text="Since {since} far more customers than usual reach us ({symptoms}). Everything works. You are not "
            "measured to your usual handle time now; breaks may move, your team lead tells you. Next update: "
            "{next_update}.",
            approved=_APPROVED,
        ),
        Template(
            audience="agents",
            language="de",
            version=1,
            text="Seit {since} erreichen uns viel mehr Kunden als üblich ({symptoms}). Alles funktioniert. Die "
            "Bearbeitungszeit wird zurzeit nicht gemessen; Pausen können sich verschieben, die Teamleitung sagt es "
            "an. Nächster Stand: {next_update}.",
            approved=_APPROVED,
        ),
        Template(
            audience="supervisors",
            language="en",
            version=1,
            text="Demand surge since {since}: {symptoms}.\n{steps}\nNext update: {next_update}.",
            approved=_APPROVED,
        ),
        Template(
            audience="supervisors",
            language="de",
            version=1,
            text="Ansturm seit {since}: {symptoms}.\n{steps}\nNächster Stand: {next_update}.",
            approved=_APPROVED,
        ),
        Template(
            audience="customers",
            language="en",
            version=1,
            text="Since {since} many more customers than usual contact us by {channels}, and you may wait longer "
            "there. We are sorry. You also reach us by {works}. We tell you more at {next_update}.",
            approved=_APPROVED,
        ),
        Template(
            audience="customers",
            language="de",
            version=1,
            text="Seit {since} melden sich viel mehr Kunden als üblich über {channels}; dort kann es länger dauern. "
            "Das tut uns leid. Sie erreichen uns auch über {works}. Um {next_update} informieren wir Sie wieder.",
            approved=_APPROVED,
        ),
        Template(
            audience="supervisors",
            language="en",
            version=1,
            stage="over",
            text="The surge is over; load shifts are taken back. Backlogs and repeat contacts are watched for 48 "
            "hours.",
            approved=_APPROVED,
        ),
        Template(
            audience="supervisors",
            language="de",
            version=1,
            stage="over",
            text="Der Ansturm ist vorbei; Umleitungen werden zurückgenommen. Rückstände und Folgekontakte werden 48 "
            "Stunden beobachtet.",
            approved=_APPROVED,
        ),
    )
)
