"""What the desk says of its own work, by language: refusals, hand-overs, who is asked. English is what the bus has
besides; a language that is not here gets English."""

from __future__ import annotations

from schemas.incident import Reason

ENGLISH = "en"

SENTENCES: dict[str, dict[str, str]] = {
    # what was asked, and why not
    "decided": {"en": "{action} by {by}: {why}", "de": "{action} von {by}: {why}"},
    "answered": {
        "en": "the platform's answer '{state}': {why}",
        "de": "Antwort '{state}' der Plattform: {why}",
    },
    "bench-called": {"en": "{by} called them already", "de": "{by} hat sie schon gerufen"},
    "bench-not-asked": {
        "en": "this alert asks nobody of the bench",
        "de": "diese Meldung fragt niemanden aus der Reserve an",
    },
    "killed": {"en": "the kill switch is on", "de": "der Notschalter ist an"},
    "incident-over": {"en": "incident {target} is over", "de": "Vorfall {target} ist vorbei"},
    "unknown-incident": {"en": "incident {target} is not known", "de": "Vorfall {target} ist nicht bekannt"},
    "already-acknowledged": {
        "en": "{by} has acknowledged it already",
        "de": "{by} hat ihn schon übernommen",
    },
    "nothing-to-merge": {
        "en": "there is no other incident {into} to merge with",
        "de": "es gibt keinen anderen Vorfall {into}, mit dem er eins werden könnte",
    },
    "not-alike": {
        "en": "a lost data feed is no outage: they are not merged",
        "de": "fehlende Daten sind kein Ausfall: Sie werden nicht eins",
    },
    "nothing-to-split": {
        "en": "{into} names none or all of its symptoms",
        "de": "{into} nennt keines oder alle seiner Zeichen",
    },
    "first-signal-stays": {
        "en": "the incident is named for its first signal, which stays with it",
        "de": "der Vorfall ist nach seinem ersten Zeichen benannt, das bei ihm bleibt",
    },
    "too-late": {"en": "proposal {target} has expired", "de": "Vorschlag {target} ist abgelaufen"},
    "incident-not-open": {"en": "the incident is {phase}", "de": "der Vorfall ist {phase}"},
    "approved-already": {
        "en": "{by} has approved it already: another person has to",
        "de": "{by} hat schon zugestimmt: Es braucht eine zweite Person",
    },
    "unknown-command": {
        "en": "command {target} is not known, or its incident is over",
        "de": "Befehl {target} ist nicht bekannt, oder sein Vorfall ist vorbei",
    },
    "runs-already": {"en": "command {target} runs already", "de": "Befehl {target} läuft schon"},
    "runs-already-approved": {
        "en": "command {target} runs already (approved by {by})",
        "de": "Befehl {target} läuft schon (Zustimmung von {by})",
    },
    "no-longer-waiting": {
        "en": "command {target} is no longer waiting: {became}",
        "de": "Befehl {target} wartet nicht mehr: {became}",
    },
    "way-not-stopped": {
        "en": "{action} from {giver} to {taker} is not stopped",
        "de": "{action} von {giver} nach {taker} ist nicht angehalten",
    },
    "not-killed": {"en": "the kill switch is not on", "de": "der Notschalter ist nicht an"},
    "unknown-bulletin": {
        "en": "bulletin {target} is not known, or nobody waits for its readers",
        "de": "Mitteilung {target} ist nicht bekannt, oder niemand wartet auf ihre Leser",
    },
    "impossible-staffing": {
        "en": "agents of {name}: {free} free of {staffed} there cannot be: nothing is planned with it",
        "de": "Personal von {name}: {free} frei von {staffed} Anwesenden kann nicht sein: Damit wird nicht geplant",
    },
    "unknown-queue": {
        "en": "agents of {name}: the centre's model has no such queue, nobody is planned there",
        "de": "Personal von {name}: Diese Warteschlange fehlt im Modell, dort wird niemand geplant",
    },
    # who is asked
    "nobody-on-duty": {
        "en": "{rota} has nobody on duty now: the next one is asked",
        "de": "{rota} hat gerade keine Bereitschaft: Die nächste wird gefragt",
    },
    "asked": {"en": "{people} ({rota}) is asked to take it on", "de": "{people} ({rota}) soll ihn übernehmen"},
    "escalated": {
        "en": "nobody acknowledged it in {minutes} min: {people} ({rota}) is asked",
        "de": "seit {minutes} min hat ihn niemand übernommen: {people} ({rota}) ist gefragt",
    },
    "unread": {"en": "{template}, {team} ({many}): {people}", "de": "{template}, {team} ({many}): {people}"},
    # hand-over
    "handover-head": {"en": "{leaving} to {coming} ({rota})", "de": "{leaving} an {coming} ({rota})"},
    "nobody": {"en": "nobody", "de": "niemand"},
    "on-call": {"en": "On call, {rota}: {people}{until}", "de": "Bereitschaft, {rota}: {people}{until}"},
    "until": {"en": " until {at}", "de": " bis {at}"},
    "stopped": {
        "en": "Stopped by {by} since {at}: {text} (breakwater unkill {target})",
        "de": "Angehalten von {by} seit {at}: {text} (breakwater unkill {target})",
    },
    "incident-line": {"en": "{severity}, {phase} since {at}: {title}", "de": "{severity}, {phase} seit {at}: {title}"},
    "taken-on": {"en": "taken on by {by}", "de": "übernommen von {by}"},
    "not-taken-on": {"en": "nobody has taken it on", "de": "niemand hat ihn übernommen"},
    "muted": {"en": "muted until {at}", "de": "stumm bis {at}"},
    "was-asked": {"en": "{people} ({rota}) was asked at {at}", "de": "{people} ({rota}) wurde um {at} gefragt"},
    "next-asked": {"en": "{rota} is asked at {at}", "de": "{rota} wird um {at} gefragt"},
    "runs": {
        "en": "runs until {at}: {share} {way} ({target})",
        "de": "läuft bis {at}: {share} {way} ({target})",
    },
    "waits": {
        "en": "waits for a yes until {at}: {way} ({target})",
        "de": "wartet bis {at} auf ein Ja: {way} ({target})",
    },
    "way": {"en": "{giver} -> {taker} by {action}", "de": "{giver} -> {taker} durch {action}"},
    "not-read": {
        "en": "not read by all: {template} to {audience} of {at}",
        "de": "nicht von allen gelesen: {template} an {audience} von {at}",
    },
    "all-quiet": {
        "en": "Nothing is open, nothing runs, nothing waits.",
        "de": "Nichts ist offen, nichts läuft, nichts wartet.",
    },
    "more-lines": {
        "en": "{many} lines more: breakwater handover",
        "de": "{many} weitere Zeilen: breakwater handover",
    },
}

# Why something is not allowed, by the reason's code; English is the reason's own text, with its figures.
WHY: dict[str, str] = {
    "drill": "eine Übung: gezeigt, nie ausgeführt",
    "mode-dry-run": "diese Aktion wird nur gezeigt, nie ausgeführt",
    "rate-limit": "in dieser Stunde gab es schon zu viele Befehle",
    "no-route": "diesen Weg gibt es nicht mehr, oder er führt zu etwas, das ausgefallen ist",
    "route-cap": "so viel darf auf diesem Weg nicht bewegt werden",
    "origin-cap": "so viel darf ein Befehl hier nicht bewegen",
    "all-moved": "dort ist schon alles umgeleitet",
    "promise-cap": "weitere Rückrufe könnten nicht rechtzeitig gehalten werden",
    "donor-floor": "wer hilft, behielte zu wenige Leute für sich",
    "donor-cap": "wer hilft, gäbe zu viele seiner Plätze ab",
    "vip-fairness": "VIP-Kontakte hielten dort zu viele Plätze",
    "donor-service-level": "wer hilft, hielte seine eigene Zusage nicht mehr",
}

# What became of a proposal, by the code of its last word.
BECAME: dict[str, str] = {
    "superseded": "ein neuerer Schritt gilt",
    "rejected": "abgelehnt",
    "expired": "abgelaufen",
    "killed": "angehalten",
    "inverse": "zurückgenommen",
    "no-longer-useful": "es würde niemandem mehr helfen",
    "platform-refused": "von der Plattform abgelehnt",
    "platform-reverted": "von der Plattform zurückgenommen",
    "platform-expired": "auf der Plattform abgelaufen",
}


def say(name: str, language: str, /, **values: object) -> str:
    """The sentence `name`; raises KeyError for one that nobody wrote."""
    by_language = SENTENCES[name]
    return by_language.get(language, by_language[ENGLISH]).format_map(values)


def why(reason: Reason, language: str) -> str:
    """A reason as a person says it."""
    return WHY.get(reason.code, reason.text) if language == "de" else reason.text


def became(code: str, language: str) -> str:
    return BECAME.get(code, code) if language == "de" else code
