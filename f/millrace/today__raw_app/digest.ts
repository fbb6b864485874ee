import { h, icon, link, plural, shortDay, webAddress, windmillPage } from './elements'
import type { Digest, Reference, Section, Side } from './overview'

/** Show the newest digest, or how to get the first one. */
export function digestPart(digest: Digest | null, isToday: boolean, workspace: string, next: string): HTMLElement {
	if (digest === null)
		return h(
			'section',
			{ class: 'digest', 'aria-labelledby': 'digest-title', id: 'digest', tabindex: -1 },
			h('header', {}, h('h2', { id: 'digest-title' }, 'Today’s digest')),
			h(
				'div',
				{ class: 'empty' },
				h('p', {}, h('b', {}, 'There is no digest yet.')),
				h('p', {}, `Run now makes the first one. ${next}`)
			)
		)
	const day = shortDay(new Date(digest.day + 'T12:00:00'))
	const edition = digest.number > 1 ? `, edition ${digest.number}` : ''
	return h(
		'section',
		{ class: 'digest', 'aria-labelledby': 'digest-title', id: 'digest', tabindex: -1 },
		h(
			'header',
			{},
			h('h2', { id: 'digest-title' }, isToday ? 'Today’s digest' : 'Newest digest'),
			h('span', { class: 'small' }, `${day}${edition}`),
			link(windmillPage(`run/${digest.run_id}`, workspace), { class: 'aside' }, 'Its run')
		),
		!isToday && h('p', { class: 'note' }, icon('clock'), h('span', {}, `Today’s has not been made yet. ${next}`)),
		digest.failed_sources.map((source) =>
			h('p', { class: 'note is-waiting' }, icon('warning'), h('span', {}, `${source.name} could not be read: ${source.error}`))
		),
		digest.notes.map((text) => h('p', { class: 'note' }, icon('idle'), h('span', {}, text))),
		digest.sections.length === 0 && h('div', { class: 'empty' }, h('p', {}, 'Nothing new that matters was found.')),
		digest.sections.map(sectionPart),
		headlinesPart(digest.headlines)
	)
}

function sectionPart(section: Section): HTMLElement {
	return h(
		'article',
		{ class: 'topic' },
		h('h3', {}, section.title),
		section.update && h('p', { class: 'small' }, section.update),
		section.missing && h('p', { class: 'soft' }, section.missing),
		section.findings.length > 0 &&
			h(
				'ul',
				{ class: 'findings' },
				section.findings.map((finding) => findingPart(finding.text, finding.numbers, section.references))
			),
		section.conflicts.map((conflict) =>
			h(
				'section',
				{ class: 'dispute', 'aria-label': 'Sources disagree' },
				h('h4', {}, `Sources disagree: ${conflict.question}`),
				h('dl', {}, conflict.sides.map(sidePart)),
				conflict.why && h('p', { class: 'small' }, conflict.why)
			)
		),
		h(
			'footer',
			{ class: 'facts' },
			section.trust && h('span', { class: section.unreviewed ? 'is-waiting' : null }, section.trust),
			section.references.length > 0 &&
				h(
					'details',
					{},
					h('summary', {}, plural(section.references.length, 'source')),
					h('ol', { class: 'references' }, section.references.map(referencePart))
				)
		)
	)
}

function findingPart(text: string, numbers: number[], references: Reference[]): HTMLElement {
	// The numbers stay with the last word of their sentence.
	const last = text.lastIndexOf(' ') + 1
	const chips = numbers.map((number) => chip(number, references))
	return h('li', {}, text.slice(0, last), h('span', { class: text.length - last < 30 ? 'keep' : null }, text.slice(last), ' ', chips))
}

function chip(number: number, references: Reference[]): HTMLElement {
	const reference = references.find((one) => one.number === number)
	const title = reference ? `${reference.title}, ${reference.host}` : ''
	return link(
		reference ? webAddress(reference.url) : null,
		{ class: 'cite', title, 'aria-label': `Source ${number}${title ? ': ' + title : ''}`, role: 'link' },
		number
	)
}

function sidePart(side: Side): HTMLElement {
	const about = [...(side.sources ?? []), ...(side.dates ?? [])].join(', ')
	return h(
		'div',
		{ class: side.trusted ? 'trusted' : null },
		h('dt', {}, side.trusted ? 'Trusted' : 'Other side', about && `: ${about}`),
		h('dd', {}, side.claim)
	)
}

function referencePart(reference: Reference): HTMLElement {
	const about = [reference.host, reference.date].filter(Boolean).join(', ')
	return h('li', { value: reference.number }, link(webAddress(reference.url), {}, reference.title || reference.url), ' ', h('span', { class: 'small' }, about))
}

function headlinesPart(headlines: Reference[]): HTMLElement | false {
	return (
		headlines.length > 0 &&
		h(
			'details',
			{ class: 'headlines' },
			h('summary', {}, `Also new: ${plural(headlines.length, 'headline')}`),
			h('ol', { class: 'references' }, headlines.map(referencePart))
		)
	)
}
