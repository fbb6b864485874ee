# requirements:

"""LangGraph's `StateGraph`, loaded without LangSmith, LangGraph's server and requests.

They are half of its loading time, and no step uses them: spans are our own, and no text of a run
goes to another's tracing service, whatever the environment says. A process that has loaded
LangGraph before keeps what it has.
"""

import importlib.util
import sys
from types import ModuleType
from typing import Any

# What LangChain reads of the state of LangSmith's tracing when it is off.
TRACING_OFF = dict.fromkeys(
    ("parent", "project_name", "tags", "metadata", "client", "replicas", "distributed_parent_id")
)


class Absent:
    """Stands for a class of LangSmith: LangChain names it in annotations and makes none while
    tracing is off.
    """


def _leave_out_langsmith() -> None:
    def tracing_context(*_: Any) -> dict[str, Any]:
        return {**TRACING_OFF, "enabled": False}

    parts = {
        "run_trees": {"RunTree": Absent, "_CLIENT": None},
        "utils": {
            "tracing_is_enabled": lambda *_: False,
            "LangSmithError": type("LangSmithError", (Exception,), {}),
        },
        "address": {},
        "run_helpers": {
            "get_tracing_context": tracing_context,
            "_set_tracing_context": lambda *_, **__: None,
        },
    }
    package = _module(
        "langsmith", __path__=[], RunTree=Absent, Client=Absent, get_tracing_context=tracing_context
    )
    for name, values in parts.items():
        setattr(package, name, _module(f"langsmith.{name}", **values))


def _module(name: str, **values: Any) -> ModuleType:
    made = ModuleType(name, "Left out by f.millrace.agents.state_graph.")
    vars(made).update(values)
    sys.modules[name] = made
    return made


def _leave_out_initialisation(package: str) -> None:
    """Make a package known without running its `__init__`, which loads all of it; its modules can
    be imported.
    """
    spec = importlib.util.find_spec(package)
    if spec is not None:
        sys.modules[package] = importlib.util.module_from_spec(spec)


if "langgraph.graph" not in sys.modules and "langsmith" not in sys.modules:
    _leave_out_langsmith()
    _leave_out_initialisation("langgraph_sdk")  # LangGraph takes one type from it
    if "requests" not in sys.modules:
        _module("requests", HTTPError=Absent, Response=Absent)  # LangChain takes two types from it

from langgraph.graph import END, START, StateGraph  # noqa: E402

if getattr(sys.modules.get("requests"), "Response", None) is Absent:
    del sys.modules["requests"]  # other libraries may need the real one

__all__ = ["END", "START", "StateGraph"]
