"""botocore's log while it fetches credentials for us: at DEBUG it shows what it sends and gets, secrets included."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["quiet_botocore"]

LOGGERS = ("botocore.auth", "botocore.endpoint", "botocore.parsers")
"""The canonical request with the session token; the requests; the answers: those of STS and SSO are credentials."""

_here = threading.local()


class _NotForUs(logging.Filter):
    """Drops details of what this thread does for us; the application's own calls of botocore are logged as ever."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno > logging.DEBUG or not getattr(_here, "quiet", False)


@cache
def _install() -> None:
    for name in LOGGERS:
        logging.getLogger(name).addFilter(_NotForUs())


@contextmanager
def quiet_botocore() -> Generator[None]:
    """Inside, in this thread, botocore logs no secret."""
    _install()
    before, _here.quiet = getattr(_here, "quiet", False), True
    try:
        yield
    finally:
        _here.quiet = before
