"""`centre.yaml`: what it comes to, every mistake in it at once, and what changed between two."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from drills import retailer
from schemas.base import QueueRef
from schemas.centre import Centre, CentreQueue
from schemas.errors import BadConfig
from streams import centre_file, centre_rules, config
from streams.centre_diff import changes
from streams.config import Settings
from tests.desk_builder import centre

EXAMPLE = Path(__file__).parents[3] / "docs" / "centre.yaml"


def plain(**over: Any) -> dict[str, Any]:
    """The content of a small file without a mistake, with `over` put in its place."""
    usual = {
        "tenant": "shop",
        "channels": {"voice": {}, "chat": {}},
        "queues": [{"at": "voice/orders", "agents": 10, "floor_agents": 2}, {"at": "chat/orders", "agents": 5}],
        "routes": [{"from_queue": "voice/orders", "to_queue": "chat/orders", "action": "sms"}],
    }
    return usual | over


def mistakes(**over: Any) -> dict[str, str]:
    return dict(centre_rules.mistakes(centre_file.build(plain(**over)).draft))


def test_the_example_in_the_documentation_is_without_a_mistake() -> None:
    found, draft = centre_file.read(EXAMPLE)
    assert centre_rules.mistakes(draft) == []
    assert isinstance(found, Centre)
    assert (found.tenant, found.mode, found.modes) == ("northwind", "approve", {"sms": "auto"})
    assert found.queues[1].at == QueueRef(channel="voice", queue="billing")
    assert found.calendar[0].date == "2026-12-25"


def test_the_example_names_every_field_that_a_file_can_have() -> None:
    text = EXAMPLE.read_text()
    kinds: set[Any] = {Centre, *(type(part) for part in centre_file.read(EXAMPLE).draft.parts.values())} - {QueueRef}
    names = {field.name for kind in kinds for field in msgspec.structs.fields(kind)} - {"schema_version"}
    assert [name for name in sorted(names) if f"{name}:" not in text and f"{name} [" not in text] == []


@pytest.mark.parametrize("model", [centre("auto"), centre("off"), retailer.centre(), Centre(tenant="bare")])
def test_a_model_written_as_a_file_comes_to_the_same_model(model: Centre, tmp_path: Path) -> None:
    file = tmp_path / "centre.yaml"
    config.write_yaml(file, centre_file.tree_of(model))
    found, draft = centre_file.read(file)
    assert centre_rules.mistakes(draft) == []
    assert found == model


def test_a_bare_off_is_the_mode_off_and_a_bare_date_a_date(tmp_path: Path) -> None:
    file = tmp_path / "centre.yaml"
    days = "calendar: [{date: 2026-12-25, name: Christmas, day_type: holiday}]"
    file.write_text(f"tenant: shop\nmode: off\nmodes: {{sms: off}}\n{days}\n")
    found, draft = centre_file.read(file)
    assert draft.mistakes == {}
    assert found is not None
    assert (found.mode, found.modes["sms"], found.calendar[0].date) == ("off", "off", "2026-12-25")


@pytest.mark.parametrize(
    ("over", "path", "says"),
    [
        ({"langages": ["en"]}, "langages", "did you mean languages?"),
        ({"schema_version": 1}, "schema_version", "no field of ours"),
        ({"tenant": None}, "tenant", "empty"),
        ({"tenant": "a|b"}, "tenant", "must hold no |"),
        ({"version": "two"}, "version", "expected int"),
        ({"mode": "atuo"}, "mode", "did you mean auto?"),
        ({"mode": True}, "mode", "True is none of off"),
        ({"modes": {"deflekt": "auto"}}, "modes.deflekt", "did you mean deflect?"),
        ({"modes": {"sms": "on"}}, "modes.sms", "is none of"),
        ({"shrinkage": 30}, "shrinkage", "0.5 is 50 %"),
        ({"shrinkage": 1}, "shrinkage", "nobody would be left"),
        ({"time_zone": "Europe/Berln"}, "time_zone", "did you mean Europe/Berlin?"),
        ({"time_zone": "/etc/passwd"}, "time_zone", "is no zone"),
        ({"languages": []}, "languages", "names none"),
        ({"languages": ["en", "xx"]}, "languages[1]", "there are no messages in 'xx'"),
        ({"status_page": "status.example"}, "status_page", "https://"),
        ({"channels": ["voice"]}, "channels", "must be a mapping by name"),
        ({"channels": {"voice": {"target_share": 80}, "chat": {}}}, "channels.voice.target_share", "a share"),
        ({"channels": {"voice": {"target": 1}, "chat": {}}}, "channels.voice.target", "did you mean target_share?"),
        ({"channels": {"voice": {"occupancy_max": 0}, "chat": {}}}, "channels.voice.occupancy_max", "above 0"),
        ({"channels": {"voice": {}, "chat": {}, "a/b": {}}}, "channels.a/b", "part of a topic's name"),
        ({"queues": [{"agents": 5}]}, "queues[0].at", "is missing"),
        ({"queues": [{"at": "voice/"}]}, "queues[0].at", "must be channel/queue"),
        ({"queues": [{"at": 5}]}, "queues[0].at", "it is 5"),
        ({"queues": [{"at": "voise/orders"}]}, "queues[0].at", "did you mean voice?"),
        ({"queues": [{"at": "voice/a"}, {"at": "voice/a"}]}, "queues[1].at", "stands at queues[0] already"),
        ({"queues": [{"at": "voice/a", "agents": 3, "floor_agents": 4}]}, "queues[0].floor_agents", "above agents (3)"),
        ({"queues": [{"at": "voice/a", "agents": -3}]}, "queues[0].agents", ">= 0"),
        ({"routes": [5]}, "routes[0]", "must be a mapping of from_queue"),
        (
            {"routes": [{"from_queue": "voice/order", "to_queue": "chat", "action": "sms"}]},
            "routes[0].from_queue",
            "did you mean voice/orders?",
        ),
        (
            {"routes": [{"from_queue": "voice/orders", "to_queue": "voice", "action": "sms"}]},
            "routes[0].to_queue",
            "moves nothing away",
        ),
        (
            {"routes": [{"from_queue": "voice", "to_queue": "chat", "action": "sms", "share_max": 0}]},
            "routes[0].share_max",
            "above 0",
        ),
        (
            {"routes": [{"from_queue": "voice", "to_queue": "chat", "action": "sms"}] * 2},
            "routes[1]",
            "the same as routes[0]",
        ),
        ({"providers": [{"name": "a", "tool": "t", "channels": ["vice"]}]}, "providers[0].channels[0]", "mean voice?"),
        ({"providers": [{"name": "a", "tool": "t"}] * 2}, "providers[1].name", "stands at providers[0] already"),
        ({"calendar": [{"date": "25.12.2026", "name": "x", "day_type": "holiday"}]}, "calendar[0].date", "is no date"),
        (
            {"calendar": [{"date": "2026-12-25", "name": "x", "day_type": "holiday"}] * 2},
            "calendar[1].date",
            "stands at calendar[0] already",
        ),
        ({"calendar": [{"date": "2026-12-25", "name": 5, "day_type": "holiday"}]}, "calendar[0].name", "in quotes"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_what_to_write(over: dict[str, Any], path: str, says: str) -> None:
    found = mistakes(**over)
    assert says in found[path], found


def test_no_mistake_hides_another() -> None:
    found = mistakes(
        mode="maybe",
        channels={"voice": {"target_share": 80}, "chat": {}},
        queues=[{"at": "voice/orders", "agents": "ten", "floor_agents": 2}, {"at": "voice/orders"}, {}],
        routes=[{"from_queue": "voice/orders", "to_queue": "mail/x", "action": "fly"}, {"action": "sms"}],
    )
    assert found.keys() == {
        "mode",
        "channels.voice.target_share",
        "queues[0].agents",
        "queues[1].at",
        "queues[2].at",
        "routes[0].action",
        "routes[0].to_queue",
        "routes[1].from_queue",
        "routes[1].to_queue",
    }


def test_a_second_carrier_may_lead_to_the_same_queue() -> None:
    assert mistakes(routes=[{"from_queue": "voice", "to_queue": "voice", "action": "second-carrier"}]) == {}


def test_what_is_no_mapping_is_no_model(tmp_path: Path) -> None:
    file = tmp_path / "centre.yaml"
    for text in ("", "- a\n", "tenant: [\n", "calendar: [{date: 2026-12-32}]\n"):
        file.write_text(text)
        with pytest.raises(BadConfig):
            centre_file.read(file)


def test_what_may_not_be_meant_is_noted() -> None:
    model, draft = centre_file.build(
        plain(
            channels={"voice": {}, "chat": {}, "fax": {}},
            modes={"bot": "auto"},
            calendar=[{"date": "2026-11-27", "name": "Sale", "day_type": "sale"}],
        )
    )
    assert centre_rules.mistakes(draft) == []
    assert model is not None
    text = "\n".join(centre_rules.notes(model, Settings()))
    for word in ("channel fax", "mode of bot: no route", "sale has no season"):
        assert word in text


def test_what_changed_is_said_by_the_names_that_people_know() -> None:
    before = centre("approve")
    queues = [msgspec.structs.replace(before.queues[0], agents=150), *before.queues[2:]]
    queues.append(CentreQueue(at=QueueRef(channel="social", queue="care")))
    after = msgspec.structs.replace(
        before, version=9, mode="auto", modes={"sms": "off"}, queues=queues, routes=before.routes[1:], languages=("en",)
    )
    assert changes(before, after) == [
        "~ mode approve -> auto",
        "~ languages en, de -> en",
        "+ modes sms",
        "~ queue voice/orders: agents 160 -> 150",
        "+ queue social/care",
        "- queue voice/billing",
        "- route skill-flex voice/orders -> chat/orders",
    ]
    assert changes(before, msgspec.structs.replace(before, version=2)) == []
    assert "+ channel voice" in changes(None, before)


@pytest.mark.parametrize(
    ("over", "path", "says"),
    [
        ({"bench": [{"person": "p", "skills": ["chat/order"]}]}, "bench[0].skills[0]", "did you mean chat/orders"),
        ({"bench": [{"person": "p", "skills": []}, {"person": "p", "skills": []}]}, "bench[1].person", "already"),
        ({"partners": [{"name": "x", "queues": ["fax"], "agents": 1}]}, "partners[0].queues[0]", "not under `queues`"),
        ({"critical": [{"reason": "fraud", "team": "fax/f"}]}, "critical[0].team", "not under `queues`"),
        (
            {"bots": [{"at": "bot/a", "containment_floor": 0.9, "containment_usual": 0.5}]},
            "bots[0].containment_floor",
            "would end as it begins",
        ),
        ({"sms": {"quiet_from": "25:00"}}, "sms.quiet_from", "25:00"),
        ({"two_person": ["skillflex"]}, "two_person[0]", "skill-flex"),
    ],
)
def test_people_and_bots_that_do_not_fit_are_named_with_their_path(over: dict[str, Any], path: str, says: str) -> None:
    assert says in mistakes(**over)[path]


def test_a_route_names_providers_and_reasons_that_there_are() -> None:
    route = {
        "from_queue": "voice/orders", "to_queue": "voice/orders", "action": "second-carrier", "provider": "nobody",
        "reasons": ["fraud"],
    }  # fmt: skip
    found = mistakes(routes=[route])
    assert "not under `providers`" in found["routes[0].provider"]
    assert "not under `critical`" in found["routes[0].reasons[0]"]
