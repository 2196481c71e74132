"""Where an archive lies: a folder, or a place in any store that fsspec reaches; files in it appear whole or not at all.

A file in a folder is written beside its place, made durable, and renamed; an object store's put is one step by itself.
"""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from schemas.errors import BadConfig, Unavailable

PARTIAL = ".partial-"
FIX = "see that it can be reached, may be written and has room; the next run goes on where this one stopped"


class Store:
    """A root in a file system of fsspec; names are relative to it, with slashes."""

    def __init__(self, fs: Any, root: str) -> None:
        self._fs = fs
        self._root = root.rstrip("/") or "/"
        self._local = isinstance(fs, LocalFileSystem)

    def place(self, name: str = "") -> str:
        """The name as people and other tools find it."""
        path = self._path(name)
        return path if self._local else str(self._fs.unstrip_protocol(path))

    def local(self, name: str) -> Path | None:
        """The file's path on this machine, where it has one."""
        return Path(self._path(name)) if self._local else None

    def read(self, name: str) -> bytes:
        """Raises FileNotFoundError, Unavailable."""
        with self._away("read"):
            return bytes(self._fs.cat_file(self._path(name)))

    def put(self, name: str, content: bytes) -> None:
        """Writes a file whole, over what is there. Raises Unavailable, where nothing has changed."""
        with self._away("write"):
            if not self._local:
                self._fs.pipe_file(self._path(name), content)
                return
            with self._partial(name, content) as partial:
                self._fs.mv(partial, self._path(name))

    def create(self, name: str, content: bytes) -> bool:
        """Writes a file whole where there is none of that name; False where there is one. Raises Unavailable."""
        with self._away("write"):
            try:
                if not self._local:
                    self._fs.pipe_file(self._path(name), content, mode="create")
                    return True
                with self._partial(name, content) as partial:
                    self._fs.link(partial, self._path(name))  # unlike a rename it never replaces
                _sync(Path(self._path(name)).parent)
            except FileExistsError:
                return False
            return True

    def remove(self, name: str) -> None:
        """What is not there is removed already. Raises Unavailable."""
        with self._away("remove"):
            try:
                self._fs.rm_file(self._path(name))
            except FileNotFoundError:
                return

    def files(self, folder: str, partials: bool = False) -> dict[str, int]:
        """Names and bytes of all files below a folder, without those that are half written (or were, when a run was
        killed), unless asked for. Raises Unavailable."""
        with self._away("list"):
            self._fs.invalidate_cache()
            found = self._fs.find(self._path(folder), detail=True)
        start = len(self._root.rstrip("/")) + 1
        return {path[start:]: entry["size"] for path, entry in found.items() if partials or PARTIAL not in path}

    def size(self, name: str) -> int:
        """In bytes. Raises FileNotFoundError, Unavailable."""
        with self._away("read"):
            return int(self._fs.size(self._path(name)))

    def exists(self, name: str) -> bool:
        """Raises Unavailable."""
        with self._away("read"):
            self._fs.invalidate_cache()
            return bool(self._fs.exists(self._path(name)))

    def age_seconds(self, name: str, now: float) -> float:
        """Since it was written, by the store's own clock. Raises FileNotFoundError, Unavailable."""
        with self._away("read"):
            return now - float(self._fs.modified(self._path(name)).timestamp())

    @contextmanager
    def _partial(self, name: str, content: bytes) -> Iterator[str]:
        """A durable copy beside the place, gone afterwards."""
        path = self._path(name)
        self._fs.makedirs(self._fs._parent(path), exist_ok=True)
        partial = f"{path}{PARTIAL}{uuid.uuid4().hex[:8]}"
        try:
            self._fs.pipe_file(partial, content)
            _sync(Path(partial))
            yield partial
        finally:
            with suppress(FileNotFoundError):  # it was renamed
                self._fs.rm_file(partial)

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}" if name else self._root

    @contextmanager
    def _away(self, what: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except Exception as error:  # each store's driver has errors of its own
            why = "the disk is full" if getattr(error, "errno", None) == errno.ENOSPC else str(error) or repr(error)
            raise Unavailable(f"the archive at {self.place()}", f"cannot {what}: {why}", FIX) from None


def open_store(place: str) -> Store:
    """The store that a folder or URL names. Raises BadConfig for one that fsspec does not know or has no driver of."""
    try:
        fs, root = fsspec.core.url_to_fs(place)
    except (ValueError, ImportError) as error:
        raise BadConfig([(place, f"is no folder and no URL that can be reached: {error}")]) from None
    return Store(fs, root)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
