"""`centre.yaml` to `schemas.centre.Centre` and back. Every mistake at once, each with its path and what to write.

Places are written as people say them: `voice/orders` is a queue, `voice` a whole channel. What is built is kept part by
part with its path, so that a mistake in one part hides none in another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, get_args, get_origin

import msgspec

from schemas.base import QueueRef, Share
from schemas.centre import Centre
from schemas.errors import BadConfig
from streams import config

T = TypeVar("T")
NOT_IN_THE_FILE = ("schema_version",)
WRONG = object()  # what could not be built; why is among the mistakes


class Draft:
    """A centre's model as far as it could be read: its parts by path, and the mistakes by path."""

    def __init__(self) -> None:
        self.parts: dict[str, msgspec.Struct] = {}
        self.mistakes: dict[str, str] = {}

    def of(self, kind: type[T], under: str) -> Iterator[tuple[str, T]]:
        """The parts of one kind below `under`, each with its path, in the order of the file."""
        for path, part in self.parts.items():
            if isinstance(part, kind) and path.startswith(under):
                yield path, part

    def wrong(self, path: str, text: str) -> object:
        self.mistakes.setdefault(path, text)
        return WRONG


class Reading(NamedTuple):
    """`centre` is None where the file does not come to one; the draft says why."""

    centre: Centre | None
    draft: Draft


def read(path: Path) -> Reading:
    """The file's model. Raises BadConfig where it is no YAML mapping."""
    tree = config.read_yaml(path)
    if not isinstance(tree, dict):
        raise BadConfig([(str(path), "must be a mapping that begins with `tenant:`")])
    return build(tree)


def build(tree: Mapping[Any, Any]) -> Reading:
    """The model that a file's content says."""
    draft = Draft()
    centre = _struct(Centre, tree, "", draft)
    return Reading(centre if isinstance(centre, Centre) else None, draft)


def tree_of(centre: Centre) -> dict[str, Any]:
    """The content of a file that comes to this model, but for its version. What is as usual is left out, save the mode:
    who may move contacts is always said."""
    tree: dict[str, Any] = plain(centre)
    tree.pop("version", None)
    return {"tenant": tree.pop("tenant"), "mode": centre.mode} | tree


def nearest(name: str, known: Iterable[str]) -> str:
    """` Did you mean …?`, or what there is where that is not much."""
    names = sorted(known)
    close = get_close_matches(name, names, n=1)
    if close:
        return f": did you mean {close[0]}?"
    return f": there is {', '.join(names)}" if 0 < len(names) <= 12 else ""


def plain(value: Any) -> Any:
    if isinstance(value, QueueRef):
        return str(value)
    if isinstance(value, msgspec.Struct):
        fields = msgspec.structs.fields(type(value))
        pairs = {field.name: getattr(value, field.name) for field in fields}
        usual = {field.name: _default(field) for field in fields}
        return {name: plain(part) for name, part in pairs.items() if part != usual[name]}
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    return [plain(part) for part in value] if isinstance(value, list | tuple) else value


def _default(field: Any) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default


def _build(kind: Any, value: Any, path: str, draft: Draft) -> Any:
    bare = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    origin = get_origin(bare)
    if bare is QueueRef:
        return _place(value, path, draft)
    if isinstance(bare, type) and issubclass(bare, msgspec.Struct):
        return _struct(bare, value, path, draft)
    if origin in (list, tuple):
        return _list(get_args(bare)[0], origin, value, path, draft)
    if origin is dict:
        return _mapping(get_args(bare)[1], value, path, draft)
    return _leaf(kind, value, path, draft)


def _struct(kind: type[msgspec.Struct], value: Any, path: str, draft: Draft) -> Any:
    if not isinstance(value, Mapping):
        return draft.wrong(path, f"must be a mapping of {_names(kind)}; it is {_said(value)}")
    fields = {field.name: field for field in msgspec.structs.fields(kind) if field.name not in NOT_IN_THE_FILE}
    for name in value:
        if name not in fields:
            draft.wrong(_below(path, name), f"is no field of ours{nearest(str(name), fields)}")
    found: dict[str, Any] = {}
    whole = True
    for name, field in fields.items():
        if name in value:
            built = _build(field.type, value[name], _below(path, name), draft)
            if built is not WRONG:
                found[name] = built
            whole = whole and (built is not WRONG or not field.required)
        elif field.required:
            draft.wrong(_below(path, name), "is missing")
            whole = False
    if not whole and path:
        return WRONG
    if not whole:
        found = {"tenant": "?"} | found  # the model's own mistakes hide none of its parts'
    part = kind(**found)
    draft.parts[path] = part
    return part


def _list(kind: Any, made: Any, value: Any, path: str, draft: Draft) -> Any:
    if not isinstance(value, list):
        return draft.wrong(path, f"must be a list; it is {_said(value)}")
    found = [_build(kind, one, f"{path}[{n}]", draft) for n, one in enumerate(value)]
    return made(one for one in found if one is not WRONG)


def _mapping(kind: Any, value: Any, path: str, draft: Draft) -> Any:
    if not isinstance(value, Mapping):
        return draft.wrong(path, f"must be a mapping by name; it is {_said(value)}")
    found = {str(name): _build(kind, one, _below(path, name), draft) for name, one in value.items()}
    return {name: one for name, one in found.items() if one is not WRONG}


def _place(value: Any, path: str, draft: Draft) -> Any:
    if isinstance(value, Mapping):
        return _struct(QueueRef, value, path, draft)
    channel, slash, queue = value.partition("/") if isinstance(value, str) else ("", "", "")
    if not channel or bool(slash) != bool(queue):
        return draft.wrong(path, f"must be channel/queue (voice/orders) or a channel (voice); it is {_said(value)}")
    draft.parts[path] = place = QueueRef(channel=channel, queue=queue or None)
    return place


def _leaf(kind: Any, value: Any, path: str, draft: Draft) -> Any:
    words = get_args(kind) if get_origin(kind) is Literal else ()
    if value is False and "off" in words:
        value = "off"  # YAML 1.1 reads a bare off as false
    if isinstance(value, date):
        value = value.isoformat()  # and a bare 2026-12-25 as a date
    if words and value not in words:
        return draft.wrong(path, f"{_said(value)} is none of {', '.join(words)}{_meant(value, words)}")
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        hint = ": a share, 0.5 is 50 %" if kind == Share else ""
        hint = ": put it in quotes" if "Expected `str`" in str(error) and value is not None else hint
        text = str(error).split(" - at ")[0].replace("`", "")
        return draft.wrong(path, f"{text[:1].lower()}{text[1:]}{hint}; it is {_said(value)}")


def _meant(value: Any, words: Iterable[str]) -> str:
    close = get_close_matches(str(value), list(words), n=1)
    return f": did you mean {close[0]}?" if close else ""


def _names(kind: type[msgspec.Struct]) -> str:
    return ", ".join(field.name for field in msgspec.structs.fields(kind) if field.name not in NOT_IN_THE_FILE)


def _said(value: Any) -> str:
    if value is None:
        return "empty"
    return repr(value)[:80]


def _below(path: str, name: Any) -> str:
    return f"{path}.{name}" if path else str(name)
