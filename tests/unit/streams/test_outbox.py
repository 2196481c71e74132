from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notice_examples import AT, incident, load_shift, published, resolved, staffing_alert

from schemas.incident import Incident
from schemas.notice import Notification
from streams.config import Notify
from streams.notify.outbox import Outbox
from streams.notify.sink import Delivered, Notice, Outcome, Refused, Request, Retry, Sink
from streams.notify.subjects import record_id

AWAY = Retry("pager.example: away")
TAKEN = Delivered()


class Paper(Sink):
    """A sink whose answers the test gives."""

    name = "paper"

    @classmethod
    def build(cls, section: Any, notify: Notify) -> Paper:
        return cls()

    def request(self, notice: Notice) -> Request:
        return Request("SAY", notice.what, {})

    def send(self, notice: Notice) -> Outcome:
        raise AssertionError("the outbox sends nothing itself")


class Pager(Paper):
    name = "pager"
    hears = (Incident,)
    wakes = True


class Forgetful(Paper):
    """One that forgets what it is not told again."""

    hears = (Incident,)
    repeat_seconds = 60.0


def outbox(sink: Sink | None = None, **limits: Any) -> Outbox:
    return Outbox(sink or Paper(), Notify(**{"change_interval_seconds": 0, **limits}))


def tell(box: Outbox, outcome: Outcome = TAKEN, now: float = 0.0) -> list[Notification]:
    notice = box.take(now)
    assert notice is not None
    box.begin(notice, AT)
    return box.settle(notice, outcome, now, AT, 1.0)


def other(name: str, revision: int = 1, **over: Any) -> Incident:
    return incident(revision, incident_id=name, **over)


def test_a_delivered_notice_is_recorded_with_what_the_sink_knows_now() -> None:
    box = outbox()
    box.put(incident(), 0.0, AT)

    (record,) = tell(box, Delivered("annotation-7"))

    assert (record.outcome, record.what, record.attempt, record.reference) == ("delivered", "opened", 1, "annotation-7")
    assert record.told is not None
    assert record.told.notice_id == record.notice_id
    assert (len(box), box.take(0.0), box.wait_seconds(0.0)) == (0, None, None)


def test_hours_of_outage_end_with_what_is_still_true() -> None:
    box = outbox(Pager())
    now = 0.0
    for n in range(1, 200):
        box.put(other("still-open", n, severity="error" if n > 100 else "critical"), now, AT)
        box.put(other("over-by-then", n), now, AT)
        if box.take(now) is not None:
            tell(box, AWAY, now)
        now += 60
    box.put(other("over-by-then", 200, phase="resolved"), now, AT)
    skipped = box.put(other("never-tried", 1, phase="resolved"), now, AT)

    assert skipped is not None
    assert (skipped.outcome, skipped.text) == ("skipped", "it was over before anybody was told")
    # an attempt whose answer was lost may have woken somebody: the end is told, which is nothing where nothing is open
    told = {(record.incident_id, record.what) for _ in range(2) for record in tell(box, TAKEN, now + 400)}
    assert told == {("still-open", "opened"), ("over-by-then", "resolved")}
    assert len(box) == 0


def test_retries_come_at_doubled_distances_up_to_the_bound_and_never_end_while_the_sink_is_away() -> None:
    box = outbox(backoff_seconds=1, backoff_seconds_max=30, attempts_max=3)
    box.put(incident(), 0.0, AT)

    now, waits = 0.0, []
    for _ in range(8):
        assert tell(box, AWAY, now)[0].outcome == "retry"
        waits.append(box.wait_seconds(now))
        now += waits[-1] or 0

    assert waits == [1, 2, 4, 8, 16, 30, 30, 30]


def test_jitter_spreads_a_retry_over_the_second_half_of_its_wait() -> None:
    waits = []
    for chance in (0.0, 0.5, 1.0):
        box = outbox(backoff_seconds=10)
        box.put(incident(), 0.0, AT)
        notice = box.take(0.0)
        assert notice is not None
        box.settle(notice, AWAY, 0.0, AT, chance)
        waits.append(box.wait_seconds(0.0))

    assert waits == [5.0, 7.5, 10.0]


def test_a_notice_that_alone_fails_is_given_up_after_its_attempts() -> None:
    box = outbox(attempts_max=3)
    box.put(other("poison"), 0.0, AT)
    box.put(other("fine"), 0.0, AT)
    tell(box, Retry("500"))
    tell(box, Delivered())

    outcomes = [tell(box, Retry("500"), now)[0] for now in (100.0, 200.0)]

    assert [record.outcome for record in outcomes] == ["retry", "refused"]
    assert outcomes[1].text == "given up after 3 attempts, while others were taken: 500"
    assert len(box) == 0


def test_the_wish_of_a_busy_sink_holds_all_notices_to_it() -> None:
    box = outbox()
    box.put(other("first"), 0.0, AT)
    tell(box, Retry("429", after_seconds=120.0))
    box.put(other("second"), 1.0, AT)

    assert box.take(119.0) is None
    assert box.wait_seconds(20.0) == 100.0
    assert box.take(120.0) is not None


def test_a_new_incident_does_not_wait_for_the_back_off_of_an_old_one() -> None:
    box = outbox(backoff_seconds=300)
    box.put(other("old"), 0.0, AT)
    tell(box, AWAY)
    box.put(other("new"), 1.0, AT)

    notice = box.take(1.0)

    assert notice is not None
    assert notice.subject.incident_id == "new"


def test_when_the_sink_is_back_nobody_waits_out_an_old_back_off() -> None:
    box = outbox(backoff_seconds=300)
    box.put(other("old"), 0.0, AT)
    tell(box, AWAY)
    box.put(other("new"), 1.0, AT)
    tell(box, Delivered(), 1.0)

    assert box.wait_seconds(1.0) == 0.0


def test_the_severest_goes_first() -> None:
    box = outbox()
    for name, severity in (("a", "info"), ("b", "critical"), ("c", "error")):
        box.put(other(name, severity=severity), 0.0, AT)

    assert [tell(box)[0].incident_id for _ in range(3)] == ["b", "c", "a"]


def test_what_is_refused_is_not_sent_again_until_it_changes_or_a_new_start() -> None:
    box = outbox()
    box.put(incident(), 0.0, AT)
    (record,) = tell(box, Refused("notify.paper.key: not accepted"))
    box.put(incident(2), 0.0, AT)
    assert len(box) == 0

    box.put(incident(3, severity="error"), 0.0, AT)
    assert len(box) == 1

    restarted = outbox()
    restarted.remember(record)
    restarted.put(incident(2), 0.0, AT)
    assert len(restarted) == 1


def test_an_incident_that_ends_while_it_is_being_told_is_resolved_next() -> None:
    box = outbox(Pager())
    box.put(incident(), 0.0, AT)
    notice = box.take(0.0)
    assert notice is not None

    assert box.put(resolved(), 0.0, AT) is None
    box.settle(notice, Delivered(), 0.0, AT, 0.5)

    following = box.take(0.0)
    assert following is not None
    assert following.what == "resolved"


def test_the_end_of_an_incident_is_told_when_it_is_unknown_whether_the_pager_has_it() -> None:
    box = outbox(Pager())
    box.put(incident(), 0.0, AT)
    notice = box.take(0.0)
    assert notice is not None
    trying = box.begin(notice, AT)
    assert trying is not None

    restarted = outbox(Pager())
    restarted.remember(trying)
    restarted.put(resolved(), 0.0, AT)

    assert tell(restarted)[0].what == "resolved"
    assert restarted.put(resolved(), 0.0, AT) is None
    assert len(restarted) == 0


def test_a_return_to_what_was_told_is_told_when_something_else_may_have_been() -> None:
    box = outbox()
    box.put(incident(), 0.0, AT)
    tell(box)
    box.put(incident(2, severity="error"), 0.0, AT)
    tell(box, AWAY)

    box.put(incident(3), 0.0, AT)

    assert tell(box, TAKEN, 1000.0)[0].what == "changed"
    box.put(incident(4), 0.0, AT)
    assert len(box) == 0


def test_changes_in_quick_succession_are_told_together_but_an_end_at_once() -> None:
    box = outbox(change_interval_seconds=60)
    box.put(incident(), 0.0, AT)
    tell(box)
    box.put(incident(2, severity="error"), 10.0, AT)
    assert box.take(10.0) is None
    box.put(incident(3, severity="warning"), 20.0, AT)
    assert box.wait_seconds(20.0) == 40.0

    box.put(resolved(4), 30.0, AT)

    notice = box.take(30.0)
    assert notice is not None
    assert notice.what == "resolved"


def test_a_skip_is_recorded_once_for_each_reason() -> None:
    box = outbox(Pager())
    records = [box.put(incident(n, pages=False), 0.0, AT) for n in (1, 2, 3)]

    assert [record.outcome if record else None for record in records] == ["skipped", None, None]


def test_a_full_outbox_drops_the_oldest_of_the_least_severe_and_counts() -> None:
    box = outbox(outbox_notices_max=3)
    for n, severity in enumerate(("info", "critical", "info", "error", "critical")):
        box.put(other(f"i{n}", severity=severity), 0.0, AT)

    assert (len(box), box.dropped) == (3, 2)
    assert [tell(box)[0].incident_id for _ in range(3)] == ["i1", "i4", "i3"]


def test_a_notice_told_by_an_attempt_from_before_the_partitions_moved_is_not_told_again() -> None:
    before, after = outbox(), outbox()
    before.put(incident(), 0.0, AT)
    notice = before.take(0.0)
    assert notice is not None
    after.put(incident(), 0.0, AT)
    for record in before.settle(notice, Delivered(), 0.0, AT, 0.5):
        after.remember(record)

    assert after.take(0.0) is None
    assert len(after) == 0


def test_what_is_remembered_is_bounded() -> None:
    box = outbox(notices_remembered_max=10)
    for n in range(50):
        box.put(other(f"i{n}"), 0.0, AT)
        tell(box)

    assert [box.was_told(f"i{n}") for n in (0, 39, 40, 49)] == [False, False, True, True]


def test_the_queue_of_a_staffing_alert_stands_in_its_record() -> None:
    box = outbox()
    box.put(staffing_alert(), 0.0, AT)

    (record,) = tell(box)

    assert str(record.queue) == "chat/billing"


STATES = st.sampled_from(["open", "easing", "resolved"])
ANSWERS = st.sampled_from(["taken", "away", "answer lost", "crash before", "crash after", "crash after the record"])


class OtherSide:
    """What the sink's service shows: like a pager, it knows incidents by their id and resends by theirs."""

    def __init__(self) -> None:
        self.shown: dict[str, tuple[str, str]] = {}
        self.opened = 0

    def take(self, notice: Notice) -> None:
        subject = notice.subject
        assert isinstance(subject, Incident)
        if notice.what == "resolved":
            self.shown.pop(subject.incident_id, None)
            return
        self.opened += subject.incident_id not in self.shown
        self.shown[subject.incident_id] = (subject.incident_id, subject.severity)


@pytest.mark.parametrize("sink", [Paper(), Pager()], ids=["tells", "wakes"])
@given(moves=st.lists(st.tuples(STATES, st.booleans(), ANSWERS), min_size=1, max_size=25))
def test_whatever_fails_and_wherever_it_crashes_the_sink_ends_with_what_is_true(
    sink: Sink, moves: list[tuple[str, bool, str]]
) -> None:
    box, now, side = outbox(sink), 0.0, OtherSide()
    recorded: Notification | None = None
    newest = incident(0)
    for revision, (phase, worse, answer) in enumerate(moves, 1):
        if newest.phase == "resolved":
            break  # an incident that is over stays over
        newest = incident(revision, phase=phase, severity="critical" if worse else "error")
        recorded = box.put(newest, now, AT) or recorded
        now += 1000
        notice = box.take(now)
        if notice is not None:
            recorded = box.begin(notice, AT) or recorded
            if answer not in ("away", "crash before"):
                side.take(notice)
            if not answer.startswith("crash") or answer == "crash after the record":
                outcome = AWAY if answer in ("away", "answer lost") else TAKEN
                recorded = box.settle(notice, outcome, now, AT, 0.5)[-1]
        if answer.startswith("crash"):
            box = outbox(sink)
            if recorded is not None:
                box.remember(recorded)
            recorded = box.put(newest, now, AT) or recorded
    for _ in range(4):
        now += 1000
        notice = box.take(now)
        if notice is not None:
            side.take(notice)
            box.settle(notice, TAKEN, now, AT, 0.5)

    assert len(box) == 0
    assert side.opened <= 1
    over = newest.phase == "resolved"
    assert side.shown == ({} if over else {newest.incident_id: (newest.incident_id, newest.severity)})


def test_what_goes_on_is_told_again_and_again_to_one_that_forgets_and_never_recorded() -> None:
    box = outbox(Forgetful())
    box.put(incident(), 0.0, AT)
    assert [record.outcome for record in tell(box, Delivered("critical"))] == ["delivered"]

    assert (len(box), box.wait_seconds(0.0)) == (0, 60.0)
    for now in (60.0, 120.0):
        notice = box.take(now)
        assert notice is not None
        assert (notice.what, notice.reference) == ("repeated", "critical")
        assert box.begin(notice, AT) is None
        assert box.settle(notice, TAKEN, now, AT, 1.0) == []

    box.put(incident(2, severity="error"), 125.0, AT)
    assert tell(box, now=125.0)[0].what == "changed"
    box.put(resolved(), 130.0, AT)
    assert tell(box, now=130.0)[0].what == "resolved"
    assert box.wait_seconds(130.0) is None


def test_a_repeat_that_fails_is_tried_again_and_keeps_no_news_waiting() -> None:
    box = outbox(Forgetful(), backoff_seconds=10)
    for name in ("a", "b"):
        box.put(other(name), 0.0, AT)
        tell(box)

    for outcome in (AWAY, Refused("no")):
        notice = box.take(60.0)
        assert notice is not None
        assert box.settle(notice, outcome, 60.0, AT, 1.0) == []
    assert box.failures_in_a_row == 2
    assert box.take(60.0) is None
    box.put(other("c"), 60.0, AT)
    assert tell(box, now=60.0)[0].incident_id == "c"
    again = box.take(60.0)  # it is back: nobody waits out an old back-off
    assert again is not None
    assert again.what == "repeated"


def test_after_a_restart_what_goes_on_is_told_again_at_once() -> None:
    first = outbox(Forgetful())
    first.put(incident(), 0.0, AT)
    (record,) = tell(first, Delivered("critical"))

    restarted = outbox(Forgetful())
    restarted.remember(record)
    restarted.put(incident(), 0.0, AT)

    notice = restarted.take(0.0)
    assert notice is not None
    assert (notice.what, notice.reference) == ("repeated", "critical")


def test_repeats_make_an_outbox_neither_full_nor_are_they_dropped() -> None:
    box = outbox(Forgetful(), outbox_notices_max=1)
    box.put(other("a"), 0.0, AT)
    tell(box)
    box.put(other("b"), 0.0, AT)
    box.put(other("c", severity="info"), 0.0, AT)

    assert (len(box), box.dropped) == (1, 1)
    tell(box)
    repeated = box.take(60.0)
    assert repeated is not None
    assert repeated.subject.incident_id == "a"  # type: ignore[union-attr]


def test_load_shifts_and_centre_models_wait_behind_incidents_and_are_recorded_under_their_own_keys() -> None:
    box = outbox()
    for subject in (load_shift(), published(), incident(severity="info")):
        box.put(subject, 0.0, AT)

    records = [record for _ in range(3) for record in tell(box)]

    assert [(record.incident_id, record.command_id) for record in records] == [
        (incident().incident_id, None),
        (incident().incident_id, "shift-1"),
        (None, None),
    ]
    assert [record_id(record) for record in records] == [
        incident().incident_id,
        f"{incident().incident_id}|shift-1",
        "centre|acme",
    ]
    restarted = outbox()
    for record in records:
        restarted.remember(record)
    for subject in (load_shift(), published(), incident(severity="info")):
        restarted.put(subject, 0.0, AT)
    assert restarted.take(0.0) is None


def test_the_trace_of_what_caused_it_goes_with_the_notice() -> None:
    box = outbox()
    box.put(incident(), 0.0, AT, "00-first")
    box.put(incident(2, severity="error"), 0.0, AT, "00-second")

    notice = box.take(0.0)

    assert notice is not None
    assert notice.trace == "00-second"
