"""Whether it is found out that a tool is missing, beside words in common and vectors alone.

Each need is asked twice: while its tool is listed, and once the tool is withheld and its siblings
are left. There are three kinds of needs: the tool's own words and fields (`withheld`), those of
another author, and a bare request. Precision and recall are of what is said to be missing. `sure`
counts only the answers that say so without `unsure`, whose share is told.

The needs are those of the half of tests/agents/sibling_tools.yaml that no weight was fitted on, and
of the folder that `BENCH_TOOL_SETS` names: each file of JSON lines is a set, each line an object of
`kind`, `need` (name, description, inputs, outputs), `tools` (name, description, input, output) and
`met`, the name of the tool that meets it or null.
"""

import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from f.millrace.agents import tool_matching, tool_measures, tool_signatures
from f.millrace.evidence import claims
from f.millrace.tools import client
from scripts.paths import ROOT

OWN_SET = ROOT / "tests/agents/sibling_tools.yaml"
KINDS = ("withheld", "another author", "bare")
LIMITS = [number / 50 for number in range(50)]
Near = Callable[[tool_matching.MissingTool, tool_signatures.ToolSignature], float]


@dataclass(frozen=True)
class Case:
    """A need, the tools that are listed, and which of them meets it."""

    kind: str
    need: tool_matching.MissingTool
    tools: list[client.Tool]
    met: str | None

    @property
    def is_met(self) -> bool:
        """Whether one of the tools meets it."""
        return self.met is not None


def measure() -> dict[str, Any]:
    """Return the figures of each set and kind, ours and of two simpler ways."""
    tuning = read_own_set("first")
    limits = {
        name: _find_limit(near, tuning)
        for name, near in (("words in common", _share_words), ("vectors", _compare_vectors))
    }
    sets = {"own, held out": read_own_set("second"), **_read_folder()}
    return {
        name: {
            kind: _figures([case for case in cases if case.kind == kind], limits)
            for kind in dict.fromkeys(case.kind for case in cases)
        }
        for name, cases in sets.items()
    }


def read_own_set(half: str) -> list[Case]:
    """Return the cases of one half of the committed set."""
    families = yaml.safe_load(OWN_SET.read_text())[half]
    listed = {
        f"{family}.{short}": _make_tool(f"{family}.{short}", told["tool"])
        for family, members in families.items()
        for short, told in members.items()
    }
    found = []
    for family, members in families.items():
        for short, told in members.items():
            name = f"{family}.{short}"
            rest = [tool for own, tool in listed.items() if own != name]
            for kind, need in list_needs(short, told).items():
                found.append(Case(kind, need, list(listed.values()), name))
                found.append(Case(kind, need, rest, None))
    return found


def list_needs(short: str, told: dict[str, Any]) -> dict[str, tool_matching.MissingTool]:
    """Return the need for a tool as three people would write it."""
    reads, description, takes, gives = told["tool"]
    risk = "low" if reads == "r" else "medium"
    rows = {
        "withheld": (short, description, takes, gives, risk),
        "another author": told["other"],
        "bare": ("tool_for_this", told["bare"], "", "", risk),
    }
    return {
        kind: tool_matching.MissingTool(
            name=row[0],
            description=row[1],
            inputs=_fields(row[2]),
            outputs=_fields(row[3]),
            estimated_risk=row[4],
        )
        for kind, row in rows.items()
    }


def _make_tool(name: str, row: Sequence[str]) -> client.Tool:
    takes, gives = (
        {
            "type": "object",
            "properties": {one: {"type": kind} for one, kind in _fields(text).items()},
        }
        for text in row[2:4]
    )
    required = [word.partition("!")[0] for word in row[2].split() if "!" in word]
    return client.Tool(
        name, row[1], {**takes, "required": required}, gives, {"readOnlyHint": row[0] == "r"}
    )


def _fields(text: str) -> dict[str, str]:
    parts = (word.replace("!", "").partition(":") for word in text.split())
    return {name: kind or "string" for name, _, kind in parts}


def _read_folder() -> dict[str, list[Case]]:
    """Return the sets of the folder that BENCH_TOOL_SETS names; none where it names none."""
    folder = os.environ.get("BENCH_TOOL_SETS")
    if not folder:
        return {}
    return {path.stem: read_file(path) for path in sorted(Path(folder).glob("*.jsonl"))}


def read_file(path: Path) -> list[Case]:
    """Return the cases of a file of JSON lines."""
    return [_read_case(json.loads(line)) for line in path.read_text().splitlines()]


def _read_case(row: dict[str, Any]) -> Case:
    need = tool_matching.MissingTool(**{"estimated_risk": "low", **row["need"]})
    tools = [
        client.Tool(one["name"], one["description"], one["input"], one.get("output"), {})
        for one in row["tools"]
    ]
    return Case(row["kind"], need, tools, row["met"])


def _figures(cases: list[Case], limits: dict[str, float]) -> dict[str, Any]:
    found = [tool_matching.judge_need(case.need, case.tools) for case in cases]
    met = [case.is_met for case in cases]
    unsure = [one.verdict == tool_matching.Verdict.UNSURE for one in found]
    figures: dict[str, Any] = {
        "cases": len(cases),
        "millrace": rate([one.sure < 0.5 for one in found], met),
        "sure": {
            **rate([one.verdict == tool_matching.Verdict.MISSING for one in found], met),
            "unsure": round(sum(unsure) / max(1, len(unsure)), 3),
        },
    }
    for name, near in (("words in common", _share_words), ("vectors", _compare_vectors)):
        figures[name] = rate([_most(near, case) < limits[name] for case in cases], met)
    return figures


def rate(said: Iterable[bool], met: Iterable[bool]) -> dict[str, float]:
    """Return precision and recall of what is said to be missing."""
    pairs = list(zip(said, met, strict=True))
    right = sum(missing and not is_met for missing, is_met in pairs)
    every, lacking = sum(missing for missing, _ in pairs), sum(not met for _, met in pairs)
    return {
        "precision": round(right / max(1, every), 3),
        "recall": round(right / max(1, lacking), 3),
    }


def _find_limit(near: Near, cases: list[Case]) -> float:
    """Return the limit below which a tool is missing that is most often right on these cases."""
    best = [(_most(near, case), case.is_met) for case in cases]
    return max(LIMITS, key=lambda limit: sum((value >= limit) == met for value, met in best))


def _most(near: Near, case: Case) -> float:
    offers = [tool_signatures.describe_tool(tool) for tool in case.tools]
    return max((near(case.need, offer) for offer in offers), default=0.0)


def _share_words(need: tool_matching.MissingTool, offer: tool_signatures.ToolSignature) -> float:
    own = claims.content_words(need.description)
    other = claims.content_words(f"{offer.spoken_name} {offer.description}")
    return len(own & other) / max(1, len(own | other))


def _compare_vectors(
    need: tool_matching.MissingTool, offer: tool_signatures.ToolSignature
) -> float:
    return tool_measures.likeness(need.description, offer.titled_sentences[0])
