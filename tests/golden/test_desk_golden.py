"""A telephony outage on the desk, line by line: a changed line is a changed behaviour, and its commit says why.

`PYTHONPATH=.:tests python tests/golden/test_desk_golden.py` writes the lines anew.
"""

from __future__ import annotations

from pathlib import Path

from desk_builder import START, Script, centre, telephony_outage

from schemas.command import Bulletin, LoadShiftCommand, StaffingAlert
from schemas.fold import Output
from schemas.incident import Incident
from schemas.recovery import Recovery
from schemas.status import DeskStatus

GOLDEN = Path(__file__).with_name("telephony_outage.txt")


def _line(output: Output) -> str:
    said, seconds = output.value, (output.time - START).total_seconds()
    match said:
        case Incident():
            what = f"{said.phase} {said.severity} {said.cause.kind} {said.scope.level}: {said.title}"
        case StaffingAlert():
            first = said.intervals[0]
            levers = ", ".join(f"{lever.name} {lever.agents} {lever.from_queue or ''}".strip() for lever in said.levers)
            short = f"{first.agents_short} of {first.agents_needed} short ({said.driver})"
            what = f"{said.state} {said.queue}: {short}; {levers}"
        case LoadShiftCommand():
            verb = "take back" if said.reverts else f"step {said.step}"
            move = f"{said.from_queue} -> {said.to_queue} {said.share_before:.1%} -> {said.share:.1%}"
            what = f"{verb} {said.action} {move}, {said.mode}; {'; '.join(said.binding)}"
        case Bulletin():
            what = f"{said.audience} {said.language}: {said.text.splitlines()[0]}"
        case DeskStatus():
            what = f"{said.mode}, {len(said.stops)} stops"
        case Recovery():
            what = said.text
        case _:
            raise AssertionError(f"{type(said).__name__} is no output of the desk")
    return f"{seconds:6.0f} s  {output.topic.name}  {what}"


def lines() -> list[str]:
    script = Script(first=centre("auto"))
    script.hear(*telephony_outage())
    return [_line(output).rstrip("; ") for output in script.outputs]


def test_a_recorded_telephony_outage_says_what_it_always_said() -> None:
    assert lines() == GOLDEN.read_text(encoding="utf-8").splitlines()


if __name__ == "__main__":
    GOLDEN.write_text("\n".join(lines()) + "\n", encoding="utf-8")
