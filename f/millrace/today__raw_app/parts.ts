import { dollars, duration, h, icon, link, moment, plural, shortDay, windmillPage } from './elements'
import type { Overview, Question, Run } from './overview'

const RUN_ICONS: Record<string, string> = {
	done: 'done',
	running: 'running',
	waiting: 'waiting',
	partly_failed: 'warning',
	failed: 'failed',
	killed: 'failed',
	stopped: 'idle'
}
const STATE_CLASS: Record<string, string> = {
	done: 'is-done',
	running: 'is-running',
	waiting: 'is-waiting',
	warning: 'is-waiting',
	failed: 'is-failed',
	idle: 'is-idle'
}
const HEALTH_ICONS: Record<string, string> = { healthy: 'done', degraded: 'warning', critical: 'failed', unknown: 'idle' }

function card(id: string, title: string, aside: Node | string | false, ...children: any[]): HTMLElement {
	return h(
		'section',
		{ class: `card ${id}`, 'aria-labelledby': `${id}-title` },
		h('header', {}, h('h2', { id: `${id}-title` }, title), aside && h('span', { class: 'small' }, aside)),
		...children
	)
}

function state(name: string, word: string): HTMLElement {
	return h('span', { class: `state ${STATE_CLASS[name]}` }, icon(name), word)
}

/** Say what asks for a person; the answer is given on the run's page, whose approval link is a secret. */
export function waitingPart(waiting: Question[], workspace: string): HTMLElement {
	const title = 'Waiting for you'
	if (waiting.length === 0) return card('waiting', title, false, h('p', { class: 'empty' }, 'Nothing waits for a person.'))
	return card(
		'waiting some',
		title,
		h('span', { class: 'count' }, waiting.length),
		h('ul', { class: 'rows' }, waiting.map((question) => questionPart(question, workspace)))
	)
}

function questionPart(question: Question, workspace: string): HTMLElement {
	const age = duration((Date.now() - new Date(question.since).getTime()) / 1000)
	const left = question.until ? (new Date(question.until).getTime() - Date.now()) / 1000 : null
	const unclear = question.state === 'unknown'
	return h(
		'li',
		{ class: 'question' },
		h('b', {}, question.question),
		question.reason && h('span', { class: 'soft' }, question.reason),
		h(
			'span',
			{ class: 'small' },
			unclear ? 'nobody can tell whether this happened' : `waits for ${age}`,
			left !== null && (left > 0 ? `, answer within ${duration(left)}` : ', its time is over'),
			question.flow && `, ${words(question.flow)}`
		),
		unclear
			? h('code', {}, `scripts/millrace approvals resolve ${question.id.slice(0, 8)} --outcome done|not-done`)
			: question.orchestrator === 'windmill'
				? link(windmillPage(`run/${question.run_id}`, workspace), { class: 'button' }, icon('open'), 'Open the run to answer')
				: h('code', {}, `scripts/millrace approvals show ${question.id.slice(0, 8)}`)
	)
}

export function spendingPart(spending: NonNullable<Overview['spending']>, workspace: string): HTMLElement {
	const part = spending.limit_usd > 0 ? Math.min(1, spending.today_usd / spending.limit_usd) : 0
	const most = Math.max(...spending.days.map((day) => day.usd))
	const said = spending.days.map((day) => `${shortDay(new Date(day.day + 'T12:00:00'))} ${dollars(day.usd)}`).join(', ')
	return card(
		'spending',
		'Spending',
		'today, UTC',
		h('p', { class: 'figure' }, h('b', {}, dollars(spending.today_usd)), h('span', { class: 'small' }, `of ${dollars(spending.limit_usd)}`)),
		h('div', { class: part > 0.8 ? 'meter is-near' : 'meter', style: `--part: ${part}`, role: 'img', 'aria-label': `${Math.round(part * 100)} percent of today’s limit` }),
		most > 0 &&
			h(
				'div',
				{ class: 'bars', role: 'img', 'aria-label': `The last seven days: ${said}` },
				spending.days.map((day) => h('i', { style: `--part: ${day.usd / most}`, title: `${day.day}: ${dollars(day.usd)}` }))
			),
		spending.run
			? h(
					'p',
					{ class: 'line' },
					link(windmillPage(`run/${spending.run.run_id}`, workspace), {}, 'Newest daily research'),
					h('span', { class: 'num' }, dollars(spending.run.usd), spending.run.limit_usd !== null && ` of ${dollars(spending.run.limit_usd)}`)
				)
			: h('p', { class: 'small' }, 'Nothing has run yet.')
	)
}

/** Show the components: those with problems with their next step, the others by name. */
export function healthPart(page: Overview): HTMLElement {
	const troubled = page.health.filter((part) => part.state !== 'healthy')
	const fine = page.health.filter((part) => part.state === 'healthy')
	const alerts = page.alerts ?? []
	return card(
		'health',
		'Health',
		state(HEALTH_ICONS[page.state], troubled.length ? plural(troubled.length, 'problem') : 'all well'),
		(troubled.length > 0 || alerts.length > 0) &&
			h(
				'ul',
				{ class: 'rows' },
				troubled.map((part) =>
					h(
						'li',
						{ class: 'trouble' },
						state(HEALTH_ICONS[part.state], `${part.name} ${part.state}`),
						h('span', {}, part.reason),
						part.step && h('span', { class: 'small' }, h('b', {}, 'Next: '), part.step)
					)
				),
				alerts.map((alert) =>
					h(
						'li',
						{ class: 'trouble' },
						state(alert.severity === 'info' ? 'idle' : alert.severity === 'warning' ? 'warning' : 'failed', `alert, ${alert.severity}`),
						h('span', {}, alert.summary),
						h('span', { class: 'small' }, `since ${moment(alert.since)}`)
					)
				)
			),
		fine.length > 0 &&
			h('ul', { class: 'fine', 'aria-label': 'Healthy components' }, fine.map((part) => h('li', { title: part.reason }, state('done', part.name))))
	)
}

export function schedulesPart(page: Overview): HTMLElement {
	const { list, problem } = page.schedules
	return card(
		'schedules',
		'Next schedules',
		false,
		problem && h('p', { class: 'empty' }, problem),
		!problem && list.length === 0 && h('p', { class: 'empty' }, 'No schedule is deployed; scripts/deploy makes them.'),
		list.length > 0 &&
			h(
				'ul',
				{ class: 'rows' },
				list.map((one) =>
					h(
						'li',
						{ class: one.enabled ? 'line' : 'line off' },
						link(windmillPage(`schedules`, page.workspace), {}, one.summary),
						h('span', { class: 'num' }, one.enabled ? (one.next ? moment(one.next) : 'by its cron line') : 'off')
					)
				)
			)
	)
}

export function runsPart(runs: Run[], workspace: string): HTMLElement {
	return card(
		'runs',
		'Last runs',
		link(windmillPage('runs', workspace), {}, 'all'),
		runs.length === 0 && h('p', { class: 'empty' }, 'No runs yet. Run now starts the first.'),
		runs.length > 0 && h('ul', { class: 'rows' }, runs.map((run) => runPart(run, workspace)))
	)
}

function runPart(run: Run, workspace: string): HTMLElement {
	const shape = RUN_ICONS[run.status] ?? 'idle'
	const page = run.orchestrator === 'windmill' ? windmillPage(`run/${run.id}`, workspace) : null
	const marks = [run.edition === 'sample' && 'sample', run.dry_run && 'dry run', run.orchestrator !== 'windmill' && 'started elsewhere']
	return h(
		'li',
		{ class: 'run' },
		link(page, { class: 'name' }, words(run.flow)),
		state(shape, run.status.replaceAll('_', ' ')),
		h('span', { class: 'small' }, [moment(run.started_at), run.seconds !== null && duration(run.seconds), ...marks].filter(Boolean).join(' · ')),
		h('span', { class: 'num small' }, dollars(run.cost_usd)),
		run.error && run.status !== 'running' && h('span', { class: 'small fault' }, run.error)
	)
}

function words(flow: string): string {
	return flow.split('/').at(-1)!.replaceAll('_', ' ')
}
