"""grafana-api with its faults contained.

Its client and connections live for one attempt (deadline); no redirect is followed (it would turn a POST into a GET and
call it success); bodies are built by us (its own send nulls and unescaped tags); and what it raises over odd answers
(TypeError, JSONDecodeError) is judged by the answer's status, which a hook notes before it sees it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from grafana_api.grafana_api import GrafanaException
from grafana_api.grafana_face import GrafanaFace

from streams.notify.sink import Refused, Retry, one_line
from streams.sinks import _http

SETTING = "notify.grafana"


class GrafanaClient:
    """grafana-api for one attempt. `needs` says what the token must be allowed to do."""

    def __init__(self, url: str, token: str, attempt: _http.Attempt, ca_file: Path | None, *, needs: str) -> None:
        parts = urlsplit(url)
        prefix = parts.path.strip("/")
        face = GrafanaFace(
            token, host=parts.netloc, protocol=parts.scheme, url_path_prefix=f"{prefix}/" if prefix else ""
        )
        self._api = face.api
        if ca_file is not None:
            self._api.verify = str(ca_file)
        _http.prepare(self._api.s, attempt, ca_file).max_redirects = 0
        self._api.s.hooks["response"].append(self._note)
        self._needs = needs
        self.status = 0
        self._headers: Any = {}

    def _note(self, response: requests.Response, *args: Any, **kwargs: Any) -> None:
        del args, kwargs
        self.status, self._headers = response.status_code, response.headers

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """The answer's JSON, None where a success has none, or (Retry, Refused) why there is none; `status` says which
        it was. Raises what requests raises over the network."""
        self.status = 0
        try:
            return getattr(self._api, method)(path, json=body)
        except requests.exceptions.TooManyRedirects:
            return _http.judge(f"{SETTING}.url", self.status, self._headers, "")
        except GrafanaException as error:
            return self._failed(self.status, self._headers, str(error.message))
        except (TypeError, ValueError) as error:
            if isinstance(error, requests.exceptions.RequestException) and not 200 <= self.status < 300:
                raise
            return self._odd(method)

    def _odd(self, method: str) -> Any:
        """An answer that the library cannot read: judged by its status alone."""
        if self.status in (204, 205) and method != "GET":
            return None
        if 200 <= self.status < 300:
            return Refused(f"{SETTING}.url: answers {self.status} without JSON: is it a Grafana?")
        return self._failed(self.status, self._headers, "")

    def _failed(self, status: int, headers: Any, text: str) -> Retry | Refused:
        said = one_line(text, 120)
        if status == 401:
            return Refused(f"{SETTING}.token_file: the token is not accepted (401): {said}")
        if status == 403:
            return Refused(
                f"{SETTING}.token_file: the token lacks rights (403): it must be allowed to {self._needs}: {said}"
            )
        if status == 404:
            return Refused(f"{SETTING}.url: answers 404: is it the address of a Grafana, with its path? {said}")
        return _http.judge(f"{SETTING}.url", status, headers, text)
