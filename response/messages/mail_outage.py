"""E-mails do not reach us, or no case is made of them."""

from response.template import Approval, Messages, written

_APPROVED = Approval(by="Breakwater", on="2026-11-22")

MAIL_OUTAGE = Messages(
    templates=(
        *written(
            "open",
            _APPROVED,
            {
                "agents": {
                    "en": (
                        "E-mails have not reached us since {since}. Customers ask again by {works}: please answer "
                        "there as your team lead says. You are not measured to your usual handle time now. Next "
                        "update: {next_update}."
                    ),
                    "de": (
                        "E-Mails erreichen uns seit {since} nicht. Kunden fragen über {works} nach: Bitte dort "
                        "antworten, wie die Teamleitung es sagt. Die Bearbeitungszeit wird zurzeit nicht gemessen. "
                        "Nächster Stand: {next_update}."
                    ),
                },
                "supervisors": {
                    "en": ("E-mail outage since {since}: {symptoms}.\n{steps}\nNext update: {next_update}."),
                    "de": ("E-Mail gestört seit {since}: {symptoms}.\n{steps}\nNächster Stand: {next_update}."),
                },
                "customers": {
                    "en": (
                        "E-mails that you sent since {since} reach us late. We are sorry. You need not send them "
                        "again; what cannot wait we answer by {works}. We tell you more at {next_update}."
                    ),
                    "de": (
                        "E-Mails, die Sie seit {since} gesendet haben, erreichen uns verspätet. Das tut uns leid. Sie"
                        " müssen sie nicht noch einmal senden; Eiliges beantworten wir über {works}. Um {next_update}"
                        " informieren wir Sie wieder."
                    ),
                },
                "social": {
                    "en": (
                        "E-mails sent to us since {since} arrive late. Sorry! No need to send them again; we are here"
                        " by {works}. Next update at {next_update}."
                    ),
                    "de": (
                        "E-Mails an uns kommen seit {since} verspätet an. Das tut uns leid! Bitte nicht doppelt "
                        "senden; wir sind da über {works}. Nächster Stand um {next_update}."
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
                        "E-mails arrive again, and those of the outage come all at once. Look for letters that were "
                        "sent twice before you answer."
                    ),
                    "de": (
                        "E-Mails kommen wieder an, die aus der Störung alle auf einmal. Vor dem Antworten nach "
                        "doppelt Gesendetem sehen."
                    ),
                },
                "supervisors": {
                    "en": (
                        "E-mails arrive again; load shifts are taken back. Plan for the wave of delayed letters: the "
                        "incident is watched for 48 hours."
                    ),
                    "de": (
                        "E-Mails kommen wieder an; Umleitungen werden zurückgenommen. Die Welle der verspäteten "
                        "Nachrichten einplanen: Der Vorfall wird 48 Stunden beobachtet."
                    ),
                },
                "customers": {
                    "en": (
                        "Your e-mails reach us again, also those sent since {since}. We are sorry for the delay; you "
                        "need not send anything twice."
                    ),
                    "de": (
                        "Ihre E-Mails erreichen uns wieder, auch die seit {since} gesendeten. Die Verspätung tut uns "
                        "leid; Sie müssen nichts doppelt senden."
                    ),
                },
                "social": {
                    "en": (
                        "E-mails reach us again, also those sent since {since}. Sorry for the delay, and thank you "
                        "for your patience."
                    ),
                    "de": (
                        "E-Mails erreichen uns wieder, auch die seit {since} gesendeten. Die Verspätung tut uns leid,"
                        " danke für die Geduld."
                    ),
                },
            },
        ),
        *written(
            "open",
            _APPROVED,
            {
                "sms": {
                    "en": "E-mails sent since {since} reach us late, sorry. No need to resend. "
                    "Urgent: {works}. Next update {next_update}.",
                    "de": "E-Mails seit {since} verspätet, das tut uns leid. Bitte nicht neu "
                    "senden. Eilig: {works}. Stand {next_update}.",
                },
                "status-page": {
                    "en": "E-mail: delayed since {since}. Nothing is lost and nothing has to be "
                    "sent again; we are sorry. Working: {works}. Next update: {next_update}.",
                    "de": "E-Mail: verspätet seit {since}. Nichts geht verloren, nichts muss neu "
                    "gesendet werden; das tut uns leid. Verfügbar: {works}. Nächster Stand: "
                    "{next_update}.",
                },
            },
        ),
        *written(
            "over",
            _APPROVED,
            {
                "sms": {
                    "en": "Your e-mails reach us again, also those since {since}. Sorry for the delay.",
                    "de": "Ihre E-Mails kommen wieder an, auch die seit {since}. Die Verspätung tut uns leid.",
                },
                "status-page": {
                    "en": "E-mail: working again, with all sent since {since}. We are sorry for the delay.",
                    "de": "E-Mail: wieder verfügbar, samt allen seit {since}. Die Verspätung tut uns leid.",
                },
            },
        ),
    )
)
