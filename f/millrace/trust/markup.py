# requirements:

"""Markup that a mail may hold: what else slipped in is taken out by a library made for it, after
everything was escaped.
"""

import re

TAGS = frozenset("table tbody tr td div span p br b i h1 h2 h3 a".split())
ATTRIBUTES = {
    "*": {"style", "class", "dir"},
    "a": {"href", "title"},
    "table": {"role", "width", "cellpadding", "cellspacing", "border", "align"},
    "td": {"width", "valign", "align"},
}
PLAIN = re.compile(r"[\w\s#%.,'\"/!-]+")
# Nothing here can load a resource, cover the page or leave its place.
STYLES = frozenset(
    "background border-bottom border-left border-top color display font font-size letter-spacing"
    " line-height margin margin-top max-width padding padding-bottom padding-top text-align"
    " text-decoration text-transform word-break".split()
)


def sanitise(fragment: str) -> str:
    """Return the HTML with allowed tags, attributes and styles only; links lead to http and https,
    and tell no referrer.
    """
    import nh3

    return nh3.clean(
        fragment,
        tags=set(TAGS),
        attributes={name: set(allowed) for name, allowed in ATTRIBUTES.items()},
        attribute_filter=_value,
        url_schemes={"http", "https"},
        link_rel="noopener noreferrer",
    )


def _value(_tag: str, attribute: str, value: str) -> str | None:
    # The library would write styles again, with spaces that old mail programs do not read; so they
    # stay or go as a whole.
    return value if attribute != "style" or _is_harmless(value) else None


def _is_harmless(style: str) -> bool:
    """Tell whether each declaration is of an allowed name and of plain words: no function that
    fetches, no escapes.
    """
    pairs = [declaration.partition(":") for declaration in style.split(";") if declaration.strip()]
    return all(
        name.strip().lower() in STYLES and PLAIN.fullmatch(value) for name, _, value in pairs
    )
