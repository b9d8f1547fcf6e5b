"""Imports httpx2 in place of httpx: `make test-httpx2` copies this file to httpx.py and httpcore.py.

So it works in the processes that tests start too, unlike a plugin of pytest. A .pth file would also work, but imports
httpx2 at the start of each process, and with it anyio, before pytest can rewrite anyio's plugin.
"""

import sys
from importlib import import_module

# The alias is only for names that are not imported yet, and this module has such a name.
del sys.modules[__name__]
import_module("httpx2").alias_httpx()
