"""DVC's repository in the current folder; whatever hinders DVC becomes one line with the reason and a remedy."""

import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from dvc.exceptions import DvcException, NotDvcRepoError
from dvc.lock import LockError
from dvc.repo import Repo, lock_repo
from dvc.scm import SCMError
from dvc_data.hashfile.cache import Cache

from ash.errors import ConfigError, StoreError, flat, redacted
from workflow.bridge.hold import mend

HELD = Path(".dvc/tmp/lock")  # DVC writes its process number into it
LOGGERS = ("dvc", "dvc_data", "dvc_objects")


class WithoutGitError(ConfigError):
    """The folder is in no git repository, as after the download of an archive of the code."""


@contextmanager
def opened() -> Iterator[Any]:
    """DVC's repository.

    WithoutGitError where git does not know the folder, ConfigError where DVC does not, StoreError for all else that DVC or its
    cache refuses.
    """
    _give_up_where_full()
    try:
        with Repo() as repo:
            yield repo
    except NotDvcRepoError as cause:
        raise ConfigError(".dvc: missing; restore it with `git checkout .dvc`, or make it with `dvc init`") from cause
    except LockError as cause:
        raise StoreError(
            f"dvc: {_holder(cause)}; once it has ended, `ash dvc-record` records what was built"
        ) from cause
    except DvcException as cause:
        if isinstance(cause, SCMError) or isinstance(cause.__cause__, SCMError):
            raise WithoutGitError(
                "no git repository here, and DVC needs one: `git init` makes one, `dvc config --local core.no_scm true` does "
                "without; all else works as it is"
            ) from cause
        raise StoreError(redacted(f"dvc: {_reason(cause)}; `git checkout FILE` restores a damaged file")) from cause
    except sqlite3.Error as cause:
        raise StoreError(
            f"dvc: its database of file states: {flat(cause)}; free space for it (`dvc doctor` names it)"
        ) from cause
    except OSError as cause:
        raise StoreError(
            f"dvc: {cause.filename or '.dvc/cache'}: cannot be written or read ({cause.strerror or cause}); free space, fix "
            "permissions, or name another folder with `dvc cache dir --local FOLDER`"
        ) from cause


@contextmanager
def opened_alone() -> Iterator[Any]:
    """The same, under DVC's lock; what DVC only logs as an error is one at the end.

    It goes on after a file that its cache had no room for, and would record it as if it were there.
    """
    told = _Told(logging.ERROR)
    for logger in map(logging.getLogger, LOGGERS):
        logger.handlers, logger.propagate = [told], False
    mend()
    with opened() as repo, lock_repo(repo):
        _drop_temporaries(repo)
        try:
            yield repo
        finally:
            _drop_temporaries(repo)


def _drop_temporaries(repo: Any) -> None:
    """Remove what DVC began to copy into the repository's own cache and gave up; into another cache others may be copying."""
    cache = Path(repo.cache.local.path)
    if cache.is_relative_to(repo.dvc_dir):
        for path in cache.glob("*/.*.tmp"):
            path.unlink(missing_ok=True)


def complain() -> None:
    """StoreError if DVC has logged an error since its repository was opened."""
    told = [handler for handler in logging.getLogger(LOGGERS[0]).handlers if isinstance(handler, _Told)]
    if told and told[0].lines:
        raise StoreError(f"dvc: {told[0].lines[0]}; free space in DVC's cache or let it be written")


def _give_up_where_full() -> None:
    """Let DVC's database of file states fail where its disk is full.

    diskcache takes every failed start of a transaction for a lock of another process, and tries again for ever.
    """

    def sql(cache: Any) -> Callable[..., Any]:
        def execute(statement: str, *values: Any) -> Any:
            try:
                return cache._con.execute(statement, *values)
            except sqlite3.OperationalError as cause:
                if statement.startswith("BEGIN") and "locked" not in str(cause):
                    raise sqlite3.DatabaseError(str(cause)) from cause  # which is not caught there
                raise

        return execute

    setattr(Cache, "_sql", property(sql))  # noqa: B010  mypy would have it typed


class _Told(logging.Handler):
    """Keeps what is logged, the reason first."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        cause = record.exc_info[1] if record.exc_info else None
        self.lines.append(redacted(flat(cause) if isinstance(cause, Exception) else record.getMessage()))


def _holder(cause: LockError) -> str:
    """Which process has DVC's lock, or the lock on the files in question."""
    if " is busy" in str(cause):  # the lock on files; its message names the process
        return flat(cause).partition(" If there are no processes")[0]
    text = HELD.read_text(encoding="utf-8", errors="replace").strip() if HELD.exists() else ""
    if text.isdecimal() and psutil.pid_exists(int(text)):
        command = " ".join(" ".join(psutil.Process(int(text)).cmdline()).split())[:80]
        return f"process {text} ({command}) is at work in this repository"
    return "another process has DVC's lock"


def _reason(cause: BaseException) -> str:
    """The message of an exception and of what caused it, which is what DVC leaves out."""
    parts = [flat(cause)] if isinstance(cause, Exception) else []
    if cause.__cause__ is not None:
        parts.append(_reason(cause.__cause__))
    return ": ".join(dict.fromkeys(part for part in parts if part))
