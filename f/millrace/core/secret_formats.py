# requirements:

"""The forms in which services issue keys: what such a key begins with, of which letters it is and
how long.

Facts as of 2026-11-30, put together from the rules of gitleaks (b58d3f1, 2026-07-22), trufflehog
(3ab759f, 2026-08-21), secretlint (18346ba, 2026-08-21) and detect-secrets (5e14193, 2026-04-02),
and from the services' own pages. A key may be longer than the length that is given.

A pattern is looked for only where its literal part stands in the text, and none has two repeats
that could share what they match, so the time grows no faster than the text.
"""

import functools
import re
from collections.abc import Iterator
from typing import NamedTuple

Span = tuple[int, int]


class Format(NamedTuple):
    """Keys of one service: one of the literals, with what stands before and behind it."""

    service: str
    literals: str
    rest: str
    before: str = ""
    # Only what looks random: the literal is short, or words joined by hyphens would fit as well.
    random: bool = False
    # The literal says where the key is used, as in an address; it stays.
    kept: bool = False


# Repeats are possessive: what follows them is never of the same letters.
HEX32, HEX40, HEX64 = "[0-9a-f]{32,}+", "[0-9a-f]{40,}+", "[0-9a-f]{64,}+"
UUID = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
A = "[A-Za-z0-9]"
W = "[A-Za-z0-9_-]"
# A number of a user, 17 to 20 figures, in base64.
DISCORD = (
    "[DTjz][AEIMQUYcgk][w-z0-5](?:[MNO][DTjz][AEIMQUYcgk][w-z0-5]){4,5}"
    f"{W}{{0,3}}\\.{W}{{6}}\\.{W}{{27,}}+"
)

FORMATS = (
    Format("1Password account", "A3-", "[A-Z0-9]{6}(?:-[A-Z0-9]{5,11}){4,5}", random=True),
    Format("1Password service account", "ops_eyJ", "[A-Za-z0-9+/]{100,}+=*"),
    Format("Adobe", "p8e- p8e_", f"{W}{{32,}}+", random=True),
    Format("age", "AGE-SECRET-KEY-1", "[0-9A-Z]{50,}+"),
    Format("Airtable", "pat", f"{A}{{14}}\\.[0-9a-f]{{64}}"),
    Format("Alibaba Cloud", "LTAI", f"{A}{{12,}}+", random=True),
    Format("Anthropic", "sk-ant-", f"{W}{{24,}}+"),
    Format("Apify", "apify_api_", f"{A}{{30,}}+"),
    Format("Artifactory", "AKCp", f"{A}{{60,}}+"),
    Format("Artifactory reference", "cmVmd", f"{A}{{50,}}+"),
    Format("Asana", "/", f"\\d{{15,17}}:{HEX32}", before="[0-2]"),
    Format("Atlassian", "ATATT ATCTT ATBB ATSTT", "[A-Za-z0-9_=.+/-]{20,}+", random=True),
    Format("AWS access key", "AKIA ASIA ABIA ACCA A3T", "[A-Z0-9]{16,17}(?![A-Z0-9a-z])"),
    Format("AWS Bedrock", "ABSK", "[A-Za-z0-9+/]{100,}+=*"),
    Format("AWS Bedrock, short-lived", "bedrock-api-key-", "[A-Za-z0-9+/=]{24,}+"),
    Format("Azure client", "Q~", "[A-Za-z0-9_~.-]{31,34}", before="[A-Za-z0-9_~.-]{3}\\d"),
    Format("Azure DevOps", "AZDO", f"{A}{{4}}", before=f"{A}{{76}}"),
    Format(
        "Azure storage", "+ACR +ASt +AStA", f"{A}{{4,10}}={{0,2}}", before="[A-Za-z0-9+/]{42,80}"
    ),
    Format("Bitbucket", "BBDC-", "[A-Za-z0-9+/@_-]{40,}+", random=True),
    Format("Brave Search", "BSA", f"{W}{{24,}}+", random=True),
    Format("Brevo", "xkeysib- xsmtpsib-", "[0-9a-f]{64}-[A-Za-z0-9]{16}"),
    Format("Buildkite", "bkua_ bkua- bkat_ bkct_", f"{A}{{30,}}+"),
    Format("Cerebras", "csk-", f"{A}{{40,}}+"),
    Format("CircleCI", "CCIPAT_ CCIPRJ_", f"{A}{{20,24}}_[0-9a-fA-F]{{40}}"),
    Format("ClickHouse Cloud", "4b1d", f"{A}{{38}}(?!{A})", random=True),
    Format("Clojars", "CLOJARS_", f"{A}{{50,}}+"),
    Format("Cloudflare", "cfut_ cfat_ cfk_", f"{A}{{40,}}+"),
    Format("Cloudflare origin CA", "v1.0-", f"[0-9a-f]{{24}}-{W}{{100,}}+"),
    Format("Contentful", "CFPAT-", f"{W}{{40,}}+", random=True),
    Format("Coveralls, Codecov, Sonar", "squ_ sqp_ sqa_", HEX40),
    Format("Databricks", "dapi", "[0-9a-f]{32}(?:-\\d)?(?![0-9a-z])"),
    Format("Datadog", "ddp_ ddw_ ddapp_ ddpat_", f"{A}{{34,}}+"),
    Format("DeepL", ":fx", "(?![A-Za-z0-9])", before=UUID),
    Format("Defined Networking", "dnkey-", f"{W}{{60,}}+", random=True),
    Format("DigitalOcean", "dop_v1_ doo_v1_ dor_v1_", HEX64),
    Format("Discord bot", "M N O", DISCORD, random=True),
    Format("Discord webhook", "/api/webhooks/", f"\\d{{16,20}}/{W}{{40,}}+", kept=True),
    Format("Feishu webhook", "/open-apis/bot/v2/hook/", f"{W}{{20,}}+", random=True, kept=True),
    Format("Docker Hub", "dckr_pat_ dckr_oat_", f"{W}{{24,}}+", random=True),
    Format("Doppler", "dp.pt. dp.st. dp.ct. dp.sa. dp.scim. dp.audit.", "[A-Za-z0-9._-]{40,}+"),
    Format("Dropbox", "sl.", "(?:u\\.)?[A-Za-z0-9_=-]{100,}+", random=True),
    Format("Duffel", "duffel_test_ duffel_live_", "[A-Za-z0-9_=-]{40,}+"),
    Format("Dynatrace", "dt0c01. dt0s01. dt0s16.", f"{A}{{24}}\\.{A}{{64}}"),
    Format("EasyPost", "EZAK EZTK", f"{A}{{50,}}+"),
    Format("ElevenLabs and others", "sk_", "[0-9a-f]{48,}+"),
    Format("Facebook", "EAA", f"{A}{{80,}}+", random=True),
    Format("Figma", "figd_ figp_ figu_ figo_ figor_", f"{W}{{36,}}+", random=True),
    Format("Fireworks AI", "fw_", f"{A}{{22,}}+", random=True),
    Format("Firecrawl", "fc-", HEX32),
    Format("Flutterwave", "FLWSECK_TEST- FLWSECK- FLWPUBK_TEST-", f"{A}{{12,}}+(?:-X)?"),
    Format("Elastic", "essu_", "[A-Za-z0-9+/]{40,}+=*", random=True),
    Format("Fly.io", "fo1_ fm1a_ fm1r_ fm2_", "[A-Za-z0-9+/_=,-]{40,}+", random=True),
    Format("Frame.io", "fio-u-", "[A-Za-z0-9_=-]{60,}+", random=True),
    Format("GitHub", "ghp_ gho_ ghu_ ghs_ ghr_", f"{A}{{30,}}+(?:[._-]{A}++){{0,20}}"),
    Format("GitHub, fine-grained", "github_pat_", "\\w{30,}+", random=True),
    Format(
        "GitLab",
        "glpat- gldt- glft- glffct- glimt- glagent- gloas- glptt- glrt- glrtr- glsoat- glcbt-"
        " glwt-",
        "[A-Za-z0-9_.-]{20,}+",
        random=True,
    ),
    Format("GitLab runner registration", "GR1348941", f"{W}{{20,}}+"),
    Format("GitLab session", "_gitlab_session=", HEX32),
    Format("Google API", "AIza", f"{W}{{30,}}+"),
    Format("Google OAuth", "ya29. GOCSPX- 1//0", f"{W}{{20,}}+", random=True),
    Format("Grafana", "glsa_", f"{A}{{32}}_[0-9A-Fa-f]{{8}}"),
    Format("Grafana Cloud", "glc_", "[A-Za-z0-9+/]{32,}+=*", random=True),
    Format("Groq", "gsk_", f"{A}{{40,}}+"),
    Format("Harness", "pat. sat.", f"{W}{{22}}\\.{A}{{24}}\\.{A}{{20}}"),
    Format("Heroku", "HRKU-", f"{W}{{32,}}+", random=True),
    Format("HubSpot", "pat-na1- pat-eu1- pat-na2- pat-eu2-", UUID),
    Format("Hugging Face", "hf_", f"{A}{{30,}}+"),
    Format("Hugging Face organisation", "api_org_", f"{A}{{30,}}+"),
    Format("IFTTT webhook", "/with/key/", f"{W}{{20,}}+", random=True, kept=True),
    Format("Infracost", "ico-", f"{A}{{32,}}+", random=True),
    Format("Intra 42", "s-s4t2ud- s-s4t2af- u-s4t2ud- u-s4t2af-", HEX64),
    Format("Intercom", "dG9rO", "[A-Za-z0-9+/]{50,}+=*", random=True),
    Format("Jina AI", "jina_", f"{A}{{40,}}+"),
    Format("JSON Web Token", "eyJ", f"{W}{{8,1000}}+\\.{W}{{8,}}+\\.{W}*+"),
    Format("JSON Web Token, encrypted", "eyJ", f"{W}{{12,1000}}+(?:\\.{W}*+){{4}}"),
    Format("LangSmith", "lsv2_pt_ lsv2_sk_ ls__", "[0-9a-f]{32}(?:_[0-9a-f]{10})?"),
    Format("Langfuse", "sk-lf- pk-lf-", UUID),
    Format("LaunchDarkly", "api- sdk- mob-", UUID),
    Format("Linear", "lin_api_ lin_oauth_ lin_wh_", f"{A}{{32,}}+"),
    Format("Lob", "live_ test_ live_pub_ test_pub_", "[0-9a-f]{31,35}(?![0-9a-z])"),
    Format("Mailchimp", "-us", "(?:\\d{1,2}(?!\\d))", before="[0-9a-f]{32}"),
    Format(
        "Make webhook",
        "hook.eu1.make.com/ hook.eu2.make.com/ hook.us1.make.com/ hook.us2.make.com/"
        " hook.integromat.com/",
        f"{A}{{20,}}+",
        random=True,
        kept=True,
    ),
    Format("Mandrill", "md-", f"{W}{{22}}(?!{W})", random=True),
    Format("Mailgun", "key- pubkey-", "[0-9a-z]{32}(?![0-9a-z])", random=True),
    Format("Mapbox", "sk.eyJ pk.eyJ tk.eyJ", f"{W}{{20,}}+\\.{W}{{20,}}+"),
    Format(
        "Mattermost and Rocket.Chat webhook",
        "/hooks/",
        f"(?:[a-z0-9]{{26}}(?!{A})|{A}{{17,24}}/{A}{{40,}}+)",
        random=True,
        kept=True,
    ),
    Format("MaxMind", "_mmk", f"(?!{A})", before=f"{A}{{6}}_{A}{{29}}"),
    Format(
        "Microsoft Teams webhook",
        "webhook.office.com/webhookb2/ outlook.office.com/webhook/",
        "[A-Za-z0-9@/-]{60,}+",
        random=True,
        kept=True,
    ),
    Format("Together AI", "tgp_v1_", f"{W}{{40,}}+", random=True),
    Format("Netlify", "nfp_ nfc_ nfo_ nfu_", f"{A}{{36,}}+"),
    Format(
        "New Relic",
        "NRAK- NRJS- NRII- NRIQ- NRBR- NRRA-",
        "(?:[A-Z0-9]{27,}+|[0-9a-f]{19,}+|[0-9A-Za-z_-]{32,}+)",
    ),
    Format("New Relic license", "NRAL", f"(?!{A})", before="[0-9a-f]{28,36}[0-9a-fF]{4}"),
    Format("Notion", "ntn_", f"{A}{{40,}}+"),
    Format("Notion, older", "secret_", f"{A}{{43,}}+", random=True),
    Format("npm", "npm_", f"{A}{{30,}}+", random=True),
    Format("NuGet", "oy2", "[a-z0-9]{43}(?![a-z0-9])", random=True),
    Format("NVIDIA", "nvapi-", f"{W}{{40,}}+", random=True),
    Format("Octopus Deploy", "API-", "[A-Z0-9]{25,}+", random=True),
    Format(
        "OpenAI and others", "sk-proj- sk-svcacct- sk-admin- sk-or-v1-", f"{W}{{20,}}+", random=True
    ),
    Format("OpenAI and others, older", "sk- pk- rk-", f"{W}{{20,}}+", random=True),
    Format("OpenAI session", "sess-", f"{A}{{36,}}+", random=True),
    Format("OpenShift", "sha256~", f"{W}{{40,}}+", random=True),
    Format("PagerDuty", "pdus+", f"{A}{{16,}}+", random=True),
    Format(
        "Paystack, Stripe", "sk_live_ sk_test_ sk_prod_ rk_live_ rk_test_ rk_prod_", f"{W}{{16,}}+"
    ),
    Format("Perplexity", "pplx-", f"{A}{{40,}}+"),
    Format("Pinecone", "pcsk_", f"{A}{{5,6}}_{A}{{60,}}+"),
    Format("Plaid", "access-sandbox- access-development- access-production-", UUID),
    Format(
        "PlanetScale",
        "pscale_tkn_ pscale_pw_ pscale_oauth_",
        "[A-Za-z0-9_=.-]{30,}+",
        random=True,
    ),
    Format("PostHog", "phx_ phc_", "\\w{40,}+", random=True),
    Format("Postman", "PMAK-", "[0-9a-fA-F]{24}-[0-9a-fA-F]{34}"),
    Format("Prefect", "pnu_ pnb_", f"{A}{{36,}}+"),
    Format("Pulumi", "pul-", HEX40),
    Format("PyPI", "pypi-Ag", f"{W}{{40,}}+", random=True),
    Format("Qdrant, Supabase", "sbp_ sb_secret_", f"{W}{{30,}}+", random=True),
    Format("Razorpay", "rzp_live_ rzp_test_", f"{A}{{14,}}+"),
    Format("ReadMe", "rdme_", "[a-z0-9]{60,}+"),
    Format("Render", "rnd_", f"{A}{{28,}}+", random=True),
    Format("Replicate", "r8_", f"{W}{{36,}}+", random=True),
    Format("Resend", "re_", f"{A}{{8}}_{A}{{24}}(?!{A})", random=True),
    Format("Rootly", "rootly_", HEX64),
    Format("RubyGems", "rubygems_", "[0-9a-f]{48}"),
    Format("Salesforce", "!", "[A-Za-z0-9_.]{90,}+", before=f"00D{A}{{12}}"),
    Format("Salesforce consumer", "3MVG9 5AEP861", "[0-9a-zA-Z._+/=]{80,}+", random=True),
    Format("Scalingo", "tk-us-", f"{W}{{48,}}+", random=True),
    Format("Scaleway", "SCW", f"[A-Z0-9]{{17}}(?!{A})", random=True),
    Format("SendGrid", "SG.", f"{W}{{16,}}+\\.{W}{{16,}}+", random=True),
    Format("Sentry", "sntrys_ sntryu_", "[A-Za-z0-9+/=_]{60,}+"),
    Format("SettleMint", "sm_aat_ sm_pat_ sm_sat_", f"{A}{{16,}}+"),
    Format("Shippo", "shippo_live_ shippo_test_", "[0-9a-fA-F]{40,}+"),
    Format("Shopify", "shpat_ shpca_ shppa_ shpss_ shpua_ shptka_", "[0-9a-zA-Z]{32,}+"),
    Format(
        "Slack",
        "xoxa- xoxb- xoxe- xoxe.xoxb- xoxe.xoxp- xoxo- xoxp- xoxr- xoxs- xoxc- xoxd-",
        "(?:\\d++-){0,4}[A-Za-z0-9%-]{8,}+",
    ),
    Format("Slack app", "xapp-", "\\d-[A-Z0-9]++-\\d++-[a-z0-9]++"),
    Format(
        "Slack webhook",
        "hooks.slack.com/services/ hooks.slack.com/workflows/ hooks.slack.com/triggers/"
        " hooks.slack-gov.com/services/",
        "[A-Za-z0-9/+_-]{20,}+",
        random=True,
        kept=True,
    ),
    Format("Sourcegraph", "sgp_ slk_", f"(?:{A}{{5,16}}_)?[0-9a-fA-F]{{40,}}+"),
    Format("Snyk", "snyk_uat. snyk_sat.", f"[0-9a-f]{{8}}\\.{W}{{40,}}+", random=True),
    Format("Square", "sq0atp- sq0csp- sq0idp- EAAAE EAAAl", f"{W}{{22,}}+", random=True),
    Format("Stripe and Svix webhook", "whsec_", "[A-Za-z0-9+/]{24,}+=*", random=True),
    Format("Supabase, Vercel Blob", "vercel_blob_rw_", f"{A}{{16}}_{A}{{24,}}+"),
    Format("Tailscale", "tskey-", f"{A}{{2,20}}-{A}{{8,}}+(?:-{A}{{16,}}+)?"),
    Format("Tavily", "tvly-", f"(?:dev-|prod-)?{A}{{20,}}+", random=True),
    Format("Telegram", ":AA", f"{W}{{30,}}+", before="\\d{8,10}"),
    Format("Terraform Cloud", ".atlasv1.", f"{W}{{60,}}+", before=f"{A}{{14}}"),
    Format("Twilio", "SK AC", f"[0-9a-f]{{32}}(?!{A})", random=True),
    Format("Typeform", "tfp_", "[A-Za-z0-9_=.-]{40,}+", random=True),
    Format("Vault", "hvs. hvb. hvr.", f"{W}{{24,}}+", random=True),
    Format("Vercel", "vcp_ vci_ vca_ vcr_ vck_", f"{A}{{20,}}+", random=True),
    Format("Voiceflow", "VF.", f"(?:(?:DM|WS)\\.)?[0-9a-fA-F]{{24}}\\.{A}{{16}}"),
    Format("Weights & Biases", "wandb_v1_", f"{W}{{40,}}+", random=True),
    Format("xAI", "xai-", "\\w{60,}+", random=True),
    Format("Yandex", "AQVN t1. y0_Ag y0__", "[A-Za-z0-9_.-]{32,}+", random=True),
    Format(
        "Zapier webhook", "hooks.zapier.com/hooks/catch/", "[0-9]++/[A-Za-z0-9/]{6,}+", kept=True
    ),
    Format("Zoho", "1000.", "[0-9a-f]{32}\\.[0-9a-f]{32}"),
    Format("Zuplo, Unkey and others", "zpka_ unkey_", "\\w{20,}+", random=True),
)
# Shorter runs of such letters hold no key; most texts have no longer one.
RUN = r"[A-Za-z0-9_.+/=~:@%!-]{16,}+"
ESCAPE = r"\\[nrtu]|%[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}|/bot"
LONGEST_BEFORE = 96
# Of 100 neighbours among random letters and figures some 45 change from one kind to another; of
# those in `camelCaseWords` and `utf8` a few do.
LEAST_CHANGES = 0.12
# Without figures, capitals have to be as frequent as they never are in `CamelCaseWords`.
LEAST_CAPITALS = 0.25
LONGER_THAN_WORDS = 20
# `LogDataTable`
JOINED_WORDS = r"\A[a-z]*+(?:[A-Z][a-z]{2,}+)++"


def find(text: str) -> Iterator[Span]:
    """Yield where the text holds keys in the forms of the table."""
    runs = "\n".join(_compile(RUN).findall(text))
    if not runs:
        return
    found = {form: None for literal, form in _literals() if literal in runs}
    for form in found:
        yield from _find(form, text)


def looks_random(text: str) -> bool:
    """Tell whether letters and figures are mixed as in no word or name."""
    changes = of_figures = letters = 0
    before = ""
    for letter in text:
        kind = _kind(letter)
        letters += kind != ""
        # A word may begin with a capital letter.
        if before != "" != kind and kind != before and before + kind != "Aa":
            changes += 1
            of_figures += "0" in (before, kind)
        before = kind
    if changes < max(2, LEAST_CHANGES * letters):
        return False
    capitals = sum(letter.isupper() for letter in text)
    if not of_figures and _compile(JOINED_WORDS).fullmatch(text):
        return False
    return of_figures >= 2 or LEAST_CAPITALS <= capitals / letters <= 1 - LEAST_CAPITALS


def _is_no_word(text: str) -> bool:
    """Tell whether letters run on for longer than in any word."""
    return any(
        len(run) >= LONGER_THAN_WORDS and len(set(run)) >= LONGER_THAN_WORDS // 3
        for run in _compile("[A-Za-z0-9]++").findall(text)
    )


def _kind(letter: str) -> str:
    if not letter.isascii() or not letter.isalnum():
        return ""
    return "0" if letter.isdigit() else "a" if letter.islower() else "A"


def _find(form: Format, text: str) -> Iterator[Span]:
    for match in _compile(pattern_of(form)).finditer(text):
        start = match.end("literal") if form.kept else match.start()
        if form.before:
            start = _start_before(form, text, match.start())
        if start < 0 or not (form.kept or begins_word(text, start)):
            continue
        key = text[start : match.end()]
        # What stands behind an underscore may be the name of a function.
        no_word = match["literal"].endswith("-") and _is_no_word(key)
        if form.random and not (looks_random(key) or no_word):
            continue
        yield start, match.end()


def begins_word(text: str, at: int) -> bool:
    """Tell whether no letter or figure stands before this place, or an escaped sign does."""
    before = text[max(0, at - 6) : at]
    if not before or not (before[-1].isascii() and before[-1].isalnum()):
        return True
    return any(match.end() == len(before) for match in _compile(ESCAPE).finditer(before))


def _start_before(form: Format, text: str, at: int) -> int:
    """Return where the part before the literal begins; -1 without it."""
    window = text[max(0, at - LONGEST_BEFORE) : at]
    found = _compile(f"(?:{form.before})\\Z").search(window)
    return at - len(window) + found.start() if found else -1


@functools.cache
def _literals() -> list[tuple[str, Format]]:
    return [(literal, form) for form in FORMATS for literal in form.literals.split()]


@functools.cache
def pattern_of(form: Format) -> str:
    """Return the pattern of a literal and what stands behind it."""
    literals = "|".join(re.escape(each) for each in form.literals.split())
    return f"(?P<literal>{literals}){form.rest}"


@functools.cache
def _compile(pattern: str) -> "re.Pattern[str]":
    """Return the pattern compiled, at its first use: a step's start has no time for all."""
    return re.compile(pattern)
