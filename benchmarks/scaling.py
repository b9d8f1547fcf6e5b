"""Measure the cost of larger documents: generating the package, its size, and the import of one operation.

python benchmarks/scaling.py [--operations 10 100 400] [--write-docs | --smoke]
"""

import compileall
import copy
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import common
import yaml

PACKAGE = "scaled_client"
GENERATE = [sys.executable, "-m", "binance_generator", "--package", PACKAGE]
IMPORTS = 15
COLUMNS = ["operations", "generated in", "modules", "kB", "import of one operation", "modules of the package it loads"]
# Imports one operation, and prints how long that took and how many modules of the package it loaded.
PROGRAM = f"""
import sys, time
start = time.perf_counter()
import {PACKAGE}.api.account.futures_account_balance
print(time.perf_counter() - start, sum(name.startswith("{PACKAGE}") for name in sys.modules))
"""


def create_document(operations: int) -> dict[str, Any]:
    """Return openapi.yaml with copies of the balance operation, each with its own path and schema."""
    document: dict[str, Any] = yaml.safe_load((common.ROOT / "openapi.yaml").read_text(encoding="utf-8"))
    # Those in other files are left out, so that all but the time are alike.
    document["paths"] = paths = {path: item for path, item in document["paths"].items() if "$ref" not in item}
    schemas = document["components"]["schemas"]
    (path,) = (path for path, item in paths.items() if item["get"]["tags"] == ["account"])
    operation = paths[path]["get"]
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]["items"]["$ref"].rpartition("/")[2]
    for number in range(operations - len(paths)):
        another = copy.deepcopy(operation)
        another["operationId"] += str(number)
        content = another["responses"]["200"]["content"]["application/json"]
        content["schema"]["items"]["$ref"] += str(number)
        paths[f"{path}{number}"] = {"get": another}
        schemas[f"{schema}{number}"] = copy.deepcopy(schemas[schema])
    return document


def measure(operations: int, folder: Path) -> list[str]:
    """Generate a package in a folder, and return its figures as a table row."""
    spec = folder / "openapi.yaml"
    spec.write_text(yaml.safe_dump(create_document(operations), allow_unicode=True), encoding="utf-8")
    start = time.perf_counter()
    subprocess.run([*GENERATE, "--spec", spec, "--output", folder], cwd=common.ROOT, check=True)
    seconds = time.perf_counter() - start
    modules = list((folder / PACKAGE).rglob("*.py"))
    compileall.compile_dir(folder / PACKAGE, quiet=1)
    outputs = [
        subprocess.check_output([sys.executable, "-c", PROGRAM], cwd=folder, text=True).split() for _ in range(IMPORTS)
    ]
    return [
        str(operations),
        f"{seconds:.1f} s",
        str(len(modules)),
        f"{sum(path.stat().st_size for path in modules) / 1e3:.0f}",
        f"{statistics.median(float(output[0]) for output in outputs) * 1e3:.0f} ms",
        outputs[0][1],
    ]


def main() -> None:
    """Measure documents of several sizes."""
    parser = common.create_parser(__doc__)
    parser.add_argument("--operations", type=int, nargs="+", default=[10, 100, 400], help="sizes (10 100 400)")
    arguments = parser.parse_args()
    rows: list[list[str]] = []
    for operations in arguments.operations[:1] if arguments.smoke else arguments.operations:
        common.log(f"{operations} operations")
        with tempfile.TemporaryDirectory() as folder:
            rows.append(measure(operations, Path(folder)))
    text = f"Measured {common.provenance()}.\n\n{common.markdown_table(COLUMNS, rows)}"
    print(text)
    if arguments.write_docs:
        common.write_markdown_section("scaling", text)


if __name__ == "__main__":
    main()
