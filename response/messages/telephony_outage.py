"""Nobody can call us."""

from response.template import Approval, Messages, Template, written

_APPROVED = Approval(by="Breakwater", on="2026-11-22")

TELEPHONY_OUTAGE = Messages(
    templates=(
        Template(
            audience="agents",
            language="en",
            version=1,
            text="Our phone lines have been out of order since {since}. Customers reach us by {works}: please answer "
            "there as your team lead says. You are not measured to your usual handle time now. Next update: "
            "{next_update}.",
            approved=_APPROVED,
        ),
        Template(
            audience="agents",
            language="de",
            version=1,
            text="Unsere Telefonleitungen sind seit {since} gestört. Kunden erreichen uns über {works}: Bitte dort "
            "antworten, wie die Teamleitung es sagt. Die Bearbeitungszeit wird zurzeit nicht gemessen. Nächster "
            "Stand: {next_update}.",
            approved=_APPROVED,
        ),
        Template(
            audience="supervisors",
            language="en",
            version=1,
            text="Telephony outage since {since}: {symptoms}.\n{steps}\nNext update: {next_update}.",
            approved=_APPROVED,
        ),
        Template(
            audience="supervisors",
            language="de",
            version=1,
            text="Telefonie gestört seit {since}: {symptoms}.\n{steps}\nNächster Stand: {next_update}.",
            approved=_APPROVED,
        ),
        Template(
            audience="customers",
            language="en",
            version=1,
            text="We cannot be reached by phone since {since}. We are sorry for the trouble this causes you. You reach "
            "us by {works}. We tell you more at {next_update}.",
            approved=_APPROVED,
        ),
        Template(
            audience="customers",
            language="de",
            version=1,
            text="Seit {since} sind wir telefonisch nicht erreichbar. Das tut uns leid. Sie erreichen uns über "
            "{works}. Um {next_update} informieren wir Sie wieder.",
            approved=_APPROVED,
        ),
        Template(
            audience="social",
            language="en",
            version=1,
            text="Our phone lines are out of order since {since}. Sorry! We are here by {works}. Next update at "
            "{next_update}.",
            approved=_APPROVED,
        ),
        Template(
            audience="social",
            language="de",
            version=1,
            text="Unsere Telefonleitungen sind seit {since} gestört. Das tut uns leid! Wir sind da über {works}. "
            "Nächster Stand um {next_update}.",
            approved=_APPROVED,
        ),
        Template(
            audience="agents",
            language="en",
            version=1,
            stage="over",
            text="Our phone lines work again. Many customers will call back during the next hours; please go back to "
            "your own queue as your team lead says.",
            approved=_APPROVED,
        ),
        Template(
            audience="agents",
            language="de",
            version=1,
            stage="over",
            text="Unsere Telefonleitungen funktionieren wieder. In den nächsten Stunden rufen viele Kunden erneut an; "
            "bitte zurück in die eigene Warteschlange, wie die Teamleitung es sagt.",
            approved=_APPROVED,
        ),
        Template(
            audience="supervisors",
            language="en",
            version=1,
            stage="over",
            text="Telephony works again; load shifts are taken back. Plan for call-backs and escalations: the incident "
            "is watched for 48 hours.",
            approved=_APPROVED,
        ),
        Template(
            audience="supervisors",
            language="de",
            version=1,
            stage="over",
            text="Die Telefonie funktioniert wieder; Umleitungen werden zurückgenommen. Rückrufe und Eskalationen "
            "einplanen: Der Vorfall wird 48 Stunden beobachtet.",
            approved=_APPROVED,
        ),
        Template(
            audience="customers",
            language="en",
            version=1,
            stage="over",
            text="You can call us again. We are sorry that you could not since {since}.",
            approved=_APPROVED,
        ),
        Template(
            audience="customers",
            language="de",
            version=1,
            stage="over",
            text="Sie können uns wieder anrufen. Es tut uns leid, dass das seit {since} nicht möglich war.",
            approved=_APPROVED,
        ),
        Template(
            audience="social",
            language="en",
            version=1,
            stage="over",
            text="Our phone lines work again. Sorry for the wait since {since}, and thank you for your patience.",
            approved=_APPROVED,
        ),
        Template(
            audience="social",
            language="de",
            version=1,
            stage="over",
            text="Unsere Telefonleitungen funktionieren wieder. Die Störung seit {since} tut uns leid, danke für die "
            "Geduld.",
            approved=_APPROVED,
        ),
        *written(
            "open",
            _APPROVED,
            {
                "sms": {
                    "en": "Our phone lines are down since {since}, sorry. Reach us by {works}. Next "
                    "update {next_update}.",
                    "de": "Telefon seit {since} gestört, das tut uns leid. Wir sind da über "
                    "{works}. Nächster Stand {next_update}.",
                },
                "status-page": {
                    "en": "Phone: outage since {since}. Nobody can call us; we are sorry. Working: "
                    "{works}. Next update: {next_update}.",
                    "de": "Telefon: Störung seit {since}. Niemand kann uns anrufen, das tut uns "
                    "leid. Verfügbar: {works}. Nächster Stand: {next_update}.",
                },
            },
        ),
        *written(
            "over",
            _APPROVED,
            {
                "sms": {
                    "en": "Our phone lines work again. Sorry for the outage since {since}.",
                    "de": "Unsere Telefone gehen wieder. Die Störung seit {since} tut uns leid.",
                },
                "status-page": {
                    "en": "Phone: working again. We are sorry for the outage since {since}.",
                    "de": "Telefon: wieder verfügbar. Die Störung seit {since} tut uns leid.",
                },
            },
        ),
    )
)
