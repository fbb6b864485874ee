"""The parts of a pipeline's spec, as the rest of the compiler uses them."""

from dataclasses import dataclass, field
from typing import Any

PATTERNS = ("deterministic_pipeline", "stateful", "collaborative")
ORCHESTRATORS = ("windmill", "langgraph", "local")
KINDS = ("run", "for_each", "branches", "choose", "approval")


@dataclass
class Path:
    """A Windmill path, such as `results.open.run_id`, with the line it stands in."""

    text: str
    line: int
    negated: bool = False


@dataclass
class Value:
    """A constant, with the line it stands in."""

    value: Any
    line: int


@dataclass
class Call:
    """A script and what it is given: paths in `from_`, constants in `with_`."""

    run: str
    line: int
    from_: dict[str, Path] = field(default_factory=dict)
    with_: dict[str, Value] = field(default_factory=dict)


@dataclass
class Branch:
    """Steps of one branch; `when` only in a choice."""

    steps: list["Step"]
    line: int
    summary: str = ""
    when: Path | None = None


@dataclass
class Approval:
    """A question to a person about one proposed action."""

    action: Path
    when: Path | None
    timeout: int


@dataclass
class Step:
    """One step: exactly one of `call`, `for_each`, `branches`,
    `choices` and `approval` says what it does.
    """

    id: str
    line: int
    kind: str
    summary: str = ""
    call: Call | None = None
    for_each: Path | None = None
    steps: list["Step"] = field(default_factory=list)
    branches: list[Branch] = field(default_factory=list)
    choices: list[Branch] = field(default_factory=list)
    otherwise: list["Step"] | None = None
    approval: Approval | None = None
    depends_on: list[Value] | None = None
    parallel: bool | None = None
    keep_going: bool = False
    retry: dict[str, int] | None = None
    timeout: int | None = None
    skip_if: Path | None = None
    stop_if: Path | None = None

    def inner(self) -> list[list["Step"]]:
        """Return the lists of steps inside this one."""
        lists = [self.steps] if self.steps else []
        lists += [branch.steps for branch in [*self.branches, *self.choices]]
        return lists + ([self.otherwise] if self.otherwise else [])


@dataclass
class Schedule:
    """When a pipeline starts by itself."""

    cron: str
    timezone: str
    enabled: bool
    line: int
    misfire_grace: str | int | None = None
    catch_up: bool = True
    args: dict[str, Value] = field(default_factory=dict)


@dataclass
class Spec:
    """One pipeline: everything that flows/<name>.yaml says."""

    name: str
    file: str
    summary: str
    description: str
    area: str
    pattern: str = PATTERNS[0]
    orchestrator: str = ORCHESTRATORS[0]
    agents: list[str] = field(default_factory=list)
    budget: dict[str, Any] = field(default_factory=dict)
    schedule: Schedule | None = None
    inputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    call: Call | None = None
    on_failure: Call | None = None
    preprocessor: Call | None = None
    early_return: Value | None = None
    chat: bool = False

    @property
    def path(self) -> str:
        """Return the path of the flow on Windmill."""
        return f"f/millrace/{self.area}/{self.name}"

    def every_step(self) -> list[Step]:
        """Return all steps, also those inside loops and branches, in the order of the file."""

        def walk(steps: list[Step]) -> list[Step]:
            return [
                found
                for step in steps
                for found in [step, *[s for inner in step.inner() for s in walk(inner)]]
            ]

        return walk(self.steps)

    def calls(self) -> list[Call]:
        """Return every script that the spec runs, approvals left out."""
        calls = [step.call for step in self.every_step() if step.call]
        return calls + [call for call in (self.call, self.on_failure, self.preprocessor) if call]

    def pipeline(self) -> dict[str, Any]:
        """Return what a step may know of its pipeline: `flow_env.pipeline`."""
        facts: dict[str, Any] = {
            "name": self.name,
            "area": self.area,
            "pattern": self.pattern,
            "orchestrator": self.orchestrator,
            "agents": self.agents,
            "budget": self.budget,
            "timezone": self.schedule.timezone if self.schedule else "UTC",
        }
        timeouts = {step.id: step.timeout for step in self.every_step() if step.timeout}
        if timeouts:
            facts["timeouts"] = timeouts
        if self.schedule:
            facts["schedule"] = {
                "cron": self.schedule.cron,
                "timezone": self.schedule.timezone,
                "catch_up": self.schedule.catch_up,
            }
            if self.schedule.misfire_grace is not None:
                facts["schedule"]["misfire_grace"] = self.schedule.misfire_grace
        return facts
