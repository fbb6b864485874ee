"""The daily pipeline in a simulated world: real steps and rows; only sources, researcher and the
mail server are played.
"""

import contextlib
import json
import os
import random
import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest import mock
from uuid import UUID

from f.millrace.agents import researcher
from f.millrace.core import config, db
from f.millrace.core.contracts import Confidence, Finding, TopicResult
from f.millrace.core.money import usd
from f.millrace.core.prices import Price
from f.millrace.research import (
    close,
    compose,
    deliver,
    deliver_rest,
    investigate,
    propose,
    read_source,
    select,
)
from f.millrace.research import open as opening
from f.millrace.tools import mail, sources
from f.millrace.tools.items import SourceItem
from f.millrace.tools.sources import Source
from f.millrace.trust import budget, recipients, recovery
from scripts.simulation.crash import Crash, Points, bury, watched
from scripts.simulation.scenario import CRON, Wakeup, title

READERS = ("ada@home.example", "bob@home.example")
SHOWN = 24
CALL_USD = 0.01


class World:
    """One machine, its clock, its readers and what reached them."""

    def __init__(
        self, seed: int, smtp: bool, points: Points | None = None, log: Path | None = None
    ) -> None:
        self.chance, self.smtp, self.points = random.Random(seed), smtp, points or Points()
        self.log = log  # what reached the world, for when this process does not live to tell
        self.items = 0
        self.runs = 0
        self.calls = 0
        self.passed = 0  # points of the last whole run
        self.length = 150  # points of a whole run, as far as seen
        self.left: list[str] = []  # crashed runs that are gone on with a day later
        self.mails: list[tuple[str, str, str]] = []  # Message-ID, reader, text
        self._seed, self._ids = seed, 0

    def live(self, wakeups: list[Wakeup]) -> None:
        """Go through the wake-ups; afterwards `faults` says what went wrong."""
        with self.played(), watched(self.points):
            for reader in READERS:
                recipients.add(reader, by="simulation")
            for wakeup in wakeups:
                self._wake(wakeup)

    def faults(self) -> list[str]:
        """Return every digest that came twice and every item that was lost or came twice.

        An item that came with a mail of which nobody can tell whether it arrived may come again
        with the next one.
        """
        found = [
            f"{name} was mailed {times} times"
            for name, times in Counter(one[0] for one in self.mails).items()
            if times > 1
        ]
        unsure = {
            f"<{row['message_id']}>"
            for row in db.fetch_all("SELECT message_id FROM delivery WHERE status = 'unknown'")
        }
        for reader in READERS:
            found += self._faults_of(reader, unsure)
        spent = db.fetch_one(
            "SELECT coalesce(sum(CASE state WHEN 'sent' THEN reserved_usd ELSE cost_usd END),"
            " 0)::float AS usd FROM usage"
        )
        if spent and spent["usd"] < self.billed_usd() - 1e-9:
            found.append(
                f"{spent['usd']:.2f} USD are on the account and {self.billed_usd():.2f} were billed"
            )
        return found

    def _faults_of(self, reader: str, unsure: set[str]) -> list[str]:
        """Return what one reader missed or got twice, leaving out mails that are unsure."""
        mails = [
            (name, {int(number) for number in re.findall(r"\bx(\d+)x\b", text)})
            for name, to, text in self.mails
            if to == reader
        ]
        arrived = {number for _, numbers in mails for number in numbers}
        lost = [number for number in range(self.items) if number not in arrived]
        sure = Counter(
            number for name, numbers in mails if name not in unsure for number in numbers
        )
        return [
            *(f"item {number} never reached {reader}" for number in lost),
            *(
                f"item {number} reached {reader} {times} times"
                for number, times in sure.items()
                if times > 1
            ),
        ]

    def _wake(self, wakeup: Wakeup) -> None:
        self.items += wakeup.items
        self.points.begin()
        config.settings().now = wakeup.clock
        pipeline = pipeline_of(wakeup.zone)
        runs = [self.new_run() for _ in range(2 if wakeup.double else 1)]
        crashes, left = list(wakeup.crashes), self.left
        self.left = []
        while runs:
            point = 2 + int(crashes.pop(0) * 2 * self.length) if crashes else 0
            if self.drive(runs, pipeline, point):
                break
            if wakeup.then == "resume":
                continue
            recovery.mark_dead()
            if wakeup.then == "later":
                self.left += runs
                break
            runs = [self.new_run()]
        for run in left:
            self.drive([run], pipeline, 0)

    def drive(self, runs: list[str], pipeline: dict[str, Any], point: int) -> bool:
        """Take the runs to their end, or to the crash at a point (False), which ends them all, as
        their machine's would.

        Two starts take turns at each step.
        """
        live = [self._steps(run, pipeline) for run in runs]
        self.points.begin(point)
        self.runs += len(runs)
        try:
            while live:
                steps = self.chance.choice(live)
                if next(steps, "end") == "end":
                    live.remove(steps)
        except Crash:
            bury()
            self.points.begin()
            return False
        self.passed = self.points.seen
        if not point and len(runs) == 1:
            self.length = max(self.length, self.passed)
        self.points.begin()
        return True

    def _steps(self, run_id: str, pipeline: dict[str, Any]) -> Iterator[str]:
        # As the runner gives it to each step's process.
        os.environ["WM_ROOT_JOB_ID"] = run_id
        opened = opening.main(pipeline=pipeline)
        yield "open"
        if opened["skip"]:
            return
        read_source.main(run_id, "world")
        yield "collect"
        for topic_ids in select.main(run_id, max_topics=20)["batches"]:
            investigate.main(run_id, topic_ids)
        yield "research"
        compose.main(run_id)
        yield "compose"
        proposed = propose.main(run_id)
        yield "propose"
        deliver.main(run_id)
        yield "deliver"
        deliver_rest.main(run_id, False, proposed["action_id"] or "")
        close.main(run_id)

    def new_run(self) -> str:
        """Make a run and return its id."""
        # The row that the runner makes before the first step.
        self._ids += 1
        run_id = str(UUID(int=(self._seed << 64) + self._ids, version=4))
        db.execute(
            "INSERT INTO run (id, flow, openflow) VALUES (%s, 'daily_research', '{}')", [run_id]
        )
        return run_id

    @contextlib.contextmanager
    def played(self) -> Iterator[None]:
        """Play the sources, the researcher and the mail server; everything else is real."""
        environment = {
            "MILLRACE_SOURCES": "world",
            "WM_FLOW_STEP_ID": "step",
            "MILLRACE_RECIPIENTS": ",".join(READERS),
        }
        if self.smtp:
            environment["MILLRACE_SMTP_URL"] = "smtp://mail.example:25"
        with (
            mock.patch.dict(os.environ, environment),
            mock.patch.object(sources, "SOURCES", {"world": Source("world", "world", self._offer)}),
            mock.patch.object(researcher, "research", self._research),
            mock.patch.object(mail, "_hand_over", self._hand_over),
            mock.patch.object(mail, "_write", self._write_effect(mail._write)),
        ):
            config.reload()
            yield

    def _offer(self, _limit: int, _state: Any) -> list[SourceItem]:
        numbers = range(max(0, self.items - SHOWN), self.items)
        return [
            SourceItem(
                source="world",
                key=str(n),
                title=title(n),
                url=f"https://site{n}.example/{n}",
                published_at=_now(),
            )
            for n in numbers
        ]

    def _hand_over(self, message: Any, _url: str) -> None:
        self.points.passing(lambda: self._arrive(message))

    def _write_effect(self, real: Any) -> Any:
        def write(message: Any, name: str) -> Path:
            def happen() -> Path:
                path = real(message, name)
                self._arrive(message)
                return path

            return self.points.passing(happen)

        return write

    async def _research(self, run_id: str, topic: dict[str, Any]) -> TopicResult:
        stored = budget.find_settled(run_id, topic["id"], "researcher", "one")
        if stored is None:
            budget.settle_lost(run_id, topic["id"], "researcher", "one")
            usage_id = budget.reserve(
                run_id, "operator", "researcher", "played", 0.02, topic["id"], request_hash="one"
            )
            budget.mark_sent(usage_id)
            self.points.passing(self._bill)
            budget.settle(
                usage_id, Price(usd(CALL_USD), "played", "2026-01-01"), {}, {"text": "found"}
            )
        db.execute(
            "INSERT INTO evidence (id, run_id, topic_id, namespace, url, title, body, source,"
            " published_at) VALUES (%s, %s, %s, 'main', 'https://site.example/page', %s, 'In"
            " full.', 'web', %s) ON CONFLICT DO NOTHING",
            [f"ev_{topic['id']}", run_id, topic["id"], topic["title"], _now()],
        )
        return TopicResult(
            topic_id=topic["id"],
            title=topic["title"],
            findings=[
                Finding(text=f"It is said: {topic['title']}.", citations=[f"ev_{topic['id']}"])
            ],
            confidence=Confidence(score=95),
            stopped_because="enough evidence",
        )

    def _bill(self) -> None:
        self.calls += 1
        if self.log:
            with self.log.with_suffix(".bill").open("a") as file:
                file.write("x")

    def billed_usd(self) -> float:
        """Return what the provider will ask for."""
        bill = self.log.with_suffix(".bill") if self.log else None
        return CALL_USD * (len(bill.read_text()) if bill and bill.exists() else self.calls)

    def _arrive(self, message: Any) -> None:
        text = message.get_body(("plain",)).get_content()
        self.mails.append((str(message["Message-ID"]), str(message["To"]), text))
        if self.log:
            with self.log.open("a") as file:
                file.write(json.dumps(self.mails[-1]) + "\n")

    def remember(self) -> None:
        """Take what reached the world from the log."""
        if self.log and self.log.exists():
            self.mails = [tuple(json.loads(line)) for line in self.log.read_text().splitlines()]


def pipeline_of(zone: str) -> dict[str, Any]:
    """Return what the compiler tells the pipeline's steps."""
    schedule = {"cron": CRON, "timezone": zone, "misfire_grace": "12h", "catch_up": True}
    return {"name": "daily_research", "timezone": zone, "schedule": schedule}


def _now() -> datetime | None:
    return config.settings().now
