"""How many secrets are masked, and how many lines that hold none are touched, beside
detect-secrets.

The secrets are invented: values in the places of `resources/samples/redaction.yaml`, keys in the
forms that services issue. The other lines are those of the environment's packages and of the folder
that `BENCH_TEXTS` names; nobody has read them all, so some that are touched do hold a secret, of a
test or an example. `BENCH_TOUCHED=FILE` writes them there, to be read.
"""

import json
import os
import random
import string
import subprocess
import sysconfig
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from f.millrace.core import redaction
from scripts.benchmarks import peers
from scripts.paths import ROOT

SAMPLES = ROOT / "resources/samples/redaction.yaml"
PEER_PACKAGES = ("detect-secrets==1.5.0",)
OF_EACH = 20
MOST_LINES = 100_000
LONGEST_LINE = 4000
TEXTS = frozenset(
    ".adoc .asc .c .css .go .h .html .java .js .json .kt .md .php .py .rb .rs .rst .sh"
    " .sql .ts .txt .xml .yaml .yml".split()
)
ALPHABETS = {
    "alnum": string.ascii_letters + string.digits,
    "alpha": string.ascii_letters,
    "base32": string.ascii_uppercase + "234567",
    "digit": string.digits,
    "hex": "0123456789abcdef",
    "url": string.ascii_letters + string.digits + "-_",
    "signs": string.ascii_letters + string.digits + "!#%^*+~?",
}
Find = Callable[[list[tuple[str, str]]], list[bool]]


def measure() -> dict[str, Any]:
    """Return recall on both kinds of secrets, touched lines of 10,000, and seconds, of ours and of
    the peer.
    """
    named, issued, plain = make_named(), make_issued(), read_lines()
    figures = {"millrace": _figures(_redact, named, issued, plain)}
    if not peers.left_out():
        figures["detect-secrets 1.5.0"] = _figures(_ask_peer, named, issued, plain)
    counted = {
        "named": len(named),
        "issued": len(issued),
        "services": len({kind for kind, _, _ in issued}),
        "lines": {name: len(lines) for name, lines in plain.items()},
    }
    return {"counted": counted, **figures}


def make_named(of_each: int = OF_EACH, seed: int = 1) -> list[tuple[str, str, str]]:
    """Return (place, text, secret) for invented values in each place."""
    draw = random.Random(seed)
    places = yaml.safe_load(SAMPLES.read_text())["named"]
    made = []
    for place in places:
        for number in range(of_each):
            secret = _value(draw, number)
            if "://" in place or "?" in place:
                secret = secret.replace("#", "%23").replace("?", "%3F").replace("/", "%2F")
            before, _, after = place.partition("@")
            made.append((place, before + secret + after, secret))
    return made


def make_issued(of_each: int = OF_EACH, seed: int = 2) -> list[tuple[str, str, str]]:
    """Return (service, text, secret) for invented keys of each service, alone in a sentence."""
    draw = random.Random(seed)
    made = []
    for service, *parts in yaml.safe_load(SAMPLES.read_text())["issued"]:
        for _ in range(of_each):
            secret = "".join(_part(draw, str(part)) for part in parts)
            made.append((service, f"it answered with {secret} and went on", secret))
    return made


def read_lines() -> dict[str, list[str]]:
    """Return lines of texts by what they are from."""
    found = {"packages": _lines(Path(sysconfig.get_paths()["purelib"]))}
    given = os.environ.get("BENCH_TEXTS")
    for folder in sorted(Path(given).iterdir()) if given else ():
        if folder.is_dir():
            found[folder.name] = _lines(folder)
    return found


def _lines(folder: Path) -> list[str]:
    files = [each for each in sorted(folder.rglob("*")) if each.suffix in TEXTS and each.is_file()]
    random.Random(3).shuffle(files)
    lines: list[str] = []
    for file in files:
        if len(lines) >= MOST_LINES:
            break
        text = file.read_text(errors="replace")
        lines += [line for line in text.splitlines() if 0 < len(line.strip()) <= LONGEST_LINE]
    return lines[:MOST_LINES]


def _value(draw: random.Random, number: int) -> str:
    kind = number % 5
    if kind == 0:
        return draw.choice(("hunter", "sesame", "tr0ub4dor", "river")) + str(draw.randint(10, 9999))
    if kind == 1:
        return _part(draw, "32 hex")
    if kind == 2:
        return _part(draw, "12 signs") + "7"
    if kind == 3:
        return _part(draw, "uuid")
    return _part(draw, "40 url").strip("-") + "9"


def _part(draw: random.Random, part: str) -> str:
    count, _, name = part.partition(" ")
    if part == "uuid":
        return "-".join(_part(draw, f"{size} hex") for size in (8, 4, 4, 4, 12))
    if name in ALPHABETS and count.isdigit():
        return "".join(draw.choices(ALPHABETS[name], k=int(count)))
    return part


def _figures(
    find: Find,
    named: list[tuple[str, str, str]],
    issued: list[tuple[str, str, str]],
    plain: dict[str, list[str]],
) -> dict[str, Any]:
    started = time.process_time()
    touched = {name: find([(line, "") for line in lines]) for name, lines in plain.items()}
    seconds = time.process_time() - started
    return {
        "recall_named": _recall(find, named),
        "recall_issued": _recall(find, issued),
        "touched_of_10000": {
            name: round(10_000 * sum(each) / max(1, len(each)), 2) for name, each in touched.items()
        },
        "cpu_seconds": round(seconds, 1),
    }


def _recall(find: Find, made: list[tuple[str, str, str]]) -> dict[str, Any]:
    found = find([(text, secret) for _, text, secret in made])
    missed: dict[str, int] = {}
    for (kind, _, _), hit in zip(made, found, strict=True):
        missed[kind] = missed.get(kind, 0) + (not hit)
    return {
        "share": round(sum(found) / len(found), 4),
        "missed": {kind: count for kind, count in missed.items() if count},
    }


def _redact(texts: list[tuple[str, str]]) -> list[bool]:
    """Tell of each text whether its secret is masked; without one, whether the text changed."""
    results = []
    with open(os.environ.get("BENCH_TOUCHED", os.devnull), "a") as report:
        for text, secret in texts:
            masked = redaction.redact(text)
            results.append(secret not in masked if secret else masked != text)
            if not secret and masked != text:
                report.write(f"{text.strip()}\n  -> {masked.strip()}\n")
    return results


def _ask_peer(texts: list[tuple[str, str]]) -> list[bool]:
    python = peers.python("redaction", PEER_PACKAGES)
    script = ROOT / "scripts/benchmarks/redaction_peer.py"
    done = subprocess.run(
        [str(python), str(script)],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)
