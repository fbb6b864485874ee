"""A flow.yaml as `wmill sync pull` leaves it: the code of inline scripts stands in files beside it,
which it names.
"""

import re
from pathlib import Path
from typing import Any

import yaml

from f.millrace.core.errors import BadInput

INLINE = "!inline "


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    pass


# 1e-7 is a number, as the command writes it; YAML of 1.1 asks for a dot.
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?\d+(?:\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)
# The command reads the bare tag and the quoted text alike.
for _tag in ("!inline", "!inline_fileset"):
    _Loader.add_constructor(
        _tag, lambda loader, node: f"{node.tag} {loader.construct_scalar(node)}"
    )


def read(file: Path) -> Any:
    """Return the document as it stands; BadInput when it is not YAML."""
    try:
        return yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadInput(f"{file.name} in {file.parent.name} is not YAML: {error}") from None


def read_complete(file: Path) -> Any:
    """Return the document with the code of its inline scripts in it, as the server has it; BadInput
    for code that is missing.
    """
    return _filled(read(file), file.parent)


def _filled(part: Any, folder: Path) -> Any:
    if isinstance(part, list):
        return [_filled(each, folder) for each in part]
    if isinstance(part, dict):
        inline = part.get("type") == "rawscript"
        return {
            key: code(each, folder)
            if inline and key in ("content", "lock")
            else _filled(each, folder)
            for key, each in part.items()
        }
    return part


def code(text: Any, folder: Path) -> Any:
    """Return the code that a module names with `!inline FILE`, or what it holds itself; BadInput
    for a file that is missing.
    """
    if not isinstance(text, str) or not text.startswith(INLINE):
        return text
    name = text.removeprefix(INLINE).strip()
    file = (folder / name).resolve()
    if not file.is_relative_to(folder.resolve()) or not file.is_file():
        raise BadInput(
            f"flow.yaml in {folder.name} names the inline script {name!r}, which is not beside it;"
            " pull the flow again"
        )
    return file.read_text(encoding="utf-8")
