"""How hard the generated tests try: a little in every run, more and more in `make fuzz`."""

from __future__ import annotations

import os

EFFORT = int(os.environ.get("FUZZ_EFFORT", "1"))
"""Times the usual number of examples."""


def examples(usual: int) -> int:
    """For `settings(max_examples=...)`."""
    return usual * EFFORT
