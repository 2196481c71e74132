"""Signals of what a channel's alarms say: who carries it, how it came to be, in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from detectors import contributors, wave_wording, wording
from detectors.alarms import Statement
from detectors.contributors import Carriers
from detectors.following import Alarm
from detectors.load import OFFERED
from detectors.metrics import MetricStatement
from detectors.roster import Change
from detectors.wave_alarms import WaveAlarm, WaveStatement
from detectors.waves import SHARES
from schemas.base import Origin
from schemas.signal import Signal

if TYPE_CHECKING:
    from detectors.channel import Channel

Say = Callable[[int, Callable[[Origin], Signal]], None]


def source(channel: Channel, change: Change, start: int, end: int, say: Say) -> None:
    """Of a source that came or went in the pane from `start` to `end`."""
    local = channel.bank.local
    say(end, lambda origin: wording.of_source(change, channel.name, end, start, channel.centre, local, origin))


def alarm(channel: Channel, said: Statement, say: Say) -> None:
    i = channel.index[said.alarm.series]
    carriers = _of_arrivals(channel, i, said.alarm.onset)
    if i == 0 and said.state != "cleared":
        carriers = carriers._replace(affected=_affected(channel, said.alarm))
    points = list(channel.trail.points(i))
    say(
        said.at,
        lambda origin: wording.of_alarm(
            said, channel.bank, channel.index, carriers, points, channel.name, channel.centre, origin
        ),
    )


def wave(channel: Channel, said: WaveStatement, say: Say) -> None:
    group, carriers = channel.waves.group_of(said.alarm), _of_wave(channel, said.alarm)
    born = float(channel.bank.facts.born[channel.index[said.alarm.row.series]])
    say(
        said.at,
        lambda origin: wave_wording.of_wave(
            said, group, born, carriers, channel.name, channel.centre, channel.bank.local, origin
        ),
    )


def metric(channel: Channel, said: MetricStatement, say: Say) -> None:
    i = channel.index[said.alarm.series]
    born = float(channel.bank.facts.born[i])
    learned = float(channel.waves.shares.bank.marks.exposure[i * len(SHARES)])
    slow = _slow_queues(channel, said)
    say(
        said.at,
        lambda origin: wave_wording.of_metric(
            said, born, learned, slow, channel.name, channel.centre, channel.bank.local, origin
        ),
    )


def _of_arrivals(channel: Channel, series: int, since: float) -> Carriers:
    now = np.array([channel.minute.counts[OFFERED], channel.minute.floats[0]], float)
    if channel.pane.shape == now.shape:
        now += channel.pane
    return contributors.of_arrivals(series, since, channel.names, channel.minutes, now, channel.waves.categories)


def _affected(channel: Channel, alarm: Alarm) -> tuple[str, ...]:
    evidence = channel.bank.fast if alarm.speed == "fast" else channel.bank.slow
    statistic = evidence.statistic(evidence.runs.astype(float))[alarm.direction, 1:]
    return tuple(channel.names[1 + i] for i in contributors.affected(statistic, alarm.pane_seconds))


def _of_wave(channel: Channel, alarm: WaveAlarm) -> Carriers:
    counts = channel.waves.categories.counts(alarm.row.series, "drill", alarm.onset)
    return _wave_carriers(channel, alarm)._replace(drill=contributors.drill(counts, alarm.observed - alarm.expected))


def _wave_carriers(channel: Channel, alarm: WaveAlarm) -> Carriers:
    row, waves = alarm.row, channel.waves
    if row.measure == "reason":
        return contributors.of_mix(waves.categories.parts(row.series, "reason", alarm.onset))
    if row.series:
        return contributors.NOBODY
    group = waves.group_of(alarm)
    queues = {r.series: i for i, r in enumerate(group.rows) if r.series and r.measure == row.measure}
    found = contributors.of_shares(group.alarms.index[row], queues, alarm.onset, group.trail)
    mine = list(queues)
    beyond = contributors.affected(group.bank.statistic()[list(queues.values())], alarm.pane_seconds)
    return found._replace(affected=tuple(mine[i] for i in beyond))


def _slow_queues(channel: Channel, said: MetricStatement) -> Carriers:
    """Of a channel's mean: the queues whose own means left their usual range too, by their part in what is more."""
    alarm = said.alarm
    mine = [one for one in channel.metrics.open.values() if one.series and one.measure == alarm.measure]
    counts = channel.waves.categories.counts(alarm.series, "drill", alarm.onset)
    came = float(channel.minutes.sums(alarm.onset)[0][channel.index[alarm.series]])
    drill = contributors.drill_of_mean(counts, came)
    if alarm.series or not mine:
        return contributors.NOBODY._replace(drill=drill)
    found = contributors.of_means([(one.series, one.observed, one.expected, one.contacts) for one in mine])
    return found._replace(drill=drill)
