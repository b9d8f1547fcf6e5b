"""Gives httpx2: `make test-httpx2` puts it where httpx.py and httpcore.py would be in that environment, without either.

There it is for each process that the tests start as for their own, which a plugin of pytest would not be. A .pth file
would be too, but loads httpx2 into each process at once, where pytest finds anyio, which it has to rewrite, imported.
"""

import sys
from importlib import import_module

# This module is imported by the name of what it stands for, and the alias is for names that are not imported yet.
del sys.modules[__name__]
import_module("httpx2").alias_httpx()
