"""Measure one implementation in its environment, using only the standard library.

    python worker.py IMPLEMENTATION FUNCTION OPTIONS

FUNCTION is a function of worker_calls or worker_processes, such as worker_calls.parse. OPTIONS is a JSON object. The
last line of the output is the result as JSON.
"""

import importlib
import json
import os
import sys


def main() -> None:
    """Measure, print the result, and exit at once, because deallocating 1,000 clients takes long."""
    implementation = importlib.import_module(f"contenders.{sys.argv[1]}")
    module, _, function = sys.argv[2].partition(".")
    measure = getattr(importlib.import_module(module), function)
    print(json.dumps(measure(implementation, json.loads(sys.argv[3]))), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
