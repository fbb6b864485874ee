"""Whether the dashboards are what the pinned Grafana takes: TypeScript holds them against Grafana's
own published types.
"""

import fcntl
import re
import shutil
import subprocess
from pathlib import Path

from scripts.deployment.cli import cache
from scripts.observability.gobuild import NoProgram
from scripts.paths import ROOT

TYPESCRIPT = "typescript@5.9.3"
SECONDS = 600
IMAGE = re.compile(r"grafana/grafana:(\d+\.\d+\.\d+)")


def version() -> str:
    """Return the version of Grafana that docker-compose.yml pins."""
    found = IMAGE.search((ROOT / "docker-compose.yml").read_text())
    if not found:
        raise NoProgram("docker-compose.yml names no version of Grafana")
    return found[1]


def mistakes(dashboards: Path) -> list[str]:
    """Return what Grafana's type of a dashboard has against the files in a folder; NoProgram when
    npm is missing.
    """
    home = _types()
    work = home / "check"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    for file in dashboards.glob("*.json"):
        text = (
            'import type { Dashboard } from "@grafana/schema";\nexport const board: Dashboard ='
            f" {file.read_text().rstrip()};\n"
        )
        (work / f"{file.stem}.ts").write_text(text)
    command = [
        str(home / "node_modules/.bin/tsc"),
        "--noEmit",
        "--strict",
        "--skipLibCheck",
        "--moduleResolution",
        "node",
        "--target",
        "es2020",
    ]
    done = subprocess.run(
        [*command, *sorted(map(str, work.glob("*.ts")))],
        cwd=home,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    said = [line.removeprefix("check/") for line in done.stdout.splitlines() if "error" in line]
    return said or ([done.stderr.strip()[-500:] or "tsc failed"] if done.returncode else [])


def _types() -> Path:
    """Return the folder with Grafana's types and TypeScript, fetched once into the cache."""
    home = cache() / f"grafana-schema-{version()}"
    ready = home / "ready"
    if ready.exists():
        return home
    npm = shutil.which("npm")
    if not npm:
        raise NoProgram("Grafana's types come from npm, which is not installed")
    home.mkdir(parents=True, exist_ok=True)
    with open(home / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            packages = [f"@grafana/schema@{version()}", TYPESCRIPT]
            command = [
                npm,
                "install",
                "--silent",
                "--no-audit",
                "--no-fund",
                "--prefix",
                str(home),
                *packages,
            ]
            done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
            if done.returncode:
                raise NoProgram(
                    f"npm could not install {' and '.join(packages)}: {done.stderr.strip()[-500:]}"
                )
            ready.touch()
    return home
