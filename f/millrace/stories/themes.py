# requirements:

"""The theme of a story, by its words: a digest is grouped by it.

The themes follow the top level of IPTC's Media Topics, brought down to what a reader tells apart.
English words only: a story in another language has no theme.
"""

import re

WORDS = {
    "Technology": "software code developer programming api browser linux windows android iphone app"
    " chip processor gpu server cloud database compiler security vulnerability exploit malware"
    " encryption algorithm robot ai llm startup github google apple microsoft amazon internet"
    " computer laptop open-source kernel network website javascript python rust data"
    " firefox bug firmware programmable programmer ios simulator library binary sql webassembly"
    " runtime debugger logging java hardware circuit fpga email inbox",
    "Science": "study researchers scientists paper physics quantum telescope space nasa planet"
    " galaxy biology gene genome protein chemistry fossil brain neuroscience experiment"
    " mathematics theorem journal laboratory rocket asteroid method model dataset archaeologists"
    " archaeology excavation excavated ancient comet spacecraft orbit evolution dna",
    "Business": "market shares stock investors revenue profit bank inflation economy trade tariff"
    " company ceo merger acquisition ipo billion million sales startup layoffs jobs wages interest"
    " central prices industry shareholders deal workers strike union employees wage hourly"
    " retailers customers",
    "World": "president minister government election parliament vote war troops sanctions treaty"
    " un diplomatic border refugees protest police court coup congress senate foreign embassy"
    " ceasefire military attack gunmen opposition party policy law killed dead injured victims"
    " rescue rescued crew coastguard arrested convicted jury judge prosecutor crime murder"
    " shooting mayor residents village island bombing terrorist spokesman ministry volunteers",
    "Health": "health patients doctors hospital disease virus vaccine cancer drug treatment"
    " clinical allergy diet symptoms mental medicine infection pandemic surgery",
    "Environment": "climate emissions carbon warming species birds forest ocean pollution energy"
    " solar wind storm flood drought wildfire earthquake conservation plastic weather",
    "Culture": "film movie book novel music album artist museum theatre painting game television"
    " series festival author history language design photography fashion food recipe travel",
    "Sport": "match league cup championship goal team coach player olympic tennis football race"
    " medal season tournament cricket basketball stadium",
}
_WORDS = {theme: frozenset(words.split()) for theme, words in WORDS.items()}
_ALL = frozenset[str]().union(*_WORDS.values())
WORD = re.compile(r"[a-z][a-z-]+[a-z]")
LEAST, LEAST_DIFFERENT, TITLE_COUNTS = 3, 2, 2
BEGINNING = 1500


# What a source is about, where the words of a story do not tell.
OF_SOURCE = {"arxiv": "Science"}


def classify(title: str, text: str, source: str = "") -> str:
    """Return the theme whose words a story uses most; where none stands out that of its source,
    which may be none.
    """
    words = WORD.findall(title.lower()) * TITLE_COUNTS + WORD.findall(text[:BEGINNING].lower())
    stems = [word if word in _ALL else word.removesuffix("s") for word in words]
    found = {theme: [word for word in stems if word in known] for theme, known in _WORDS.items()}
    # One word that a text repeats is its own: `our team`.
    counts = {
        theme: len(said) if len(set(said)) >= LEAST_DIFFERENT else 0
        for theme, said in found.items()
    }
    first, second, *_ = sorted(counts, key=lambda theme: -counts[theme])
    stands_out = counts[first] >= LEAST and counts[first] > counts[second]
    return first if stands_out else OF_SOURCE.get(source, "")
