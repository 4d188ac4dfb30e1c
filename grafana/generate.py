"""Writes the dashboards from the metric declarations: ``python grafana/generate.py [FOLDER]``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from boards import daemon, fleet, model
from boards.layout import Board

BOARDS: dict[str, Board] = {"fleet": fleet.BOARD, "model": model.BOARD, "daemon": daemon.BOARD}


def text_of(board: Board) -> str:
    """The JSON as it is committed."""
    return json.dumps(board.build(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def main(folder: Path) -> None:
    """One file a dashboard."""
    for name, board in BOARDS.items():
        target = folder / f"{name}.json"
        target.write_text(text_of(board), encoding="utf-8")
        print(f"{target}: {len(board.panels)} panels")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
