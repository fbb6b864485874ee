# requirements:

"""Defanged text: untrusted words that a mail program or a browser shows and does not act on.

Links in text that nobody checked lose what makes them links and keep what shows where they would
have gone; images and markup go.
"""

import re

from f.millrace.core import elements, invisible
from f.millrace.trust import deobfuscation

# An address may have brackets in it, one in another; each part is taken whole, so that no text is
# read twice.
IMAGE = re.compile(r"!\[([^\[\]]*+)\](?:\((?:[^()]++|\([^()]*+\))*+\)|\[[^\[\]]*+\])")
LINK = re.compile(
    r"\[([^\[\]]*+)\]\(\s*+<?((?:[^()\s>]++|\([^()\s>]*+\))*+)(?:[^()]++|\([^()]*+\))*+\)"
)
REFERENCE = re.compile(r"(?m)^[^\S\n]*+\[[^\[\]]++\]:\s*+\S.*+$")
TAG = re.compile(r"<(?:/?([A-Za-z][^\s<>/]*+)|!)")
# What a program acts on though no host follows: the colon is shown as the dots of a host are.
SCHEMES = re.compile(
    r"\b(javascript|data|vbscript|file|mailto|tel|sms|callto|facetime|skype|sips?|xmpp|tg|whatsapp"
    r"|magnet|webcal|blob|view-source|bitcoin|ethereum):(?=\S)",
    re.IGNORECASE,
)
# What browsers take for a dot in a host; between Latin letters only, for sentences end with it.
OTHER_DOTS = re.compile(r"(?<=[A-Za-z0-9])[\u3002\uff0e\uff61\u2024](?=[A-Za-z0-9])")
PORT = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,20}://[^/?#:@]{1,255}(:[0-9]{1,5})(?![0-9])")
SIXTH_VERSION = re.compile(
    r"\b[a-z][a-z0-9+.-]{1,20}://(\[[0-9a-f:.%]{2,60}\])[^\s<>\"']*+", re.IGNORECASE
)
FOURTH_VERSION = re.compile(r"(?<![\w.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?=/|:[0-9])")
# The host of a mail address, or of a name as Mastodon writes it.
HOST_OF_NAME = re.compile(r"(?<=@)(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_]{2,24}\b")
# Endings of hosts that are no words: `Evil.Com` is a host and `agree.It` is none.
ENDINGS = frozenset("com net org info biz io app dev edu gov xyz online eu uk de ru cn".split())
# Letters of scripts that put no space between words, nor between a word and the host beside it.
ATTACHED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f"
)
WORDS_BESIDE_HOST = re.compile(rf"([{ATTACHED}]++(?=[^\W_]))?+(.+?)((?<=[A-Za-z])[{ATTACHED}]++)?")


def defang(raw: str, markup: bool = True) -> str:
    """Return the text without images, markup and working links; of an address its host stays, with
    [.] for its dots.

    Without `markup` it is a text already, such as a title: what looks like a tag is shown.
    """
    shown = IMAGE.sub(lambda match: match[1], invisible.strip(deobfuscation.reveal_tags(raw)))
    shown = LINK.sub(
        lambda match: (
            f"{match[1]} ({match[2]})" if deobfuscation.HOST.search(match[2]) else match[1]
        ),
        REFERENCE.sub("", shown),
    )
    shown = SIXTH_VERSION.sub(lambda match: match[1], _strip_tags(shown) if markup else shown)
    shown = SCHEMES.sub(r"\1[:]", deobfuscation.URL.sub(lambda match: _host(match[0]), shown))
    shown = deobfuscation.HOST.sub(_defang_host, OTHER_DOTS.sub(".", shown))
    for addresses in (HOST_OF_NAME, FOURTH_VERSION):
        shown = addresses.sub(lambda match: _dots(match[0]), shown)
    return shown


def _defang_host(match: "re.Match[str]") -> str:
    beside = WORDS_BESIDE_HOST.fullmatch(match[0])
    before, name, after = (part or "" for part in beside.groups()) if beside else ("", match[0], "")
    following = f"{after}{match.string[match.end() : match.end() + 2]}"
    if _is_host(name, following):
        return f"{before}{_dots(deobfuscation.wire_host(name))}{after}"
    return match[0]


def _strip_tags(text: str) -> str:
    """Return the text without tags and comments; 'x < y', 'a > b' and `List<Item>` are none."""
    kept: list[str] = []
    at = 0
    for found in TAG.finditer(text):
        if found.start() < at or (found[1] and not elements.is_element(found[1].lower())):
            continue
        is_comment = text.startswith("<!--", found.start())
        end = text.find("-->", found.end()) + 2 if is_comment else -1
        if end < 2:
            end = text.find(">", found.end())
        if end < 0:
            break
        kept.append(text[at : found.start()])
        at = end + 1
    return "".join([*kept, text[at:]])


def _host(url: str) -> str:
    host = deobfuscation.urlsplit_host(url)
    end = url[len(url.rstrip(".,;:!?*")) :]
    port = PORT.match(url)
    return (_dots(host) + (port[1] if port else "") if host else "") + end


def _dots(host: str) -> str:
    return host.replace(".", "[.]")


def _is_host(name: str, following: str) -> bool:
    """Tell whether a name with dots is that of a host; `following` are the letters behind it."""
    if following[:1] == "/" or (following[:1] == ":" and following[1:].isdigit()):
        return True
    if name.rpartition(".")[2].lower() in ENDINGS:
        return True
    if name.isupper():
        return all(len(label) > 1 for label in name.split("."))
    # A full stop without the space after it is no host: `end.The` has a capital, and a file name is
    # no address.
    last = name.rpartition(".")[2]
    return last.islower() and last.lower() not in {
        "md",
        "txt",
        "py",
        "js",
        "csv",
        "json",
        "pdf",
        "html",
        "docx",
        "xlsx",
        "pptx",
        "odt",
        "ods",
        "odp",
        "eml",
        "rtf",
        "epub",
        "vs",
        "al",
        "etc",
        "e",
        "g",
    }
