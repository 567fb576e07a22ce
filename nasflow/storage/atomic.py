"""Files that are there whole or not at all, whatever is killed when."""

from __future__ import annotations

import errno
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

MARK = "~"
"""First character of everything that is no document: no legal key holds it."""

OLD = 3600.0
"""Seconds after which a temporary file is a leftover of something killed: no write takes nearly as long."""

TRANSIENT = frozenset({errno.EIO, errno.ESTALE, errno.EAGAIN, errno.EBUSY})
"""Errors that a network file system gives at times, and that are gone when the same is tried again."""

_ATTEMPTS = 4
"""With waits of 0.1, 0.2 and 0.4 seconds between them."""

_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


def patiently(action: Callable[[], T]) -> T:
    """Do something that may safely be done twice; where the file system falters, do it up to four times in all.

    Raises:
        OSError: It cannot be done, or falters still.
    """
    try:
        return action()
    except OSError as error:
        if error.errno not in TRANSIENT:
            raise
    from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential

    again = Retrying(
        retry=retry_if_exception(lambda error: isinstance(error, OSError) and error.errno in TRANSIENT),
        stop=stop_after_attempt(_ATTEMPTS - 1),
        wait=wait_exponential(0.2),
        reraise=True,
    )
    time.sleep(0.1)
    return again(action)


@contextmanager
def written_beside(path: Path, content: bytes, *, durable: bool = True) -> Iterator[Path]:
    """Write the content to a temporary file beside `path`, which is gone when the context ends.

    Args:
        path: What the content is meant for.
        content: All of it.
        durable: Whether to wait until the disk has it.

    Raises:
        OSError: It cannot be written.
    """
    temporary = path.with_name(f"{MARK}{path.name[:100]}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        patiently(lambda: _write(temporary, content, durable))
        yield temporary
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _write(path: Path, content: bytes, durable: bool) -> None:
    """Write a whole file anew: after a failed sync nothing is known of what was written before."""
    make_folder(path.parent)
    path.unlink(missing_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(file, view) :]
        if durable:
            os.fsync(file)
    finally:
        os.close(file)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, durably, where they are not there.

    Raises:
        OSError: It cannot be made.
    """
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def move_over(temporary: Path, path: Path, *, durable: bool = True) -> None:
    """Give a written file its name in place of what had it, and wait for the disk unless that can be done without.

    Raises:
        OSError: It cannot be done.
    """
    patiently(lambda: _rename(temporary, path))
    if durable:
        sync_folder(path.parent)


def _rename(temporary: Path, path: Path) -> None:
    try:
        temporary.replace(path)
    except FileNotFoundError:
        if not path.exists():  # it is there where an attempt that seemed to fail had been made
            raise


def link_unless_there(temporary: Path, path: Path) -> bool | None:
    """Give a written file its name unless something has it; of several racers one succeeds.

    Returns:
        Whether it was done; None where the file system knows no hard links.

    Raises:
        OSError: It cannot be done.
    """
    try:
        patiently(lambda: path.hardlink_to(temporary))
    except FileExistsError:
        if not path.samefile(temporary):  # it is the same where an attempt that seemed to fail had been made
            return False
    except OSError as error:
        if error.errno in _NO_LINKS:
            return None
        raise
    sync_folder(path.parent)
    return True


def sync_folder(folder: Path) -> None:
    """Make names that were given or taken in a folder durable.

    Raises:
        OSError: The folder cannot be read.
    """
    patiently(lambda: _sync(folder))


def _sync(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EBADF):  # some network file systems sync no folders
            raise
    finally:
        os.close(file)


def remove_leftovers(folder: Path, older_than: float = OLD) -> None:
    """Remove the temporary files in a folder that are older than so many seconds; others' failures are no matter."""
    limit = time.time() - older_than
    with suppress(OSError):
        for entry in os.scandir(folder):
            if entry.name.startswith(MARK) and entry.name.count(".") >= 2 and entry.is_file(follow_symlinks=False):
                with suppress(OSError):
                    if entry.stat().st_mtime < limit:
                        Path(entry.path).unlink()
