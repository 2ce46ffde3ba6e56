"""Every test here starts on a machine without AWS settings: no variables, no files, an empty home."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(autouse=True)
def aws_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Clear what the machine knows about AWS; give the home folder that takes its place."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "BOTO")):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    (home / ".aws").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return home


@pytest.fixture
def write_config(aws_home: Path) -> Callable[..., None]:
    """Write `~/.aws/config`, and `~/.aws/credentials` if given."""

    def write(config: str, credentials: str | None = None) -> None:
        (aws_home / ".aws" / "config").write_text(config, "utf-8")
        if credentials is not None:
            (aws_home / ".aws" / "credentials").write_text(credentials, "utf-8")

    return write
