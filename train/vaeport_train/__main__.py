"""`python -m vaeport_train` is the command `vaeport-train`."""

import sys

from .cli import main

sys.exit(main())
