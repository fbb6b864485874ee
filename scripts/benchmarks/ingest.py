"""Reading 50 mixed documents, then reading them again unchanged, then after one of them changed.

Each figure is the whole command, from the shell's prompt and back: start of the runner, crawl,
parse, store and embed.
"""

import json
import os
import random
import resource
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from f.millrace.core import db
from scripts.database.embedded import temporary
from scripts.paths import ROOT
from scripts.samples import documents

REPEATS = 3
# How many documents of each kind; 50 in all.
KINDS = {
    "pdf": 12,
    "docx": 8,
    "pptx": 6,
    "xlsx": 5,
    "html": 6,
    "md": 5,
    "txt": 3,
    "csv": 2,
    "json": 1,
    "eml": 2,
}
# The most common first, as in any English text.
WORDS = """
the of and to in a is that for it was on are as with they at be this from have or by one had not
but what all were when we there can an your which their said if do will each about how up out them
then she many some so these would other into has more her two like him see time could no make than
first been its who now people my made over did down only way find use may water long little very
after words called just where most know get through back much before go good new write our used me
man too any day same right look think also around another came come work three word must because
does part even place well such here take why things help put years different away again off went
old number great tell men say small every found still between name should home big give air line
set own under read last never us left end along while might next sound below saw something thought
both few those always looked show large often together asked house world going want school
important until form food keep children feet land side without boy once animals life enough took
sometimes four head above kind began almost live page got earth need far hand high year mother
light parts country father let night following picture being study second eyes soon times story
boys since white days ever paper hard near sentence better best across during today others however
sure means knew try told young miles sun ways thing whole hear example heard several change answer
room sea against top turned learn point city play toward five using himself usually harbour crane
quay vessel berth tonnage dredging pilot ballast anchor ferry cargo lighthouse customs tide
mooring stevedore
""".split()


def measure() -> dict[str, Any]:
    """Return seconds of the first run, of runs without a change and after one change, and how much
    was read.

    Processor seconds are the command's own: its steps run in children of a fork server and are not
    in them, nor is Postgres.
    """
    with temporary() as url, tempfile.TemporaryDirectory() as folder:
        os.environ["MILLRACE_DATABASE_URL"] = url
        db.migrate(url)
        written = _write(Path(folder))
        before = _cpu()
        first, answer = _ingest(folder, url)
        first_cpu = _cpu() - before
        again = sorted(_ingest(folder, url)[0] for _ in range(REPEATS))
        again_cpu = (_cpu() - before - first_cpu) / REPEATS
        (Path(folder) / "md0.md").write_text("# Changed\n\n" + _text(random.Random(1), 80))
        changed, after = _ingest(folder, url)
    return {
        "documents": sum(KINDS.values()),
        "megabytes": round(written / 1e6, 2),
        "passages": answer["result"]["passages"],
        "embedded": answer["result"]["embedded"],
        "problems": len(answer["result"]["problems"]),
        "first_seconds": round(first, 2),
        "first_cpu_seconds": round(first_cpu, 2),
        "unchanged_cpu_seconds": round(again_cpu, 2),
        "unchanged_seconds": round(again[len(again) // 2], 2),
        "unchanged_runs": [round(seconds, 2) for seconds in again],
        "one_changed_seconds": round(changed, 2),
        "one_changed_read": after["result"]["read"],
        "cores": os.cpu_count(),
        "load": [round(value, 1) for value in os.getloadavg()],
    }


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _ingest(folder: str, url: str) -> tuple[float, dict[str, Any]]:
    began = time.perf_counter()
    done = subprocess.run(
        [str(ROOT / "scripts/millrace"), "ingest", folder, "--json", "--wait"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "MILLRACE_DATABASE_URL": url},
    )
    return time.perf_counter() - began, json.loads(done.stdout)


def _write(folder: Path) -> int:
    size = 0
    for kind, count in KINDS.items():
        for number in range(count):
            content = _made(kind, random.Random(f"{kind}{number}"))
            (folder / f"{kind}{number}.{kind}").write_bytes(content)
            size += len(content)
    return size


# complexipy: ignore (a case for each format of a document that is made)
def _made(kind: str, chance: random.Random) -> bytes:
    paragraphs = [_text(chance, 70) for _ in range(24)]
    table = [
        ["Berth", "Ship", "Tonnes"],
        *([str(n), _word(chance), str(chance.randint(1, 9999))] for n in range(200)),
    ]
    title = f"{_word(chance)} {_word(chance)}".title()
    if kind == "pdf":
        return documents.pdf(
            [
                documents.page_of(_word(chance).title(), paragraphs[at : at + 4])
                for at in range(0, 24, 3)
            ],
            title,
        )
    if kind == "docx":
        return documents.docx(
            title,
            [(_word(chance).title(), paragraphs[at : at + 4]) for at in range(0, 24, 4)],
            table[:20],
        )
    if kind == "pptx":
        return documents.pptx(
            [(_word(chance).title(), paragraph) for paragraph in paragraphs[:15]], title
        )
    if kind == "xlsx":
        return documents.xlsx({"Berths": table, "Crew": table[:50]}, title)
    if kind == "html":
        return documents.html(
            title,
            "".join(f"<h2>{_word(chance)}</h2><p>{paragraph}</p>" for paragraph in paragraphs),
        )
    if kind == "csv":
        return documents.csv_file(table)
    if kind == "json":
        return documents.json_file(
            [{"ship": row[1], "tonnes": row[2], "note": _text(chance, 20)} for row in table[1:60]]
        )
    if kind == "eml":
        return documents.mail(title, "\n\n".join(paragraphs[:6]))
    return (
        f"# {title}\n\n"
        + "\n\n".join(f"## {_word(chance)}\n\n{paragraph}" for paragraph in paragraphs)
    ).encode()


def _text(chance: random.Random, words: int) -> str:
    sentences = []
    while words > 0:
        count = chance.randint(8, 16)
        sentences.append(" ".join(_word(chance) for _ in range(count)).capitalize() + ".")
        words -= count
    return " ".join(sentences)


def _word(chance: random.Random) -> str:
    # A few words are common and most are rare.
    return WORDS[int(len(WORDS) ** chance.random()) - 1]
