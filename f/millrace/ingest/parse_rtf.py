# requirements:

"""Rich text (RTF): paragraphs, headings, lists, tables and notes, without what is hidden."""

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial

from f.millrace.ingest import parsed_document

TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?[0-9]{1,10})?[ ]?"
    rb"|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])|([{}])|[\r\n]+|([^\\{}\r\n]+)",
    re.DOTALL,
)
# Groups whose content is no text of the document, beside those that begin with `\*`.
UNREAD = frozenset(
    """aftncn aftnsep aftnsepc annotation atnauthor atnid atnref bkmkend bkmkstart colortbl comment
    company datafield doccomm falt fldinst fname ftncn ftnsep ftnsepc generator hlinkbase keycode
    keywords listname listoverridetable listtable manager objclass objdata objname operator panose
    pict printim private pxe rxe sn stylesheet subject sv tc template themedata xe category
    mmathPict nonesttables buptim revtbl rsidtbl xmlnstbl filetbl""".split()
)
# Groups beginning with `\*` that are read all the same.
READ = frozenset("shptxt pntext shpinst moMath moMathPara".split())
SIGNS = {
    "tab": "\t",
    "line": "\n",
    "emdash": "—",
    "endash": "–",
    "emspace": " ",
    "enspace": " ",
    "qmspace": " ",
    "bullet": "•",
    "lquote": "‘",
    "rquote": "’",
    "ldblquote": "“",
    "rdblquote": "”",
    "nestcell": " ",
}
SYMBOLS = {b"~": " ", b"_": "-", b"{": "{", b"}": "}", b"\\": "\\", b"\n": "\n", b"\r": "\n"}
ENDS = frozenset("par sect page nestrow".split())
CHARSETS = {
    77: "mac_roman",
    128: "cp932",
    129: "cp949",
    130: "johab",
    134: "gbk",
    136: "big5",
    161: "cp1253",
    162: "cp1254",
    163: "cp1258",
    177: "cp1255",
    178: "cp1256",
    186: "cp1257",
    204: "cp1251",
    222: "cp874",
    238: "cp1250",
    254: "cp437",
    255: "cp850",
}
CODE_PAGES = {"mac": "mac_roman", "pc": "cp437", "pca": "cp850"}
DATES = ("creatim", "revtim")
PARTICULARS = frozenset("title author".split())
NOTES = frozenset("footnote header headerl headerr headerf footer footerl footerr footerf".split())


@dataclass(frozen=True)
class _State:
    """What holds within a group."""

    goes_to: str = ""  # empty: the text; `-`: nowhere; else a particular of the document
    hidden: bool = False
    skipped: int = 1  # signs that stand after a sign of Unicode for programs without it
    encoding: str = "cp1252"
    level: int = 0
    in_table: bool = False


@dataclass
class _Reader:
    parsed: parsed_document.Parsed
    state: _State = field(default_factory=_State)
    around: list[_State] = field(default_factory=list)
    raw: bytearray = field(default_factory=bytearray)
    text: list[str] = field(default_factory=list)
    aside: dict[str, list[str]] = field(default_factory=dict)
    cells: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    fonts: dict[int, str] = field(default_factory=dict)
    font: int = 0
    default_font: int = 0
    skip: int = 0
    code_page: str = "cp1252"
    begins: bool = False  # a group has just begun
    starred: bool = False

    def write(self, text: str) -> None:
        """Add text to where the group's text goes."""
        self.flush()
        self._put(text)

    def _put(self, text: str) -> None:
        if self.state.hidden or self.state.goes_to == "-":
            return
        if self.state.goes_to:
            self.aside.setdefault(self.state.goes_to, []).append(text)
        else:
            self.text.append(text)

    def write_raw(self, data: bytes) -> None:
        """Add bytes in the encoding of the font; two of them may be one letter."""
        left = data[self.skip :]
        self.skip = max(0, self.skip - len(data))
        self.raw += left

    def flush(self) -> None:
        """Turn the bytes that wait into text."""
        if self.raw:
            waiting, self.raw = bytes(self.raw), bytearray()
            self._put(waiting.decode(self.state.encoding, errors="replace"))

    def end_paragraph(self) -> None:
        """End a paragraph; within a cell of a table it is a line."""
        self.flush()
        if self.state.goes_to:
            self._put("\n")
            return
        if self.cells or self.state.in_table:
            self.text.append("\n")
            return
        self.end_table()
        self.parsed.add(
            self.take_text(), "heading" if self.state.level else "paragraph", level=self.state.level
        )

    def end_cell(self) -> None:
        self.flush()
        if not self.state.goes_to:
            self.cells.append(self.take_text())

    def end_row(self) -> None:
        self.flush()
        if self.cells and not self.state.goes_to:
            self.rows.append(self.cells)
            self.cells = []

    def end_table(self) -> None:
        if self.rows:
            self.parsed.add_rows(self.rows)
            self.parsed.details["tables"] = self.parsed.details.get("tables", 0) + 1
            self.rows = []

    def take_text(self) -> str:
        """Return the text that waits; signs beyond 16 bits come in two halves."""
        text = "".join(self.text)
        self.text = []
        return text.encode("utf-16", "surrogatepass").decode("utf-16", errors="replace")


def parse_rtf(data: bytes) -> parsed_document.Parsed:
    """Read a rich text."""
    parsed = parsed_document.Parsed()
    reader = _Reader(parsed)
    place = data.find(b"{")
    while (found := TOKEN.match(data, place)) is not None:
        place = found.end()
        word, number, code, symbol, brace, text = found.groups()
        if brace:
            _turn_group(reader, brace)
            if brace == b"}" and not reader.around:
                break
        elif word:
            place += _obey(reader, word.decode("ascii"), number)
        elif code:
            reader.write_raw(bytes.fromhex(code.decode("ascii")))
        elif symbol == b"*":
            reader.starred = reader.begins
        elif symbol:
            reader.write(SYMBOLS.get(symbol, ""))
        elif text:
            reader.begins = False
            reader.write_raw(text)
    _finish(reader)
    if reader.around:
        parsed.notes.append("it is cut short; what is there was read")
    return parsed


def _turn_group(reader: _Reader, brace: bytes) -> None:
    reader.flush()
    reader.skip = 0
    reader.begins, reader.starred = brace == b"{", False
    if brace == b"{":
        reader.around.append(reader.state)
    elif reader.around:
        reader.state = reader.around.pop()


def _obey(reader: _Reader, word: str, number: bytes | None) -> int:
    """Do what a control word says; return how many bytes after it are no text."""
    value = int(number) if number else None
    begins, reader.begins = reader.begins, False
    starred, reader.starred = reader.starred, False
    if word == "bin":
        return max(value or 0, 0)
    if reader.skip and word != "u":
        reader.skip -= 1
        return 0
    if starred or begins:
        _enter(reader, word, starred)
    if word in SIGNS:
        reader.write(SIGNS[word])
    elif word in ENDS:
        reader.end_paragraph()
    elif word in COMMANDS:
        reader.flush()
        COMMANDS[word](reader, value)
    return 0


def _enter(reader: _Reader, word: str, starred: bool) -> None:
    """Begin a group whose text goes elsewhere, or nowhere."""
    if reader.state.goes_to == "-":
        return
    if word in UNREAD or word == "fonttbl" or (starred and word not in READ):
        reader.state = replace(reader.state, goes_to="-")
    elif word in PARTICULARS or word in NOTES or word in ("info", *DATES):
        reader.state = replace(reader.state, goes_to=word)


def _set_font(reader: _Reader, value: int | None) -> None:
    reader.font = value or 0
    encoding = reader.fonts.get(reader.font, reader.code_page)
    reader.state = replace(reader.state, encoding=encoding)


def _set_charset(reader: _Reader, value: int | None) -> None:
    reader.fonts[reader.font] = CHARSETS.get(value or 0, reader.code_page)


def _set_code_page(reader: _Reader, value: int | None, name: str = "") -> None:
    try:
        reader.code_page = codecs.lookup(name or f"cp{value}").name
    except LookupError:
        return
    reader.state = replace(reader.state, encoding=reader.code_page)


def _write_sign(reader: _Reader, value: int | None) -> None:
    reader.write(chr((value or 0) % 0x10000))
    reader.skip = reader.state.skipped


def _hide(reader: _Reader, value: int | None) -> None:
    reader.state = replace(reader.state, hidden=value != 0)


def _reset(reader: _Reader, _: int | None) -> None:
    reader.state = replace(reader.state, hidden=False)
    _set_font(reader, reader.default_font)


def _begin_paragraph(reader: _Reader, _: int | None) -> None:
    reader.state = replace(reader.state, level=0, in_table=False)


def _set_level(reader: _Reader, value: int | None) -> None:
    level = 0 if value is None or not 0 <= value < 6 else value + 1
    reader.state = replace(reader.state, level=level)


def _keep_date(reader: _Reader, value: int | None, word: str) -> None:
    if reader.state.goes_to in DATES:
        reader.aside.setdefault(word, []).append(str(value))


COMMANDS: dict[str, Callable[[_Reader, int | None], None]] = {
    "f": _set_font,
    "fcharset": _set_charset,
    "ansicpg": _set_code_page,
    **{word: partial(_set_code_page, name=name) for word, name in CODE_PAGES.items()},
    "u": _write_sign,
    "uc": lambda reader, value: setattr(
        reader, "state", replace(reader.state, skipped=max(value or 0, 0))
    ),
    "v": _hide,
    "deleted": _hide,
    "plain": _reset,
    "pard": _begin_paragraph,
    "intbl": lambda reader, _: setattr(reader, "state", replace(reader.state, in_table=True)),
    "deff": lambda reader, value: setattr(reader, "default_font", value or 0),
    "outlinelevel": _set_level,
    "cell": lambda reader, _: reader.end_cell(),
    "row": lambda reader, _: reader.end_row(),
    **{word: partial(_keep_date, word=word) for word in ("yr", "mo", "dy")},
}


def _finish(reader: _Reader) -> None:
    """Add what waits, then notes, heads and feet once, and the particulars."""
    reader.state = _State()
    reader.flush()
    if reader.cells:
        reader.end_cell()
        reader.end_row()
    reader.end_table()
    reader.parsed.add(reader.take_text())
    seen: dict[str, None] = {}
    for name in sorted(NOTES):
        for line in "".join(reader.aside.get(name, [])).split("\n"):
            seen.setdefault(parsed_document.one_line(line))
    for line in seen:
        reader.parsed.add(line)
    reader.parsed.title, reader.parsed.author = (
        parsed_document.one_line("".join(reader.aside.get(name, [])))
        for name in ("title", "author")
    )
    reader.parsed.dated_at = _latest(reader.aside)


def _latest(aside: dict[str, list[str]]) -> datetime | None:
    dates = []
    for parts in zip(*(aside.get(name, []) for name in ("yr", "mo", "dy")), strict=False):
        try:
            dates.append(datetime(*map(int, parts), tzinfo=UTC))
        except ValueError:
            continue
    return max(dates, default=None)
