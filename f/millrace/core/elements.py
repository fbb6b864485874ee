# requirements:

"""Elements of HTML by their names: which `<...>` is markup, and which is what a text is about."""

import re

# The elements of HTML, also those of the past.
ELEMENTS = frozenset(
    """a abbr acronym address applet area article aside audio b base basefont bdi bdo big blink
    blockquote body br button canvas caption center cite code col colgroup data datalist dd del
    details dfn dialog dir div dl dt em embed fieldset figcaption figure font footer form frame
    frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html i iframe img input ins kbd label legend li
    link main map mark marquee math menu meta meter nav nobr noframes noscript object ol optgroup
    option output p param path picture pre progress q rp rt ruby s samp script search section select
    slot small source span strike strong style sub summary sup svg table tbody td template textarea
    tfoot th thead time title tr track tt u ul var video wbr""".split()
)
FOREIGN = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9-]*|:[a-z][a-z0-9-]*)")


def is_element(name: str) -> bool:
    """Tell whether it is the name of an element, in small letters: one of HTML, one of somebody's
    own (x-player) or of another language inside of it (o:p).
    """
    return name in ELEMENTS or bool(FOREIGN.fullmatch(name))
