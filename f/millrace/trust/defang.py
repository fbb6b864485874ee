# requirements:

"""Defanged text: untrusted words that a mail program or a browser shows and does not act on.

Links in text that nobody checked lose what makes them links and keep what shows where they would
have gone; images and markup go.
"""

import re

from f.millrace.core import invisible
from f.millrace.trust import deobfuscation

# An address may have brackets in it, one in another; each part is taken whole, so that no text is
# read twice.
IMAGE = re.compile(r"!\[([^\[\]]*+)\](?:\((?:[^()]++|\([^()]*+\))*+\)|\[[^\[\]]*+\])")
LINK = re.compile(
    r"\[([^\[\]]*+)\]\(\s*+<?((?:[^()\s>]++|\([^()\s>]*+\))*+)(?:[^()]++|\([^()]*+\))*+\)"
)
REFERENCE = re.compile(r"(?m)^[^\S\n]*+\[[^\[\]]++\]:\s*+\S.*+$")
TAG = re.compile(r"<(?:/?[A-Za-z]|!)")
SCHEMES = re.compile(r"\b(?:javascript|data|vbscript|file|mailto|tel):\S+", re.IGNORECASE)


def defang(raw: str) -> str:
    """Return the text without images, markup and working links; of an address its host stays, with
    [.] for its dots.
    """
    shown = IMAGE.sub(lambda match: match[1], invisible.strip(deobfuscation.reveal_tags(raw)))
    shown = LINK.sub(
        lambda match: (
            f"{match[1]} ({match[2]})" if deobfuscation.HOST.search(match[2]) else match[1]
        ),
        REFERENCE.sub("", shown),
    )
    shown = SCHEMES.sub(
        "", deobfuscation.URL.sub(lambda match: _host(match[0]), _strip_tags(shown))
    )
    return deobfuscation.HOST.sub(
        lambda match: _dots(deobfuscation.wire_host(match[0])) if _is_host(match[0]) else match[0],
        shown,
    )


def _strip_tags(text: str) -> str:
    """Return the text without tags and comments; 'x < y' and 'a > b' are none."""
    kept: list[str] = []
    at = 0
    while found := TAG.search(text, at):
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
    return (_dots(host) if host else "") + end


def _dots(host: str) -> str:
    return host.replace(".", "[.]")


def _is_host(name: str) -> bool:
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
