"""Everything works but the plan of who answers what: customers wait longer."""

from response.template import Approval, Messages, written

_APPROVED = Approval(by="Breakwater", on="2026-11-22")

WORKFORCE_SYSTEM_OUTAGE = Messages(
    templates=(
        *written(
            "open",
            _APPROVED,
            {
                "agents": {
                    "en": (
                        "The schedule system is out of order since {since}. The last printed plan holds; your team "
                        "lead says which queue you take and when your break is. You are not measured to your usual "
                        "handle time now. Next update: {next_update}."
                    ),
                    "de": (
                        "Der Dienstplan ist seit {since} gestört. Es gilt der zuletzt gedruckte Plan; die Teamleitung"
                        " sagt Warteschlange und Pause an. Die Bearbeitungszeit wird zurzeit nicht gemessen. Nächster"
                        " Stand: {next_update}."
                    ),
                },
                "supervisors": {
                    "en": ("Workforce system outage since {since}: {symptoms}.\n{steps}\nNext update: {next_update}."),
                    "de": ("Dienstplan gestört seit {since}: {symptoms}.\n{steps}\nNächster Stand: {next_update}."),
                },
                "customers": {
                    "en": (
                        "Since {since} you may wait longer than usual, because fewer of us are at their places. We "
                        "are sorry. You reach us by {works}. We tell you more at {next_update}."
                    ),
                    "de": (
                        "Seit {since} warten Sie möglicherweise länger als üblich, weil weniger von uns am Platz "
                        "sind. Das tut uns leid. Sie erreichen uns über {works}. Um {next_update} informieren wir Sie"
                        " wieder."
                    ),
                },
                "social": {
                    "en": (
                        "Since {since} it takes us longer to answer. Sorry! We are here by {works}. Next update at "
                        "{next_update}."
                    ),
                    "de": (
                        "Seit {since} brauchen wir länger für Antworten. Das tut uns leid! Wir sind da über {works}. "
                        "Nächster Stand um {next_update}."
                    ),
                },
            },
        ),
        *written(
            "over",
            _APPROVED,
            {
                "agents": {
                    "en": ("The schedule works again: please follow it from the next quarter of an hour on."),
                    "de": ("Der Dienstplan funktioniert wieder: Bitte ab der nächsten Viertelstunde danach arbeiten."),
                },
                "supervisors": {
                    "en": (
                        "The schedule works again; load shifts are taken back. Correct the hours noted by hand; waits"
                        " are watched for 48 hours."
                    ),
                    "de": (
                        "Der Dienstplan funktioniert wieder; Umleitungen werden zurückgenommen. Von Hand notierte "
                        "Zeiten nachtragen; Wartezeiten werden 48 Stunden beobachtet."
                    ),
                },
                "customers": {
                    "en": "We answer as usual again. We are sorry that you waited longer since {since}.",
                    "de": (
                        "Wir antworten wieder wie gewohnt. Es tut uns leid, dass Sie seit {since} länger gewartet "
                        "haben."
                    ),
                },
                "social": {
                    "en": (
                        "We answer as usual again. Sorry for the longer wait since {since}, and thank you for your "
                        "patience."
                    ),
                    "de": (
                        "Wir antworten wieder wie gewohnt. Das lange Warten seit {since} tut uns leid, danke für die "
                        "Geduld."
                    ),
                },
            },
        ),
        *written(
            "open",
            _APPROVED,
            {
                "sms": {
                    "en": "Waits are longer since {since}, fewer of us are there. Sorry! Reach us "
                    "by {works}. Next update {next_update}.",
                    "de": "Seit {since} warten Sie länger, weniger von uns sind da. Es tut uns "
                    "leid. Da über {works}. Stand {next_update}.",
                },
                "status-page": {
                    "en": "Longer waits since {since}: fewer agents than planned; we are sorry. "
                    "Working: {works}. Next update: {next_update}.",
                    "de": "Längere Wartezeiten seit {since}: weniger Personal als geplant; das tut "
                    "uns leid. Verfügbar: {works}. Nächster Stand: {next_update}.",
                },
            },
        ),
        *written(
            "over",
            _APPROVED,
            {
                "sms": {
                    "en": "We answer as usual again. Sorry for the wait since {since}.",
                    "de": "Wir antworten wieder wie gewohnt. Die Wartezeit seit {since} tut uns leid.",
                },
                "status-page": {
                    "en": "Waits are as usual again. We are sorry for the longer ones since {since}.",
                    "de": "Wartezeiten sind wieder wie gewohnt. Die längeren seit {since} tun uns leid.",
                },
            },
        ),
    )
)
