"""What failed works again; those it hit ask for more than an answer."""

from response.template import Approval, Messages, written

_APPROVED = Approval(by="Breakwater", on="2026-11-22")

ESCALATION_WAVE = Messages(
    templates=(
        *written(
            "open",
            _APPROVED,
            {
                "agents": {
                    "en": (
                        "Since {since} more customers than usual escalate on {channels}: they were hit by the outage."
                        " Say sorry first, then solve; you may give the goodwill your team lead names. You are not "
                        "measured to your usual handle time now. Next update: {next_update}."
                    ),
                    "de": (
                        "Seit {since} eskalieren mehr Kunden als üblich über {channels}: Die Störung hat sie "
                        "getroffen. Zuerst entschuldigen, dann lösen; Kulanz geben, wie die Teamleitung sie nennt. "
                        "Die Bearbeitungszeit wird zurzeit nicht gemessen. Nächster Stand: {next_update}."
                    ),
                },
                "supervisors": {
                    "en": ("Escalation wave since {since}: {symptoms}.\n{steps}\nNext update: {next_update}."),
                    "de": ("Eskalationswelle seit {since}: {symptoms}.\n{steps}\nNächster Stand: {next_update}."),
                },
                "customers": {
                    "en": (
                        "Since {since} many of you ask us for a solution after the outage, and answers take longer. "
                        "We are sorry. You reach us by {works}. We tell you more at {next_update}."
                    ),
                    "de": (
                        "Seit {since} fragen viele von Ihnen nach der Störung nach einer Lösung, Antworten dauern "
                        "länger. Das tut uns leid. Sie erreichen uns über {works}. Um {next_update} informieren wir "
                        "Sie wieder."
                    ),
                },
                "social": {
                    "en": (
                        "Since {since} many of you ask for a solution after the outage and answers take longer. "
                        "Sorry! We are here by {works}. Next update at {next_update}."
                    ),
                    "de": (
                        "Seit {since} fragen viele nach der Störung nach einer Lösung, Antworten dauern länger. Das "
                        "tut uns leid! Wir sind da über {works}. Nächster Stand um {next_update}."
                    ),
                },
            },
        ),
        *written(
            "over",
            _APPROVED,
            {
                "agents": {
                    "en": "Escalations are back to usual. Thank you for staying calm.",
                    "de": "Die Eskalationen sind wieder im üblichen Bereich. Danke für die Ruhe.",
                },
                "supervisors": {
                    "en": (
                        "The escalation wave is over. Promised call-backs and goodwill stay open until they are kept;"
                        " the incident is watched on."
                    ),
                    "de": (
                        "Die Eskalationswelle ist vorbei. Zugesagte Rückrufe und Kulanz bleiben offen, bis sie "
                        "eingelöst sind; der Vorfall wird weiter beobachtet."
                    ),
                },
            },
        ),
        *written(
            "open",
            _APPROVED,
            {
                "sms": {
                    "en": "Many ask us for a solution since {since}, answers take longer. Sorry! "
                    "Reach us by {works}. Next update {next_update}.",
                    "de": "Seit {since} fragen viele nach einer Lösung, es dauert länger. Es tut "
                    "uns leid. Da über {works}. Stand {next_update}.",
                },
                "status-page": {
                    "en": "Follow-up requests since {since}: answers take longer; we are sorry. "
                    "Working: {works}. Next update: {next_update}.",
                    "de": "Nachfragen seit {since}: Antworten dauern länger, das tut uns leid. "
                    "Verfügbar: {works}. Nächster Stand: {next_update}.",
                },
            },
        ),
        *written(
            "over",
            _APPROVED,
            {
                "sms": {
                    "en": "We answer follow-up requests as usual again. Sorry for the wait since {since}.",
                    "de": "Nachfragen beantworten wir wieder wie gewohnt. Die Wartezeit seit {since} tut uns leid.",
                },
                "status-page": {
                    "en": "Follow-up requests: answered as usual again. We are sorry for the waits since {since}.",
                    "de": "Nachfragen: wieder wie gewohnt beantwortet. Die Wartezeiten seit {since} tun uns leid.",
                },
                "customers": {
                    "en": "We answer follow-up requests as usual again. We are sorry that you waited since {since}.",
                    "de": "Nachfragen beantworten wir wieder wie gewohnt. Es tut uns leid, dass Sie "
                    "seit {since} warten mussten.",
                },
                "social": {
                    "en": "We answer follow-up requests as usual again. Sorry for the wait since {since}.",
                    "de": "Nachfragen beantworten wir wieder wie gewohnt. Die Wartezeit seit {since} tut uns leid.",
                },
            },
        ),
    )
)
