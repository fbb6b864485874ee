"""Random pipelines over the scripts of conftest.py: every word of the language, valid by
construction.
"""

from typing import Any

from hypothesis import strategies as st

Json = dict[str, Any]
WORDS = ["ada", "ben", "cleo", "dan", "eve", "flo", "gus", "hal", "ida", "jo", "kim", "leo"]
SPARE = [f"spare{number}" for number in range(60)]
TEXTS = st.text(st.sampled_from("abc XYZ:#'\"-*\\é!{}[]&?,."), max_size=12)
CONSTANTS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.floats(-2, 2),
    TEXTS,
    st.lists(st.integers(0, 3), max_size=2),
    st.dictionaries(st.sampled_from(["id", "expr", "value"]), TEXTS, max_size=2),
)
SUMMARIES = st.text(st.sampled_from("abcdefg XYZ:#'-é"), min_size=1, max_size=20).map(
    lambda text: f"S{text.strip()}"
)


@st.composite
def specs(draw: st.DrawFn) -> Json:
    """Return a whole spec as a plain mapping."""
    names = draw(st.permutations(WORDS))
    spec: Json = {"summary": draw(SUMMARIES), "area": "news"}
    if draw(st.booleans()):
        spec["description"] = draw(
            st.sampled_from(
                [
                    "One line.",
                    "Two\nlines.",
                    "A paragraph\nof lines.\n\n- a point\n- another\n\nThe end.",
                ]
            )
        )
    if draw(st.booleans()):
        spec["agents"] = draw(st.lists(st.sampled_from(["judge", "writer"]), unique=True))
        spec["budget"] = draw(st.sampled_from([{}, {"run_usd": 1.5}, {"daily_usd": 9}]))
    if draw(st.booleans()):
        spec["schedule"] = draw(_schedules())
    spec["inputs"] = draw(_inputs())
    made = _Steps(draw, [*SPARE, *names])
    spec["steps"] = made.steps([], False, draw(st.integers(1, 4)), top=True)
    if draw(st.booleans()):
        spec["on_failure"] = {"run": "ops/report", "with": {"note": draw(TEXTS)}}
    return spec


def _schedules() -> st.SearchStrategy[Json]:
    optional = {
        "enabled": st.booleans(),
        "misfire_grace": st.sampled_from(["2h", 600]),
        "catch_up": st.booleans(),
        "args": st.just({"most": 3}),
    }
    return st.fixed_dictionaries(
        {
            "cron": st.sampled_from(["0 0 8 * * *", "0 30 7 * * 1-5"]),
            "timezone": st.just("Europe/Paris"),
        },
        optional=optional,
    )


@st.composite
def _inputs(draw: st.DrawFn) -> Json:
    most: Json = {
        "type": "integer",
        "description": "How many.",
        "default": draw(st.sampled_from([None, 3])),
    }
    if draw(st.booleans()):
        most |= {"minimum": 1, "maximum": 9}
    found = [("most", most), ("tone", {"type": "string", "description": "How.", "default": ""})]
    if draw(st.booleans()):
        found.append(
            ("deep", {"type": "boolean", "default": False, "description": "Whether to dig."})
        )
    return dict(draw(st.permutations(found)))


class _Steps:
    def __init__(self, draw: st.DrawFn, names: list[str]) -> None:
        self.draw, self.names = draw, names

    def steps(self, seen: list[str], in_loop: bool, count: int, top: bool = False) -> list[Json]:
        seen, made = list(seen), []
        side_by_side = count > 1 and self.draw(st.integers(0, 4)) == 0
        for _ in range(min(count, len(self.names))):
            step = self.step(
                [] if side_by_side and not made else seen,
                in_loop,
                top and not side_by_side,
                flat=side_by_side,
            )
            if side_by_side:
                step["depends_on"] = (
                    self.draw(st.lists(st.sampled_from([each["id"] for each in made]), unique=True))
                    if made
                    else []
                )
            made.append(step)
            if (
                "skip_if" not in step
                and not ("choose" in step and "otherwise" not in step)
                and not side_by_side
            ):
                seen.append(step["id"])
        return made

    def step(self, seen: list[str], in_loop: bool, top: bool, flat: bool) -> Json:
        name = self.names.pop()
        kinds = (
            ["run", "run", "run"]
            if flat
            else [
                "run",
                "run",
                "for_each",
                "branches",
                "choose",
                "approval" if top and seen else "run",
            ]
        )
        kind = self.draw(st.sampled_from(kinds if len(self.names) > 4 else ["run"]))
        step: Json = {"id": name, "summary": self.draw(SUMMARIES)}
        getattr(self, kind)(step, seen, in_loop, top)
        if kind != "approval" and self.draw(st.integers(0, 5)) == 0:
            step["skip_if"] = self.draw(st.sampled_from(["flow_input.tone", "not flow_input.tone"]))
        if kind != "approval" and self.draw(st.integers(0, 3)) == 0:
            step["keep_going"] = True
        return step

    def path(self, seen: list[str], in_loop: bool) -> str:
        known = [
            "flow_input.most",
            "flow_input.tone",
            "flow_env.pipeline.name",
            "flow_env.pipeline",
        ]
        known += [f"results.{name}{end}" for name in seen for end in ("", ".found", ".list[0].x")]
        return self.draw(
            st.sampled_from(
                known + (["flow_input.iter.value", "flow_input.iter.index"] if in_loop else [])
            )
        )

    def run(self, step: Json, seen: list[str], in_loop: bool, top: bool) -> None:
        step["run"] = self.draw(st.sampled_from(["news/any", "news/other"]))
        given = {
            name: self.path(seen, in_loop)
            for name in self.draw(st.lists(st.sampled_from("ab"), unique=True))
        }
        constants = {
            name: self.draw(CONSTANTS)
            for name in self.draw(st.lists(st.sampled_from("cd"), unique=True))
        }
        step |= {key: each for key, each in (("from", given), ("with", constants)) if each}
        if self.draw(st.booleans()):
            step["retry"] = {
                "attempts": self.draw(st.integers(1, 9)),
                "seconds": self.draw(st.integers(0, 9)),
            }
        if self.draw(st.booleans()):
            step["timeout"] = self.draw(st.sampled_from([60, "2m", "1h"]))
        if top and self.draw(st.integers(0, 3)) == 0:
            step["stop_if"] = self.draw(
                st.sampled_from([f"results.{step['id']}.done", f"not results.{step['id']}.more"])
            )

    def for_each(self, step: Json, seen: list[str], in_loop: bool, top: bool) -> None:
        step["for_each"] = self.path(seen, in_loop)
        if self.draw(st.booleans()):
            step["parallel"] = self.draw(st.booleans())
        step["steps"] = self.steps(seen, True, self.draw(st.integers(1, 2)))

    def branches(self, step: Json, seen: list[str], in_loop: bool, top: bool) -> None:
        lists = [self.steps(seen, in_loop, 1) for _ in range(self.draw(st.integers(1, 2)))]
        step["branches"] = [
            each if self.draw(st.booleans()) else {"summary": self.draw(SUMMARIES), "steps": each}
            for each in lists
        ]
        if self.draw(st.booleans()):
            step["parallel"] = self.draw(st.booleans())

    def choose(self, step: Json, seen: list[str], in_loop: bool, top: bool) -> None:
        when = self.path(seen, in_loop)
        step["choose"] = [
            {
                "when": when if self.draw(st.booleans()) else f"not {when}",
                "steps": self.steps(seen, in_loop, 1),
            }
        ]
        if self.draw(st.booleans()):
            step["otherwise"] = self.steps(seen, in_loop, 1)

    def approval(self, step: Json, seen: list[str], in_loop: bool, top: bool) -> None:
        step["approval"] = {
            "action": f"results.{seen[-1]}.action_id",
            "timeout": self.draw(st.sampled_from(["22h", 3600])),
        }
        if self.draw(st.booleans()):
            step["approval"]["when"] = f"results.{seen[-1]}.asks"
