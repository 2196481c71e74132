"""We can be reached, but we cannot see who is asking."""

from response.template import Approval, Messages, written

_APPROVED = Approval(by="Breakwater", on="2026-11-22")

CRM_OUTAGE = Messages(
    templates=(
        *written(
            "open",
            _APPROVED,
            {
                "agents": {
                    "en": (
                        "Customer records are slow or closed since {since}. Write down name, matter and a number to "
                        "call back; do not ask what needs the record. You are not measured to your usual handle time "
                        "now. Next update: {next_update}."
                    ),
                    "de": (
                        "Die Kundenakten sind seit {since} langsam oder nicht erreichbar. Name, Anliegen und "
                        "Rückrufnummer aufschreiben; nichts fragen, wozu die Akte nötig ist. Die Bearbeitungszeit "
                        "wird zurzeit nicht gemessen. Nächster Stand: {next_update}."
                    ),
                },
                "supervisors": {
                    "en": "CRM outage since {since}: {symptoms}.\n{steps}\nNext update: {next_update}.",
                    "de": ("Kundenakten gestört seit {since}: {symptoms}.\n{steps}\nNächster Stand: {next_update}."),
                },
                "customers": {
                    "en": (
                        "Since {since} our agents cannot open your records as usual, and answers take longer. We are "
                        "sorry. You still reach us by {works}; please have your order or customer number ready. We "
                        "tell you more at {next_update}."
                    ),
                    "de": (
                        "Seit {since} können wir Ihre Unterlagen nicht wie gewohnt öffnen, Antworten dauern länger. "
                        "Das tut uns leid. Sie erreichen uns weiterhin über {works}; halten Sie bitte Ihre Bestell- "
                        "oder Kundennummer bereit. Um {next_update} informieren wir Sie wieder."
                    ),
                },
                "social": {
                    "en": (
                        "Since {since} we cannot open customer records as usual and answers take longer. Sorry! We "
                        "are here by {works}. Next update at {next_update}."
                    ),
                    "de": (
                        "Seit {since} öffnen sich unsere Unterlagen nicht wie gewohnt, Antworten dauern länger. Das "
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
                    "en": (
                        "Customer records work again. Please enter what you wrote down meanwhile, the oldest first, "
                        "as your team lead says."
                    ),
                    "de": (
                        "Die Kundenakten funktionieren wieder. Bitte Aufgeschriebenes nachtragen, das Älteste zuerst,"
                        " wie die Teamleitung es sagt."
                    ),
                },
                "supervisors": {
                    "en": (
                        "Customer records work again. Set time aside for what was written by hand; backlogs are "
                        "watched for 48 hours."
                    ),
                    "de": (
                        "Die Kundenakten funktionieren wieder. Zeit für handschriftlich Notiertes einplanen; "
                        "Rückstände werden 48 Stunden beobachtet."
                    ),
                },
                "customers": {
                    "en": (
                        "We see your records again and answer as usual. We are sorry that it took longer since {since}."
                    ),
                    "de": (
                        "Wir sehen Ihre Unterlagen wieder und antworten wie gewohnt. Es tut uns leid, dass es seit "
                        "{since} länger gedauert hat."
                    ),
                },
                "social": {
                    "en": (
                        "We answer as usual again. Sorry that it took longer since {since}, and thank you for your "
                        "patience."
                    ),
                    "de": (
                        "Wir antworten wieder wie gewohnt. Dass es seit {since} länger dauerte, tut uns leid, danke "
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
                    "en": "Answers take longer since {since}: we cannot open your records. Sorry! "
                    "We are here by {works}. Next update {next_update}.",
                    "de": "Antworten dauern seit {since} länger, Unterlagen nicht erreichbar. Es "
                    "tut uns leid. Da über {works}. Stand {next_update}.",
                },
                "status-page": {
                    "en": "Customer records: not available to our agents since {since}. Answers "
                    "take longer; we are sorry. Working: {works}. Next update: {next_update}.",
                    "de": "Kundenunterlagen: für unser Team seit {since} nicht verfügbar. Antworten "
                    "dauern länger, das tut uns leid. Verfügbar: {works}. Nächster Stand: "
                    "{next_update}.",
                },
            },
        ),
        *written(
            "over",
            _APPROVED,
            {
                "sms": {
                    "en": "We see your records again and answer as usual. Sorry for the wait since {since}.",
                    "de": "Wir sehen Ihre Unterlagen wieder. Die Wartezeit seit {since} tut uns leid.",
                },
                "status-page": {
                    "en": "Customer records: available again. We are sorry for slow answers since {since}.",
                    "de": "Kundenunterlagen: wieder verfügbar. Die langen Antwortzeiten seit {since} tun uns leid.",
                },
            },
        ),
    )
)
