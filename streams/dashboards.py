"""Our dashboards in Grafana: what is there, what differs, and making it as our files have it. Through the API.

All is found again by its uid, so applying twice changes nothing. What Grafana loaded from files of its own cannot be
changed this way: it says so.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import quote, urlencode

import msgspec
import orjson

from schemas.errors import BadConfig, Unavailable
from streams import clock
from streams.config import Grafana, read_secret
from streams.notify.sink import Refused, Retry, secret
from streams.sinks import _http
from streams.sinks._grafana import SETTING, GrafanaClient

FOLDER_UID, FOLDER_TITLE = "breakwater", "Breakwater"
SOURCE_UID, SOURCE_NAME = "breakwater-prometheus", "Breakwater Prometheus"
NEEDS = (
    "read and write folders, dashboards and data sources: role Admin, or the permissions folders:read, folders:create, "
    "dashboards:read, dashboards:create, dashboards:write, datasources:read, datasources:create, datasources:write"
)
# Grafana numbers what it keeps
ITS_OWN = ("id", "version", "iteration")
ATTEMPTS_MAX = 3
WAIT_SECONDS, WAIT_SECONDS_MAX = 1.0, 30.0
DASHBOARDS_MAX = 500
State = Literal["same", "differs", "missing", "extra"]
Board = dict[str, Any]
T = TypeVar("T")


class Compared(msgspec.Struct, frozen=True):
    """One dashboard here and there. `lines` is the difference from Grafana's to ours, as diff writes it."""

    uid: str
    title: str
    state: State
    lines: list[str] = []


def read(directory: Path) -> dict[str, Board]:
    """The dashboards of a folder of JSON files, by uid. Raises BadConfig with the mistakes of all of them."""
    found: dict[str, Board] = {}
    problems: list[tuple[str, str]] = []
    for path in sorted(directory.glob("*.json")):
        try:
            board = orjson.loads(path.read_bytes())
        except (OSError, orjson.JSONDecodeError) as error:
            problems.append((str(path), f"cannot be read as JSON: {error}"))
            continue
        uid = board.get("uid") if isinstance(board, dict) else None
        if not uid or not board.get("title"):
            problems.append((str(path), "is no dashboard: it has no uid or no title"))
        elif uid in found:
            problems.append((str(path), f"has the uid {uid!r} of another file"))
        else:
            found[uid] = board
    if problems or not found:
        raise BadConfig(problems or [(str(directory), "holds no dashboards: name their folder with --from")])
    return found


def plain(board: Board) -> Board:
    """A dashboard without what Grafana adds when it keeps it."""
    return {name: value for name, value in board.items() if name not in ITS_OWN}


def compare(ours: dict[str, Board], theirs: dict[str, Board]) -> list[Compared]:
    """Every dashboard that is here or there, by title."""
    found = []
    for uid in ours.keys() | theirs.keys():
        title = str((ours.get(uid) or theirs[uid])["title"])
        if uid not in theirs:
            found.append(Compared(uid, title, "missing"))
        elif uid not in ours:
            found.append(Compared(uid, title, "extra"))
        else:
            lines = list(_difference(plain(theirs[uid]), plain(ours[uid])))
            found.append(Compared(uid, title, "differs" if lines else "same", lines))
    return sorted(found, key=lambda one: (one.title, one.uid))


def _difference(theirs: Board, ours: Board) -> Iterator[str]:
    before, after = (text(board).decode().splitlines() for board in (theirs, ours))
    yield from difflib.unified_diff(before, after, "grafana", "here", n=2, lineterm="")


def text(board: Board) -> bytes:
    """A dashboard as our files have it."""
    return orjson.dumps(board, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def file_name(board: Board) -> str:
    """`Contact centre now` -> `contact-centre-now.json`."""
    words = "".join(c if c.isalnum() else " " for c in str(board["title"]).lower()).split()
    return "-".join(words) + ".json"


class Shelf:
    """The folder of our dashboards in one Grafana. Every call may raise Unavailable, or BadConfig by setting."""

    def __init__(self, section: Grafana, token_file: Path | None = None) -> None:
        path = token_file or section.token_file
        self._token = secret(f"{SETTING}.token_file", lambda: read_secret(path))
        self._section = section
        self._url = _http.checked_url(f"{SETTING}.url", section.url)
        self._ca_file = _http.checked_file(f"{SETTING}.ca_file", section.ca_file)

    def dashboards(self) -> dict[str, Board]:
        """What is in the folder, by uid."""
        query = urlencode({"type": "dash-db", "folderUIDs": FOLDER_UID, "limit": DASHBOARDS_MAX})
        listed = self._ask("GET", f"/search?{query}")
        uids = [str(one["uid"]) for one in listed or [] if one.get("folderUid", FOLDER_UID) == FOLDER_UID]
        found = {uid: self._ask("GET", f"/dashboards/uid/{quote(uid, safe='')}") for uid in uids}
        return {uid: answer["dashboard"] for uid, answer in found.items() if answer is not None}

    def dashboard(self, uid: str) -> Board | None:
        """One by its uid, wherever it lies."""
        answer = self._ask("GET", f"/dashboards/uid/{quote(uid, safe='')}")
        return None if answer is None else answer["dashboard"]

    def keep(self, board: Board) -> None:
        """The dashboard as it is here; the last one wins."""
        body = {"dashboard": plain(board), "folderUid": FOLDER_UID, "overwrite": True, "message": "breakwater"}
        self._ask("POST", "/dashboards/db", body)

    def make_folder(self) -> bool:
        """Whether it had to be made."""
        if self._ask("GET", f"/folders/{FOLDER_UID}") is not None:
            return False
        self._ask("POST", "/folders", {"uid": FOLDER_UID, "title": FOLDER_TITLE})
        return True

    def keep_source(self, prometheus_url: str) -> Literal["same", "made", "changed"]:
        """The data source with that address."""
        wanted = {"name": SOURCE_NAME, "type": "prometheus", "access": "proxy", "url": prometheus_url}
        before = self._ask("GET", f"/datasources/uid/{SOURCE_UID}")
        if before is None:
            self._ask("POST", "/datasources", {**wanted, "uid": SOURCE_UID, "isDefault": False})
            return "made"
        if {name: before.get(name) for name in ("type", "access", "url")} == {
            name: wanted[name] for name in ("type", "access", "url")
        }:
            return "same"
        self._ask("PUT", f"/datasources/uid/{SOURCE_UID}", {**before, **wanted, "name": before["name"]})
        return "changed"

    def _ask(self, method: str, path: str, body: Board | None = None) -> Any:
        """The answer's JSON; None where it is not there."""

        def call(attempt: _http.Attempt) -> Any:
            client = GrafanaClient(self._url, self._token, attempt, self._ca_file, needs=NEEDS)
            answer = client.call(method, path, body)
            absent = method == "GET" and client.status == 404 and isinstance(answer, Refused)
            return None if absent else answer

        return insisting(lambda: _http.contained(f"{SETTING}.url", self._section.deadline_seconds, call))


def insisting(attempt: Callable[[], T | Retry | Refused]) -> T:
    """The attempt's answer, tried a few times where that can help. Raises Unavailable, BadConfig."""
    wait = WAIT_SECONDS
    for left in reversed(range(ATTEMPTS_MAX)):
        answer = attempt()
        if isinstance(answer, Refused):
            setting, _, why = answer.why.partition(": ")
            raise BadConfig([(setting, why)])
        if not isinstance(answer, Retry):
            return answer
        setting, _, why = answer.why.partition(": ")
        if not left:
            raise Unavailable(setting, why, "try again later")
        clock.sleep(min(max(wait, answer.after_seconds or 0.0), WAIT_SECONDS_MAX))
        wait *= 2
    raise AssertionError("the last attempt returns or raises")
