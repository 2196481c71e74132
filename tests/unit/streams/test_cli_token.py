"""Whose decision it is at the command line: a token's owner where the settings name operators, else who says so."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from schemas.errors import BadConfig
from streams import config, decide, targets
from streams.__main__ import breakwater
from streams.cli._token import decider
from streams.config import TOKEN_VARIABLE, Settings
from streams.web.operators import Operators

ANA, KIM = "ana-has-this-at-random", "kim-has-that-at-random"
DECIDING = (
    "ack", "approve", "reject", "mute", "unmute", "kill", "unkill", "resolve", "not-an-incident", "merge", "split",
    "accept-new-normal",
)  # fmt: skip


@pytest.fixture(autouse=True)
def nobody_is_signed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)


@pytest.fixture
def guarded(tmp_path: Path) -> Settings:
    ana = {"name": "ana", "token_file": str(token_file(tmp_path, ANA, "of-ana"))}
    kim = {"name": "kim", "token_sha256": hashlib.sha256(KIM.encode()).hexdigest()}
    return config.load(None, {}, web={"operators": [ana, kim]})


def token_file(folder: Path, token: str, name: str = "mine", mode: int = 0o600) -> Path:
    file = folder / name
    file.write_text(token + "\n")
    file.chmod(mode)
    return file


def problem(settings: Settings, by: str | None, path: Path | None) -> tuple[str, str]:
    with pytest.raises(BadConfig) as raised:
        decider(settings, by, path)
    (found,) = raised.value.problems
    return found


@pytest.mark.parametrize(("token", "name"), [(ANA, "ana"), (KIM, "kim")])
def test_a_decision_is_of_whose_token_it_comes_with(
    guarded: Settings, tmp_path: Path, token: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = token_file(tmp_path, token)
    assert decider(guarded, None, file) == name
    assert decider(guarded, name, file) == name
    assert capsys.readouterr().err == ""


def test_the_environment_may_hold_the_token_and_a_file_goes_first(
    guarded: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, KIM)
    assert decider(guarded, None, None) == "kim"
    assert decider(guarded, None, token_file(tmp_path, ANA)) == "ana"
    assert TOKEN_VARIABLE not in config.unknown_variables()


def test_nobody_decides_in_anothers_name(guarded: Settings, tmp_path: Path) -> None:
    field, text = problem(guarded, "kim", token_file(tmp_path, ANA))
    assert (field, "kim" in text, "ana's" in text) == ("--by", True, True)


def test_without_a_token_nothing_is_decided_and_the_fix_is_named(guarded: Settings) -> None:
    field, text = problem(guarded, "ana", None)
    assert field == "--token-file"
    assert TOKEN_VARIABLE in text and "web.operators" in text


def test_a_token_of_nobody_is_refused_and_never_shown(
    guarded: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = "somebody-guesses-this-one"
    monkeypatch.setenv(TOKEN_VARIABLE, wrong)
    for path, where in ((token_file(tmp_path, wrong), "--token-file"), (None, TOKEN_VARIABLE)):
        field, text = problem(guarded, None, path)
        assert field == where
        assert "nobody's of web.operators" in text and wrong not in text


@pytest.mark.parametrize(
    ("content", "why"), [(None, "cannot be read"), (b"\n", "is empty"), (b"\xff\xfe", "is not text")]
)
def test_a_token_file_that_holds_none_is_named(
    guarded: Settings, tmp_path: Path, content: bytes | None, why: str
) -> None:
    file = tmp_path / "mine"
    if content is not None:
        file.write_bytes(content)
    field, text = problem(guarded, None, file)
    assert field == "--token-file"
    assert str(file) in text and why in text


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o644])
def test_a_token_that_others_may_read_is_told_and_still_taken(
    guarded: Settings, tmp_path: Path, mode: int, capsys: pytest.CaptureFixture[str]
) -> None:
    file = token_file(tmp_path, ANA, mode=mode)
    assert decider(guarded, None, file) == "ana"
    assert f"chmod 600 {file}" in capsys.readouterr().err


def test_without_operators_the_name_is_what_is_said_or_the_login(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    free = config.load(None, {})
    assert decider(free, "bo", None) == "bo"
    assert decider(free, None, None) == config.login_name()
    assert capsys.readouterr().err == ""
    assert decider(free, "bo", token_file(tmp_path, ANA)) == "bo"
    assert "web.operators names nobody" in capsys.readouterr().err


@pytest.mark.parametrize("name", DECIDING)
def test_no_command_looks_at_the_bus_before_it_knows_who_decides(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    # the bus, as the commands reach it
    monkeypatch.setattr(targets, "find", lambda *_: asked.append("find"))
    monkeypatch.setattr(decide, "carry_out", lambda *_: asked.append("carry_out"))
    digest = hashlib.sha256(ANA.encode()).hexdigest()
    file = config_file(tmp_path, f"web: {{operators: [{{name: ana, token_sha256: {digest}}}]}}\n")
    words = ["some-incident", *(["other"] if name in ("merge", "split") else [])]
    with pytest.raises(BadConfig) as raised:
        CliRunner().invoke(breakwater, [name, *words, "--by", "ana", "--config", file], catch_exceptions=False)
    assert raised.value.problems[0][0] == "--token-file"
    assert asked == []


def config_file(folder: Path, text: str) -> str:
    (folder / "breakwater.yaml").write_text(text)
    return str(folder / "breakwater.yaml")


@pytest.mark.parametrize(
    "operator",
    [
        {"name": "ana"},
        {"name": "ana", "token_file": "/a", "token_sha256": "0" * 64},
        {"name": "a", "token_sha256": "f"},
    ],
)
def test_an_operator_has_one_token_either_as_file_or_as_digest(operator: Any) -> None:
    with pytest.raises(BadConfig) as raised:
        config.load(None, {}, web={"operators": [operator]})
    assert raised.value.problems[0][0].startswith("web.operators.0")


def test_one_token_for_two_is_seen_whether_it_is_a_file_or_a_digest(tmp_path: Path) -> None:
    digest = hashlib.sha256(ANA.encode()).hexdigest()
    both = [
        config.Operator(name="ana", token_file=token_file(tmp_path, ANA)),
        config.Operator(name="kim", token_sha256=digest),
    ]
    with pytest.raises(BadConfig, match="another operator's token"):
        Operators(both)


def test_a_token_that_is_too_short_is_nobodys_also_as_digest(tmp_path: Path) -> None:
    guessed = config.load(
        None, {}, web={"operators": [{"name": "ana", "token_sha256": hashlib.sha256(b"1234").hexdigest()}]}
    )
    assert "nobody's" in problem(guessed, None, token_file(tmp_path, "1234"))[1]
