"""The embedded default is for one process on one machine; a second one, or a shared disk, is refused by name.

Without Redis two processes would each ring only their own half of the people, and SQLite's locks do not hold between
the hosts of a network file system. Both look fine until the first call.
"""

import fcntl
import os
from pathlib import Path
from typing import IO

import psycopg
from django.db import connection

# Those whose locks, or whose shared memory (SQLite's WAL needs it), are not one for all hosts.
NETWORK_FILE_SYSTEMS = {
    *("nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "lustre", "glusterfs", "gfs2", "ocfs2", "beegfs"),
    *("fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.s3fs", "fuse.rclone", "fuse.juicefs"),
}


# PostgreSQL's advisory locks have numbers for names.
SERVING_LOCK = int.from_bytes(b"serving")


class NotAlone(Exception):
    """Another process serves; `str()` says which one, and from what."""


def hold(data: Path) -> IO[str]:
    """Be the only process that serves from this folder, until the file is closed or the process gone.

    Raises `NotAlone`.
    """
    file = (data / "serving").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        raise NotAlone(f"Another process ({file.read().strip()}) serves from {data}") from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def hold_database() -> psycopg.Connection | None:
    """Be the only process that serves from this database, if it is PostgreSQL's, until the connection is closed.

    It may be on another machine and have a data folder of its own. Raises `NotAlone`.
    """
    if connection.vendor != "postgresql":
        return None
    held = psycopg.connect(**connection.get_connection_params(), autocommit=True)
    row = held.execute("SELECT pg_try_advisory_lock(%s)", [SERVING_LOCK]).fetchone()
    if row is None or not row[0]:
        held.close()
        raise NotAlone("Another process, perhaps on another machine, serves from this database")
    return held


def file_system_of(path: Path, mounts: Path = Path("/proc/self/mounts")) -> str:
    """The type of the file system that holds `path`, as the kernel names it; "" where the kernel does not tell."""
    try:
        lines = mounts.read_text().splitlines()
    except OSError:
        return ""
    found, deepest = "", -1
    for line in lines:
        _, point, kind, *_ = line.split(" ")
        mounted = Path(point.replace(r"\040", " "))
        if path.resolve().is_relative_to(mounted) and len(mounted.parts) >= deepest:
            found, deepest = kind, len(mounted.parts)
    return found
