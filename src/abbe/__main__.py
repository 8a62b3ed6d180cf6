"""`python -m abbe`: the command-line tool, where its script is not on the path."""

import sys

from abbe.cli.frame import main

if __name__ == "__main__":
    sys.exit(main())
