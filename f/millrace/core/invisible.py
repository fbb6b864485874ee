# requirements:

"""Characters that a reader does not see: removed, but for those that are part of the spelling.

Kept are the joiners of scripts that need them (Persian, Indic scripts and others), those of emoji
sequences, the mark that chooses between sign and picture, and the flags that Unicode defines by tag
letters. Nothing else unseen passes: whole sentences can be hidden in it.
"""

import re
import unicodedata

ZWNJ, ZWJ = "\u200c", "\u200d"
VIRAMA = 9  # the combining class of the marks that join Indic letters
# What Unicode keeps free for ever, the last two of each plane.
NONCHARACTERS = "\ufdd0-\ufdef" + "".join(
    f"{chr(plane * 0x10000 + 0xFFFE)}-{chr(plane * 0x10000 + 0xFFFF)}" for plane in range(15)
)
# What means something only to those who agreed on it, as in the font of a page or a document.
PRIVATE_USE = "\ue000-\uf8ff\U000f0000-\U0010ffff"
# Format characters, fillers and variation selectors; the signs of Arabic and Kaithi numbers, which
# are format characters too, are seen.
UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    f"{NONCHARACTERS}{PRIVATE_USE}]"
)
# England, Scotland and Wales are all that Unicode recommends (UTS 51, annex C).
FLAGS = tuple(
    "\U0001f3f4" + "".join(chr(0xE0000 + ord(letter)) for letter in name) + "\U000e007f"
    for name in ("gbeng", "gbsct", "gbwls")
)
MARKED = re.compile("|".join((*FLAGS, UNSEEN.pattern)))
# Scripts whose letters take another form by a joiner: Arabic, Syriac, N'Ko, Mandaic, the Indic
# scripts, Myanmar, Khmer, Mongolian and their kin.
JOINING = re.compile(
    "[\u0600-\u077f\u07c0-\u07ff\u0840-\u08ff\u0900-\u0dff\u0f00-\u109f\u1780-\u18af\u1a20-\u1aaf"
    "\u1b00-\u1bff\u1c00-\u1c4f\ua800-\ua82f\ua840-\ua8ff\ua930-\ua9ff\uaa00-\uaadf\uabc0-\uabff"
    "\ufb50-\ufdff\ufe70-\ufefc\U00010a00-\U00010a5f\U00010ac0-\U00010aff\U00010d00-\U00010d3f"
    "\U00010f30-\U00010f6f\U00011000-\U00011d9f\U0001e900-\U0001e95f]"
)
MONGOLIAN = re.compile("[\u1820-\u18aa]")
ARABIC = re.compile("[\u0600-\u077f\u0870-\u08ff]")
# Signs that have a form as a picture too and are none by their category.
SIGNS = frozenset("\u203c\u2049\u3030\u303d\u2139")
KEYS = frozenset("0123456789#*")
KEYCAP = "\u20e3"


def strip(text: str) -> str:
    """Return the text without characters that no reader sees, those of the spelling kept."""
    return text if text.isascii() else MARKED.sub(_keep_spelling, text)


def strip_all(text: str) -> str:
    """Return the text without any such character: for comparing, not for showing."""
    return text if text.isascii() else UNSEEN.sub("", text)


def find_spelling(text: str) -> set[int]:
    """Return the places of the unseen characters that are part of the spelling."""
    return {
        place
        for found in MARKED.finditer(text)
        if _keep_spelling(found)
        for place in range(*found.span())
    }


def _keep_spelling(found: re.Match[str]) -> str:
    text, char = found.string, found[0]
    before = text[found.start() - 1 : found.start()] if found.start() else ""
    after = text[found.end() : found.end() + 1]
    if char in FLAGS:
        kept = True
    elif char in (ZWNJ, ZWJ):
        kept = _is_joined(before, char, after) or (char == ZWJ and _joins_pictures(before, after))
    elif char in ("\ufe0e", "\ufe0f"):
        kept = _is_picture(before) or (before in KEYS and after == KEYCAP)
    else:
        kept = "\u180b" <= char <= "\u180f" and bool(MONGOLIAN.match(before))
    return char if kept else ""


def _is_joined(before: str, char: str, after: str) -> bool:
    """Tell whether a joiner changes how letters are written: between two of a joining script, at
    the end of a cluster, or to show the beginning form of an Arabic letter.
    """
    if not JOINING.match(before) or unicodedata.category(before)[0] not in "LM":
        return False
    return (
        bool(JOINING.match(after) and unicodedata.category(after)[0] in "LM")
        or (unicodedata.combining(before) == VIRAMA and not UNSEEN.match(after))
        or (char == ZWJ and bool(ARABIC.match(before)) and not UNSEEN.match(after))
    )


def _joins_pictures(before: str, after: str) -> bool:
    is_modifier = "\U0001f3fb" <= before <= "\U0001f3ff"
    return (_is_picture(before) or is_modifier or before == "\ufe0f") and _is_picture(after)


def _is_picture(char: str) -> bool:
    return (
        bool(char)
        and (unicodedata.category(char) in ("So", "Sm") or char in SIGNS)
        and (not char.isascii())
    )
