"""Two public logs through the whole path at full speed: what happened in them is found, and nobody is paged in vain."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from schemas.centre import Centre, CentreChannel
from schemas.incident import Incident
from tests.conftest import HasBootstrap, SettingsFor
from tests.integration import live

BOSTON = ZoneInfo("America/New_York")
JERUSALEM = ZoneInfo("Asia/Jerusalem")
BUDGET_A_MONTH = 4
# on a quiet machine a log takes about a minute
WAIT_SECONDS = 400.0

# (from, to, why, false) in local time: what an incident of that October may be, and whether nothing had happened
OCTOBER = (
    (1, 6, "cold start: before the first week is over no day of the week has been seen before", True),
    (6, 7, "lines fail: from 22:13 on nobody calls at all until the morning, where 26 do in half an hour", False),
    (7, 8, "a crowd: 80 calls of regular customers from 20:30 to 21:00, where 20 are usual", False),
    (14, 15, "prospects: 4 calls from 11:30 to 13:00, where 18 are usual", False),
    (19, 20, "lines fail three times: nobody from 07:14, 11:20, 20:18 on; at 12:20 come 37 in four minutes", False),
    (22, 23, "after closing on a Friday most callers give up: shares are known by the hour of the day alone", True),
    (24, 26, "lines fail: 21 calls in the minutes from 21:00 on, and then nobody until Monday morning", False),
    (29, 30, "calls of prospects are twice as many from Friday the 29th on; a quiet Friday evening after it", False),
    (31, 32, "calls of prospects are twice as many from Friday the 29th on", False),
)
# what did happen to the calls of regular customers: silence that began between these moments
FAILED = (
    (datetime(1999, 10, 19, 11, 0, tzinfo=JERUSALEM), datetime(1999, 10, 19, 11, 30, tzinfo=JERUSALEM)),
    (datetime(1999, 10, 24, 21, 0, tzinfo=JERUSALEM), datetime(1999, 10, 24, 21, 30, tzinfo=JERUSALEM)),
)


def why(incident: Incident) -> tuple[str, bool] | None:
    """What it was, and whether it was false."""
    opened = incident.opened_at.astimezone(JERUSALEM)
    month = datetime(1999, 10, 1, tzinfo=JERUSALEM)
    day = (opened.date() - month.date()).days + 1
    return next(((text, false) for first, before, text, false in OCTOBER if first <= day < before), None)


@pytest.mark.real_data
@pytest.mark.timeout(470)
def test_blizzards_are_an_incident_and_a_batch_import_by_staff_pages_nobody(
    kafka: HasBootstrap, settings_for: SettingsFor, tmp_path: Path
) -> None:
    channels = ("voice", "app", "web", "social", "internal")
    settings = settings_for(
        kafka,
        tenants={"boston": {"clock": "event"}},
        channels={name: {"pane_seconds": 300, "unknown_after_seconds": 150, "partitions": 1} for name in channels},
    )
    centre = Centre(
        tenant="boston",
        time_zone=str(BOSTON),
        budget_false_incidents_per_month=BUDGET_A_MONTH,
        channels={name: CentreChannel(audience="internal" if name == "internal" else "customer") for name in channels},
    )
    window = (datetime(2015, 1, 1, tzinfo=BOSTON), datetime(2015, 2, 4, tzinfo=BOSTON))
    with live.running(settings, centre, tmp_path) as path:
        report = path.feed("boston311_2015.csv.gz", "boston311.yaml", window, WAIT_SECONDS)
        incidents, signals, told = path.heard.incidents, path.heard.signals, path.told()
    assert report.refused.keys() <= {"before-offered"}
    assert path.heard.dead_letters == 0

    # 26-27 January and 2 February: the city digs itself out, and calls
    first, last = datetime(2015, 1, 26, tzinfo=BOSTON), datetime(2015, 2, 4, tzinfo=BOSTON)
    snow = [
        (incident, symptom)
        for incident in incidents.values()
        for symptom in incident.symptoms
        if symptom.series.at.channel == "voice" and symptom.signal_kind == "surge" and first <= symptom.onset < last
    ]
    assert any(incident.pages and (symptom.ratio or 0) > 1.5 for incident, symptom in snow)

    # 20 January, 07-08 h: 393 cases in an hour, typed in by staff
    morning = (datetime(2015, 1, 20, 6, 30, tzinfo=BOSTON), datetime(2015, 1, 20, 8, 30, tzinfo=BOSTON))
    imported = [
        signal
        for signal in signals.values()
        if signal.series.at.channel == "internal"
        and signal.signal_kind == "surge"
        and morning[0] <= signal.onset < morning[1]
    ]
    assert imported and max(signal.observed for signal in imported) > 300
    assert {signal.audience for signal in imported} == {"internal"}
    ids = {signal.signal_id for signal in imported}
    about = [i for i in incidents.values() if ids & {symptom.signal_id for symptom in i.symptoms}]
    assert not any(incident.pages for incident in about)
    names = {incident.incident_id for incident in about}
    assert not any(notice["data"]["pages"] for notice in told if notice["subject"] in names)
    # and the file sink was told of what does page
    assert {i.incident_id for i, _ in snow if i.pages} <= {notice["subject"] for notice in told}


@pytest.mark.real_data
@pytest.mark.timeout(470)
def test_an_october_gives_no_more_false_incidents_than_the_budget_and_lines_that_failed_are_found(
    kafka: HasBootstrap, settings_for: SettingsFor, tmp_path: Path
) -> None:
    settings = settings_for(
        kafka,
        tenants={"bank": {"clock": "event"}},
        channels={"voice": {"pane_seconds": 60, "partitions": 2}},
    )
    centre = Centre(
        tenant="bank",
        time_zone=str(JERUSALEM),
        budget_false_incidents_per_month=BUDGET_A_MONTH,
        channels={"voice": CentreChannel()},
    )
    with live.running(settings, centre, tmp_path) as path:
        report = path.feed(
            "anonymous_bank_calls_1999-10.csv.gz", "anonymous_bank_calls.yaml", (None, None), WAIT_SECONDS
        )
        incidents = list(path.heard.incidents.values())
    assert (report.read, report.left_out, report.refused["unknown-value"].count) == (34_625, 147, 2)
    assert path.heard.dead_letters == 0
    reasons = {f"{i.opened_at.astimezone(JERUSALEM)} {i.title}": why(i) for i in incidents}
    assert None not in reasons.values(), reasons
    assert sum(reason is not None and reason[1] for reason in reasons.values()) <= BUDGET_A_MONTH, reasons
    assert len(incidents) <= 2 * BUDGET_A_MONTH
    silences = [
        (incident.pages, symptom.onset)
        for incident in incidents
        for symptom in incident.symptoms
        if symptom.series.at.queue == "regular" and symptom.signal_kind == "silence"
    ]
    for first, before in FAILED:
        assert any(pages and first <= onset < before for pages, onset in silences), f"{first} was not found"
