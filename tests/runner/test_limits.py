from scripts.runner.worker import ForkWorker, Job, resident_mb


def test_a_step_that_takes_too_much_memory_is_ended_and_says_so(bundle):
    bundle.script(
        "greedy",
        "def main():\n    held = bytearray(300_000_000)\n    time.sleep(60)\n    return"
        " len(held)\n",
    )
    bundle.script("modest", "def main():\n    return 1\n")
    worker = ForkWorker(bundle.root, light=("psycopg",), heavy=(), memory_mb=200)

    greedy = worker.run(Job("greedy", {}, {}, path="f/t/greedy"), lambda event: None)
    modest = worker.run(Job("modest", {}, {}, path="f/t/modest"), lambda event: None)
    worker.close()

    assert (
        greedy.ended == "killed"
        and greedy.error["name"] == "MemoryExceeded"
        and "step_memory_mb" in greedy.error["message"]
    )
    assert modest.result == 1


def test_the_memory_of_a_process_that_is_gone_is_none():
    assert resident_mb(2**22 + 1) == 0.0


def test_the_setting_chooses_where_steps_run(bundle, monkeypatch):
    import os

    from f.millrace.core import config
    from scripts.runner.run import start

    bundle.script("where", "def main():\n    return os.getpid()\n")
    step = {"id": "a", "value": {"type": "script", "path": "f/t/where", "input_transforms": {}}}
    found = {}
    for isolation in ("child", "inline"):
        monkeypatch.setenv("MILLRACE_ISOLATION", isolation)
        config.reload()
        found[isolation] = start(
            {"summary": "t", "value": {"modules": [step]}}, "t", root=bundle.root
        ).result

    assert found["inline"] == os.getpid() != found["child"]
