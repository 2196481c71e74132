"""Configurations side by side: a source is read once, its panes are counted once for each way of counting them, and
every configuration folds them in a process of its own, by the folds of the live worker.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from schemas.base import Origin
from schemas.centre import Centre
from schemas.errors import BadConfig
from schemas.pane import PaneRecord, Progress, QueuePane
from streams import learned, processes
from streams.backtest import spool as backtest_spool
from streams.backtest.ran import Ran
from streams.backtest.source import Heard, Source, Step
from streams.backtest.spool import Spool
from streams.config import Settings
from streams.refolding import Replay, States
from streams.state import Source as Place

CONFIGS_MAX = 26
REPORT_EVERY = 500


class Config(NamedTuple):
    """What is tried: `name` is a letter, `settings_name` and `centre_name` the files it came of."""

    name: str
    settings: Settings
    centre: Centre | None
    settings_name: str = "the defaults"
    centre_name: str = ""

    def __str__(self) -> str:
        return f"{self.name} = {self.settings_name}" + (f", {self.centre_name}" if self.centre_name else "")


class Job(NamedTuple):
    """One configuration on one counting of the source, for one process."""

    at: int
    config: Config
    models: Mapping[str, Centre]
    path: Path
    weeks: Mapping[str, Path]
    cost: int  # bytes that are read


def counted(
    source: Source, configs: Sequence[Config], folder: Path, step: Step = lambda _what, _n: None
) -> tuple[list[Job], Heard]:
    """A job for each configuration; those that count panes alike share them. Raises BadConfig."""
    ways: list[list[int]] = []
    for at, config in enumerate(configs):
        same = (way for way in ways if not source.contacts or _counts_as(configs[way[0]], config))
        if (way := next(same, None)) is None:
            ways.append([at])
        else:
            way.append(at)
    jobs, heard = [], []
    for n, way in enumerate(ways):
        path, settings = folder / f"{n}.panes", configs[way[0]].settings
        with Spool(path) as spool:
            heard.append(source.tell(settings, None, spool.add, step))
        weeks: dict[str, Path] = {}
        for tenant, records in source.weeks(settings, step).items():
            weeks[tenant] = folder / f"{n}.{len(weeks)}.weeks"
            with Spool(weeks[tenant]) as past:
                for record in records:
                    past.add(record, _nowhere(tenant))
        for at in way:
            jobs.append(Job(at, configs[at], source.models(configs[at].centre), path, weeks, spool.bytes))
    whole = heard[0]._replace(first=min(one.first for one in heard), last=max(one.last for one in heard))
    return sorted(jobs), whole


def run(
    jobs: Sequence[Job], done: Callable[[int, int], None] = lambda _n, _of: None, at_once: int | None = None
) -> list[Ran]:
    """What each configuration would have done, in their order."""
    of = sum(job.cost for job in jobs)
    found = processes.run(fold, jobs, at_once or os.cpu_count() or 1, lambda n: done(n, of))
    return [ran for _, ran in sorted(((job.at, ran) for job, ran in found), key=lambda one: one[0])]


def fold(job: Job, progress: Callable[[int], None]) -> Ran:
    """Detects and responds. `progress` is told how many more bytes were read."""
    ran = Ran()
    replay = Replay(job.config.settings, ran.hear, _states(job))
    mine = job.config.centre
    told = False
    size = 0
    for n, (read, origin, taken) in enumerate(backtest_spool.read(job.path)):
        record: PaneRecord = read
        size += taken
        if mine is not None and not isinstance(record, Progress) and record.tenant == mine.tenant:
            if isinstance(record, Centre):
                record = mine
            elif not told:
                replay.pane(mine, origin)
            told = True
        ran.panes += isinstance(record, QueuePane) and record.final
        replay.pane(record, origin)
        if n % REPORT_EVERY == 0:
            progress(size)
            size = 0
    progress(size)
    return ran


def _states(job: Job) -> States:
    states: dict[Place, dict[str, bytes]] = {}
    for tenant, path in job.weeks.items():
        records = (record for record, _, _ in backtest_spool.read(path))
        try:
            found = learned.bootstrap(job.config.settings, job.models[tenant], records)
        except BadConfig as error:
            raise BadConfig([("--learn-from", text) for _, text in error.problems]) from None
        states.setdefault(learned.source_of(tenant), {}).update(found.entries)
    return states


def _nowhere(tenant: str) -> Origin:
    """History has no place of its own on the bus."""
    source = learned.source_of(tenant)
    return Origin(topic=source.topic, partition=source.partition, offset=0)


def _counts_as(one: Config, other: Config) -> bool:
    """Whether they count the same contacts into the same panes."""
    a, b = ({name: channel.model_dump() for name, channel in c.settings.channels.items()} for c in (one, other))
    return a == b and one.settings.ingest == other.settings.ingest


def refuse_contradictions(configs: Sequence[Config], contacts: bool) -> None:
    """Raises BadConfig for configurations that cannot be tried on one source."""
    problems = []
    first = configs[0]
    whose = {config.centre.tenant for config in configs if config.centre}
    if len(whose) > 1:
        problems.append(("--centre", f"the models are of {', '.join(sorted(whose))}: compare those of one tenant"))
    for config in configs[1:]:
        if apart := set(config.settings.channels) ^ set(first.settings.channels):
            why = f"{config.settings_name} and {first.settings_name} do not both have {', '.join(sorted(apart))}"
            problems.append(("--config", f"{why}: compare settings of the same channels"))
        if not contacts and config.settings.broker != first.settings.broker:
            why = f"{first.settings_name} and {config.settings_name} name different brokers: the source is on one"
            problems.append(("--config", why))
        if not contacts and not _counts_as(first, config):
            why = f"{config.settings_name} counts panes otherwise than {first.settings_name}; panes on a topic are "
            problems.append(("--config", why + "counted: give an export of contacts"))
    if len(configs) > CONFIGS_MAX:
        problems.append(("--config", f"{len(configs)} configurations; {CONFIGS_MAX} at most"))
    if problems:
        raise BadConfig(problems)
