"""The pytest fixtures, for a `conftest.py` that wants them by name:

    from bedrock_converse.testing.pytest_plugin import bedrock_client, fake_bedrock

Where the package is installed, pytest finds them by itself.
"""

from __future__ import annotations

from bedrock_converse.testing.plugin_module import bedrock_client, fake_bedrock

__all__ = ["bedrock_client", "fake_bedrock"]
