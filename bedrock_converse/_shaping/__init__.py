"""What the request shapers share. A shaper takes a request and gives a new one; it never changes its input."""
