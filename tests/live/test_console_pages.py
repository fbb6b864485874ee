"""The pages of the console in a real Chromium, with axe-core: each in both themes, wide and on a
phone; by keyboard alone, with a mouse that drags files, and while rows change.

A page is compared with what has to hold of it on every machine: nothing of it lies outside of the
window, covers another control or is cut off, and axe finds no fault.
"""

# ruff: noqa: F401, F811

import io
from pathlib import Path

import pytest
from PIL import Image, ImageStat

from f.millrace.agents import registry
from f.millrace.core import db
from f.millrace.memory import store
from f.millrace.telemetry import alerts
from f.millrace.trust import approvals, people
from scripts.console import sign_ins
from tests.console.conftest import (
    answer_run,
    begin_run,
    begun,
    folk,
    question,
    run_of,
    served,
    server,
)
from tests.live import chromium, fetched
from tests.live.conftest import missing

AXE = "axe-core@4.14.1"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SIZES = {"wide": (1440, 900), "phone": (390, 844)}
LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 2
ODD = "Left \u202etfel\u202c \x07 <b>bold</b> \U0001f3ed"
# What lies outside of the window, is cut off without a sign, or covers another control. What is
# meant to be scrolled, or only to be heard, is left out.
FAULTS = """
(() => {
  const faults = [];
  const name = (one) => `${one.tagName.toLowerCase()}.${[...one.classList].join('.')}`
    + ` "${(one.textContent || one.value || '').trim().slice(0, 30)}"`;
  const wide = document.documentElement.scrollWidth;
  if (wide > innerWidth) faults.push(`the page is ${wide} wide`);
  const scrolled = '.scroller, .scroll, pre, dialog, .hidden, svg, .skip, input[type=file]';
  const shortened = (one) => one && (getComputedStyle(one).textOverflow === 'ellipsis'
    || shortened(one.parentElement));
  const controls = [];
  for (const one of document.body.querySelectorAll('*')) {
    if (one.closest(scrolled) || !one.checkVisibility({visibilityProperty: true})) continue;
    const box = one.getBoundingClientRect();
    if (!box.width || !box.height) continue;
    if (shortened(one.parentElement)) continue;
    if (box.left < -1 || box.right > innerWidth + 1) faults.push(`outside: ${name(one)}`);
    const style = getComputedStyle(one);
    const cut = one.scrollWidth > one.clientWidth + 1 && style.overflowX === 'hidden';
    if (cut && style.textOverflow !== 'ellipsis' && one.clientWidth && style.display !== 'inline')
      faults.push(`cut off: ${name(one)} ${one.scrollWidth} > ${one.clientWidth}`);
    if (one.matches('a, button, input, select, textarea, summary') && !one.closest('.bar'))
      controls.push([one, box]);
  }
  for (const [index, [one, a]] of controls.entries()) {
    for (const [other, b] of controls.slice(index + 1)) {
      if (one.contains(other) || other.contains(one)) continue;
      const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (across > 2 && down > 2) faults.push(`covered: ${name(one)} by ${name(other)}`);
    }
  }
  return faults;
})()
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A browser; skips off CI when none can be had."""
    try:
        with chromium.start(tmp_path_factory.mktemp("browser")) as open_page:
            yield open_page
    except fetched.NotFetched as error:
        missing(str(error))
        raise


@pytest.fixture(scope="module")
def axe() -> str:
    """The script of axe-core."""
    try:
        return (fetched.node_package(AXE) / "axe.min.js").read_text()
    except fetched.NotFetched as error:
        missing(str(error))
        raise


@pytest.fixture
def visit(browser, served):
    """Open a page of the console as ana: visit(path) loads another."""
    page = browser()
    base = f"http://127.0.0.1:{served}"
    page.show(*SIZES["wide"])
    page.open(f"{base}/enter?t={sign_ins.make_link('ana')}")

    def load(path):
        page.open(base + path)
        page.wait("document.querySelector('[data-live]')?.textContent === 'live'")
        return page

    yield load
    page.open("about:blank")
    assert {url.split("/")[2] for url in page.asked if url.startswith("http")} <= {base[7:]}
    assert page.complaints == []


@pytest.fixture
def filled(run_of, question):
    """Rows of every kind, with words as strangers write them; returns the pages that show them."""
    answered = begin_run("chat", "cells", {"user_message": f"How much? {LONG} {ODD}"})
    answer_run(answered)
    failed = run_of("ana", "Searching… 12", asks=LONG, status="failed", error=f"{ODD} {LONG}")
    row = question("ana", subject=f"{ODD} {LONG}", text=f"{LONG} {ODD}")
    item = store.remember("note", f"The quay is 400 metres long. {LONG}", title=f"Quay {ODD}")
    alerts.raise_alert("slow", "warning", "health", f"It is slow {LONG}", {})
    person = registry.Person("ana", "owner")
    registry.create({"name": "digger", "description": LONG[:80], "instructions": LONG}, person)
    digest = db.fetch_one(
        "INSERT INTO digest (run_id, flow, namespace, edition, local_day, number, window_until,"
        " recipients, subject, html, plain) VALUES (%s, 'daily_research', 'main', 'daily',"
        " '2026-11-29', 1, now(), '{ana}', %s, '<p>Cranes</p>', 'Cranes') RETURNING id",
        [answered, f"Cranes {ODD} {LONG}"],
    )
    run = f"/runs/{failed}"
    return [
        "/talk", "/talk/cells", "/runs", run, f"{run}?step=assist.chat", "/waiting",
        f"/waiting/{row['id']}", "/digests", f"/digests/{digest['id']}", "/memory",
        "/memory?q=quay", f"/memory/items/{item}", "/memory/documents", "/system",
        "/system/agents", "/system/agents/new", "/system/agents/digger", "/people",
    ]  # fmt: skip


EMPTY = ["/talk", "/runs", "/waiting", "/digests", "/memory", "/memory/documents", "/system/agents"]


def look(page, axe, path, size):
    """What is wrong with a page that is open, in both themes."""
    faults, light = [], {}
    for theme in ("light", "dark"):
        page.show(*SIZES[size], theme)
        found = page.evaluate(FAULTS)
        page.evaluate(f"{axe}; 0")
        told = page.evaluate(
            f"axe.run({{runOnly: {RULES}}}).then((done) => done.violations.flatMap((one) =>"
            " one.nodes.map((node) => `${one.id}: ${node.html.slice(0, 120)}`)))"
        )
        faults += [f"{path} {size} {theme}: {one}" for one in [*found, *told]]
        picture = Image.open(io.BytesIO(page.picture())).convert("L")
        light[theme] = ImageStat.Stat(picture).mean[0]
        colours = len(picture.getcolors(256) or [])
        if colours < 16:
            faults.append(f"{path} {size} {theme}: only {colours} shades are to be seen")
    is_framed = page.evaluate("document.querySelector('iframe') !== null")
    if not is_framed and not light["dark"] < 70 < 180 < light["light"]:
        faults.append(f"{path} {size}: lightness {light}")
    return faults


@pytest.mark.parametrize("size", SIZES)
def test_each_page_with_rows_is_whole_and_can_be_used_by_everybody(visit, filled, axe, size):
    faults = [fault for path in filled for fault in look(visit(path), axe, path, size)]

    assert faults == [], "\n".join(faults)


def test_each_empty_page_is_whole_and_can_be_used_by_everybody(visit, axe):
    faults = [fault for path in EMPTY for fault in look(visit(path), axe, path, "phone")]

    assert faults == [], "\n".join(faults)


def test_parts_of_talk_on_a_phone_are_whole(visit, filled, axe):
    page = visit("/talk/cells")
    page.show(*SIZES["phone"])
    faults = []
    for part in ("flow", "state", "list"):
        page.click(f'.views [data-show="{part}"]')
        faults += look(page, axe, part, "phone")

    assert faults == [], "\n".join(faults)


def test_everything_is_reached_by_keyboard_alone(visit, question):
    row = question("cy")
    page = visit("/runs")
    page.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the page"
    for _ in range(12):
        page.press("Tab")
        seen = page.evaluate(
            "(() => { const one = document.activeElement; const style = getComputedStyle(one);"
            " return [one.tagName, style.outlineStyle, style.outlineWidth]; })()"
        )
        assert seen[0] != "BODY" and seen[1] != "none" and seen[2] != "0px", seen

    page.press("k", chromium.CTRL)
    page.wait("document.querySelector('dialog.palette').open")
    page.type("waiting")
    page.wait("document.querySelectorAll('[data-place]').length === 1")
    page.press("Enter")
    page.wait("location.pathname === '/waiting' && document.readyState === 'complete'")
    page.press("?")
    assert page.evaluate("document.querySelector('dialog.keys').open")
    page.press("Escape")
    page.wait("!document.querySelector('dialog.keys').open")
    page.press("j")
    page.wait("document.activeElement.matches('[data-card]')")
    page.press("d")
    page.wait("document.body.textContent.includes('denied by ana')")

    assert approvals.find_answer(str(row["id"]))["decision"] == "denied"


def test_a_question_is_asked_by_enter_and_escape_leaves_the_field(visit, begun):
    page = visit("/talk")
    page.type("How much?")
    page.press("Escape")
    assert page.evaluate("document.activeElement === document.body")
    page.press("/")
    page.press("Enter")
    page.wait("location.pathname.startsWith('/talk/')")

    assert [one[1]["user_message"] for one in begun] == ["How much?"]
    page.wait("document.querySelector('[data-lines]').textContent.includes('12 results')")
    answer_run(begun[0][4])
    page.wait("document.querySelector('a.cite') !== null")
    page.click("a.cite")
    page.wait("document.querySelector('figure.passage mark')?.textContent === 'It makes 12 GWh.'")


def test_files_are_dropped_with_the_mouse(visit, begun, tmp_path):
    file = Path(tmp_path, "quay.md")
    file.write_text("# Quay\n\nThe quay is 400 metres long.\n")
    page = visit("/talk")

    page.drop(".turns", file)
    page.wait("location.pathname.startsWith('/talk/')")

    ((flow, args, *_),) = begun
    assert flow == "ingest_documents" and [Path(one).name for one in args["paths"]] == ["quay.md"]


def test_a_step_opens_beside_the_flow(visit, run_of):
    run_of("ana", "Searching… 12 results", session="one", asks="How much?")
    page = visit("/talk/one")

    page.click("[data-step]")
    page.wait("document.querySelector('.picked')?.textContent.includes('12 results')")
    page.press("Escape")

    page.wait("!document.querySelector('.picked')")
    assert page.evaluate("document.activeElement.matches('[data-step]')")


def test_nothing_moves_for_who_does_not_want_it(visit, run_of):
    run_of("ana", session="one", status="running")
    page = visit("/talk/one")
    moving = "document.getAnimations().filter((one) => one.playState === 'running').length"

    page.show(*SIZES["wide"], still=False)
    page.wait(f"{moving} > 0")
    page.show(*SIZES["wide"], still=True)

    page.wait(f"{moving} === 0")


def test_what_is_typed_and_opened_stays_while_a_page_is_drawn_anew(visit, question):
    page = visit("/people")
    page.click('form[action="/people"] input[name="id"]')
    page.type("half a na")
    people.add("zoe", "reader", by="ana")
    page.wait("document.querySelector('[data-part=people]').textContent.includes('zoe')")
    assert page.evaluate("[document.activeElement.name, document.activeElement.value]") == [
        "id",
        "half a na",
    ]

    first, second = question(subject="First"), question(subject="Second")
    page = visit("/waiting")
    page.click(f"#q{second['id']} summary")
    before = page.locate(f"#q{second['id']} [data-key=d]")
    approvals.decide(str(first["id"]), first["digest"], "denied", "bo", "console")
    page.wait(f"document.querySelector('#q{first['id']}').inert")
    question(subject="Third")
    page.wait("document.body.textContent.includes('Third')")

    assert page.evaluate(f"document.querySelector('#q{second['id']} details').open")
    assert page.locate(f"#q{second['id']} [data-key=d]") == before


def test_ten_thousand_rows_are_a_page_of_them(visit):
    db.execute(
        "INSERT INTO run (id, flow, status, user_id, namespace, orchestrator, started_at,"
        " finished_at) SELECT gen_random_uuid(), 'chat', 'done', 'ana', 'main', 'local',"
        " now() - n * interval '1 s', now() FROM generate_series(1, 10000) AS n"
    )
    page = visit("/runs")

    assert page.evaluate("document.querySelectorAll('[data-row]').length") == 50
    page.click("[rel=next]")
    page.wait("document.querySelector('.pager')?.textContent.includes('page 2')")
    assert page.evaluate("document.querySelectorAll('[data-row]').length") == 50
