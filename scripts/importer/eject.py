"""Giving a flow up to hand-written OpenFlow: its spec goes, and checks and compiler leave it alone
from then on.
"""

from pathlib import Path

from f.millrace.core.errors import BadInput, NotFound
from scripts.compiler import pulled, serverform, spec, write
from scripts.compiler.reader import closest
from scripts.importer.flow import FLOW_FILE, ORIGIN, SUFFIX


def eject(root: Path, name: str) -> list[str]:
    """Remove the spec and the mark of the compiler, keeping the flow as it is;
    return the paths that changed.
    """
    file = root / spec.FOLDER / f"{name}.yaml"
    if not file.is_file():
        names = [path.stem for path in spec.files(root)]
        raise NotFound(
            f"there is no spec {name!r}{closest(name, names)}; scripts/millrace flows list shows"
            " them"
        )
    loaded, _ = spec.parse(file)
    if loaded is None or loaded.call:
        raise BadInput(f"{spec.FOLDER}/{name}.yaml makes no flow; delete the file instead")
    path = root / f"{loaded.path}{SUFFIX}" / FLOW_FILE
    if not path.is_file():
        raise BadInput(
            f"{loaded.path}{SUFFIX}/{FLOW_FILE} is missing; {write.COMPILE} {name} first"
        )
    document = pulled.read(path)
    document["description"] = ORIGIN.sub("", document.get("description") or "").strip()
    path.write_text(serverform.dump(document), encoding="utf-8")
    file.unlink()
    return [file.relative_to(root).as_posix(), path.relative_to(root).as_posix()]
