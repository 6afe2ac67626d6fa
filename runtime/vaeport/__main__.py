"""`python -m vaeport` is the command `vaeport`."""

import sys

from .cli import main

sys.exit(main())
