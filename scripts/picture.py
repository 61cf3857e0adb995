"""Writes docs/pictures/plan.svg: a real `reconcile plan` on a terminal, against the sandbox."""

from __future__ import annotations

import io
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

from reconciler.sandbox import SandboxServer

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "pictures" / "plan.svg"
COLUMNS = 100


def plan() -> str:
    """What a terminal shows, with its colours."""
    with SandboxServer() as server, tempfile.TemporaryDirectory() as folder:
        shutil.copy(ROOT / "specs" / "demo.yaml", folder)
        ours, theirs = pty.openpty()
        env = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", "COLUMNS": str(COLUMNS), "LINES": "60"}
        env |= {"LANG": "C.UTF-8", "HOME": folder, "DATABRICKS_CONFIG_FILE": os.devnull, **server.env}
        command = [sys.executable, "-m", "reconciler", "plan", "demo.yaml"]
        ended = subprocess.Popen(command, cwd=folder, env=env, stdout=theirs, stderr=subprocess.DEVNULL)
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 65536):
                shown += piece
        except OSError:  # Linux's way to say that the other end is closed
            pass
        if ended.wait():
            raise SystemExit("the plan failed")
    return shown.decode().replace("\r\n", "\n")


def picture(shown: str) -> str:
    """The same as SVG that loads nothing from elsewhere."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text("$ reconcile plan specs/demo.yaml\n"), Text.from_ansi(shown), sep="")
    svg = console.export_svg(title="reconcile", unique_id="plan")
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.S)


if __name__ == "__main__":
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    PICTURE.write_text(picture(plan()), encoding="utf-8")
