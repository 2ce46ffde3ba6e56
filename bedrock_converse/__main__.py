"""`python -m bedrock_converse`: see `cli`."""

import sys

from bedrock_converse.cli import main

if __name__ == "__main__":
    sys.exit(main())
