"""Models to bytes and back, and frames to events. Pure: no I/O, no botocore, no httpx."""
