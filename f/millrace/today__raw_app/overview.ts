// What f/millrace/ops/overview and f/millrace/research/show_digest return.

export type Reference = { number: number; title: string; url: string; host: string; date: string; source: string }

export type Side = { claim: string; dates?: string[]; sources?: string[]; trusted?: boolean }

export type Section = {
	title: string
	confidence: number
	trust: string
	unreviewed: boolean
	update: string
	findings: { text: string; numbers: number[] }[]
	conflicts: { question: string; sides: Side[]; why: string }[]
	references: Reference[]
	missing: string
}

export type Digest = {
	id: string
	run_id: string
	day: string
	number: number
	made_at: string
	subject: string
	sections: Section[]
	headlines: Reference[]
	failed_sources: { name: string; error: string }[]
	notes: string[]
}

export type Question = {
	id: string
	question: string
	reason: string
	state: string
	since: string
	until: string | null
	run_id: string
	flow: string
	orchestrator: string
}

export type Run = {
	id: string
	flow: string
	edition: string
	dry_run: boolean
	status: string
	orchestrator: string
	started_at: string
	seconds: number | null
	cost_usd: number
	error: string
}

export type Overview = {
	at: string
	workspace: string
	model: string
	state: string
	reachable: boolean
	health: { name: string; state: string; reason: string; step: string }[]
	schedules: {
		problem: string
		list: { path: string; summary: string; runs: string; enabled: boolean; next: string | null }[]
	}
	// Missing when the database cannot be reached.
	alerts?: { name: string; severity: string; summary: string; state: string; since: string }[]
	digest?: { id: string; run_id: string; is_today: boolean } | null
	waiting?: Question[]
	spending?: {
		today_usd: number
		limit_usd: number
		days: { day: string; usd: number }[]
		run: { run_id: string; usd: number; limit_usd: number | null } | null
	}
	runs?: Run[]
}
