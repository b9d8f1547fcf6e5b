"""Documents a part of which is measured: it stands between two marks, and is written anew."""

from pathlib import Path


def put_between_marks(document: Path, name: str, text: str) -> None:
    """Write a text between the marks of this name in a document; end the program if it has no such marks."""
    begin_mark, end_mark = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, begin, rest = document.read_text(encoding="utf-8").partition(begin_mark)
    _, end, after = rest.partition(end_mark)
    if not begin or not end:
        raise SystemExit(f"{document} needs the lines {begin_mark} and {end_mark}; what is between is written anew")
    document.write_text(f"{before}{begin_mark}\n\n{text}\n\n{end_mark}{after}", encoding="utf-8")
