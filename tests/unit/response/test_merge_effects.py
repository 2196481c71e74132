"""What people do to incidents: merged ones keep who has them and what is stopped; contradictions are refused."""

from __future__ import annotations

from desk_builder import Script, centre, decision, minute, signal, staffed, tick


def _two() -> tuple[Script, str, str]:
    script = Script(first=centre("auto"))
    script.hear(minute(0), *staffed(0), tick(0))
    script.hear(signal("chat", "surge", 20, ratio=3.0, onset=0), tick(30))
    script.hear(*[tick(second) for second in range(60, 2400, 120)])
    script.hear(signal("email", "silence", 2420, ratio=0.0, onset=2400), tick(2430))
    older, younger = sorted(script.incidents.values(), key=lambda incident: incident.opened_at)
    return script, older.incident_id, younger.incident_id


def _refused(script: Script) -> list[str]:
    return [b.text for b in script.bulletins if b.template == "refusal" and b.language == "en"]


def test_a_merge_keeps_the_older_one_with_who_took_on_either_and_points_to_it() -> None:
    script, older, younger = _two()
    script.hear(decision("acknowledge", younger, 2440, by="bo"), decision("merge", older, 2450, into=younger))
    assert script.incidents[younger].merged_into == older
    assert script.incidents[younger].phase == "resolved"
    assert script.incidents[older].acknowledged_by == "bo"
    assert {s.series.at.channel for s in script.incidents[older].symptoms} == {"chat", "email"}
    # its signals speak of the one that is left
    script.hear(signal("email", "silence", 2500, ratio=0.0, onset=2400, state="revised", revision=2, opened=2420))
    assert len(script.incidents) == 2


def test_a_stop_of_either_holds_for_both_after_a_merge() -> None:
    script, older, younger = _two()
    script.hear(decision("kill", younger, 2440), decision("merge", older, 2450, into=younger))
    before = len(script.commands)
    for second in range(2460, 2800, 60):
        script.hear(*staffed(second), minute(second, {"email": 0}), tick(second))
    assert not [command for command in script.commands[before:] if command.reverts is None]
    script.hear(decision("unkill", older, 2810))
    assert not _refused(script)


def test_not_an_incident_is_not_opened_again_by_the_signals_it_had() -> None:
    script, older, _ = _two()
    script.hear(decision("not-an-incident", older, 2440))
    script.hear(signal("chat", "surge", 2500, ratio=3.5, onset=0, state="revised", revision=3, opened=20), tick(2510))
    assert script.incidents[older].phase == "resolved"
    assert len(script.incidents) == 2
    script.hear(decision("acknowledge", older, 2520))
    assert "is over" in _refused(script)[-1]


def test_contradictions_are_refused_one_by_one_with_a_reason() -> None:
    script, older, younger = _two()
    script.hear(
        decision("merge", older, 2440, into=older),
        decision("merge", older, 2441, into="nobody"),
        decision("split", older, 2442, into="fax"),
        decision("unkill", "shop", 2443),
        decision("approve", "nobody", 2444),
        decision("resolve", younger, 2445),
        decision("resolve", younger, 2446),
    )
    assert len(_refused(script)) == 6
    assert len(script.incidents) == 2
