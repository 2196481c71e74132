"""What the desk says of its own work is said in every language of its tenant, with the same facts."""

from __future__ import annotations

from string import Formatter
from typing import get_args

import pytest
from desk_builder import TENANT, Script, centre, decision, minute, result, signal, staffed, tick

from response import sentences, words
from response.incidents import TITLES
from schemas.centre import Duty, Rota
from schemas.command import Bulletin
from schemas.incident import Incident, Phase

LANGUAGES = ("en", "de")
TURNS = [
    Rota(
        name="operations",
        time_zone="UTC",
        duties=[Duty(who="ana", begins="06:00", ends="10:30"), Duty(who="bo", begins="10:30", ends="06:00")],
    ),
    Rota(name="second", after_seconds=300, duties=[Duty(who="chris", begins="00:00", ends="00:00")]),
]


def _blanks(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("name", sorted(sentences.SENTENCES))
def test_every_sentence_has_both_languages_with_the_same_facts(name: str) -> None:
    said = sentences.SENTENCES[name]
    assert set(said) == set(LANGUAGES)
    assert _blanks(said["en"]) == _blanks(said["de"])
    assert all(text.strip() for text in said.values())


def test_causes_phases_and_severities_have_german_words() -> None:
    severities = get_args(Incident.__annotations__["severity"]) or ("info", "warning", "error", "critical")
    assert set(words.TITLES) == set(TITLES)
    assert {*get_args(Phase), *severities} <= set(words.STATES)


def _both(script: Script, template: str) -> list[dict[str, str]]:
    """By bulletin, its texts by language."""
    found: dict[object, dict[str, Bulletin]] = {}
    for n, one in enumerate(b for b in script.bulletins if b.template == template):
        found.setdefault(n // len(LANGUAGES), {})[one.language] = one
    return [{language: one.text for language, one in by_language.items()} for by_language in found.values()]


def _outage(*more: object) -> Script:
    script = Script(first=centre("approve", on_call=TURNS))
    script.hear(minute(0), *staffed(0), tick(0))
    script.hear(signal("voice", "silence", 20, ratio=0.0, onset=1, expected=10))
    for second in range(60, 1740, 60):
        script.hear(*staffed(second, voice_idle=True), minute(second, {"voice": 0, "chat": 2}), tick(second))
    return script


def test_a_refusal_says_its_reason_in_both_languages() -> None:
    script = _outage()
    script.hear(
        decision("acknowledge", "nobody", 1740), decision("unkill", TENANT, 1741), result("x9", "applied", 1742)
    )
    said = _both(script, "refusal")
    assert [one["de"] for one in said] == [
        "Nicht ausgeführt: acknowledge von ana: Vorfall nobody ist nicht bekannt",
        "Nicht ausgeführt: unkill von ana: der Notschalter ist nicht an",
        "Nicht ausgeführt: Antwort 'applied' der Plattform: Befehl x9 ist nicht bekannt, oder sein Vorfall ist vorbei",
    ]
    assert said[0]["en"] == "Not done: acknowledge by ana: incident nobody is not known"


def test_a_proposal_decided_twice_says_what_became_of_it_in_both_languages() -> None:
    script = _outage()
    proposal = script.proposals[-1]
    script.hear(decision("reject", proposal.command_id, 1740), decision("approve", proposal.command_id, 1741, by="bo"))
    (said,) = _both(script, "refusal")
    assert said["de"].endswith(f"Befehl {proposal.command_id} wartet nicht mehr: abgelehnt")
    assert said["en"].endswith(f"command {proposal.command_id} is no longer waiting: rejected")


def test_who_is_asked_next_is_said_in_both_languages() -> None:
    said = _both(_outage(), "escalation")[0]
    assert "seit 5 min hat ihn niemand übernommen: chris (second) ist gefragt" in said["de"]
    assert "nobody acknowledged it in 5 min: chris (second) is asked" in said["en"]
    assert said["de"].startswith("Bereitschaft: Ausfall der Telefonie: Telefon still")


def test_a_hand_over_is_written_in_both_languages() -> None:
    script = _outage()
    script.hear(decision("kill", TENANT, 1750, by="eve"), tick(1799), tick(1800))
    (said,) = _both(script, "handover")
    assert said["de"].startswith("Übergabe. ana an bo (operations)")
    assert "Angehalten von eve seit 11:28" in said["de"]
    assert "kritisch, offen seit 11:00: Ausfall der Telefonie: " in said["de"]
    assert "niemand hat ihn übernommen" in said["de"]
    assert not {"nobody", "until", "since", "open,", "asked", "Stopped", "runs", "waits"} & set(said["de"].split())
    assert "wartet bis" not in said["de"]  # what is stopped waits for nobody's yes
    assert len(said["de"].splitlines()) == len(said["en"].splitlines())
