"""Grafana's HTTP API as far as we use it: annotations, folders, dashboards, data sources, with their state."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from streams.stand_in._answers import Say, answer, read

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Grafana:
    """`token` None lets any in; `may_write` False is a service account that may only look."""

    def __init__(self, token: str | None, say: Say) -> None:
        self.token = token
        self.may_write = True
        self.annotations: dict[int, dict[str, Any]] = {}
        self.folders: dict[str, dict[str, Any]] = {}
        # by uid: {"dashboard": ..., "folderUid": ...}
        self.dashboards: dict[str, dict[str, Any]] = {}
        self.sources: dict[str, dict[str, Any]] = {}
        self._annotated = 0
        self._say = say

    def routes(self) -> list[web.RouteDef]:
        wanted: list[tuple[str, str, Handler]] = [
            ("GET", "/api/annotations", self._find),
            ("POST", "/api/annotations", self._annotate),
            ("PATCH", "/api/annotations/{number}", self._patch),
            ("GET", "/api/folders/{uid}", self._folder),
            ("POST", "/api/folders", self._make_folder),
            ("GET", "/api/search", self._search),
            ("GET", "/api/dashboards/uid/{uid}", self._dashboard),
            ("POST", "/api/dashboards/db", self._keep_dashboard),
            ("GET", "/api/datasources/uid/{uid}", self._source),
            ("POST", "/api/datasources", self._make_source),
            ("PUT", "/api/datasources/uid/{uid}", self._keep_source),
        ]
        health = web.get("/api/health", self._health)
        return [health, *(web.route(method, path, self._guarded(handler)) for method, path, handler in wanted)]

    def _guarded(self, handler: Handler) -> Handler:
        async def look(request: web.Request) -> web.StreamResponse:
            given = request.headers.get("Authorization", "")
            if not given.startswith("Bearer ") or self.token not in (None, given.removeprefix("Bearer ")):
                return answer(401, {"message": "Invalid API key"})
            if request.method != "GET" and not self.may_write:
                return answer(403, {"message": "You'll need additional permissions to perform this action."})
            return await handler(request)

        return look

    async def _health(self, request: web.Request) -> web.Response:
        del request
        return answer(200, {"database": "ok", "version": "stand-in"})

    # --- annotations -------------------------------------------------------------------------------------------------

    async def _find(self, request: web.Request) -> web.Response:
        wanted = set(request.query.getall("tags", []))
        return answer(200, [one for one in self.annotations.values() if wanted <= set(one["tags"])])

    async def _annotate(self, request: web.Request) -> web.Response:
        body = read(await request.read())
        if not isinstance(body, dict) or not body.get("text"):
            return answer(400, {"message": "text field should not be empty"})
        self._annotated += 1
        self.annotations[self._annotated] = {"tags": [], "time": 0, "timeEnd": 0, **body, "id": self._annotated}
        self._say(f"annotation  {self._annotated}: {body['text']}")
        return answer(200, {"message": "Annotation added", "id": self._annotated})

    async def _patch(self, request: web.Request) -> web.Response:
        body = read(await request.read())
        number = int(request.match_info["number"])
        if number not in self.annotations:
            return answer(404, {"message": "Annotation not found"})
        # like the real server: what a PATCH does not bring is kept, but for the tags, which it wipes
        self.annotations[number] |= {"tags": [], **{k: v for k, v in body.items() if v is not None}}
        self._say(f"annotation  {number}: {self.annotations[number]['text']}")
        return answer(200, {"message": "Annotation patched"})

    # --- folders and dashboards --------------------------------------------------------------------------------------

    async def _folder(self, request: web.Request) -> web.Response:
        found = self.folders.get(request.match_info["uid"])
        return answer(200, found) if found else answer(404, {"message": "folder not found", "status": "not-found"})

    async def _make_folder(self, request: web.Request) -> web.Response:
        body = read(await request.read())
        if not isinstance(body, dict) or not body.get("title"):
            return answer(400, {"message": "folder title cannot be empty"})
        if body["uid"] in self.folders or body["title"] in {one["title"] for one in self.folders.values()}:
            return answer(412, {"message": "a folder with that uid or title already exists"})
        self.folders[body["uid"]] = {"id": len(self.folders) + 1, **body, "version": 1}
        self._say(f"folder      {body['title']}")
        return answer(200, self.folders[body["uid"]])

    async def _search(self, request: web.Request) -> web.Response:
        folders, tags = set(request.query.getall("folderUIDs", [])), set(request.query.getall("tag", []))
        found = [
            {"uid": uid, "title": kept["dashboard"]["title"], "type": "dash-db", "folderUid": kept["folderUid"]}
            for uid, kept in self.dashboards.items()
            if (not folders or kept["folderUid"] in folders) and tags <= set(kept["dashboard"].get("tags", []))
        ]
        return answer(200, found)

    async def _dashboard(self, request: web.Request) -> web.Response:
        kept = self.dashboards.get(request.match_info["uid"])
        if kept is None:
            return answer(404, {"message": "Dashboard not found"})
        return answer(200, {"dashboard": kept["dashboard"], "meta": {"folderUid": kept["folderUid"]}})

    async def _keep_dashboard(self, request: web.Request) -> web.Response:
        body = read(await request.read())
        board = body.get("dashboard") if isinstance(body, dict) else None
        if not isinstance(board, dict) or not board.get("title"):
            return answer(400, {"message": "Dashboard title cannot be empty", "status": "empty-name"})
        folder, uid = body.get("folderUid", ""), board["uid"]
        if folder and folder not in self.folders:
            return answer(400, {"message": "folder not found"})
        if folder and board["title"] == self.folders[folder]["title"]:
            return answer(400, {"message": "Dashboard name cannot be the same as folder"})
        before = self.dashboards.get(uid)
        version = before["dashboard"]["version"] if before else 0
        if before and not body.get("overwrite") and board.get("version") != version:
            why = "The dashboard has been changed by someone else"
            return answer(412, {"message": why, "status": "version-mismatch"})
        kept = {
            **board,
            "id": before["dashboard"]["id"] if before else len(self.dashboards) + 1,
            "version": version + 1,
        }
        self.dashboards[uid] = {"dashboard": kept, "folderUid": folder}
        self._say(f"dashboard   {board['title']}")
        return answer(200, {"uid": uid, "status": "success", "version": version + 1, "url": f"/d/{uid}"})

    # --- data sources ------------------------------------------------------------------------------------------------

    async def _source(self, request: web.Request) -> web.Response:
        found = self.sources.get(request.match_info["uid"])
        return answer(200, found) if found else answer(404, {"message": "Data source not found"})

    async def _make_source(self, request: web.Request) -> web.Response:
        body = read(await request.read())
        if not isinstance(body, dict) or not {"name", "type", "access"} <= body.keys():
            return answer(400, {"message": "bad request data"})
        if body["name"] in {one["name"] for one in self.sources.values()}:
            return answer(409, {"message": "data source with the same name already exists"})
        self.sources[body["uid"]] = {"id": len(self.sources) + 1, "readOnly": False, **body}
        return answer(200, {"message": "Datasource added", "datasource": self.sources[body["uid"]]})

    async def _keep_source(self, request: web.Request) -> web.Response:
        body, uid = read(await request.read()), request.match_info["uid"]
        if uid not in self.sources:
            return answer(404, {"message": "Data source not found"})
        if self.sources[uid]["readOnly"]:
            return answer(403, {"message": "Data source is readonly, can only be updated from configuration"})
        self.sources[uid] |= body
        return answer(200, {"message": "Datasource updated", "datasource": self.sources[uid]})
