# requirements:

"""Sentences: where they end, in which language, and which of them can stand alone in a digest.

Boundaries come from sentencex (Wikimedia); added are abbreviations and ordinals that it ends a
sentence at, and lines that were broken by hand.
"""

import itertools
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import cast

import sentencex  # type: ignore[import-untyped]

SHORTEST, LONGEST = 25, 400
# Of so many characters the language is told, and at least this part of the words must be function
# words of it.
SAMPLE, LEAST_FUNCTION_WORDS = 3000, 0.08

FUNCTION_WORDS = {
    "en": "the of and to in is that it for was on are with as be this have from or by not but they",
    "de": "der die und das ist nicht ein eine den von zu mit sich auf für dem im des auch als wird",
    "fr": "le la les de des et est un une du que qui dans pour pas sur au avec ce il sont plus par",
    "es": "el la los las de a del y es en que un una por con para se no su al lo como más fue",
    "pt": "o os a as de e é em que um uma por com para do da no na se não dos ao mais como foi",
    "it": "il la lo gli e è ha di che un una per con del della nel non si sono da dei alla anche",
    "nl": "de het een en van is dat in op te zijn met voor niet aan er om ook als maar bij",
    "sv": "och att det som en på är av för med den till inte har ett om var jag från",
    "pl": "i w na z do nie się jest to że o jak po za od przez dla oraz co",
}
_FUNCTION_WORDS = {name: frozenset(words.split()) for name, words in FUNCTION_WORDS.items()}
SCRIPTS = (
    ("ja", re.compile(r"[\u3040-\u30ff]")),
    ("ko", re.compile(r"[\uac00-\ud7af]")),
    ("zh", re.compile(r"[\u4e00-\u9fff]")),
    ("ru", re.compile(r"[\u0400-\u04ff]")),
    ("ar", re.compile(r"[\u0600-\u06ff]")),
    ("he", re.compile(r"[\u0590-\u05ff]")),
    ("el", re.compile(r"[\u0370-\u03ff]")),
    ("hi", re.compile(r"[\u0900-\u097f]")),
    ("th", re.compile(r"[\u0e00-\u0e7f]")),
)
# A sentence does not end at one of these, whatever comes next.
ABBREVIATIONS = {
    "": "Mr Mrs Ms Dr Prof St vs e.g i.e Inc Ltd Co Corp Fig approx al cf ed eds vol pp Jr Sr Gen"
    " Sen Rep Gov Lt Col Sgt Capt Rev Hon",
    "en": "No Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec Ave Dept est",
    "de": "Hr Fr Hrn Fa Nr Abs Art Bd bzw ca d.h z.B u.a i.d.R Jh Mio Mrd Tsd inkl zzgl ggf evtl"
    " sog Std Str Tel vgl Dipl Ing Jan Feb Mär Apr Jun Jul Aug Sept Okt Nov Dez S o.ä v.a gem bes",
    "fr": "M MM Mme Mlle Me Cie env av apr art chap p éd janv févr avr juil sept oct nov déc n°"
    " c.-à-d bd bvd fig tél",
    "es": "Sr Sra Srta Dra Ud Uds EE pág págs aprox núm tel art Av Gral Lic Ing p.ej P.ej ca cap D"
    " Dña izq dcha",
    "pt": "Sr Sra Srta Dra Exmo Exma pág págs aprox Av Eng p.ex art núm tel séc Cia Ltda nº",
    "it": "sig sig.ra dott dott.ssa ing avv on ca pag pagg art cap n sec tel Sig Dott Avv On",
    "nl": "dhr mevr Dhr Mevr drs ir mr ca blz nr o.a bijv d.w.z m.b.v t.o.v jl a.s bv m.a.w resp",
}
# In these a number with a full stop is an ordinal: "am 3. Oktober".
ORDINALS = frozenset({"de", "sv", "pl"})
ORDINAL = re.compile(r"(?:^|[\s(])\d{1,2}\.$")
INITIAL = re.compile(r"(?:^|[\s.(])[A-ZÀ-Þ]\.$")
WORD = re.compile(r"[^\W\d_]+")
QUOTES = '"“”„«»'
CLOSING = "\"'”’)]»›"
# These can end a sentence, too: a new one begins with such a word.
SUFFIXES = frozenset("Inc Ltd Co Corp Jr Sr al approx".split())
STARTERS = frozenset(
    "The It He She They We I You A An This That These Those In On At But And If When As There His"
    " Her Its Their Our".split()
)
# A time of day goes on with its day: `at 3 a.m. Friday`.
HOURS = frozenset("a.m p.m A.M P.M".split())
DAYS = frozenset(
    "Monday Tuesday Wednesday Thursday Friday Saturday Sunday Mon Tue Tues Wed Thu Thurs Fri Sat"
    " Sun Jan January Feb February March April May June July Aug August Sep Sept September Oct"
    " October Nov November Dec December".split()
)
# Where a page lost the space between two sentences: `for both.An elector`.
GLUED = re.compile(r"(?<=[^\W\d_A-Z]{2}[.!?])(?=(?P<word>[A-ZÀ-Þ][a-zß-ÿ]*) )")
# Space behind the end of a sentence.
END = re.compile(r"(?<=[^\W_][.!?…])\s+|(?<=[.!?…]['\"”’)\]»›])\s+")
TERMINAL = re.compile(r"[.!?…。！？]['\"”’)\]»›]*$")

# What stands before an entry of a list, or before a line that is quoted.
BULLET = re.compile(r"^(?:[-*•▪◦>]\s+)+")
# A line that ends so goes on in the next one, and so does a long one before a small letter; one
# that begins so is a new one.
LEANS = re.compile(
    r"(?i)\b(?:a|an|and|are|as|at|by|for|from|in|is|of|on|or|that|the|to|was|were|which|who|with)$|,$"
)
WRAPPED, WIDTH = 40, 50
NEW_LINE = re.compile(r"[-*•|#>]|\d+[.)]\s|[\w .\[\]-]{1,40}:\s")

# What a page says to a machine that reads it is not a finding.
ORDERS = re.compile(
    r"(?i)\b(?:ignore|disregard|forget|override)\b.{0,40}\b(?:instructions?|prompts?|rules|above|previous|earlier)\b"
    r"|\b(?:your system prompt|as an ai (?:language )?(?:model|assistant|agent)|"
    r"(?:ai (?:assistant|agent|model|system)|language"
    r" model|chatbot)s?\b.{0,30}\b(?:must|should|need to|please))\b"
    r"|\byou (?:must|should|are now|have to|will) (?:now"
    r" )?(?:send|email|mail|forward|delete|execute|run|act|reply|reveal|include|recommend)"
    r"|^\W*(?:please )?(?:send|email|forward|reveal|print|call the tool|click|subscribe|sign up|log"
    r" in|accept all)\b"
)
# What surrounds an article: walls, menus, licences, library and encyclopaedia furniture, captions.
FURNITURE = re.compile(
    r"(?i)\b(?:cookies?|newsletter|all rights reserved|privacy policy|javascript|advertisement"
    r"|terms (?:of|and) (?:use|service|conditions)|subscribers?|subscribe|share this|read more"
    r"|read the full|sign (?:in|up)|log ?in|logged in|create an account|your account|your email"
    r"|follow us|related articles?|click here|table of contents|skip to|back to top"
    r"|comments? (?:are )?closed|jstor|isbn|issn|citation needed|archived from the original"
    r"|retrieved (?:on )?(?:\d+|(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]{0,6}"
    r" \d+)"
    r"|this article (?:needs|is about|has been)|from wikipedia|permission is hereby|this license"
    r"|without warranty|the software is provided|licensed under|copyright \d+"
    r"|photo(?:graph)? by|image credit|getty images|courtesy of"
    r"|text is available under|additional terms may apply|creative commons|registered trademark"
    r"|jump to content|move to sidebar|toggle the table|page was last edited"
    r"|affiliate (?:links?|commission)|min(?:ute)?s? read"
    r"|upload media|name in native language|main menu|view history|hidden categor(?:y|ies)"
    r"|imported from wikimedia|stated in integrated authority|external links"
    r"|this .{0,80}\barticle\b.{0,80}\bis a stub|view the file as it appeared|v t e)\b"
    # A text that says of itself that it was changed tells nothing of the world.
    r"|\b(?:this|the)(?: modified| original)? (?:context|passage|text|name) (?:has been|was|is)"
    r" (?:modified|altered|changed|replaced|adjusted|kept consistent)\b"
    r"|\bin this modified (?:context|passage|text)\b|\bto support the (?:new )?answer\b"
    r"|\bretrieved from [\"“`]|\boldid ?="
    r"|^for (?:an?|the|other|more) .*\bsee\b"
    r"|©|copyright \(c\)|doi:|credit:|\[edit\]|\^ a b\b|^posted (?:by|on|in)\b"
    # A title with its publisher, of a list of references: `Harbour plans''. The Courier.`
    r"|(?-i:(?:''|[\"”])\s?\.\s(?:[A-Z][\w.]{0,20}\s?|\w{1,20}\.\w{2,12}){1,4}\.?$)"
    r"|^(?:tags?|filed under|categor(?:y|ies)|photos?|image|figure|fig\.|table|source|via)\b ?[:\d]"
)
# Code, markup, rows of tables and addresses.
CODE = re.compile(
    r"[{}<>|\\^~`]|\$\(|==|!=|=>|->|::|&&|\+=|\w\(\)|\w=[\"'\w]|[;:]\s*$|\b\w+_\w+_\w+|__\w+"
    r"|^\$ |https?://|www\."
)
# A formula or a boundary was lost on the way from the page to its text.
LOST = re.compile(
    r"[a-z,] (?:A|An|The|This|These|If|In|It|We|When|For) [a-z]"
    r"|\b(?:by|of|where|is|are|than|from|with|let|as) ?[,;:]"
)
# Where a report was written stands before its first sentence.
DATELINE = re.compile(
    r"^(?:[A-ZÀ-Þ][A-ZÀ-Þ .,'’/-]{2,40}(?:[A-Z][a-z]{2,8}\.? \d{1,2} ?)?"
    # `HANOI, Vietnam (AP)`: a country is written in small letters.
    r"(?:(?<=, )(?:[A-ZÀ-Þ][a-zß-ÿ.]{1,20} ){1,3})?(?:\([A-Za-z .]+\) ?)?"
    r"|[A-Z][a-z]{2,8}\.? \d{1,2}, \d{4})"
    r" ?(?:[—–]|--?) ?(?=[A-ZÀ-Þ\"“'])"
)
# Ratings, scores and counters beside a text.
RATING = re.compile(
    r"[★☆✓✔✗•▪►▶→↑↓]|(?<!\d)\d(?:\.\d)? ?/ ?(?:5|10)\b"
    r"|\b\d+ (?:comments?|replies|votes|likes|shares)\b"
)
# A sentence that begins so leans on the one before and says nothing alone.
POINTING = re.compile(
    r"(?:It|They|He|She|This(?! (?:paper|thesis|article|work)\b)"
    r"|These|Those|That|But|And|Or|So|However|Meanwhile|Instead|Its|Their|His"
    r"|Her|Then|Here|There|Also|Yet|Still|Thus|Therefore|Moreover|Furthermore|Besides|Otherwise"
    r"|Nonetheless|Nevertheless|Additionally|Similarly|Likewise|Consequently|Hence|Such|Both"
    r"|Neither|Another|Which)\b"
    r"|[A-Z][a-z]{2,20}ly, (?:it|they|he|she|this|these|those)\b"
    # A clause of reason without the one that it gives a reason for.
    r"|(?:(?:Mostly|Mainly|Partly|Largely|Probably|Perhaps|Maybe|Simply|Only|Just|Not)\sbecause\b"
    r"|Because\b(?=[^,]*+$))"
)
# A sentence that begins so announces what comes, greets or invites, and says nothing of it.
ANNOUNCING = re.compile(
    r"(?:(?:And|So|But|Now|First|Next|Finally|Well),? )?(?:[Hh]ere(?:['’](?:s|re)| is| are)\b"
    r"|Welcome (?:back )?to\b"
    r"|[Ll]et(?:['’]s| us| me)\b|Read on\b|Stay tuned\b|Keep reading\b|Join us\b"
    r"|Thank(?:s(?! to)| you)\b|(?:Hello|Hi|Hey)[ ,!]|Dear [A-Z]"
    r"|(?:(?:Now|Please|First),? )?(?:[Rr]ead|[Ww]atch|[Ss]ee|[Ll]isten to|[Cc]heck out|[Tt]une in"
    r"|[Vv]isit|[Dd]ownload|[Rr]egister|[Ff]ollow|[Ss]croll|[Tt]ake a look) (?:this|these|our|my"
    r"|here|below|above|also|more|out|for|to|at|down)\b"
    r"|(?:In|Throughout) (?:this|today['’]s|this week['’]s|the following)"
    r" (?:post|article|section|chapter|video|tutorial|guide|blog post|episode|newsletter|issue"
    r"|edition|column|review|lesson|part|series),? (?:we|I|you|let)\b)"
)
# A sentence in which a work says what it does or found, as an abstract does behind its reasons.
CONTRIBUTION = re.compile(
    r"\b(?:in th(?:is|e present) (?:paper|work|study|thesis|report|survey|letter)"
    r"|(?:this|the present) (?:paper|work|study|thesis|survey) (?!is |was |has been )"
    r"|we (?:(?:also|then|further|first|here|thus|therefore) )?(?:present|propose|introduce"
    r"|describe|develop|design|derive|demonstrate|show|prove|find|report|study|investigate|explore"
    r"|examine|analy[sz]e|evaluate|compare|conduct|survey|argue|address|provide|offer|review)(?:e?d)?"
    r"|(?:results?|experiments?|evaluations?|findings|simulations?|analysis|analyses) (?:also )?"
    r"(?:shows?|demonstrates?|indicates?|suggests?|reveals?|confirms?|showed|demonstrated"
    r"|indicated|suggested|revealed|confirmed))\b",
    re.IGNORECASE,
)
# Words of somebody who speaks of himself, and what is quoted. Our galaxy is everybody's.
SINGULAR = re.compile(
    r"\bI(?:['’](?:m|ve|d|ll)\b|(?=,? (?:[a-z]+ed|am|was|have|had|do|did|can|could|will|would"
    r"|should|may|might|must|think|believe|feel|felt|know|knew|want|need|like|love|use|see|saw|get|got|make"
    r"|made|find|found|went|go|write|wrote|read|buy|bought|say|said|put|took|take|run|ran|work|live"
    r"|also|just|always|never|still|only|finally|recently|really|actually|guess|suppose|hope|wonder"
    r"|doubt|prefer|remember|recommend|expect|understand|agree|mean|plan|tell|told|came|come|gave"
    r"|give|left|met|spent|built|taught|began|became|kept|lost|paid|sent|sold|won|heard|brought"
    r"|grew|held|wish|enjoy|learn|try|start|keep|spend|build)\b))"
    r"|\b(?:[Mm]y|[Mm]yself)\b|\b(?:like|to|for|with|told|gave|let|by|from|than) me\b"
)
# When it was written decides what it means.
RELATIVE_TIME = re.compile(
    r"\b(?:today|tonight|yesterday|tomorrow|this (?:morning|afternoon|evening|week|weekend|month)"
    r"|last night|(?:minutes?|hours?|days?|weeks?) ago|heute|gestern|aujourd['’]hui|hoy|ayer|oggi"
    r"|ieri|hoje|ontem|vandaag|gisteren)\b",
    re.IGNORECASE,
)
# The same before any verb, where no name goes before: `World War I saw`.
SINGULAR_LATER = re.compile(r"(?:^|[,;:.!?—–(]\s?|(?<![\w'’])[a-z][a-z'’]*+\s)I(?=\s[a-z])")
# The same without the word, as people write in posts: `Walked past the mill today`.
OMITTED = re.compile(
    r"(?:Just )?(?:[Ww]alked|[Ss]aw|[Ww]ent|[Hh]eard|[Gg]ot|[Tt]ried|[Ss]pent|[Bb]ought|[Vv]isited"
    r"|[Nn]oticed|[Ww]atched|[Ww]rote|[Aa]ttended|[Ss]tumbled) (?:past|through|to|an?|the|my|some"
    r"|this|that|about|upon|across|two|three|hours|all)\b"
)
PLURAL = re.compile(
    r"\b(?:[Ww]e|[Ww]e['’](?:re|ve|d|ll)"
    r"|[Oo]ur (?:own |new |proposed |latest )?(?:results?|findings|methods?|approach|work|study"
    r"|paper|experiments?|evaluations?|analys[ie]s|models?|framework|algorithm|system|tools?|techniques?"
    r"|survey|research|data|datasets?|implementation|goals?|aims?|teams?|company|customers|users"
    r"|products?|platform|software|services?|engineers|website|blog|readers))\b"
)
QUOTATION = re.compile(r"[\"“][^\"“”]*[\"”]")
CUT = re.compile(r"(?:…|\.\.\.|\[…\]|\[\.\.\.\])['\"”’)\]»]*$")


def split(text: str, language: str = "") -> list[str]:
    """Return the sentences of a text, space collapsed, entries of lists without their marks.

    `language` is an ISO 639-1 code; without one it is told from the text.
    """
    language = language or guess_language(text)
    found: list[str] = []
    for line in unwrap(text).split("\n"):
        whole: list[str] = []
        for part in _segment(language or "en", _unglue(" ".join(line.split()), language)):
            if whole and part and _goes_on(whole[-1], part, language):
                whole[-1] += " " + part
            elif part:
                whole.append(part)
        found += [DATELINE.sub("", BULLET.sub("", part, count=1)) for part in whole]
    return [part for part in found if part]


def _unglue(line: str, language: str) -> str:
    """Return the line with a space before each function word that begins a sentence."""
    return GLUED.sub(
        lambda match: " " if _begins(match["word"], language) or match["word"] in STARTERS else "",
        line,
    )


def _segment(language: str, line: str) -> list[str]:
    """Return the parts of a line that sentencex finds, and those that it misses behind a mark of
    quotation that nothing opens or closes, and before a function word.
    """
    found: list[str] = []
    for part in _join_unspaced(_call_sentencex(language, line)):
        pieces = [part] if _has_closed_quotes(part) else _segment_unquoted(language, part)
        found += [sub.strip() for piece in pieces for sub in _split_before_words(language, piece)]
    return found


def _call_sentencex(language: str, line: str) -> list[str]:
    return cast("list[str]", sentencex.segment(language, line))  # type: ignore[attr-defined]


def _join_unspaced(parts: Sequence[str]) -> list[str]:
    """Return the parts, those without space between them (`J.R.`, `10.JPG`) in one."""
    joined: list[str] = []
    for part in parts:
        if joined and not joined[-1][-1:].isspace() and not part[:1].isspace():
            joined[-1] += part
        else:
            joined.append(part)
    return joined


def _has_closed_quotes(text: str) -> bool:
    return not any(mark in text for mark in QUOTES) or is_balanced(
        "".join(letter for letter in text if letter not in "()[]")
    )


def _segment_unquoted(language: str, text: str) -> list[str]:
    """Return the sentences of a text as if it had no marks of quotation."""
    bare = [(place, letter) for place, letter in enumerate(text) if letter not in QUOTES]
    found: list[str] = []
    start = seen = 0
    for part in _call_sentencex(language, "".join(letter for _, letter in bare)):
        seen += len(part)
        # A mark that closes stays with its sentence, one that opens goes to the next.
        end = bare[seen][0] if seen < len(bare) else len(text)
        while end > start and text[end - 1] in QUOTES and text[end - 2 : end - 1].isspace():
            end -= 1
        found.append(text[start:end])
        start = end
    return found


def _split_before_words(language: str, text: str) -> list[str]:
    """Return a text parted where a sentence ends and the next one begins with a function word."""
    found: list[str] = []
    start = 0
    for match in END.finditer(text):
        before, after = text[start : match.start()], text[match.end() :]
        word = before.split()[-1].lstrip("(\"'“‘[«").rstrip(CLOSING).removesuffix(".")
        if (
            after[:1].isupper()
            and (_begins(after, language) or (len(word) >= 4 and word.islower()))
            and word not in _abbreviations(language)
            and is_balanced(before)
        ):
            found.append(before)
            start = match.end()
    return [*found, text[start:]]


def _goes_on(before: str, part: str, language: str) -> bool:
    """Tell whether a boundary between the two is none."""
    last = before.split()[-1]
    if part[0] in CLOSING and len(part) <= 2:
        return True
    if not last.endswith("."):
        return False
    word = last.lstrip("(\"'“‘[«").removesuffix(".")
    if word in SUFFIXES and part.split()[0] in STARTERS:
        return False
    if word in HOURS and part.split()[0].rstrip(".,") in DAYS:
        return True
    return (
        word in _abbreviations(language)
        or (language in ORDINALS and ORDINAL.search(before) and not _begins(part, language))
        or _ends_in_initial(before, word, part, language)
        or (len(word) <= 4 and part[0].islower())
    )


def _ends_in_initial(before: str, word: str, part: str, language: str) -> bool:
    """Tell whether a full stop belongs to an initial: `A. Hill`; `the U.S. The firm` are two
    sentences.
    """
    if INITIAL.search(before) is None or not part[0].isupper() or word in ("I", "A"):
        return False
    return not ("." in word and _begins(part, language))


def _begins(part: str, language: str) -> bool:
    """Tell whether a part begins as sentences do: with a function word."""
    return part.split()[0].lower() in _FUNCTION_WORDS.get(language, ())


@lru_cache
def _abbreviations(language: str) -> frozenset[str]:
    return frozenset((ABBREVIATIONS[""] + " " + ABBREVIATIONS.get(language, "")).split())


@lru_cache(maxsize=2000)
def guess_language(text: str) -> str:
    """Return the ISO 639-1 code of the language of a text; empty when it cannot be told."""
    text = text[:SAMPLE]
    letters = sum(character.isalpha() for character in text) or 1
    for code, script in SCRIPTS:
        if len(script.findall(text)) / letters > 0.3:
            return code
    words = [word.lower() for word in WORD.findall(text)]
    counts = {code: sum(word in known for word in words) for code, known in _FUNCTION_WORDS.items()}
    best = max(counts, key=lambda code: counts[code])
    return best if words and counts[best] / len(words) >= LEAST_FUNCTION_WORDS else ""


def unwrap(text: str) -> str:
    """Return the text without line ends inside of sentences, as files have them whose lines are
    broken by hand.
    """
    lines = text.split("\n")
    joined, wrapped = lines[:1], False
    for before, line in itertools.pairwise(lines):
        wrapped = _line_goes_on(before.rstrip(), line.lstrip(), wrapped)
        if wrapped:
            joined[-1] = f"{joined[-1].rstrip()} {line.lstrip()}"
        else:
            joined.append(line)
    return "\n".join(joined)


def _line_goes_on(before: str, line: str, wrapped: bool) -> bool:
    """Tell whether a line goes on with the sentence of the one before; `wrapped` that this one did
    so already.
    """
    if not before or not line or before[-1] in ".!?:;|" or NEW_LINE.match(line):
        return False
    # Lines of one width, with no marks of a row in them, are a paragraph also where a name begins
    # the next one.
    even = (
        min(len(before), len(line)) >= WIDTH
        and max(len(before), len(line)) <= 2 * WIDTH
        and "; " not in before
    )
    return LEANS.search(before) is not None or (
        len(before) >= WRAPPED and (wrapped or even or not line[0].isupper())
    )


def is_whole(sentence: str) -> bool:
    """Tell whether a sentence ends as one; a heading or a line of a list does not."""
    return sentence.rstrip("\"'”’)]»›")[-1:] in (".", "!", "?", "…", "。", "！", "？")


def is_balanced(sentence: str) -> bool:
    """Tell whether what a sentence opens, quotes and brackets, it closes."""
    return (
        sentence.count("“") + sentence.count("„") == sentence.count("”") + _low_closed(sentence)
        and sentence.count('"') % 2 == 0
        and _is_balanced_in_tex(sentence)
        and sentence.count("«") == sentence.count("»")
        and all(sentence.count(left) == sentence.count(right) for left, right in ("()", "[]"))
    )


def _is_balanced_in_tex(sentence: str) -> bool:
    """Tell the same of quotes written as two apostrophes, with two backticks before or without."""
    opened, closed = sentence.count("``"), sentence.count("''")
    return opened == closed if opened else closed % 2 == 0


def balance(sentence: str) -> str:
    """Return the sentence without a mark of quotation that nothing opens or closes; empty when a
    bracket is left open, as in a sentence that was cut.
    """
    if is_balanced(sentence):
        return sentence
    tried = [sentence[1:]] if sentence[:1] in QUOTES else []
    tried += [sentence[:-1]] if sentence[-1:] in QUOTES else []
    tried += [sentence.replace(mark, "") for mark in QUOTES if sentence.count(mark) == 1]
    return next((part.strip() for part in tried if is_balanced(part)), "")


def _low_closed(sentence: str) -> int:
    # German closes „ with “, which opens elsewhere.
    return 2 * sentence.count("„") if "„" in sentence and "”" not in sentence else 0


def is_instruction(sentence: str) -> bool:
    """Tell whether a sentence gives orders to whoever reads it instead of stating something."""
    return bool(ORDERS.search(sentence))


def is_announcement(sentence: str) -> bool:
    """Tell whether a sentence only announces what follows it, greets or invites."""
    return bool(ANNOUNCING.match(sentence))


def stays_true(sentence: str) -> bool:
    """Tell whether a sentence says on a later day what it said on its own, and says it alone."""
    return stands_alone(sentence) and not RELATIVE_TIME.search(sentence)


def tells_contribution(sentence: str) -> bool:
    """Tell whether a sentence says what a work, such as a paper, does or found."""
    return bool(CONTRIBUTION.search(sentence))


def is_furniture(text: str) -> bool:
    """Tell whether a line is what surrounds an article: a menu, wall, licence or caption."""
    return bool(FURNITURE.search(text))


def is_clean(sentence: str) -> bool:
    """Tell whether a sentence is a whole one of prose: closed, of usual length, no code, no row of
    a table, no caption, byline, rating or cut tail.
    """
    if not SHORTEST <= len(sentence) <= LONGEST or not TERMINAL.search(sentence):
        return False
    if CUT.search(sentence) or not is_balanced(sentence) or is_furniture(sentence):
        return False
    if (
        LOST.search(sentence)
        or CODE.search(sentence)
        or RATING.search(sentence)
        or sentence[0] in ",;:.…)]%#&*+/=@"
    ):
        return False
    letters = [character for character in sentence if character.isalpha()]
    if len(letters) < 0.6 * len(sentence.replace(" ", "")):
        return False
    capitals = sum(character.isupper() for character in letters)
    words = sentence.split()
    named = sum(word[:1].isupper() for word in words)
    return capitals < 0.4 * len(letters) and (len(words) < 6 or named < 0.75 * len(words))


def stands_alone(sentence: str) -> bool:
    """Tell whether a clean statement says what it says without the sentence before it."""
    return (
        is_clean(sentence)
        and not sentence.rstrip(CLOSING).endswith("?")
        and not is_instruction(sentence)
        and not POINTING.match(sentence)
        and not is_announcement(sentence)
        and not sentence[0].islower()
        and not sentence.startswith("(")  # an aside
    )


def is_first_person(sentence: str) -> bool:
    """Tell whether an English sentence speaks as its author, outside of what it quotes."""
    told = QUOTATION.sub(" ", sentence)
    return _is_singular(told) or PLURAL.search(told) is not None


def _is_singular(text: str) -> bool:
    return bool(SINGULAR.search(text) or SINGULAR_LATER.search(text) or OMITTED.match(text))


def attribute(sentence: str, again: bool = False) -> str:
    """Return a sentence in the first person as what its author writes, `again` where the author was
    named before; one with marks of quotation of its own stays as it is.
    """
    if any(mark in sentence for mark in QUOTES):
        return sentence
    if again:
        return f"“{sentence}”"
    who = "The author writes" if _is_singular(sentence) else "The authors write"
    return f"{who}: “{sentence}”"


def is_note(line: str) -> bool:
    """Tell whether a line of somebody's own notes or tables can be quoted: of usual length, no
    heading, question, order or furniture.
    """
    return (
        SHORTEST <= len(line) <= LONGEST
        and not line.endswith("?")
        and not line.startswith("#")
        and not is_instruction(line)
        and not is_furniture(line)
        and not POINTING.match(line)
    )


def is_prose(line: str) -> bool:
    """Tell whether a line reads as prose; a menu, a reference or a question does not."""
    return (
        rate_sentence(line) >= 0
        and not any(mark in line for mark in "|°′")
        and line[:1] != "^"
        and not line.endswith("?")
    )


def rate_sentence(sentence: str) -> float:
    """Return how much a quote reads as a sentence: whole, of usual length, without furniture."""
    spaced = sum(sentence.count(mark) for mark in (" , ", " ( ", "``", " ] ", "[ ", " : "))
    return is_whole(sentence) + (len(sentence) <= LONGEST) - min(2, spaced)
