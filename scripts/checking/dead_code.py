"""Dead code: names that nothing in the bundle or its scripts reads; a test alone keeps nothing.

vulture finds them. What is read in a way that it cannot see stands in KEPT with the reason; a name
there that is no longer needed is a mistake too.
"""

import ast
import sys
from pathlib import Path

from vulture import Vulture

from scripts.paths import ROOT

FOLDERS = ("f", "scripts", "u")
# Each definition registers itself in the catalogue when its file is loaded.
METRICS = "f/millrace/telemetry/metrics/"
# Generated whole from the tables, whatever of them is used.
ROWS = "f/millrace/core/rows.py"
# Reason: names.
KEPT = {
    "the standard library calls it: http, html.parser, io, socketserver": """
        do_GET do_POST log_message handle_starttag handle_endtag handle_error
        daemon_threads makefile readinto""",
    "a parameter of a method that a library calls": "parent_context",
    "a library reads it: onnxruntime, psycopg, uvicorn, httpx2, MCP, pydantic, rich": """
        enable_cpu_mem_arena intra_op_num_threads log_severity_level cursor_factory should_exit
        validate_tool_result model_config no_wrap overflow""",
    "pydantic calls it as a validator": "_one_way _has_a_rate",
    "OpenTelemetry calls the span processor": "on_start on_end",
    "Pydantic AI's store of conversations has it": """
        delete_record read_entry read_history""",
    "Pydantic AI's class of streams has it": "cumulative _streamed_response_cls",
    "MCP's store of events has it": "store_event replay_events_after",
    "the other library's interface has it: LangChain, APScheduler": """
        embed_documents embed_query _do_submit_job""",
    "called by a name that is put together: getattr(self, prefix + kind)": """
        _step_started _step_finished _step_failed _step_retry _run_ended read_run read_for_each
        read_branches read_choose read_approval choose retraction""",
    "read as an item, a column or JSON, not as an attribute": """
        tool_reliability coherence columns_scanned elsewhere heaviest
        finalists scheduled updated_at sky low_celsius high_celsius rain_mm wind_kmh now_celsius
        now_sky least_n failed_at proposed_mcp_server""",
    "tests ask it": "find_match",
    "Cosmic Ray's operators have it": "examples",
    "pytest calls the plugin": "pytest_runtest_logstart pytest_runtest_logreport",
    "what tests need of a running program": "server_pid exemplars run_jaeger is_obeyed",
}


def find(root: Path, kept: dict[str, str]) -> list[str]:
    """Return a line for each name that nothing reads, and for each that is kept for no reason."""
    vulture = Vulture()
    vulture.scavenge([str(root / folder) for folder in FOLDERS])
    needless = {name for names in kept.values() for name in names.split()}
    known, found, keys = set(needless), [], _find_keys(root)
    for item in vulture.get_unused_code(min_confidence=60):
        path = Path(item.filename).relative_to(root).as_posix()
        needless.discard(item.name)
        registered = path.startswith(METRICS) and item.typ == "variable"
        key = (Path(item.filename).as_posix(), item.first_lineno) in keys
        if item.name not in known and not registered and not key and path != ROWS:
            found.append(
                f"{path}:{item.first_lineno}: {item.typ} {item.name!r} is never read; delete it, or"
                " say in KEPT of scripts/checking/dead_code.py who reads it"
            )
    return found + [
        f"scripts/checking/dead_code.py: KEPT has {name!r}, which is read or gone; delete it there"
        for name in sorted(needless)
    ]


def _find_keys(root: Path) -> set[tuple[str, int]]:
    """Return the file and line of each key of a TypedDict: it is read as an item, not as a name."""
    classes: list[tuple[str, ast.ClassDef]] = [
        (path.as_posix(), node)
        for folder in FOLDERS
        for path in (root / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    ]
    bases = {
        node.name: {ast.unparse(base).rpartition(".")[2] for base in node.bases}
        for _, node in classes
    }
    typed, before = {"TypedDict"}, 0
    while len(typed) > before:
        before = len(typed)
        typed |= {name for name, of in bases.items() if of & typed}
    return {
        (path, field.lineno)
        for path, node in classes
        if node.name in typed
        for field in node.body
        if isinstance(field, ast.AnnAssign)
    }


if __name__ == "__main__":
    mistakes = find(ROOT, KEPT)
    print("\n".join(mistakes))
    sys.exit(1 if mistakes else 0)
