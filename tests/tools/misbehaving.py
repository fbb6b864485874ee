"""A small MCP server over stdin and stdout that can misbehave in one way: `python misbehaving.py
FAULT [FILE]`.

It writes its process id and those of its children to FILE, then its folder and the names in its
environment.
"""

import json
import os
import subprocess
import sys
import time

FAULT = sys.argv[1] if len(sys.argv) > 1 else ""
ECHO = {
    "name": "echo",
    "description": "Say it again.",
    "inputSchema": {
        "type": "object",
        "properties": {"text": {"type": "string"}},
        "required": ["text"],
    },
    "annotations": {"readOnlyHint": True},
}
PROMISE = {"type": "object", "properties": {"said": {"type": "integer"}}, "required": ["said"]}
# To check an answer against it takes longer than the universe lasts.
DOUBLED = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(60)} | {
    "d60": {"type": "object"}
}
SLOW_WORDS = {"type": "object", "properties": {"said": {"type": "string", "pattern": "^(a+)+$"}}}
SCHEMAS = {
    "lie": PROMISE,
    "no structure": PROMISE,
    "slow promise": {"type": "object", "$defs": DOUBLED, "allOf": [{"$ref": "#/$defs/d0"}]},
    "slow pattern": SLOW_WORDS,
    "far reference": {
        "type": "object",
        "properties": {"said": {"$ref": "http://127.0.0.1:9/schema.json"}},
    },
    "circular promise": {
        "type": "object",
        "$defs": {"a": {"$ref": "#/$defs/a"}},
        "allOf": [{"$ref": "#/$defs/a"}],
    },
}


def tools():
    if FAULT == "thousands":
        return [{**ECHO, "name": f"echo{number}"} for number in range(5_000)]
    if FAULT == "bad schema":
        return [
            ECHO,
            {
                **ECHO,
                "name": "odd",
                "inputSchema": {"type": "object", "properties": {"a": {"type": "nonsense"}}},
            },
        ]
    if FAULT == "twice":
        return [ECHO, {**ECHO, "description": "Another echo."}]
    return [{**ECHO, "outputSchema": SCHEMAS[FAULT]}] if FAULT in SCHEMAS else [ECHO]


def answer():
    if FAULT == "huge":
        return {"content": [{"type": "text", "text": "x" * 3_000_000}]}
    if FAULT == "no structure":
        return {"content": [{"type": "text", "text": "again"}]}
    said = "a" * 40 + "!" if FAULT == "slow pattern" else "again"
    return {"content": [{"type": "text", "text": said}], "structuredContent": {"said": said}}


def say(message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def ask_back():
    """Ask the user for a name, with a default, and return what comes back."""
    schema = {"type": "object", "properties": {"name": {"type": "string", "default": "Ada"}}}
    params = {"message": "Who are you?", "requestedSchema": schema}
    say({"id": "back", "method": "elicitation/create", "params": params})
    for line in sys.stdin:
        heard = json.loads(line)
        if heard.get("id") == "back":
            return heard.get("result") or heard.get("error", {}).get("message")
    return None


def misbehave(when):
    if f"hang {when}" == FAULT:
        time.sleep(600)
    if f"crash {when}" == FAULT:
        sys.stderr.write("the disk is full\n")
        sys.stderr.flush()
        os._exit(3)
    while f"one line {when}" == FAULT:
        sys.stdout.write("x" * 100_000)
    while f"notifications {when}" == FAULT:
        say({"method": "notifications/message", "params": {"level": "info", "data": "more"}})
    if f"nonsense {when}" == FAULT:
        print("this is not JSON", flush=True)
        print('{"jsonrpc": "2.0", "id": 99999, "result": {}}', flush=True)


def serve():
    misbehave("start")
    page = 0
    for line in sys.stdin:
        asked = json.loads(line)
        if "id" not in asked:
            continue
        method = asked["method"]
        misbehave(method)
        if FAULT == "asks" and method == "tools/call":
            heard = ask_back()
        version = (asked.get("params") or {}).get("protocolVersion", "2025-11-25")
        results = {
            "initialize": {
                "protocolVersion": version,
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "box", "version": "1"},
            },
            "tools/list": {"tools": tools()},
            "tools/call": answer(),
        }
        if FAULT == "asks" and method == "tools/call":
            results[method] = {"content": [], "structuredContent": {"said": heard}}
        if FAULT == "endless pages" and method == "tools/list":
            page = int((asked.get("params") or {}).get("cursor") or 0) + 1
            results[method] = {"tools": [{**ECHO, "name": f"echo{page}"}], "nextCursor": str(page)}
        if method in results:
            say({"id": asked["id"], "result": results[method]})
        else:
            say({"id": asked["id"], "error": {"code": -32601, "message": "no such method"}})


if len(sys.argv) > 2:
    child = subprocess.Popen(["sleep", "600"])
    with open(sys.argv[2], "w") as file:
        file.write(f"{os.getpid()} {child.pid}\n")
        file.write("\n".join([os.getcwd(), *sorted(os.environ)]))
serve()
while FAULT == "stays":
    time.sleep(60)
