"""References for the models of the oracle's traffic, built by the program from validation data of a seed."""

from __future__ import annotations

import csv
import os
import random
import subprocess
import sys
from pathlib import Path


def write_references(folder: Path, models: list[str], versions: tuple[str, ...] = ("1",)) -> None:
    """``references/MODEL-VERSION.json`` with the numeric features x and y."""
    (folder / "references").mkdir(exist_ok=True)
    rng = random.Random(1)
    with (folder / "validated.csv").open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["x", "y"])
        writer.writerows([round(rng.gauss(0, 1), 3), rng.randrange(7)] for _ in range(1500))
    for model in models:
        for version in versions:
            command = [
                sys.executable, "-m", "driftline", "reference", "build", "validated.csv", "--model", model,
                "--version", version, "--features", "x,y", "--output", f"references/{model}-{version}.json",
            ]  # fmt: skip
            subprocess.run(command, cwd=folder, check=True, capture_output=True, env=os.environ)
