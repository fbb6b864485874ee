# requirements:

"""Which items are no news: greetings, job posts, self-promotion, lists of links, of news and of
things.
"""

import re

from f.millrace.evidence import timeliness

GREETING = re.compile(
    r"(?i)^\W*(?:good (?:morning|afternoon|evening|night|day)|happy (?:mon|tues|wednes|thurs|fri"
    r"|satur"
    r"|sun)day|happy (?:new year|birthday|holidays|weekend|caturday)|hello|hi (?:all|everyone|there"
    r"|folks|friends)|hey (?:all|everyone|folks)|gm\b|greetings|welcome to (?:a new|the) week"
    r"|guten (?:morgen|tag|abend)|moin|bonjour|buenos d[ií]as|buenas|bom dia|buongiorno"
    r"|goede(?:morgen|ndag|navond)|おはよう)"
)
JOB = re.compile(
    r"(?i)\b(?:is|are|we.re|now|currently) hiring\b|who is hiring|who wants to be hired"
    r"|freelancer\?|\bjob (?:opening|offer|opportunity|posting|alert)s?\b|\bjoin our team\b"
    r"|\bopen (?:position|role|vacanc)|^\W*hiring\b|#hiring|#jobs?\b|\bapply (?:now|here|today)\b"
    r"|\bvacancy\b|wir suchen|stellenangebot|\(m/w/d\)|on recrute|oferta de (?:empleo|trabajo)"
)
PROMOTION = re.compile(
    r"(?i)\blink in (?:my |the )?bio\b|\bcheck out my\b|\b(?:my|our) (?:new|latest) (?:blog ?post"
    r"|post|video|book|podcast|episode|course|newsletter|album|single|merch)\b|\bsubscribe to my\b"
    r"|\bfollow (?:me|us) (?:on|for)\b|\bbuy my\b|\buse (?:promo )?code\b|\bpromo code\b"
    r"|\bgiveaway\b"
    r"|\b\d{1,2} ?% off\b|\bdiscount code\b|\bpatreon\b|\bbuy me a coffee\b|\bboosts? appreciated\b"
    r"|\bnew blog post\b|\bi (?:just )?(?:wrote|published|released) a (?:new )?(?:blog ?post"
    r"|post|book)\b"
)
LINKS = re.compile(
    r"(?i)\b(?:daily|weekly|monthly|weekend|monday|friday|sunday) (?:links|reads|reading list"
    r"|roundup"
    r"|round-up|digest)\b|\blink (?:roundup|round-up|dump|list)\b|\blinks? (?:of|for) the (?:day"
    r"|week)\b"
    r"|\bthis week.s (?:links|reads)\b|^\W*links? for \d|\btop \d+ (?:posts|links) (?:of|this)\b"
)
# A page that lists things of a kind tells of none.
LISTING = re.compile(r"(?i)^\W*(?:list|liste|lista|elenco) (?:of|der|des|de|di) ")
ADDRESS = re.compile(r"https?://\S+|\bwww\.\S+")
TAG = re.compile(r"[#@]\w+")
WORD = re.compile(r"\w+")
MOST_TAGS = 8
# A post that is that short has no room for a greeting beside its news.
SHORT = 400


def find_fault(title: str, text: str, post: bool) -> str:
    """Return why an item is no news, in words for a reader; empty for news.

    `post` tells that it is a message of somebody's and not an article with a headline: only such a
    text is looked at beside the title.
    """
    said = f"{title}\n{text}" if post and len(text) <= SHORT else title
    found = {
        "a greeting": GREETING.search(said) if post else None,
        "a job post": JOB.search(said),
        "self-promotion": PROMOTION.search(said) if post else None,
        "a list of news": timeliness.is_roundup(title),
        "a list": LISTING.search(title),
        "a list of links": LINKS.search(title) or (post and _is_mostly_links(text)),
    }
    return next((fault for fault, sign in found.items() if sign), "")


def _is_mostly_links(text: str) -> bool:
    bare = ADDRESS.sub(" ", text)
    addresses, tags = len(ADDRESS.findall(text)), len(TAG.findall(bare))
    words = len(WORD.findall(TAG.sub(" ", bare)))
    return (addresses >= 3 and words < 8 * addresses) or (tags >= MOST_TAGS and words < 2 * tags)
