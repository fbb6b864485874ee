// Small things that every part of the page uses: elements, icons, times, money, addresses.

type Child = Node | string | number | null | undefined | false | Child[]

// What would hide or turn words: control marks, invisible characters, direction marks.
const INVISIBLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/g

/** Make an element; texts become text and never markup, wherever they come from. */
export function h(tag: string, attributes: Record<string, any> = {}, ...children: Child[]): HTMLElement {
	const element = document.createElement(tag)
	for (const [name, value] of Object.entries(attributes)) {
		if (value === undefined || value === null || value === false) continue
		if (name.startsWith('on')) element.addEventListener(name.slice(2), value)
		else element.setAttribute(name, value === true ? '' : String(value))
	}
	add(element, children)
	return element
}

function add(element: Element, children: Child[]) {
	for (const child of children) {
		if (Array.isArray(child)) add(element, child)
		else if (child instanceof Node) element.append(child)
		else if (child !== null && child !== undefined && child !== false)
			element.append(String(child).replace(INVISIBLE, ''))
	}
}

const SHAPES: Record<string, string> = {
	done: 'M3.5 8.5l3 3 6-7',
	running: 'M8 2a6 6 0 1 1-5.2 3',
	waiting:
		'M5 8V4.6a1 1 0 0 1 2 0V7m0-.5V3.4a1 1 0 0 1 2 0V7m0-2.6a1 1 0 0 1 2 0V8m0-1.6a1 1 0 0 1 2 0V10a4 4 0 0 1-4 4H8.2a4 4 0 0 1-3.3-1.8L3 9.2c-.5-.9.7-1.6 1.3-.9L5 9',
	failed: 'M4 4l8 8M12 4l-8 8',
	warning: 'M8 2.5L14.5 13.500H1.500zM8 6.500v3M8 11.600v.100',
	idle: 'M4 8h8',
	clock: 'M8 4.500V8l2.500 1.500M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2',
	again: 'M13 8a5 5 0 1 1-1.600-3.700M13 2v3h-3',
	play: 'M5 3.500l7 4.500-7 4.500z',
	open: 'M6 3.500H3.500v9h9V10M9 3.500h3.500V7M12.500 3.500L7.500 8.500'
}

/** Draw an icon; it is decoration, a word stands beside it. */
export function icon(name: string): Node {
	const space = 'http://www.w3.org/2000/svg'
	const svg = document.createElementNS(space, 'svg')
	svg.setAttribute('viewBox', '0 0 16 16')
	svg.setAttribute('aria-hidden', 'true')
	const path = document.createElementNS(space, 'path')
	path.setAttribute('d', SHAPES[name])
	if (name === 'running') path.setAttribute('class', 'turning')
	svg.append(path)
	return svg
}

/** Return the address if it is one of the web; anything else (a document, a script) is not linked. */
export function webAddress(url: string): string | null {
	try {
		const parsed = new URL(url)
		return parsed.protocol === 'https:' || parsed.protocol === 'http:' ? parsed.href : null
	} catch {
		return null
	}
}

/** Make a link that opens beside Windmill, or plain text when the address is not one of the web. */
export function link(url: string | null, attributes: Record<string, any>, ...children: Child[]): HTMLElement {
	if (url === null) return h('span', attributes, ...children)
	return h('a', { ...attributes, href: url, target: '_blank', rel: 'noopener noreferrer' }, ...children)
}

export function dollars(amount: number): string {
	if (amount !== 0 && Math.abs(amount) < 0.01) return '$' + amount.toFixed(4)
	return '$' + amount.toFixed(2)
}

export function clock(time: string | Date): string {
	return new Date(time).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
}

/** Say a past or coming moment as people do: 5 minutes ago, today 14:00, Mon 30 Nov 08:00. */
export function moment(time: string, now: Date = new Date()): string {
	const when = new Date(time)
	const seconds = Math.round((now.getTime() - when.getTime()) / 1000)
	if (seconds >= 0 && seconds < 60) return 'just now'
	if (seconds >= 60 && seconds < 3600) return `${Math.floor(seconds / 60)} min ago`
	if (seconds < 0 && seconds > -3600) return `in ${Math.max(1, Math.round(-seconds / 60))} min`
	const day = dayDistance(when, now)
	const named = { '-1': 'yesterday', '0': 'today', '1': 'tomorrow' }[String(day)]
	return `${named ?? shortDay(when)} ${clock(when)}`
}

export function shortDay(when: Date): string {
	return when.toLocaleDateString('en-GB', { weekday: 'short', day: 'numeric', month: 'short' })
}

function dayDistance(when: Date, now: Date): number {
	const midnight = (date: Date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime()
	return Math.round((midnight(when) - midnight(now)) / 86_400_000)
}

/** Say a length of time: 4 s, 3 min, 2 h 5 min, 3 d. */
export function duration(seconds: number): string {
	if (seconds < 60) return `${Math.max(0, Math.round(seconds))} s`
	if (seconds < 3600) return `${Math.floor(seconds / 60)} min`
	if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`
	return `${Math.floor(seconds / 86_400)} d`
}

export function plural(count: number, one: string, many: string = one + 's'): string {
	return `${count} ${count === 1 ? one : many}`
}

/** Return the address of a page of Windmill: this app is served from the same origin, except inside a sandbox. */
export function windmillPage(path: string, workspace: string): string | null {
	const origin = [location.origin, document.referrer].map((text) => text && webAddress(text)).find(Boolean)
	return origin ? new URL(`/${path}?workspace=${encodeURIComponent(workspace)}`, origin).href : null
}
