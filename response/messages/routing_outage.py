"""Customers reach us but are not put through."""

from response.template import Approval, Messages, written

_APPROVED = Approval(by="Breakwater", on="2026-11-22")

ROUTING_OUTAGE = Messages(
    templates=(
        *written(
            "open",
            _APPROVED,
            {
                "agents": {
                    "en": (
                        "Since {since} contacts wait although you are free: they are not handed out. Stay logged in "
                        "unless your team lead says otherwise; take contacts by hand where you can. You are not "
                        "measured to your usual handle time now. Next update: {next_update}."
                    ),
                    "de": (
                        "Seit {since} warten Kontakte, obwohl ihr frei seid: Sie werden nicht verteilt. Angemeldet "
                        "bleiben, solange die Teamleitung nichts anderes sagt; Kontakte von Hand holen, wo es geht. "
                        "Die Bearbeitungszeit wird zurzeit nicht gemessen. Nächster Stand: {next_update}."
                    ),
                },
                "supervisors": {
                    "en": ("Routing outage since {since}: {symptoms}.\n{steps}\nNext update: {next_update}."),
                    "de": ("Verteilung gestört seit {since}: {symptoms}.\n{steps}\nNächster Stand: {next_update}."),
                },
                "customers": {
                    "en": (
                        "Since {since} we cannot put you through on {channels} as usual, and you wait longer. We are "
                        "sorry. You reach us by {works}. We tell you more at {next_update}."
                    ),
                    "de": (
                        "Seit {since} können wir Sie über {channels} nicht wie gewohnt verbinden, Sie warten länger. "
                        "Das tut uns leid. Sie erreichen uns über {works}. Um {next_update} informieren wir Sie "
                        "wieder."
                    ),
                },
                "social": {
                    "en": (
                        "Since {since} we cannot put customers through as usual. Sorry! We are here by {works}. Next "
                        "update at {next_update}."
                    ),
                    "de": (
                        "Seit {since} können wir nicht wie gewohnt verbinden. Das tut uns leid! Wir sind da über "
                        "{works}. Nächster Stand um {next_update}."
                    ),
                },
            },
        ),
        *written(
            "over",
            _APPROVED,
            {
                "agents": {
                    "en": (
                        "Contacts are handed out again; those who waited longest come first and many will be upset. "
                        "Your team lead says who takes what."
                    ),
                    "de": (
                        "Kontakte werden wieder verteilt; wer am längsten wartet, kommt zuerst, und viele sind "
                        "verärgert. Die Teamleitung sagt, wer was übernimmt."
                    ),
                },
                "supervisors": {
                    "en": (
                        "Routing works again; load shifts are taken back. Plan for repeat contacts and escalations: "
                        "the incident is watched for 48 hours."
                    ),
                    "de": (
                        "Die Verteilung funktioniert wieder; Umleitungen werden zurückgenommen. Folgekontakte und "
                        "Eskalationen einplanen: Der Vorfall wird 48 Stunden beobachtet."
                    ),
                },
                "customers": {
                    "en": ("We put you through as usual again. We are sorry that you waited since {since}."),
                    "de": (
                        "Wir verbinden Sie wieder wie gewohnt. Es tut uns leid, dass Sie seit {since} warten mussten."
                    ),
                },
                "social": {
                    "en": (
                        "We put you through as usual again. Sorry for the wait since {since}, and thank you for your "
                        "patience."
                    ),
                    "de": (
                        "Wir verbinden wieder wie gewohnt. Das Warten seit {since} tut uns leid, danke für die Geduld."
                    ),
                },
            },
        ),
        *written(
            "open",
            _APPROVED,
            {
                "sms": {
                    "en": "You may wait longer on {channels} since {since}, sorry. Reach us by "
                    "{works}. Next update {next_update}.",
                    "de": "Seit {since} warten Sie länger bei {channels}, das tut uns leid. Da über "
                    "{works}. Nächster Stand {next_update}.",
                },
                "status-page": {
                    "en": "{channels}: contacts are not put through as usual since {since}. Waits "
                    "are longer; we are sorry. Working: {works}. Next update: {next_update}.",
                    "de": "{channels}: seit {since} nicht wie gewohnt verbunden. Wartezeiten sind "
                    "länger, das tut uns leid. Verfügbar: {works}. Nächster Stand: "
                    "{next_update}.",
                },
            },
        ),
        *written(
            "over",
            _APPROVED,
            {
                "sms": {
                    "en": "We put you through as usual again. Sorry for the wait since {since}.",
                    "de": "Wir verbinden Sie wieder wie gewohnt. Die Wartezeit seit {since} tut uns leid.",
                },
                "status-page": {
                    "en": "Contacts are put through as usual again. We are sorry for the waits since {since}.",
                    "de": "Kontakte werden wieder wie gewohnt verbunden. Die Wartezeiten seit {since} tun uns leid.",
                },
            },
        ),
    )
)
