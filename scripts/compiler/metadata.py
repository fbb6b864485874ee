"""Generating <verb>.script.yaml from the signature and docstrings of a step,
in the form that the server writes.

scripts/millrace metadata write
"""

import re
from pathlib import Path
from typing import Any

from scripts.compiler import locks, outputs, serverform, types
from scripts.compiler.problems import Problem
from scripts.compiler.sources import HOME, NOT_LITERAL, Module, bundle

WRITE = "run scripts/millrace metadata write"
KEEP = (
    "a summary, description or form is kept by writing it into the docstring and signature of the"
    " step"
)
DIALECT = "https://json-schema.org/draft/2020-12/schema"
DRAWN = re.compile("[\u2500-\u257f]")
APPROVAL_STEPS = ("approvals/ask", "blocks/ask_approval")


def write(root: Path, overwrite: bool = False) -> list[str]:
    """Write what has changed, remove what belongs to no file any more; return the paths.

    Nothing is written when a file was edited since (on Windmill,
    and pulled), unless with `overwrite`.
    """
    changed = outputs.write(root, expected(root), KEEP, overwrite)
    changed += locks.write(root)
    for name in orphans(root):
        (root / name).unlink()
        changed.append(name)
    return changed


def check(root: Path) -> list[Problem]:
    """Return every generated file that is missing or differs from its step."""
    problems = []
    for name, text in expected(root).items():
        path = root / name
        if not path.exists():
            problems.append(Problem(name, 1, f"is missing; {WRITE}"))
        elif (found := path.read_text(encoding="utf-8")) != text:
            pairs = zip(found.split("\n"), text.split("\n"), strict=False)
            line = next((number for number, (a, b) in enumerate(pairs, 1) if a != b), 1)
            problems.append(
                Problem(
                    name,
                    line,
                    f"differs from what {name.replace('.script.yaml', '.py')} says; {WRITE}",
                )
            )
    return problems + [
        Problem(name, 1, f"belongs to no Python file; {WRITE}") for name in orphans(root)
    ]


def expected(root: Path) -> dict[str, str]:
    """Return the text of every .script.yaml. Libraries have one too: a push makes an empty one
    where there is none.
    """
    return {
        module.path.replace(".py", ".script.yaml"): serverform.dump(describe(module))
        for module in bundle(root).modules.values()
        if module.tree is not None
    }


def orphans(root: Path) -> list[str]:
    """Return .script.yaml and .script.lock files beside which there is no Python file."""
    found = []
    for path in sorted((root / HOME).rglob("*.script.*")):
        stem = path.name.split(".")[0]
        if not (path.parent / f"{stem}.py").exists():
            found.append(path.relative_to(root).as_posix())
    return found


def describe(module: Module) -> dict[str, Any]:
    """Return the metadata of one file."""
    return {
        "summary": summary(module),
        "description": description(module),
        "lock": f"!inline {module.path.replace('.py', '.script.lock')}",
        # The server notes it of a script with such a function.
        **({"has_preprocessor": True} if "preprocessor" in module.names else {}),
        "kind": "approval" if module.verb in APPROVAL_STEPS else "script",
        "schema": schema(module),
    }


def summary(module: Module) -> str:
    """Return the first paragraph of the module's docstring, without its dot."""
    paragraph = re.split(r"\n\s*\n", module.docstring.strip())[0]
    return " ".join(paragraph.split()).removesuffix(".")


def description(module: Module) -> str:
    """Return the rest of the module's docstring and what main() returns.

    Left out are the command that tries the step, and drawings:
    in the browser a paragraph is one line.
    """
    paragraphs = re.split(r"\n\s*\n", module.docstring.strip())[1:]
    left_out = [
        text.lstrip().startswith("scripts/millrace") or bool(DRAWN.search(text))
        for text in paragraphs
    ]
    kept = [
        " ".join(text.split()) for text, out in zip(paragraphs, left_out, strict=True) if not out
    ]
    if module.returned:
        kept.append(
            "Result:\n" + "\n".join(f"- `{name}`: {text}" for name, text in module.returned.items())
        )
    return "\n\n".join(kept)


def schema(module: Module) -> dict[str, Any]:
    """Return the form of main(): every parameter is in it,
    since the editor drops inputs that are not.
    """
    properties = {}
    for parameter in module.parameters:
        default = None if parameter.default is NOT_LITERAL else parameter.default
        properties[parameter.name] = {
            "default": default,
            **(types.schema_of(parameter) or {"type": "object"}),
        }
    return {
        "$schema": DIALECT,
        "type": "object",
        "order": [parameter.name for parameter in module.parameters],
        "properties": properties,
        "required": [parameter.name for parameter in module.parameters if parameter.required],
    }
