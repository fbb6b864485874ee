import './index.css'
import { digestPart } from './digest'
import { clock, h, icon, link, moment, windmillPage } from './elements'
import type { Digest, Overview } from './overview'
import { healthPart, runsPart, schedulesPart, spendingPart, waitingPart } from './parts'
import { backend, backendAsync } from './wmill'

const EVERY_MS = 60_000
// A job that no worker takes would leave the page waiting for ever.
const PATIENCE_MS = 60_000
const calls = backend as Record<string, (args: object) => Promise<any>>
const starts = backendAsync as Record<string, (args: object) => Promise<string>>

// What Windmill tells the page of its surroundings.
const context = window as { ctx?: { workspace?: string } }

let page: Overview | null = null
let digest: Digest | null = null
let asking = false
let lastAsked = 0

const updated = h('span', { class: 'small', role: 'status' }, 'Looking …')
const refresh = h('button', { class: 'button', onclick: () => look(), 'aria-keyshortcuts': 'r' }, icon('again'), h('span', { class: 'word' }, 'Refresh'), h('kbd', { 'aria-hidden': 'true' }, 'R'))
const runNow = h('button', { class: 'button first', onclick: () => askToRun(), 'aria-keyshortcuts': 'n' }, icon('play'), 'Run now', h('kbd', { 'aria-hidden': 'true' }, 'N'))
const messages = h('div', { class: 'messages', 'aria-live': 'polite' })
const room = h('main', { class: 'room', id: 'room' })
const dialog = h('dialog', { 'aria-labelledby': 'run-title' }) as HTMLDialogElement

function begin() {
	document.documentElement.lang = 'en'
	followTheme()
	document.getElementById('root')!.replaceChildren(
		h('a', { class: 'skip', href: '#digest', onclick: skip }, 'Skip to the digest'),
		h('header', { class: 'bar' }, brand(), h('div', { class: 'right' }, updated, refresh, runNow)),
		messages,
		room,
		h('footer', { class: 'foot small' }, 'Windmill’s home also lists the library scripts of this bundle until you turn off “Include library scripts” in the filter menu above its list.'),
		dialog
	)
	room.append(h('p', { class: 'empty first-look' }, 'Looking at runs, digest and health …'))
	document.addEventListener('keydown', key)
	document.addEventListener('visibilitychange', () => {
		if (!document.hidden && Date.now() - lastAsked >= EVERY_MS) look()
	})
	setInterval(() => !document.hidden && Date.now() - lastAsked >= EVERY_MS && look(), 5_000)
	look()
}

async function look() {
	if (asking) return
	asking = true
	lastAsked = Date.now()
	refresh.setAttribute('aria-busy', 'true')
	try {
		page = (await patiently(calls.overview({}))) as Overview
		if (!page.digest) digest = null
		else if (page.digest.id !== digest?.id)
			digest = (await patiently(calls.show_digest({ digest_id: page.digest.id }))).digest as Digest
		messages.replaceChildren()
		draw(page)
	} catch (error) {
		showProblem(error as Error)
	} finally {
		asking = false
		refresh.removeAttribute('aria-busy')
	}
}

function draw(now: Overview) {
	const place = now.workspace
	const due = now.schedules.list.find((one) => one.enabled && one.next && one.runs.endsWith('/daily_research'))
	const next = due ? `The next is due ${moment(due.next!)}.` : ''
	const open = [...room.querySelectorAll('details')].map((one) => one.open)
	const scroll = window.scrollY
	updated.textContent = `as of ${clock(now.at)}`
	room.replaceChildren(
		...(now.reachable
			? [
					h('div', { class: 'col' }, digestPart(digest, now.digest?.is_today ?? false, place, next)),
					h('div', { class: 'col' }, waitingPart(now.waiting!, place), runsPart(now.runs!, place)),
					h('div', { class: 'col' }, spendingPart(now.spending!, place), healthPart(now), schedulesPart(now))
				]
			: [h('div', { class: 'col' }, unreachable(now)), h('div', { class: 'col' }, healthPart(now), schedulesPart(now))])
	)
	// What the reader had opened stays open.
	room.querySelectorAll('details').forEach((one, index) => (one.open = open[index] ?? false))
	window.scrollTo(0, scroll)
}

function unreachable(now: Overview): HTMLElement {
	const database = now.health.find((part) => part.name === 'database')
	return h(
		'section',
		{ class: 'digest', id: 'digest', tabindex: -1 },
		h('header', {}, h('h2', {}, 'The database does not answer')),
		h('div', { class: 'empty' }, h('p', {}, database?.reason ?? ''), h('p', {}, h('b', {}, 'Next: '), database?.step ?? ''))
	)
}

function showProblem(error: Error) {
	const words = error.message || String(error)
	// Of a failed step Windmill hands over where it failed, not why; its run says that.
	const why = words.includes('File "') ? 'A step failed; its run says why.' : words.replace(/^ExecutionErr: /, '').slice(0, 300)
	const runs = windmillPage('runs/f/millrace/ops/overview', page?.workspace ?? context.ctx?.workspace ?? '')
	updated.textContent = page ? `as of ${clock(page.at)}` : ''
	messages.replaceChildren(
		h(
			'div',
			{ class: 'message is-failed', role: 'alert' },
			icon('failed'),
			h('span', {}, h('b', {}, page ? 'This page could not be refreshed. ' : 'This page could not be loaded. '), why, ' ', runs && link(runs, {}, 'Its runs')),
			h('button', { class: 'button', onclick: () => look() }, icon('again'), 'Try again')
		)
	)
	if (!page) room.replaceChildren(h('p', { class: 'empty first-look' }, 'Nothing to show yet.'))
}

/** Ask before money is spent; nothing is started by one stray key. */
function askToRun() {
	const again = h('input', { type: 'checkbox', id: 'again' }) as HTMLInputElement
	const limit = page?.spending?.run?.limit_usd
	dialog.replaceChildren(
		h('h2', { id: 'run-title' }, 'Run daily research now?'),
		h('p', {}, `It reads the sources, researches what matters and makes a digest${limit ? ` for at most $${limit.toFixed(2)}` : ''}. People without a standing approval get it only after somebody agreed.`),
		page?.digest?.is_today ? h('label', {}, again, h('span', {}, 'Make a further edition; without this, today’s digest is shown again')) : '',
		h(
			'div',
			{ class: 'choices' },
			h('button', { class: 'button first', onclick: () => (dialog.close(), start(again.checked)) }, icon('play'), 'Run'),
			h('button', { class: 'button', onclick: () => dialog.close() }, 'Cancel')
		)
	)
	dialog.showModal()
}

async function start(again: boolean) {
	runNow.setAttribute('disabled', '')
	try {
		const job = await patiently(starts.run_now({ again }))
		messages.replaceChildren(
			h('div', { class: 'message', role: 'status' }, icon('running'), h('span', {}, h('b', {}, 'Started. '), 'The digest appears here when it is made.'), link(windmillPage(`run/${job}`, page?.workspace ?? ''), { class: 'button' }, icon('open'), 'Open the run'))
		)
		lastAsked = Date.now() - EVERY_MS + 10_000
	} catch (error) {
		showProblem(error as Error)
	} finally {
		runNow.removeAttribute('disabled')
	}
}

function patiently<T>(answer: Promise<T>): Promise<T> {
	const over = new Promise<T>((_, reject) =>
		setTimeout(() => reject(new Error('Windmill has not answered for a minute; is a worker running, and may you use this app?')), PATIENCE_MS)
	)
	return Promise.race([answer, over])
}

function key(event: KeyboardEvent) {
	const typing = (event.target as Element).closest?.('input, textarea, select, dialog')
	if (typing || event.ctrlKey || event.metaKey || event.altKey) return
	if (event.key === 'r') look()
	else if (event.key === 'n') askToRun()
	else return
	event.preventDefault()
}

function skip(event: Event) {
	event.preventDefault()
	document.getElementById('digest')?.focus()
}

function brand(): HTMLElement {
	const space = 'http://www.w3.org/2000/svg'
	const svg = document.createElementNS(space, 'svg')
	svg.setAttribute('viewBox', '0 0 24 24')
	svg.setAttribute('aria-hidden', 'true')
	const path = document.createElementNS(space, 'path')
	path.setAttribute('d', 'M2 7c3.300 0 3.300 3 6.700 3s3.300-3 6.600-3S18.700 10 22 10M2 13c3.300 0 3.300 3 6.700 3s3.300-3 6.600-3 3.400 3 6.700 3')
	svg.append(path)
	return h('h1', { class: 'brand' }, svg, 'Millrace today')
}

/** Be light or dark as Windmill is; where its page cannot be seen, as the system is. */
function followTheme() {
	try {
		const windmill = window.parent === window ? null : window.parent.document.documentElement
		if (!windmill) return
		const follow = () => (document.documentElement.dataset.theme = windmill.classList.contains('dark') ? 'dark' : 'light')
		new MutationObserver(follow).observe(windmill, { attributeFilter: ['class'] })
		follow()
	} catch {
		// In a sandbox the page around is out of reach.
	}
}

begin()
