"""A report is the same bytes from the topics, an archive of them and a replay of the desk, and when asked once more."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from streams import config
from streams.__main__ import main
from streams.bus import Bus, Outgoing
from streams.config import Settings
from tests.conftest import HasBootstrap, SettingsFor
from tests.told_story import story

INCIDENT = "shop-6077a500c1c5eb31022b"


async def written(settings: Settings) -> None:
    bus = Bus(settings)
    await bus.start()
    try:
        for topic, records in story().records.items():
            await bus.send(Outgoing(topic, key, value) for key, value in records)
    finally:
        await bus.stop()


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    assert isinstance(ended.value.code, int)
    return ended.value.code


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.timeout(240)
def test_topics_their_archive_and_a_replay_of_the_desk_give_the_same_report_and_ledger(
    kafka: HasBootstrap, settings_for: SettingsFor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = settings_for(kafka, tenants={"shop": {"clock": "event"}})
    asyncio.run(written(settings))
    file, archive = tmp_path / "breakwater.yaml", tmp_path / "archive"
    config.write_yaml(file, settings.model_dump(mode="json", exclude_defaults=True))
    given = ("--config", str(file))

    assert run("report", INCIDENT, "--out", str(tmp_path / "bus"), *given) == 0
    assert run("archive", str(archive), *given) == 0
    assert run("report", INCIDENT, "--source", str(archive), "--out", str(tmp_path / "archived"), *given) == 0
    assert run("report", INCIDENT, "--out", str(tmp_path / "again"), *given) == 0
    told = files(tmp_path / "bus")
    assert "report.html" in told and "01-voice.svg" in told
    assert files(tmp_path / "archived") == told
    assert files(tmp_path / "again") == told

    replayed = tmp_path / "replayed"
    assert run("replay", "topic:desk", "--keep-desk", "--out", str(replayed), *given) == 0
    assert run("report", INCIDENT, "--source", str(replayed), "--out", str(tmp_path / "retold"), *given) == 0
    assert files(tmp_path / "retold") == told

    assert run("ledger", "--out", str(tmp_path / "bus.md"), *given) == 0
    assert run("ledger", "--source", str(archive), "--out", str(tmp_path / "archive.md"), *given) == 0
    assert (tmp_path / "bus.md").read_bytes() == (tmp_path / "archive.md").read_bytes()

    capsys.readouterr()
    assert run("report", "shop-nothing", *given) == 2
    assert "breakwater incidents" in capsys.readouterr().err
    assert run("report", INCIDENT, "--source", str(tmp_path / "nowhere"), *given) == 2
    assert run("report", INCIDENT, "--out", str(file), *given) in (2, 3)
