"""Reading an OpenFlow: its modules, the flows inside it, and whether it can run here at all."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from f.millrace.core.errors import BadInput, NotFound
from scripts.compiler import pulled
from scripts.paths import ROOT

LEAVES = ("script", "rawscript", "flow", "identity")
LOOPS = ("forloopflow", "whileloopflow")
BRANCHES = ("branchone", "branchall")
RESERVED = ("failure", "preprocessor", "Input")
# Flows that this flow calls travel with it, so that a resumed run does not change under its feet.
SUBFLOWS = "subflows"


def value(flow: dict[str, Any]) -> dict[str, Any]:
    """Return the flow's value: the part with the modules."""
    return flow.get("value", flow)


def find_flow(name: str, root: Path) -> str | None:
    """Return the Windmill path of a flow by its name, or None."""
    for found in sorted((root / "f").glob(f"**/{name}__flow/flow.yaml")):
        return str(found.parent.relative_to(root)).removesuffix("__flow")
    return None


def load_flow(path: str, root: Path) -> dict[str, Any]:
    """Return the OpenFlow at a Windmill path."""
    file = root / f"{path}__flow" / "flow.yaml"
    if not file.is_file():
        raise NotFound(f"there is no flow {path!r} under {root.name}/")
    flow = pulled.read_complete(file)
    if not isinstance(flow, dict) or not isinstance(flow.get("value"), dict):
        raise BadInput(
            f"{path}__flow/flow.yaml is no flow: it has no value with modules; pull it again"
        )
    return flow


def load_openflow(flow: str) -> dict[str, Any]:
    """Return the OpenFlow of a pipeline by its name, or of any flow under `f/` or `u/` by its path
    on Windmill.
    """
    paths = list_pipelines()
    if flow.startswith(("f/", "u/")):
        return load_flow(flow.strip("/").removesuffix("/flow.yaml").removesuffix("__flow"), ROOT)
    if flow not in paths:
        return _scheduled_script(flow, sorted(paths))
    return pulled.read_complete(paths[flow])


def list_pipelines() -> dict[str, Path]:
    """Return the files of the bundle's own flows by name."""
    return {
        path.parent.name.removesuffix("__flow"): path
        for path in (ROOT / "f/millrace").glob("*/*__flow/flow.yaml")
    }


def _scheduled_script(name: str, flows: list[str]) -> dict[str, Any]:
    """Return a spec that schedules one script as a flow of one step; NotFound when there is none of
    that name.
    """
    from scripts.compiler import openflow, spec
    from scripts.compiler.reader import closest
    from scripts.compiler.sources import bundle

    scripts = {loaded.name: loaded for loaded in spec.list_specs(ROOT) if loaded.call}
    if name not in scripts:
        known = [*flows, *scripts]
        raise NotFound(f"no flow {name!r}{closest(name, known)}; there are: {', '.join(known)}")
    return openflow.compile_script(scripts[name], bundle(ROOT))


def bodies(module: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """Yield the lists of modules inside a module."""
    inner = module["value"]
    if "modules" in inner:
        yield inner["modules"]
    for branch in inner.get("branches", ()):
        yield branch["modules"]
    if "default" in inner and inner.get("type") == "branchone":
        yield inner["default"]


def every_module(flow: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield all modules of a flow, outer ones first, the failure module last."""

    def walk(modules: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for module in modules:
            yield module
            for body in bodies(module):
                yield from walk(body)

    yield from walk(value(flow).get("modules") or [])
    if failure := value(flow).get("failure_module"):
        yield failure


# complexipy: ignore (flows that call flows, until none is left, with all mistakes)
def complete(flow: dict[str, Any], root: Path) -> dict[str, Any]:
    """Return the flow together with the flows that it calls; BadInput with all that cannot run
    here.
    """
    subflows: dict[str, Any] = {}
    mistakes = _mistakes(flow, root)
    waiting = [flow]
    while waiting:
        for module in every_module(waiting.pop()):
            path = module["value"].get("path")
            if module["value"].get("type") != "flow" or path in subflows:
                continue
            try:
                subflows[path] = load_flow(path, root)
            except NotFound as error:
                mistakes.append(f"step {module['id']!r}: {error}")
                continue
            mistakes += [f"flow {path}: {line}" for line in _mistakes(subflows[path], root)]
            waiting.append(subflows[path])
    if mistakes:
        raise BadInput("this flow cannot run here:\n" + "\n".join("  " + line for line in mistakes))
    whole = flow if "value" in flow else {"value": flow}
    return {**whole, SUBFLOWS: subflows} if subflows else whole


def _mistakes(flow: dict[str, Any], root: Path) -> list[str]:
    mistakes, seen = [], set()
    for module in every_module(flow):
        name, inner = module.get("id", ""), module.get("value") or {}
        kind = inner.get("type")
        if not name or name in seen:
            mistakes.append(f"step id {name!r} is missing or used twice")
        seen.add(name)
        if kind == "rawscript" and inner.get("language") != "python3":
            mistakes.append(
                f"step {name!r} is an inline script in {inner.get('language')}; only python3 runs"
                " here"
            )
        elif kind == "script" and not (root / f"{inner.get('path')}.py").is_file():
            mistakes.append(f"step {name!r}: there is no script {inner.get('path')}.py")
        elif kind not in (*LEAVES, *LOOPS, *BRANCHES):
            mistakes.append(f"step {name!r} is of type {kind!r}, which runs only on Windmill")
    return mistakes
