import './index.css'
import { backend } from './wmill'

const calls = backend as Record<string, (args: object) => Promise<any>>
const root = document.getElementById('root')!

function say(words: string) {
	const line = document.createElement('p')
	line.textContent = words
	root.replaceChildren(line)
}

/** Show the console in a frame where it allows that, and always a link to it. */
async function show() {
	document.documentElement.lang = 'en'
	say('Looking for the console …')
	const { url, framed } = (await calls.address({})) as { url: string; framed: boolean }
	if (!url) return say('Where the console is, the setting console_url says; it is empty. Start it with docker compose or scripts/millrace ui.')
	const link = document.createElement('a')
	Object.assign(link, { href: url, target: '_blank', rel: 'noopener', textContent: 'Open the console' })
	const line = document.createElement('p')
	line.append(link)
	const frame = document.createElement('iframe')
	Object.assign(frame, { src: url, title: 'The console of Millrace' })
	root.replaceChildren(line, ...(framed ? [frame] : []))
}

show().catch((error: Error) => say(`The console was not found: ${error.message}`))
