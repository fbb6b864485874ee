"""What each word of the language becomes on Windmill."""

from scripts.compiler import openflow, semantics, spec
from scripts.compiler.sources import bundle
from scripts.runner import run

DO = "run: work/do"


def test_a_step_becomes_a_script_with_paths_and_constants(workshop):
    [module] = workshop.modules(
        "inputs: {topic: {type: string, description: What.}}\nsteps:\n  - {id: one, summary:"
        f" One, {DO}, from: {{a: flow_input.topic}}, with: {{b: x}}, retry: {{attempts: 3, seconds:"
        " 5}, timeout: 2m, keep_going: true}\n"
    )

    assert module["value"] == {
        "type": "script",
        "input_transforms": {
            "a": {"type": "javascript", "expr": "flow_input.topic"},
            "b": {"type": "static", "value": "x"},
            # Empty, as the editor leaves what nobody gives.
            "needed": {"type": "static"},
        },
        "path": "f/millrace/work/do",
    }
    assert module["retry"] == {"constant": {"attempts": 3, "seconds": 5}}
    assert module["timeout"] == {"type": "static", "value": 120}
    assert module["continue_on_error"] is True


def test_a_constant_null_is_an_empty_field(workshop):
    [module] = workshop.modules(
        f"steps:\n  - {{id: one, summary: One, {DO}, with: {{needed: null}}}}\n"
    )

    assert module["value"]["input_transforms"]["needed"] == {"type": "static"}


def test_a_loop_never_sets_parallelism(workshop):
    _, loop = workshop.modules(
        f"steps:\n  - {{id: one, summary: One, {DO}}}\n  - id: each\n    summary: Each\n   "
        " for_each: results.one.list\n    parallel: true\n    keep_going: true\n    steps: [{id:"
        f" two, summary: Two, {DO}, from: {{a: flow_input.iter.value}}}}]\n"
    )

    assert loop["value"]["type"] == "forloopflow"
    assert loop["value"]["iterator"] == {"type": "javascript", "expr": "results.one.list"}
    assert (loop["value"]["parallel"], loop["value"]["skip_failures"]) == (True, True)
    assert "parallelism" not in loop["value"]


def test_a_loop_fails_with_its_item_unless_it_keeps_going(workshop):
    _, loop = workshop.modules(
        f"steps:\n  - {{id: one, summary: One, {DO}}}\n  - id: each\n    summary: Each\n   "
        f" for_each: results.one.list\n    steps: [{{id: two, summary: Two, {DO}}}]\n"
    )

    assert (loop["value"]["parallel"], loop["value"]["skip_failures"]) == (False, False)


def test_conditions_are_paths_or_not_a_path(workshop):
    one, two = workshop.modules(
        "inputs: {fast: {type: boolean, description: Fast.}}\nsteps:\n"
        f"  - {{id: one, summary: One, {DO}, stop_if: not results.one.more}}\n"
        f"  - {{id: two, summary: Two, {DO}, skip_if: flow_input.fast}}\n"
    )

    assert one["stop_after_if"] == {"expr": "!result.more", "skip_if_stopped": False}
    assert two["skip_if"] == {"expr": "flow_input.fast"}


def test_a_choice_becomes_branchone_in_the_servers_form(workshop):
    [pick] = workshop.modules(
        "inputs: {fast: {type: boolean, description: Fast.}}\nsteps:\n  - id: pick\n   "
        " summary: Pick\n    choose:\n      - {when: flow_input.fast, summary: quickly, steps:"
        f" [{{id: one, summary: One, {DO}}}]}}\n    otherwise: [{{id: two, summary: Two, {DO}}}]\n"
    )

    [branch] = pick["value"]["branches"]
    assert (branch["summary"], branch["expr"], branch["parallel"], branch["skip_failure"]) == (
        "quickly",
        "flow_input.fast",
        True,
        True,
    )
    assert [module["id"] for module in pick["value"]["default"]] == ["two"]


APPROVAL = (
    f"steps:\n  - {{id: propose, summary: Propose, {DO}}}\n  - id: approve\n    summary: Ask the"
    " editor\n    approval: {action: results.propose.id, %stimeout: 22h}\n  - {id: send,"
    f" summary: Send, {DO}, from: {{a: results.approve.approved}}}}\n"
)


def test_an_approval_is_a_question_at_the_top_level_and_a_record_that_always_has_the_decision(
    workshop,
):
    _, ask, record, after = workshop.modules(APPROVAL % "when: results.propose.asks, ")

    assert [(each["id"], each["summary"], each["value"]["path"]) for each in (ask, record)] == [
        ("approve_ask", "Ask the editor", "f/millrace/approvals/ask"),
        ("approve", "Record the decision", "f/millrace/approvals/record"),
    ]
    assert ask["suspend"] == {
        "required_events": 1,
        "timeout": 79200,
        "continue_on_disapprove_timeout": True,
    }
    assert ask["skip_if"] == {"expr": "!results.propose.asks"}
    assert ask["value"]["input_transforms"]["action_id"]["expr"] == "results.propose.id"
    assert {name: each["expr"] for name, each in record["value"]["input_transforms"].items()} == {
        "action_id": "results.propose.id",
        "asked": "results.propose.asks",
        "resume": "resume",
        "resumes": "resumes",
        "approvers": "approvers",
    }
    assert set(record) == {"id", "summary", "value"}
    assert after["value"]["input_transforms"]["a"]["expr"] == "results.approve.approved"


def test_an_approval_without_a_condition_always_asks(workshop):
    _, ask, record, _ = workshop.modules(APPROVAL % "")

    assert "skip_if" not in ask
    assert record["value"]["input_transforms"]["asked"] == {"type": "static", "value": True}


def test_an_approval_may_ask_when_something_is_not_so(workshop):
    _, ask, record, _ = workshop.modules(APPROVAL % "when: not results.propose.agreed, ")

    assert ask["skip_if"] == {"expr": "results.propose.agreed"}
    assert record["value"]["input_transforms"]["asked"]["expr"] == "!results.propose.agreed"


def test_steps_without_dependencies_run_as_written(workshop):
    modules = workshop.modules(
        f"steps:\n  - {{id: one, summary: One, {DO}}}\n  - {{id: two, summary: Two, {DO}}}\n"
    )

    assert [module["id"] for module in modules] == ["one", "two"]


def test_independent_steps_of_one_level_run_side_by_side_and_their_results_are_found(workshop):
    modules = workshop.modules(
        f"steps:\n  - {{id: first, summary: First, {DO}}}\n  - {{id: left, summary: Left, {DO},"
        f" depends_on: [first]}}\n  - {{id: right, summary: Right, {DO}, from: {{a:"
        f" results.first.x}}, keep_going: true}}\n  - {{id: last, summary: Last, {DO}, depends_on:"
        " left, from: {a: 'results.right.list[0].y', b: results.first.x}}\n"
    )

    assert [module["id"] for module in modules] == ["first", "left_and_right", "last"]
    group = modules[1]["value"]
    assert (group["type"], group["parallel"]) == ("branchall", True)
    assert [branch["skip_failure"] for branch in group["branches"]] == [False, True]
    last = modules[2]["value"]["input_transforms"]
    assert last["a"]["expr"] == "results.left_and_right[1].list[0].y"
    assert last["b"]["expr"] == "results.first.x"


def test_branches_hold_lists_of_steps_side_by_side(workshop):
    [both] = workshop.modules(
        "steps:\n  - id: both\n    summary: Both\n    branches:\n      - [{id: one, summary: One,"
        f" {DO}}}, {{id: two, summary: Two, {DO}, from: {{a: results.one.x}}}}]\n      - {{summary:"
        f" other, steps: [{{id: three, summary: Three, {DO}}}]}}\n"
    )

    assert [len(branch["modules"]) for branch in both["value"]["branches"]] == [2, 1]
    assert [branch["summary"] for branch in both["value"]["branches"]] == ["One", "other"]


def test_the_failure_handler_is_told_what_it_asks_for(workshop):
    flow = workshop.compile(
        f"steps: [{{id: one, summary: One, {DO}}}]\non_failure: {{run: ops/report, with: {{note:"
        " hello}}\n"
    )

    failure = flow["value"]["failure_module"]
    assert failure["id"] == "failure"
    assert failure["value"]["input_transforms"] == {
        "error": {"type": "javascript", "expr": "error"},
        "pipeline": {"type": "javascript", "expr": "flow_env.pipeline"},
        "note": {"type": "static", "value": "hello"},
    }


def test_a_flow_knows_its_pipeline_and_says_where_it_comes_from(workshop):
    flow = workshop.compile(
        "description: |\n  One line\n  of text.\nbudget: {run_usd: 2}\nagents: [writer]\n"
        'schedule: {cron: "0 0 8 * * *", timezone: Europe/London, misfire_grace: 12h}\n'
        f"steps: [{{id: one, summary: One, {DO}, from: {{a: flow_env.pipeline.schedule.cron}}}}]\n"
    )

    assert flow["value"]["flow_env"]["pipeline"] == {
        "name": "flow",
        "area": "research",
        "pattern": "deterministic_pipeline",
        "orchestrator": "windmill",
        "agents": ["writer"],
        "budget": {"run_usd": 2},
        "timezone": "Europe/London",
        "schedule": {
            "cron": "0 0 8 * * *",
            "timezone": "Europe/London",
            "catch_up": True,
            "misfire_grace": "12h",
        },
    }
    assert (
        flow["description"]
        == "One line of text.\n\nMade from flows/flow.yaml. Edit here and deploy, then `wmill sync"
        " pull` and `scripts/millrace flows import flow` bring the edit into that file."
    )


def test_inputs_become_the_form_in_the_order_of_the_spec(workshop):
    schema = workshop.compile(
        "inputs:\n  zeta: {type: string, description: Last letter.}\n  alpha: {type: integer,"
        f" default: 3, description: First.}}\nsteps: [{{id: one, summary: One, {DO}}}]\n"
    )["schema"]

    assert schema["order"] == ["zeta", "alpha"]
    assert schema["required"] == ["zeta"]
    assert schema["properties"]["alpha"] == {
        "type": "integer",
        "default": 3,
        "description": "First.",
    }


def test_one_run_instead_of_steps_is_a_scheduled_script(workshop):
    path = workshop.write(
        "flows/tidy.yaml",
        'summary: Tidy up\narea: ops\nschedule: {cron: "0 0 3 * * 0", timezone: UTC}\nrun:'
        " work/do\nwith: {b: old}\n",
    )

    schedule = openflow.compile_schedule(spec.load(path), bundle(workshop.root))

    assert schedule is not None
    assert (schedule["is_flow"], schedule["script_path"], schedule["args"]) == (
        False,
        "f/millrace/work/do",
        {"b": "old"},
    )
    assert (schedule["cron_version"], schedule["enabled"]) == ("v2", True)


def test_a_scheduled_script_that_asks_is_told_its_pipeline(workshop):
    workshop.write(
        "f/millrace/work/tidy.py",
        "def main(pipeline: dict, days: int = 3, dry_run: bool = False) -> dict: ...\n",
    )
    path = workshop.write(
        "flows/tidy.yaml",
        'summary: Tidy up\narea: ops\nschedule: {cron: "0 0 3 * * 0", timezone: UTC, misfire_grace:'
        " 2h, catch_up: false}\nrun: work/tidy\nwith: {days: 9}\n",
    )
    loaded, files = spec.load(path), bundle(workshop.root)

    schedule = openflow.compile_schedule(loaded, files)

    assert semantics.check(loaded, files) == []
    assert schedule is not None and schedule["args"]["days"] == 9
    assert schedule["args"]["pipeline"]["schedule"] == {
        "cron": "0 0 3 * * 0", "timezone": "UTC", "catch_up": False, "misfire_grace": "2h",
    }  # fmt: skip


def test_a_grace_that_a_scheduled_script_never_hears_of_is_refused(workshop):
    path = workshop.write(
        "flows/tidy.yaml",
        'summary: Tidy up\narea: ops\nschedule: {cron: "0 0 3 * * 0", timezone: UTC, misfire_grace:'
        " 2h}\nrun: work/do\n",
    )

    [problem] = semantics.check(spec.load(path), bundle(workshop.root))

    assert problem.line == 3 and "no input 'pipeline'" in problem.what


def test_a_scheduled_script_runs_here_with_its_schedules_arguments(workshop, database):
    workshop.write(
        "f/millrace/work/tidy.py",
        "def main(days: int = 3, dry_run: bool = False, name: str = 'all') -> dict:\n    return"
        " {'got': [days, dry_run, name]}\n",
    )
    path = workshop.write(
        "flows/tidy.yaml",
        'summary: Tidy up\narea: ops\nschedule: {cron: "0 0 3 * * 0", timezone: UTC}\nrun:'
        " work/tidy\nwith: {days: 9}\n",
    )
    flow = openflow.compile_script(spec.load(path), bundle(workshop.root))

    outcome = run.start(flow, "tidy", {"dry_run": True}, isolation="inline", root=workshop.root)

    assert list(flow["schema"]["properties"]) == ["dry_run", "name"]
    assert outcome.result == {"got": [9, True, "all"]}
