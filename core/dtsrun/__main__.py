"""`python -m dtsrun` is the command `dtsrun`."""

import sys

from dtsrun.cli import main

if __name__ == "__main__":
    sys.exit(main())
