"""The plots and figures of docs/analyst.md, anew from the public logs, as the page's own code makes them.

    python -m tools.analyst_guide FOLDER

FOLDER holds anonymous_bank_calls_1999-10.csv.gz and boston311_2015.csv.gz. The plots go to docs/analyst/, the tables to
standard output: where they differ from the page, the page is wrong.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from schemas.centre import Centre, CentreChannel
from streams import config, replay

ROOT = Path(__file__).parent.parent
PLOTS = ROOT / "docs" / "analyst"
MAPPINGS = ROOT / "docs" / "mappings"


def told(
    file: Path, mapping: str, centre: Centre, pane_seconds: int, window: tuple[datetime, datetime], live: datetime
) -> replay.Retold:
    """What is said of the time from `live` on, after the weeks before it."""
    pane = {"pane_seconds": pane_seconds, "unknown_after_seconds": pane_seconds}
    settings = config.load(environment={}, channels=dict.fromkeys(centre.channels, pane))
    contacts = replay.contacts(file, MAPPINGS / mapping, settings, window)
    panes = replay.panes(contacts.filter(pl.col("channel").is_in(list(centre.channels))), settings)
    print(f"\n# {file.name}: {len(contacts):,} events, {panes.select('channel', 'pane_start').n_unique():,} panes")
    weeks, days = panes.filter(pl.col("pane_start") < live), panes.filter(pl.col("pane_start") >= live)
    return replay.retold(days, settings, centre, replay.known(weeks, settings, centre))


def show(found: replay.Retold, zone: str) -> None:
    signals = found.signals.filter(pl.col("state") != "revised").select(
        pl.col("at").dt.convert_time_zone(zone).dt.strftime("%d %b %H:%M"),
        pl.concat_str([pl.col("channel"), pl.col("queue").fill_null("(all)")], separator="/").alias("series"),
        "signal_kind",
        "state",
        pl.col("observed").round(0),
        pl.col("expected").round(0),
    )
    last = found.incidents.group_by("incident_id", maintain_order=True).last()
    incidents = last.select(
        pl.col("opened_at").dt.convert_time_zone(zone).dt.strftime("%d %b %H:%M"), "cause", "pages", "phase", "title"
    )
    with pl.Config(tbl_rows=60, tbl_width_chars=160, fmt_str_lengths=60, tbl_hide_dataframe_shape=True):
        print(signals, incidents)


def plotted(
    found: replay.Retold, name: str, channel: str, queue: str | None, day: tuple[datetime, datetime], zone: ZoneInfo
) -> None:
    """The stretch, with the opening of each signal of the series marked."""
    of_series = (pl.col("channel") == channel) & pl.col("queue").eq_missing(pl.lit(queue, pl.String))
    opened = found.signals.filter(of_series & (pl.col("state") == "opened") & (pl.col("revision") == 0))
    stretch = found.expected.filter(
        pl.col("at").is_between(*(moment.astimezone(UTC) for moment in day), closed="right")
    )
    marks = [(row["at"], row["signal_kind"]) for row in opened.iter_rows(named=True)]
    (PLOTS / f"{name}.svg").write_text(replay.plot(stretch, channel, queue, marks, zone), encoding="utf-8")


def bank(folder: Path) -> None:
    zone = ZoneInfo("Asia/Jerusalem")
    hours = {"sunday-thursday": "07:00-24:00", "friday": "07:00-14:00", "saturday": "19:00-24:00"}
    centre = Centre(tenant="bank", time_zone=zone.key, channels={"voice": CentreChannel(opening_hours=hours)})
    window = datetime(1999, 10, 1, tzinfo=zone), datetime(1999, 11, 1, tzinfo=zone)
    live = datetime(1999, 10, 18, tzinfo=zone).astimezone(UTC)
    found = told(folder / "anonymous_bank_calls_1999-10.csv.gz", "anonymous_bank_calls.yaml", centre, 900, window, live)
    show(found, zone.key)
    morning = datetime(1999, 10, 19, 6, tzinfo=zone)
    plotted(found, "bank-19-october", "voice", "regular", (morning, morning + timedelta(hours=18)), zone)


def boston(folder: Path) -> None:
    zone = ZoneInfo("America/New_York")
    centre = Centre(tenant="boston", time_zone=zone.key, channels={"voice": CentreChannel()})
    window = datetime(2015, 7, 6, tzinfo=zone), datetime(2015, 8, 6, tzinfo=zone)
    live = datetime(2015, 8, 1, tzinfo=zone).astimezone(UTC)
    found = told(folder / "boston311_2015.csv.gz", "boston311.yaml", centre, 1800, window, live)
    show(found, zone.key)
    day = datetime(2015, 8, 3, tzinfo=zone)
    plotted(found, "boston-4-august", "voice", None, (day, day + timedelta(days=3)), zone)


if __name__ == "__main__":
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir():
        sys.exit(__doc__)
    PLOTS.mkdir(exist_ok=True)
    bank(Path(sys.argv[1]))
    boston(Path(sys.argv[1]))
