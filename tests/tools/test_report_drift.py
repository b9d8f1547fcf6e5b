"""`.ci/report-drift`: one issue at a time shows what `make check-live` found."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.constants import ROOT

TITLE = "The exchange's responses differ from openapi.yaml"
REPORT = "25 of 25 public operations were compared.\n\nDifferences:\n  a $.b: expected nothing, found `$(1)`\n"
BODY = f"```text\n{REPORT}```"
# Stands for GitHub's command: it records its arguments, and lists the open issues.
GH = f"""#!{sys.executable}
import json, sys
from pathlib import Path
folder = Path(__file__).parent
with (folder / "calls").open("a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
if sys.argv[2] == "list":
    print((folder / "open").read_text(), end="")
"""


def report_drift(folder: Path, report: str, *, open_issue: str) -> list[list[str]]:
    """Run the script with a stand-in for gh; return what it was called with, but for the search."""
    gh = folder / "gh"
    gh.write_text(GH, encoding="utf-8")
    gh.chmod(0o755)
    (folder / "open").write_text(open_issue, encoding="utf-8")
    (folder / "report").write_text(report, encoding="utf-8")
    (folder / "calls").touch()
    environment = os.environ | {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run([ROOT / ".ci" / "report-drift", folder / "report"], env=environment, check=True)
    calls = [json.loads(call) for call in (folder / "calls").read_text(encoding="utf-8").splitlines()]
    assert all(["issue", "list", "--app", "github-actions"] == call[:4] for call in calls[:1])
    return calls[1:]


@pytest.mark.parametrize(
    ("open_issue", "call"),
    [
        ("", ["issue", "create", "--title", TITLE, "--body", BODY]),
        ("17\n", ["issue", "comment", "17", "--body", BODY]),
    ],
    ids=["none is open", "one is open"],
)
def test_differences(tmp_path: Path, open_issue: str, call: list[str]) -> None:
    """An issue is opened with the report as it is; while it is open, later reports are comments on it."""
    assert [call] == report_drift(tmp_path, REPORT, open_issue=open_issue)


def test_no_differences(tmp_path: Path) -> None:
    """Without a report nothing is opened."""
    assert [] == report_drift(tmp_path, "", open_issue="")
    assert "" == (tmp_path / "calls").read_text(encoding="utf-8")


def test_long_report(tmp_path: Path) -> None:
    """The report is cut at what an issue may have."""
    [call] = report_drift(tmp_path, "x" * 70_000, open_issue="")

    assert f"```text\n{'x' * 60_000}\n```" == call[-1]
