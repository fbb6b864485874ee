# requirements:

"""Text, Markdown, CSV and JSON. The text that is cited is the file's own, so offsets point into the
file.
"""

import codecs
import csv
import io
import itertools
import json
import re
from collections import Counter
from typing import Any

from f.millrace.ingest import formats, language_detection, parsed_document

FRONT = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
MARKDOWN_KINDS: dict[str, parsed_document.Kind] = {
    "heading_open": "heading",
    "bullet_list_open": "list",
    "ordered_list_open": "list",
    "table_open": "table",
    "fence": "code",
    "code_block": "code",
}
# Brackets of JSON; a text is taken whole, so that its own brackets do not count.
BRACKET = re.compile(r"[\[\]{}]|\"(?:[^\"\\]++|\\.)*+\"?", re.DOTALL)
DEEPEST_JSON = 500
MOST_VALUES = 200_000
MOST_BROKEN = 20
LATIN = ("cp1252", "cp1250", "iso8859_2", "cp1254")
OTHERS = (
    "cp1251",
    "koi8_r",
    "cp1253",
    "cp1255",
    "cp1256",
    "cp932",
    "euc_jp",
    "gb18030",
    "big5",
    "euc_kr",
)
EASTERN = frozenset("bs cs hr hu pl ro sk sl sq".split())


def decode(data: bytes) -> str:
    """Return the text of a file in whatever encoding it is in."""
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if data.startswith(mark):
            return data.decode(name, errors="replace")
    if name := formats.detect_utf16(data):
        return data.decode(name, errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode(_encoding(data[:200_000]), errors="replace")


def _encoding(data: bytes) -> str:
    """Return the encoding of a text of older times; Unreadable when it cannot be told."""
    from charset_normalizer import from_bytes

    best = from_bytes(data, cp_isolation=[*LATIN, *OTHERS]).best()
    if best is None and sum(byte < 128 for byte in data) < len(data) / 2:
        raise parsed_document.Unreadable(
            "is text in an encoding that cannot be told; save it as UTF-8"
        )
    if best is not None and best.encoding not in LATIN:
        return best.encoding
    # Letters alone do not tell these apart, in a short text less than ever; the language does.
    found = best.encoding if best else LATIN[0]
    language = language_detection.most_likely_language(data.decode(found, errors="replace"))
    return found if language in EASTERN else "cp1254" if language == "tr" else LATIN[0]


def parse_text(data: bytes) -> parsed_document.Parsed:
    """Read plain text: paragraphs between blank lines."""
    parsed = parsed_document.Parsed(text=parsed_document.clean(decode(data)))
    parsed.blocks = [
        parsed_document.Block(start, end) for start, end in parsed_document.paragraphs(parsed.text)
    ]
    first = next((line.strip() for line in parsed.text.splitlines() if line.strip()), "")
    parsed.title = first if len(first) <= 120 else ""
    return parsed


def parse_markdown(data: bytes) -> parsed_document.Parsed:
    """Read Markdown: its blocks with headings, and title, author and date of its front matter."""
    from markdown_it import MarkdownIt

    parsed = parsed_document.Parsed(text=parsed_document.clean(decode(data)))
    front = FRONT.match(parsed.text)
    if front:
        _front_matter(front[1], parsed)
    skipped = front.end() if front else 0
    body = parsed.text[skipped:]
    starts = [skipped]
    for line in body.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    for token in MarkdownIt("commonmark").enable("table").parse(body):
        if token.level == 0 and token.map and token.nesting >= 0:
            start, end = starts[token.map[0]], min(starts[token.map[1]], len(parsed.text))
            level = int(token.tag[1]) if token.type == "heading_open" else 0
            parsed.blocks += _make_block(
                parsed.text, start, end, MARKDOWN_KINDS.get(token.type, "paragraph"), level
            )
    heading = next((block for block in parsed.blocks if block.kind == "heading"), None)
    if heading and not parsed.title:
        parsed.title = parsed_document.heading_text(parsed.text[heading.start : heading.end])
    return parsed


def _make_block(
    text: str, start: int, end: int, kind: parsed_document.Kind, level: int
) -> list[parsed_document.Block]:
    inner = text[start:end]
    start, end = start + len(inner) - len(inner.lstrip()), start + len(inner.rstrip())
    return [parsed_document.Block(start, end, kind, 0, level)] if start < end else []


def _front_matter(text: str, parsed: parsed_document.Parsed) -> None:
    import yaml

    try:
        values = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):
        parsed.notes.append("its front matter is not YAML")
        return
    if isinstance(values, dict):
        authors = values.get("author") or values.get("authors") or ""
        parsed.title = parsed_document.one_line(str(values.get("title") or ""))[
            : parsed_document.LONGEST_TITLE
        ]
        parsed.author = ", ".join(map(str, authors)) if isinstance(authors, list) else str(authors)
        parsed.dated_at = parsed_document.moment(values.get("date"))
        parsed.language = str(values.get("lang") or values.get("language") or "")


def parse_csv(data: bytes) -> parsed_document.Parsed:
    """Read a table of comma-, semicolon- or tab-separated values; each row says what its columns
    are.
    """
    text = parsed_document.clean(decode(data))
    # The limit is the process's; others read tables too.
    csv.field_size_limit(max(csv.field_size_limit(), len(text) + 1))
    parsed = parsed_document.Parsed()
    try:
        parsed.add_rows(list(csv.reader(io.StringIO(text), delimiter=_delimiter(text))))
    except csv.Error as error:
        raise parsed_document.Unreadable(f"is not a table of separated values: {error}") from error
    parsed.details["tables"] = 1
    return parsed


def _delimiter(text: str) -> str:
    """Return what cuts the most of the first rows into the same number of cells, two at least."""

    def fits(delimiter: str) -> tuple[float, int]:
        rows = [
            len(row)
            for row in itertools.islice(csv.reader(io.StringIO(text), delimiter=delimiter), 100)
            if row
        ]
        usual, times = Counter(rows).most_common(1)[0] if rows else (1, 0)
        return (times / len(rows), usual) if usual > 1 else (0, 0)

    try:
        return max(",;\t|", key=fits)
    except csv.Error:
        return ","


def parse_json(data: bytes) -> parsed_document.Parsed:
    """Read JSON, or JSON a line: each value with the path that leads to it."""
    text, parsed = parsed_document.clean(decode(data)), parsed_document.Parsed()
    try:
        value = _load_json(text)
    except RecursionError as error:
        raise parsed_document.Unreadable("is JSON nested too deep to read") from error
    except ValueError as error:
        value, broken = _parse_json_lines(text)
        if not value:
            raise parsed_document.Unreadable(f"is not JSON: {error}") from error
        parsed.notes += broken
    if isinstance(value, dict):
        parsed.title = next(
            (
                str(value[name])
                for name in ("title", "name", "subject")
                if isinstance(value.get(name), str)
            ),
            "",
        )
        parsed.author = value["author"] if isinstance(value.get("author"), str) else ""
        parsed.dated_at = next(
            (
                found
                for name in ("date", "created", "published_at")
                if (found := parsed_document.moment(value.get(name)))
            ),
            None,
        )
    try:
        for part in value if isinstance(value, list) else [value]:
            parsed.add("\n".join(_values(part, "")), "table")
            if len(parsed.blocks) > MOST_VALUES:
                raise parsed_document.Unreadable(
                    f"holds more than {MOST_VALUES:,} entries; split it"
                )
    except RecursionError as error:
        raise parsed_document.Unreadable("is JSON nested too deep to read") from error
    return parsed


def _load_json(text: str) -> Any:
    """Return the value of JSON; RecursionError when it is nested deeper than DEEPEST_JSON, which
    Python notices itself only while nothing in the process has raised its limit.
    """
    depth = 0
    for found in BRACKET.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(found[0], 0)
        if depth > DEEPEST_JSON:
            raise RecursionError
    return json.loads(text)


def _parse_json_lines(text: str) -> tuple[list[Any], list[str]]:
    """Return the values of JSON a line, and what is wrong with a line; nothing when most of the
    text is something else.
    """
    values, broken = [], []
    for number, line in enumerate(text.split("\n"), 1):
        try:
            values += [_load_json(line)] if line.strip() else []
        except (ValueError, RecursionError):
            broken.append(f"its line {number} is not JSON and was left out")
    return (values, broken[:MOST_BROKEN]) if len(values) > max(1, len(broken)) else ([], [])


def _values(value: Any, path: str) -> list[str]:
    if isinstance(value, dict):
        return [
            line
            for key, inner in value.items()
            for line in _values(inner, f"{path}.{key}" if path else str(key))
        ]
    if isinstance(value, list):
        if all(not isinstance(inner, dict | list) for inner in value):
            return [f"{path}: {', '.join(map(_format_value, value))}"] if value else []
        return [
            line
            for place, inner in enumerate(value, 1)
            for line in _values(inner, f"{path}[{place}]")
        ]
    return [f"{path}: {_format_value(value)}" if path else _format_value(value)]


def _format_value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
