"""Count the tests of JUnit reports; the last line is ``N passed, N failed, N skipped``."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

OUTCOMES = {"failure": "failed", "error": "failed", "skipped": "skipped"}


def outcome(case: ET.Element) -> tuple[str, str]:
    """A test's outcome and, where it did not pass, why."""
    for child in case:
        if child.tag in OUTCOMES:
            return OUTCOMES[child.tag], child.get("message") or ""
    return "passed", ""


def main(paths: list[Path]) -> int:
    """Print each report's count, each skip's reason, and the sum; 1 if one is missing, ran nothing, or failed."""
    total: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    missing = [path.stem for path in paths if not path.exists()]
    empty = []
    for path in (p for p in paths if p.exists()):
        seen = [outcome(case) for case in ET.parse(path).iter("testcase")]  # noqa: S314 - written by pytest here
        count = Counter(kind for kind, _ in seen)
        if not count.keys() - {"skipped"}:
            empty.append(path.stem)
        print(f"{path.stem}: {len(seen)} tests ran or were skipped: {dict(count)}")
        total += count
        reasons += Counter(why for kind, why in seen if kind == "skipped")
    for why, times in reasons.most_common():
        print(f"skipped {times}: {why}")
    for name in missing:
        print(f"{name}: no report; its stage did not run")
    for name in empty:
        print(f"{name}: no test ran")
    print(f"{total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped")
    return 1 if missing or empty or total["failed"] else 0


if __name__ == "__main__":
    sys.exit(main([Path(argument) for argument in sys.argv[1:]]))
