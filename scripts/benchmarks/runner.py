"""What the local runner adds to each step; peer: the same number of bare LangGraph nodes with the
same checkpointer.
"""

import os
import statistics
import time
from typing import Any, TypedDict

from f.millrace.core import config
from scripts.database.embedded import temporary
from scripts.runner.bench import overhead
from scripts.runner.store import Store, set_up_checkpoints

STEPS = 30
REPEATS = 3


def measure() -> dict[str, Any]:
    """Return milliseconds a step, medians of three runs, with a fork of its own for each step and
    as bare nodes.
    """
    with temporary() as url:
        os.environ["MILLRACE_DATABASE_URL"] = url
        config.reload()
        from f.millrace.core import db

        db.migrate()
        set_up_checkpoints()
        ours = [overhead(STEPS) for _ in range(REPEATS)]
        peers = [_bare_nodes(f"bare-{number}") for number in range(REPEATS)]
        db.close()
    step, node = statistics.median(each["step_ms"] for each in ours), statistics.median(peers)
    return {
        "step_ms": round(step, 1),
        "langgraph_node_ms": round(node, 1),
        "ratio": round(step / node, 2),
        "runs": REPEATS,
    }


def _bare_nodes(thread: str) -> float:
    from langgraph.graph import StateGraph

    class State(TypedDict, total=False):
        at: int

    graph = StateGraph(State)
    for number in range(STEPS):
        graph.add_node(f"n{number}", lambda _state: {"at": 1})  # type: ignore[call-overload]
        if number:
            graph.add_edge(f"n{number - 1}", f"n{number}")
    graph.set_entry_point("n0")
    store = Store()
    app = graph.compile(checkpointer=store.checkpointer())
    began = time.perf_counter()
    app.invoke(
        {"at": 0},
        {"configurable": {"thread_id": thread}, "recursion_limit": STEPS + 5},
        durability="sync",
    )
    spent = time.perf_counter() - began
    store.close()
    return spent * 1000 / STEPS
