"""What a larger document costs: the time to generate it, the package's size, and the import of one of its operations.

python benchmarks/growth.py [--operations 10 100 400] [--write-docs]
"""

import argparse
import compileall
import copy
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from marks import put_between_marks

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs" / "how-to" / "operations.md"
PACKAGE = "grown_client"
IMPORTS = 15
# What imports one operation, and tells how long that took and how much of the package it loaded.
IMPORT = f"""
import sys, time
begin = time.perf_counter()
import {PACKAGE}.api.account.futures_account_balance
print(time.perf_counter() - begin, sum(name.startswith("{PACKAGE}") for name in sys.modules))
"""


class Growth(NamedTuple):
    """What was measured of a document."""

    operations: int
    seconds: float
    modules: int
    kilobytes: float
    import_ms: float
    modules_loaded: int


def document_of(operations: int) -> dict[str, Any]:
    """Give the project's document with as many operations, each of which has a path and a schema of its own."""
    document: dict[str, Any] = yaml.safe_load((ROOT / "openapi.yaml").read_text(encoding="utf-8"))
    paths, schemas = document["paths"], document["components"]["schemas"]
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


def measured(operations: int, folder: Path) -> Growth:
    """Generate a package of so many operations in a folder, and measure it."""
    spec = folder / "openapi.yaml"
    spec.write_text(yaml.safe_dump(document_of(operations), allow_unicode=True), encoding="utf-8")
    begin = time.perf_counter()
    command = ["generator/generate.py", "--spec", spec, "--output", folder, "--package", PACKAGE]
    subprocess.run([sys.executable, *map(str, command)], cwd=ROOT, check=True)
    seconds = time.perf_counter() - begin
    files = list((folder / PACKAGE).rglob("*.py"))
    compileall.compile_dir(folder / PACKAGE, quiet=1)
    imports = [told_by(folder) for _ in range(IMPORTS)]
    return Growth(
        operations,
        seconds,
        len(files),
        sum(path.stat().st_size for path in files) / 1000,
        statistics.median(seconds for seconds, _ in imports) * 1000,
        int(imports[0][1]),
    )


def told_by(folder: Path) -> tuple[float, float]:
    """Import one operation in a process of its own."""
    told = subprocess.run(
        [sys.executable, "-c", IMPORT], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.split()
    return float(told[0]), float(told[1])


def table(growths: list[Growth]) -> str:
    """Give the figures as Markdown."""
    lines = [
        "| operations | generated in | modules | kB | import of one operation | modules of the package that it loads |",
        "| --: | --: | --: | --: | --: | --: |",
        *(
            f"| {growth.operations} | {growth.seconds:.1f} s | {growth.modules} | {growth.kilobytes:.0f} |"
            f" {growth.import_ms:.0f} ms | {growth.modules_loaded} |"
            for growth in growths
        ),
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure documents of several sizes."""
    parser = argparse.ArgumentParser(description="Measure what a larger document costs.")
    parser.add_argument("--operations", type=int, nargs="+", default=[10, 100, 400], help="sizes of documents")
    parser.add_argument("--write-docs", action="store_true", help=f"write the table into {DOCS.relative_to(ROOT)}")
    arguments = parser.parse_args()
    growths = []
    for operations in arguments.operations:
        with tempfile.TemporaryDirectory() as folder:
            growths.append(measured(operations, Path(folder)))
    print(table(growths))
    if arguments.write_docs:
        put_between_marks(DOCS, "growth", table(growths))


if __name__ == "__main__":
    main()
