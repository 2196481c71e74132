"""Nobody can chat with us."""

from response.template import Approval, Messages, written

_APPROVED = Approval(by="Breakwater", on="2026-11-22")

CHAT_PLATFORM_OUTAGE = Messages(
    templates=(
        *written(
            "open",
            _APPROVED,
            {
                "agents": {
                    "en": (
                        "Our chat has been out of order since {since}. Customers reach us by {works}: please answer "
                        "there as your team lead says. You are not measured to your usual handle time now. Next "
                        "update: {next_update}."
                    ),
                    "de": (
                        "Unser Chat ist seit {since} gestört. Kunden erreichen uns über {works}: Bitte dort "
                        "antworten, wie die Teamleitung es sagt. Die Bearbeitungszeit wird zurzeit nicht gemessen. "
                        "Nächster Stand: {next_update}."
                    ),
                },
                "supervisors": {
                    "en": ("Chat platform outage since {since}: {symptoms}.\n{steps}\nNext update: {next_update}."),
                    "de": ("Chat gestört seit {since}: {symptoms}.\n{steps}\nNächster Stand: {next_update}."),
                },
                "customers": {
                    "en": (
                        "You cannot chat with us since {since}. We are sorry, above all if your chat was cut off. You"
                        " reach us by {works}. We tell you more at {next_update}."
                    ),
                    "de": (
                        "Unser Chat ist seit {since} nicht erreichbar. Das tut uns leid, besonders wenn Ihr Chat "
                        "abgebrochen wurde. Sie erreichen uns über {works}. Um {next_update} informieren wir Sie "
                        "wieder."
                    ),
                },
                "social": {
                    "en": (
                        "Our chat is out of order since {since}. Sorry! We are here by {works}. Next update at "
                        "{next_update}."
                    ),
                    "de": (
                        "Unser Chat ist seit {since} gestört. Das tut uns leid! Wir sind da über {works}. Nächster "
                        "Stand um {next_update}."
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
                        "Our chat works again. Please go back to your own queue as your team lead says; customers "
                        "whose chat was cut off will write again."
                    ),
                    "de": (
                        "Unser Chat funktioniert wieder. Bitte zurück in die eigene Warteschlange, wie die "
                        "Teamleitung es sagt; wessen Chat abgebrochen wurde, der schreibt noch einmal."
                    ),
                },
                "supervisors": {
                    "en": (
                        "Chat works again; load shifts are taken back. Plan for repeat contacts and escalations: the "
                        "incident is watched for 48 hours."
                    ),
                    "de": (
                        "Der Chat funktioniert wieder; Umleitungen werden zurückgenommen. Folgekontakte und "
                        "Eskalationen einplanen: Der Vorfall wird 48 Stunden beobachtet."
                    ),
                },
                "customers": {
                    "en": "You can chat with us again. We are sorry that you could not since {since}.",
                    "de": (
                        "Sie können wieder mit uns chatten. Es tut uns leid, dass das seit {since} nicht möglich war."
                    ),
                },
                "social": {
                    "en": (
                        "Our chat works again. Sorry for the trouble since {since}, and thank you for your patience."
                    ),
                    "de": (
                        "Unser Chat funktioniert wieder. Die Störung seit {since} tut uns leid, danke für die Geduld."
                    ),
                },
            },
        ),
        *written(
            "open",
            _APPROVED,
            {
                "sms": {
                    "en": "Our chat is down since {since}, sorry. Reach us by {works}. Next update {next_update}.",
                    "de": "Chat seit {since} gestört, das tut uns leid. Wir sind da über {works}. "
                    "Nächster Stand {next_update}.",
                },
                "status-page": {
                    "en": "Chat: outage since {since}. Chats cannot be opened and open ones were "
                    "cut off; we are sorry. Working: {works}. Next update: {next_update}.",
                    "de": "Chat: Störung seit {since}. Chats lassen sich nicht öffnen, laufende "
                    "sind abgebrochen; das tut uns leid. Verfügbar: {works}. Nächster Stand: "
                    "{next_update}.",
                },
            },
        ),
        *written(
            "over",
            _APPROVED,
            {
                "sms": {
                    "en": "Our chat works again. Sorry for the outage since {since}.",
                    "de": "Unser Chat geht wieder. Die Störung seit {since} tut uns leid.",
                },
                "status-page": {
                    "en": "Chat: working again. We are sorry for the outage since {since}.",
                    "de": "Chat: wieder verfügbar. Die Störung seit {since} tut uns leid.",
                },
            },
        ),
    )
)
