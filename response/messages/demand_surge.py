"""Everything works, but many more customers than usual want us."""

from response.template import Approval, Messages, Template, written

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
        *written(
            "open",
            _APPROVED,
            {
                "sms": {
                    "en": "Very many contact us since {since}, waits are longer. Sorry! Quicker: "
                    "{works}. Next update {next_update}.",
                    "de": "Seit {since} melden sich sehr viele, es dauert länger. Es tut uns leid. "
                    "Schneller: {works}. Stand {next_update}.",
                },
                "status-page": {
                    "en": "{channels}: longer waits since {since}, as many more customers than "
                    "usual contact us; we are sorry. Quicker: {works}. Next update: "
                    "{next_update}.",
                    "de": "{channels}: längere Wartezeiten seit {since}, weil sich viel mehr Kunden "
                    "als üblich melden; das tut uns leid. Schneller: {works}. Nächster Stand: "
                    "{next_update}.",
                },
                "social": {
                    "en": "Since {since} very many of you contact us by {channels}, answers take "
                    "longer. Sorry! We are also here by {works}. Next update at "
                    "{next_update}.",
                    "de": "Seit {since} melden sich sehr viele über {channels}, Antworten dauern "
                    "länger. Das tut uns leid! Wir sind auch da über {works}. Nächster Stand "
                    "um {next_update}.",
                },
            },
        ),
        *written(
            "over",
            _APPROVED,
            {
                "sms": {
                    "en": "We answer as quickly as usual again. Sorry for the wait since {since}.",
                    "de": "Wir antworten wieder so schnell wie gewohnt. Die Wartezeit seit {since} tut uns leid.",
                },
                "status-page": {
                    "en": "Waits are as usual again. We are sorry for the longer ones since {since}.",
                    "de": "Wartezeiten sind wieder wie gewohnt. Die längeren seit {since} tun uns leid.",
                },
                "customers": {
                    "en": "We answer as quickly as usual again. We are sorry that you waited since {since}.",
                    "de": "Wir antworten wieder so schnell wie gewohnt. Es tut uns leid, dass Sie "
                    "seit {since} warten mussten.",
                },
                "social": {
                    "en": "We answer as quickly as usual again. Sorry for the wait since {since}, "
                    "and thank you for your patience.",
                    "de": "Wir antworten wieder so schnell wie gewohnt. Die Wartezeit seit {since} "
                    "tut uns leid, danke für die Geduld.",
                },
                "agents": {
                    "en": "Demand is back to usual. Thank you all; please go back to your own queue "
                    "as your team lead says.",
                    "de": "Die Nachfrage ist wieder wie gewohnt. Danke an alle; bitte zurück in die "
                    "eigene Warteschlange, wie die Teamleitung es sagt.",
                },
            },
        ),
    )
)
