"""YAML and environment to one frozen Settings; secrets only by file. The sole reader of both.

Every limit has its name here, with its unit. A file is checked whole, and every mistake is reported at once.
"""

from __future__ import annotations

import getpass
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from schemas import topics
from schemas.errors import BadConfig

ENVIRONMENT_PREFIX = "BREAKWATER_"
TOKEN_VARIABLE = ENVIRONMENT_PREFIX + "TOKEN"
REPLAY_PREFIX = "replay."  # of topics that hold what was only replayed
Role = Literal["ingest", "detect", "respond", "notify", "web"]
ROLES: tuple[Role, ...] = ("ingest", "detect", "respond", "notify", "web")
Seconds = Annotated[float, Field(gt=0)]
Size = Annotated[int, Field(gt=0)]


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OAuth(Frozen):
    """Client credentials for SASL/OAUTHBEARER."""

    token_url: str
    client_id: str
    client_secret_file: Path
    scope: str | None = None
    ca_file: Path | None = None  # where the token server's certificate is not of a public authority


class Security(Frozen):
    """How to reach the broker. Passwords and keys are files, so that they never stand in a process's environment."""

    tls: bool = False
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] | None = None
    username: str | None = None
    password_file: Path | None = None
    oauth: OAuth | None = None

    @model_validator(mode="after")
    def _whole(self) -> Security:
        if self.mechanism == "OAUTHBEARER" and self.oauth is None:
            raise ValueError("mechanism OAUTHBEARER needs `oauth` with token_url, client_id and client_secret_file")
        if self.mechanism not in (None, "OAUTHBEARER") and not (self.username and self.password_file):
            raise ValueError(f"mechanism {self.mechanism} needs `username` and `password_file`")
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("`certificate_file` and `key_file` come together")
        if not self.tls and (self.ca_file or self.certificate_file):
            raise ValueError("certificates are given but `tls` is false: set `tls: true`")
        return self


class Broker(Frozen):
    """`embedded` is the in-memory broker of the demo; everything real is `production`."""

    profile: Literal["production", "embedded"] = "production"
    bootstrap: Annotated[list[str], Field(min_length=1)] = ["127.0.0.1:9092"]
    security: Security = Security()
    topic_prefix: str = ""
    group_prefix: str = "breakwater"
    replication: Size = 1
    session_timeout_seconds: Seconds = 10.0
    heartbeat_interval_seconds: Seconds = 3.0
    rebalance_timeout_seconds: Seconds = 30.0
    # Static membership: a stable name of this process (the pod's); a restart then takes its partitions back in 2 s.
    instance_id: str | None = None
    message_bytes_max: Size = 1_000_000

    @field_validator("bootstrap", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("topic_prefix")
    @classmethod
    def _not_replayed(cls, value: str) -> str:
        if value.startswith(REPLAY_PREFIX):
            raise ValueError(f"{REPLAY_PREFIX} is of replays: what lies there pages nobody and commands nothing")
        return value


class Embedded(Frozen):
    """The broker inside the demo. It keeps everything in memory and forgets nothing, so it is ended at a size."""

    port: Annotated[int, Field(ge=0, le=65535)] = 0  # 0: any free one
    memory_bytes_max: Size = 1_500_000_000


HEARTBEAT_PANES_MAX = 100  # a heartbeat touches every pane that it covers


class Channel(Frozen):
    """How a channel's events are counted (semantics, sections 1, 2 and 7)."""

    pane_seconds: Size = 10
    lateness_seconds: Annotated[float, Field(ge=0, le=600)] = 10.0
    idle_close_seconds: Seconds = 30.0
    unknown_after_seconds: Seconds = 30.0
    future_limit_seconds: Seconds = 300.0
    silence: Literal["unknown", "zero"] = "unknown"
    partitions: Size = 4

    @model_validator(mode="after")
    def _bounded(self) -> Channel:
        if self.unknown_after_seconds > HEARTBEAT_PANES_MAX * self.pane_seconds:
            raise ValueError(f"`unknown_after_seconds` may be {HEARTBEAT_PANES_MAX} panes at most")
        return self


CHANNELS = {name: Channel() for name in ("voice", "chat", "email", "social", "sms", "app", "web", "internal")}


class Tenant(Frozen):
    """What the ingest must know of a tenant. `clock: event` is for played history: time is the events' alone."""

    clock: Literal["system", "event"] = "system"


class Ingest(Frozen):
    flush_seconds: Seconds = 0.5
    progress_seconds: Seconds = 1.0
    heartbeat_seconds: Seconds = 5.0
    batch_records_max: Size = 500
    event_bytes_max: Size = 65_536
    catch_up_skew_seconds: Seconds = 300.0
    brake_seconds_max: Seconds = 60.0
    names_a_map_max: Size = 200
    queues_a_pane_max: Size = 5_000
    tenants_a_partition_max: Size = 400
    record_bytes_max: Size = 400_000
    source_forget_seconds: Seconds = 86_400.0
    dead_letters_in_a_row_max: Size = 10_000
    dead_letter_bytes_max: Size = 65_536


class Detect(Frozen):
    batch_records_max: Size = 200
    series_a_tenant_max: Size = 20_000
    series_forget_seconds: Seconds = 14 * 86_400.0
    source_forget_seconds: Seconds = 86_400.0


class Respond(Frozen):
    batch_records_max: Size = 200
    command_age_seconds_max: Seconds = 300.0
    command_expiry_seconds: Seconds = 1800.0
    own_tick_after_seconds: Seconds = 5.0


class PagerDuty(Frozen):
    """`escalation_routing_key_file` names the service of the second line; without it the first is paged anew."""

    routing_key_file: Path
    escalation_routing_key_file: Path | None = None
    base_url: str = "https://events.pagerduty.com/v2"
    ca_file: Path | None = None
    deadline_seconds: Seconds = 20.0


class Grafana(Frozen):
    url: str
    token_file: Path
    ca_file: Path | None = None
    deadline_seconds: Seconds = 20.0


class Webhook(Frozen):
    url: str
    secret_file: Path | None = None
    ca_file: Path | None = None
    deadline_seconds: Seconds = 20.0


class Chat(Frozen):
    """An incoming webhook of Slack or Microsoft Teams: whoever knows its address may write, so it is a secret."""

    url_file: Path
    ca_file: Path | None = None
    deadline_seconds: Seconds = 20.0


class Alertmanager(Frozen):
    """Alerts are sent again every `repeat_seconds`; without us they end by themselves after `keep_seconds`."""

    url: str
    token_file: Path | None = None
    ca_file: Path | None = None
    deadline_seconds: Seconds = 20.0
    repeat_seconds: Seconds = 60.0
    keep_seconds: Seconds = 3600.0

    @model_validator(mode="after")
    def _kept(self) -> Alertmanager:
        if self.keep_seconds < 3 * self.repeat_seconds:
            raise ValueError("`keep_seconds` must be three times `repeat_seconds` or more, or alerts end in between")
        return self


class Mail(Frozen):
    host: str
    port: Annotated[int, Field(gt=0, le=65535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str | None = None
    password_file: Path | None = None
    sender: str
    recipients: Annotated[list[str], Field(min_length=1, max_length=50)]
    ca_file: Path | None = None
    deadline_seconds: Seconds = 30.0

    @model_validator(mode="after")
    def _whole(self) -> Mail:
        if (self.username is None) != (self.password_file is None):
            raise ValueError("`username` and `password_file` come together")
        if self.username is not None and self.security == "none":
            raise ValueError("the password would go over the wire for all to read: set `security: starttls` or `tls`")
        return self


class FileSink(Frozen):
    path: Path


class Notify(Frozen):
    """A sink that is not set is off."""

    pagerduty: PagerDuty | None = None
    grafana: Grafana | None = None
    alertmanager: Alertmanager | None = None
    slack: Chat | None = None
    teams: Chat | None = None
    mail: Mail | None = None
    webhook: Webhook | None = None
    file: FileSink | None = None
    # tries of one notice while its sink takes others; a sink that takes nothing is tried for as long as it is away
    attempts_max: Size = 8
    backoff_seconds: Seconds = 1.0
    backoff_seconds_max: Seconds = 300.0
    # changes of one incident within it are told together
    change_interval_seconds: Annotated[float, Field(ge=0)] = 60.0
    outbox_notices_max: Size = 10_000
    notices_remembered_max: Size = 50_000
    # after a start, what no sink was told of and was last written so long ago is not told any more
    stale_seconds: Seconds = 86_400.0
    # addresses that a notice links: the status page, the incident's dashboard (by default where `notify.grafana` is),
    # the folder of playbooks by name
    status_url: str | None = None
    dashboard_url: str | None = None
    playbook_url: str | None = None


class Operator(Frozen):
    """Somebody who may decide. The token is `token_file`'s content, or what `token_sha256` is the digest of: settings
    with digests may lie on every operator's machine."""

    name: str
    token_file: Path | None = None
    token_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None

    @model_validator(mode="after")
    def _one_token(self) -> Operator:
        if (self.token_file is None) == (self.token_sha256 is None):
            raise ValueError("an operator has either `token_file` or `token_sha256`")
        return self


class Traces(Frozen):
    """OpenTelemetry over OTLP/HTTP, off without `endpoint`. `share` of the traces are kept, each whole."""

    endpoint: str | None = None
    token_file: Path | None = None
    ca_file: Path | None = None
    share: Annotated[float, Field(ge=0, le=1)] = 1.0
    deadline_seconds: Seconds = 10.0


class Web(Frozen):
    """The status page. `port` 0 takes a free one. A viewer that is `viewer_backlog_max` messages behind is dropped; one
    that comes back within `resume_bytes_max` of messages gets only what it missed. Without `operators` the page only
    reads, and the commands ask for no token; without `public_directory` nothing is written for customers."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    history_seconds: Seconds = 6 * 3600.0
    viewers_max: Size = 200
    viewer_backlog_max: Size = 200
    resume_bytes_max: Size = 8_000_000
    refresh_seconds: Seconds = 0.5
    heartbeat_seconds: Seconds = 10.0
    blind_after_seconds: Seconds = 30.0
    tenants_max: Size = 50
    queues_max: Size = 1_000
    incidents_max: Size = 100
    operators: list[Operator] = []
    public_directory: Path | None = None


class Settings(Frozen):
    """All that one deployment is told. Topic and metric names are not settings."""

    broker: Broker = Broker()
    embedded: Embedded = Embedded()
    channels: dict[str, Channel] = CHANNELS
    tenants: dict[str, Tenant] = {}
    ingest: Ingest = Ingest()
    detect: Detect = Detect()
    respond: Respond = Respond()
    notify: Notify = Notify()
    web: Web = Web()
    traces: Traces = Traces()
    state_directory: Path = Path("var")
    log_format: Literal["console", "json"] = "console"

    def tenant(self, name: str) -> Tenant:
        return self.tenants.get(name) or Tenant()

    def topic_name(self, topic: topics.Topic | str) -> str:
        """The topic's name on the broker: with the deployment's prefix."""
        return self.broker.topic_prefix + (topic if isinstance(topic, str) else topic.name)

    def own_name(self, name_on_broker: str) -> str:
        """The reverse: the name that messages, metrics and people use."""
        return name_on_broker.removeprefix(self.broker.topic_prefix)

    def all_topics(self) -> tuple[topics.Topic, ...]:
        return topics.all_topics({name: channel.partitions for name, channel in self.channels.items()})


def load(path: Path | None = None, environment: dict[str, str] | None = None, **overrides: Any) -> Settings:
    """Settings of the YAML file at `path`, then `BREAKWATER_*` (BREAKWATER_BROKER__BOOTSTRAP=host:9092; two underscores
    go one level down; BREAKWATER_BROKERS is short for the bootstrap list), then `overrides` (nested dictionaries).

    Raises BadConfig with every mistake and its path.
    """
    tree = _read(path) if path else {}
    source = dict(os.environ) if environment is None else environment
    _merge(tree, _from_environment(source))
    _merge(tree, overrides)
    try:
        return Settings.model_validate(tree)
    except ValidationError as error:
        raise BadConfig([(_where(problem), _what(problem)) for problem in error.errors()]) from None


def require(problems: Iterable[tuple[str, str]]) -> None:
    """Raises BadConfig where there are problems: what a command asks of the settings beyond their own rules."""
    found = list(problems)
    if found:
        raise BadConfig(found)


def read_yaml(path: Path) -> Any:
    """The content of a YAML file. Raises BadConfig that names the file and the line."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadConfig([(str(path), f"cannot be read: {error.strerror}")]) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadConfig([(str(path), f"is not YAML: {error}")]) from None
    except ValueError as error:  # 2026-12-32 looks like a date
        raise BadConfig([(str(path), f"has a date or number that is none: {error}")]) from None


def write_yaml(path: Path, tree: dict[str, Any]) -> None:
    """A file of settings that `load` reads back."""
    path.write_text(to_yaml(tree), encoding="utf-8")


def to_yaml(tree: dict[str, Any]) -> str:
    """Text that `read_yaml` reads back."""
    return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)


def read_secret(path: Path) -> str:
    """A password or token from its file, without the line end. Raises BadConfig."""
    try:
        text = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise BadConfig([(str(path), f"secret cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError:
        raise BadConfig([(str(path), "secret is not text")]) from None
    if not text:
        raise BadConfig([(str(path), "secret is empty")])
    return text


def readable_by_others(path: Path) -> bool:
    """Whether more than its owner may read a file."""
    return path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH) != 0


def unknown_variables(environment: dict[str, str] | None = None) -> list[str]:
    """Variables with our prefix that name no setting: a misspelt one would be passed over in silence."""
    source = dict(os.environ) if environment is None else environment
    mine = (name.removeprefix(ENVIRONMENT_PREFIX) for name in sorted(source) if name.startswith(ENVIRONMENT_PREFIX))
    known = {*Settings.model_fields, "brokers", "token", "test_kafka"}
    return [ENVIRONMENT_PREFIX + name for name in mine if name.lower().split("__")[0] not in known]


def environment_of_child(**extra: str) -> dict[str, str]:
    """This process's environment for a child process, with `extra`."""
    return {**os.environ, **extra}


def environment_without_settings(**extra: str) -> dict[str, str]:
    """The environment for a child process whose settings are all in its file."""
    return {name: text for name, text in os.environ.items() if not name.startswith(ENVIRONMENT_PREFIX)} | extra


def token_of_environment() -> str | None:
    """The token of whoever decides at this terminal."""
    return os.environ.get(TOKEN_VARIABLE, "").strip() or None


def login_name() -> str:
    """Who is logged in here. Raises BadConfig where the system does not know."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise BadConfig([("login name", "the system does not know who you are: say it with --by NAME")]) from None


def cache_directory() -> Path:
    """Where fetched tools are kept, outside the tree."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "breakwater"


def _read(path: Path) -> dict[str, Any]:
    tree = read_yaml(path)
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise BadConfig([(str(path), "must be a mapping of settings, such as `broker:`")])
    # `voice: {pane_seconds: 60}` changes one thing of a known channel
    return tree


def _from_environment(environment: dict[str, str]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name, text in environment.items():
        if not name.startswith(ENVIRONMENT_PREFIX):
            continue
        parts = name.removeprefix(ENVIRONMENT_PREFIX).lower().split("__")
        if parts == ["brokers"]:
            parts = ["broker", "bootstrap"]
        if parts[0] not in Settings.model_fields:
            continue  # BREAKWATER_ names of tools and tests
        branch: dict[str, Any] = tree
        for part in parts[:-1]:
            deeper = branch.setdefault(part, {})
            if not isinstance(deeper, dict):
                raise BadConfig([(name, f"{part} is given as a value by another variable, it cannot have parts too")])
            branch = deeper
        branch[parts[-1]] = _value(name, text)
    return tree


def _value(name: str, text: str) -> Any:
    """Lists and mappings are YAML; everything else stays text (an instance named 01 is not the number 1), which the
    settings turn into numbers where they want numbers."""
    if text[:1] not in ("[", "{"):
        return None if text == "null" else text
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadConfig([(name, f"is not YAML: {error}")]) from None


def _merge(tree: dict[str, Any], over: dict[str, Any]) -> None:
    for name, value in over.items():
        if isinstance(value, dict) and isinstance(tree.get(name), dict):
            _merge(tree[name], value)
        else:
            tree[name] = value


def _where(problem: Any) -> str:
    return ".".join(str(part) for part in problem["loc"]) or "settings"


def _what(problem: Any) -> str:
    kind, given = problem["type"], problem["input"]
    if kind == "extra_forbidden":
        return "is no setting of ours: check its spelling and place"
    if kind == "missing":
        return "is missing"
    text = problem["msg"].removeprefix("Value error, ")
    return text if isinstance(given, dict | list) else f"{text} (got {given!r})"
