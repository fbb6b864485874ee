# requirements:

"""What a tool does, by its verbs: whether it reads or changes something, and which of two opposites
it is.

Closing is not opening, copying is not moving, and a state of being logged in is no login.
"""

import re

SPLIT = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+")
# What is done, and the verbs that say so. A verb of several kinds has the first that is listed.
KINDS: dict[str, str] = {
    "read": "get list show view fetch read retrieve display tell report see check is are am was"
    " does has have can which what how who whom whose where when why return give provide"
    " obtain know look resolve tail monitor describe peek access load explain inspect"
    " output quote scrape crawl",
    "search": "search find lookup query browse discover grep match filter locate",
    "compute": "calculate compute estimate count determine evaluate solve measure convert"
    " translate detect identify summarize summarise compare analyze analyse predict"
    " forecast recommend suggest rank sort validate verify test generate extract parse"
    " classify round balance factorize diff simulate derive integrate differentiate"
    " simplify transform multiply divide subtract sum average compose format plot draw"
    " preview",
    "create": "create make open file build generate new setup establish",
    "add": "add append put insert include attach enter",
    "remove": "delete remove erase drop clear purge wipe trash destroy discard",
    "cancel": "cancel annul revoke abort rescind",
    "update": "set change modify edit adjust update rename cap configure replace tune reset define"
    " heat cool",
    "move": "move relocate transfer shift",
    "copy": "copy duplicate clone backup replicate",
    "start": "start begin launch activate ignite run execute play boot",
    "stop": "stop halt end terminate shutdown kill deactivate",
    "pause": "pause hold suspend",
    "resume": "resume continue",
    "open": "open unseal",
    "close": "close shut finish",
    "lock": "lock secure",
    "unlock": "unlock",
    "on": "enable turnon",
    "off": "disable turnoff",
    "login": "login signin authenticate",
    "logout": "logout logoff signout",
    "follow": "follow",
    "unfollow": "unfollow",
    "subscribe": "subscribe join enroll register",
    "unsubscribe": "unsubscribe leave",
    "mute": "mute silence hide block ban",
    "unmute": "unmute unsilence unhide unblock unban",
    "send": "send post publish share deliver notify tweet message dispatch email mail",
    "repeat": "repost retweet boost forward",
    "reply": "comment reply annotate answer respond",
    "mark": "mark tag flag pin label like vote rate",
    "unmark": "unpin unlike untag unmark",
    "assign": "assign hand delegate allocate",
    "buy": "buy purchase order book reserve insure rent subscribe",
    "sell": "sell trade",
    "deposit": "deposit fund pay donate",
    "withdraw": "withdraw",
    "raise": "raise lift increase",
    "lower": "lower decrease reduce",
    "engage": "engage press",
    "release": "release disengage",
    "fill": "fill refuel refill charge",
    "upload": "upload import push",
    "download": "download export pull",
    "install": "install deploy",
    "uninstall": "uninstall",
    "encrypt": "encrypt encode compress zip",
    "decrypt": "decrypt decode decompress unzip",
    "approve": "approve accept confirm grant allow",
    "reject": "reject decline deny refuse",
    "schedule": "schedule plan arrange invite",
    "write": "write save store record log submit place note",
    "remind": "remind",
    "navigate": "navigate guide",
}
VERBS = {verb: kind for kind, verbs in reversed(KINDS.items()) for verb in verbs.split()}
READING = frozenset({"read", "search", "compute", "download"})
# Kinds of which authors say one for the other.
KIN = (
    READING,
    frozenset({"create", "add", "write", "update", "schedule"}),
    frozenset({"remove", "cancel", "unmark", "withdraw"}),
    frozenset({"send", "write", "reply", "create"}),
    frozenset({"buy", "sell", "write", "create"}),
    frozenset({"start", "on", "resume"}),
    frozenset({"stop", "off", "close", "pause"}),
    frozenset({"update", "raise", "lower", "mark"}),
    frozenset({"follow", "subscribe"}),
    frozenset({"unfollow", "unsubscribe", "remove", "stop"}),
    frozenset({"deposit", "add", "move"}),
    frozenset({"login", "open"}),
    frozenset({"off", "release", "unlock", "open"}),
)
EXCLUDE = frozenset(
    frozenset(pair.split())
    for pair in (
        "create remove|create cancel|add remove|move copy|start stop|pause resume|open close|"
        "lock unlock|on off|login logout|follow unfollow|subscribe unsubscribe|mute unmute|ma"
        "rk unmark|buy sell|buy cancel|deposit withdraw|raise lower|engage release|upload dow"
        "nload|install uninstall|encrypt decrypt|approve reject|send remove|copy remove|move "
        "remove|start pause|stop resume|create close|write remove|login off"
    ).split("|")
)
# Nouns by which a name of a verb becomes what is read of it.
STATES = frozenset(
    "status state details detail info information history statistics stats overview log logs level"
    " count list price cost rate balance".split()
)
# Verbs that change such a state, and are no nouns themselves: `set_wifi_status` reads nothing.
CHANGING = frozenset(
    "set update change modify edit adjust delete remove add create cancel enable disable toggle"
    " reset turn clear".split()
)
# Two words for a verb: `log me in`, `turn the lamp off`, `call it off`.
PHRASES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(rf"^(?:please )?{words}", re.IGNORECASE))
    for kind, words in (
        ("off", r"(?:turn|switch|put|lights?)(?:s|es)?\b(?: [\w']+){0,6} (?:off|out)\b"),
        ("on", r"(?:turn|switch|lights?)(?:s|es)?\b(?: [\w']+){0,6} (?:on|up)\b"),
        ("logout", r"(?:log|sign)s?\b(?: [\w']+){0,4} (?:out|off)\b"),
        ("login", r"(?:log|sign)s?\b(?: [\w']+){0,4} (?:in|on|into)\b"),
        ("cancel", r"calls?\b(?: [\w']+){0,4} (?:off|back)\b"),
        (
            "deposit",
            r"(?:pay|put)s?\b(?: [\w']+){0,4} (?:in|into)\b(?: [\w']+){0,3} (?:account|depot)\b",
        ),
        ("withdraw", r"(?:pay|take)s?\b(?: [\w']+){0,4} out\b"),
        ("remove", r"(?:take|get)s?\b(?: [\w']+){0,6} (?:off|out of|away|from)\b"),
        (
            "unfollow",
            r"(?:stop|end|quit)s?(?:ping|ing)? follow|(?:i )?(?:do not|no longer) want to follow",
        ),
        ("follow", r"(?:(?:start|begin)s? (?:to )?|i (?:want|would like) to )follow"),
        ("resume", r"go(?:es)? on\b"),
        ("raise", r"(?:pull|move|lift|push)s?\b(?: [\w']+){0,6} up\b"),
        ("lower", r"(?:let|move|pull|bring)s?\b(?: [\w']+){0,6} down\b"),
        ("release", r"lets?\b(?: [\w']+){0,4} go\b"),
        ("close", r"marks?\b(?: [\w']+){0,6} (?:closed|solved|done|resolved)\b"),
        ("unlock", r"opens? the lock\b"),
        ("assign", r"(?:give|hand)s?\b(?: [\w']+){1,6} to\b"),
        ("create", r"reports? (?:to|that)\b"),
        ("search", r"looks? (?:for|up)\b"),
        ("read", r"looks? at\b"),
    )
)


def words_of(text: str) -> list[str]:
    """Return the words of a name or a sentence, in small letters."""
    return [word.lower() for word in SPLIT.split(text) if word]


def kind_of(name: str, description: str) -> str:
    """Return which kind of doing the words say; empty when they do not."""
    plain = " ".join(words_of(description))
    named = words_of(name)
    is_state = bool(STATES.intersection(named[1:])) and named[0] not in CHANGING
    if description.rstrip().endswith("?") or is_state:
        return "read"
    for kind, words in PHRASES:
        if words.search(plain) or words.search(" ".join(named)):
            return kind
    told = [word for word in plain.split() if word not in POLITE]
    for word in (*named[:1], *told[:5], *named[1:]):
        base = _base(word)
        if base in VERBS:
            return VERBS[base]
    return ""


def kind_of_clause(text: str) -> str:
    """Return which kind of doing the first words of a clause say; empty when they do not."""
    plain = words_of(text)
    for kind, words in PHRASES:
        if words.search(" ".join(plain)):
            return kind
    return VERBS.get(_base(plain[0]), "") if plain else ""


def only_reads(kind: str) -> bool | None:
    """Return whether a kind of doing only reads; None when nothing is known of it."""
    return kind in READING if kind else None


def compare(one: str, other: str) -> float:
    """Return how far two kinds of doing agree: 1 the same, 0.5 kin, 0 unknown, -0.5 others, -1
    opposites.
    """
    if not one or not other:
        return 0.0
    if one == other:
        return 1.0
    if frozenset((one, other)) in EXCLUDE:
        return -1.0
    return 0.5 if any(one in kin and other in kin for kin in KIN) else -0.5


def is_verb(word: str) -> bool:
    """Return whether a word says what is done."""
    return _base(word) in VERBS


def _base(word: str) -> str:
    """Return a verb without its ending, where that is a verb of the list."""
    for ending, instead in ENDINGS:
        if word.endswith(ending):
            base = word[: len(word) - len(ending)] + instead
            if base in VERBS:
                return base
    return word


POLITE = frozenset("please i we want would like to could can you me my the a an now just".split())
ENDINGS = (
    ("", ""),
    ("s", ""),
    ("es", ""),
    ("ies", "y"),
    ("ing", ""),
    ("ing", "e"),
    ("ed", ""),
    ("ed", "e"),
)
