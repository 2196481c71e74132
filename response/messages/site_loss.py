"""A site is dark."""

from response.template import Approval, Messages, written

_APPROVED = Approval(by="Breakwater", on="2026-11-22")

SITE_LOSS = Messages(
    templates=(
        *written(
            "open",
            _APPROVED,
            {
                "agents": {
                    "en": (
                        "One of our sites cannot work since {since}. If you are there: follow the site lead, safety "
                        "first. If you are not: customers reach us by {works}, please answer there. You are not "
                        "measured to your usual handle time now. Next update: {next_update}."
                    ),
                    "de": (
                        "Einer unserer Standorte kann seit {since} nicht arbeiten. Wer dort ist: der Standortleitung "
                        "folgen, Sicherheit zuerst. Alle anderen: Kunden erreichen uns über {works}, bitte dort "
                        "antworten. Die Bearbeitungszeit wird zurzeit nicht gemessen. Nächster Stand: {next_update}."
                    ),
                },
                "supervisors": {
                    "en": ("Power or site loss since {since}: {symptoms}.\n{steps}\nNext update: {next_update}."),
                    "de": ("Standort ausgefallen seit {since}: {symptoms}.\n{steps}\nNächster Stand: {next_update}."),
                },
                "customers": {
                    "en": (
                        "One of our sites cannot work since {since}: {channels} are not or hardly answered. We are "
                        "sorry. You reach us by {works}. We tell you more at {next_update}."
                    ),
                    "de": (
                        "Einer unserer Standorte kann seit {since} nicht arbeiten: {channels} sind nicht oder kaum "
                        "besetzt. Das tut uns leid. Sie erreichen uns über {works}. Um {next_update} informieren wir "
                        "Sie wieder."
                    ),
                },
                "social": {
                    "en": (
                        "One of our sites cannot work since {since}. Sorry! We are here by {works}. Next update at "
                        "{next_update}."
                    ),
                    "de": (
                        "Einer unserer Standorte kann seit {since} nicht arbeiten. Das tut uns leid! Wir sind da über"
                        " {works}. Nächster Stand um {next_update}."
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
                        "The site works again. Go back to your own place and queue when your team lead calls you; "
                        "many customers will ask again."
                    ),
                    "de": (
                        "Der Standort arbeitet wieder. Zurück an den eigenen Platz, wenn die Teamleitung ruft; viele "
                        "Kunden fragen erneut nach."
                    ),
                },
                "supervisors": {
                    "en": (
                        "The site works again; load shifts are taken back one after the other. Check who is there "
                        "before you count on the plan: the incident is watched for 48 hours."
                    ),
                    "de": (
                        "Der Standort arbeitet wieder; Umleitungen werden nacheinander zurückgenommen. Anwesenheit "
                        "prüfen, bevor der Plan gilt: Der Vorfall wird 48 Stunden beobachtet."
                    ),
                },
                "customers": {
                    "en": ("You reach us everywhere as usual again. We are sorry that you could not since {since}."),
                    "de": (
                        "Sie erreichen uns wieder überall wie gewohnt. Es tut uns leid, dass das seit {since} nicht "
                        "möglich war."
                    ),
                },
                "social": {
                    "en": (
                        "You reach us everywhere as usual again. Sorry for the trouble since {since}, and thank you "
                        "for your patience."
                    ),
                    "de": (
                        "Sie erreichen uns wieder überall wie gewohnt. Die Störung seit {since} tut uns leid, danke "
                        "für die Geduld."
                    ),
                },
            },
        ),
        *written(
            "open",
            _APPROVED,
            {
                "sms": {
                    "en": "One of our sites is out since {since}, sorry. Reach us by {works}. Next "
                    "update {next_update}.",
                    "de": "Ein Standort ist seit {since} ausgefallen, das tut uns leid. Da über "
                    "{works}. Nächster Stand {next_update}.",
                },
                "status-page": {
                    "en": "One site out of service since {since}: {channels} hardly answered; we "
                    "are sorry. Working: {works}. Next update: {next_update}.",
                    "de": "Ein Standort seit {since} ausgefallen: {channels} kaum besetzt; das tut "
                    "uns leid. Verfügbar: {works}. Nächster Stand: {next_update}.",
                },
            },
        ),
        *written(
            "over",
            _APPROVED,
            {
                "sms": {
                    "en": "You reach us as usual again. Sorry for the outage since {since}.",
                    "de": "Sie erreichen uns wieder wie gewohnt. Der Ausfall seit {since} tut uns leid.",
                },
                "status-page": {
                    "en": "All sites are back. We are sorry for the outage since {since}.",
                    "de": "Alle Standorte arbeiten wieder. Der Ausfall seit {since} tut uns leid.",
                },
            },
        ),
    )
)
