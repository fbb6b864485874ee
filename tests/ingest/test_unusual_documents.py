"""Documents that their own programs open, and that are odd all the same, are read."""

import io
import re
import sys
import zipfile
from email.message import EmailMessage

import docx
import pptx
import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from f.millrace.ingest import parse_html
from f.millrace.ingest.parse import Limits, read
from f.millrace.ingest.parsed_document import Unreadable
from f.millrace.tools import items
from scripts.samples import documents

MATH = "xmlns:m='http://schemas.openxmlformats.org/officeDocument/2006/math'"


def saved(document):
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def rewritten(data, change):
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return out.getvalue()


def text_of(name, data):
    return read(name, data, Limits()).parsed.text


def word(*paragraphs):
    document = docx.Document()
    for text in paragraphs:
        document.add_paragraph(text)
    return saved(document)


def deck(replaced=b"barChart", by=b"bar3DChart"):
    made = pptx.Presentation()
    slide = made.slides.add_slide(made.slide_layouts[5])
    slide.shapes.title.text = "Ferry passengers"
    data = CategoryChartData()
    data.categories = ["March", "April"]
    data.add_series("Passengers", (310, 425))
    place = [Inches(1)] * 4
    slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, *place, data)
    made.slides.add_slide(made.slide_layouts[5]).shapes.title.text = "The pier stays open"
    return rewritten(
        saved(made),
        lambda name, part: part.replace(replaced, by) if "charts/chart" in name else part,
    )


@pytest.mark.parametrize("kind", [b"bar3DChart", b"surface3DChart", b"ofPieChart", b"newChart"])
def test_a_chart_of_an_unknown_kind_is_read_by_its_figures(kind):
    text = text_of("a.pptx", deck(by=kind))

    assert all(word in text for word in ("March", "425", "The pier stays open"))


def test_a_chart_that_cannot_be_read_is_left_out_and_said():
    broken = rewritten(
        deck(),
        lambda name, part: (
            re.sub(rb"<c:ser>.*</c:ser>", b"", part, flags=re.DOTALL) if "charts/" in name else part
        ),
    )

    parsed = read("a.pptx", broken, Limits()).parsed

    assert "The pier stays open" in parsed.text
    assert parsed.notes == ["a chart on slide 1 cannot be read and is left out"]


@pytest.mark.parametrize("target", ["NULL", "../gone/part.xml", "/word/none.xml"])
def test_a_relationship_that_leads_nowhere_costs_nothing(target):
    more = (
        "<Relationship Id='rId77' Type='http://schemas.openxmlformats.org/officeDocument/2006/"
        f"relationships/image' Target='{target}'/></Relationships>"
    ).encode()
    data = rewritten(
        word("The lock keeper retired."),
        lambda name, part: (
            part.replace(b"</Relationships>", more) if name.endswith("document.xml.rels") else part
        ),
    )

    assert text_of("a.docx", data) == "The lock keeper retired."


def halved(part):
    return part[: len(part) // 2]


def garbage(_):
    return b"garbage"


def damaged(data, part, change):
    return rewritten(data, lambda name, content: change(content) if name == part else content)


def without(data, part):
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            if name != part:
                new.writestr(name, old.read(name))
    return out.getvalue()


DECK = documents.pptx([("One", "first text"), ("Two", "second text"), ("Three", "third text")])
WORD = documents.docx("T", [("Head", ["The crane stands.", "The quay is new."])])
BOOK = documents.xlsx(
    {"Cranes": [["Item", "Price"], ["Crane", 1]], "Ships": [["b", "c"], ["d", 2]]}
)


@pytest.mark.parametrize("change", [halved, garbage, None])
@pytest.mark.parametrize(
    ("name", "data", "part", "kept"),
    [
        ("a.pptx", DECK, "ppt/slides/slide2.xml", ["first text", "third text"]),
        ("a.pptx", DECK, "ppt/theme/theme1.xml", ["first text", "second text", "third text"]),
        ("a.pptx", DECK, "[Content_Types].xml", ["first text", "second text", "third text"]),
        ("a.pptx", DECK, "_rels/.rels", ["first text", "third text"]),
        ("a.pptx", DECK, "ppt/presentation.xml", ["first text", "third text"]),
        ("a.pptx", DECK, "ppt/_rels/presentation.xml.rels", ["first text", "third text"]),
        ("a.pptx", DECK, "ppt/slideMasters/slideMaster1.xml", ["first text", "third text"]),
        ("a.docx", WORD, "word/styles.xml", ["The crane stands.", "The quay is new."]),
        ("a.docx", WORD, "[Content_Types].xml", ["The crane stands.", "The quay is new."]),
        ("a.docx", WORD, "word/_rels/document.xml.rels", ["The crane stands.", "The quay is new."]),
        ("a.docx", WORD, "docProps/core.xml", ["The crane stands.", "The quay is new."]),
        ("a.xlsx", BOOK, "xl/worksheets/sheet2.xml", ["Item: Crane; Price: 1"]),
        ("a.xlsx", BOOK, "xl/workbook.xml", ["Item: Crane; Price: 1", "b: d; c: 2"]),
        ("a.xlsx", BOOK, "xl/_rels/workbook.xml.rels", ["Item: Crane; Price: 1", "b: d; c: 2"]),
        ("a.xlsx", BOOK, "xl/sharedStrings.xml", ["1", "2"]),
    ],
)
def test_of_a_damaged_document_what_can_be_read_is_kept(name, data, part, kept, change):
    broken = without(data, part) if change is None else damaged(data, part, change)

    parsed = read(name, broken, Limits()).parsed

    assert all(text in parsed.text for text in kept)
    if re.search(r"slide2|sheet2|sharedStr", part):
        assert any(re.search(r"damaged|slide 2|'Ships'|lost", note) for note in parsed.notes)


@pytest.mark.parametrize(
    ("name", "data", "kept"),
    [
        ("a.pptx", DECK, "second text"),
        ("a.docx", WORD, "The quay is new."),
        ("a.xlsx", BOOK, "Item: Crane; Price: 1"),
    ],
)
def test_a_file_that_is_cut_short_is_read_as_far_as_it_goes(name, data, kept):
    parsed = read(name, data[: int(len(data) * 0.9)], Limits()).parsed

    assert kept in parsed.text and "cut short" in parsed.notes[0]


def test_a_part_in_another_encoding_than_it_says_is_read_in_its_own():
    def wrong(part):
        return part.replace(b"second text", "Größe über Äpfel".encode("cp1252"))

    assert "Größe über Äpfel" in text_of("a.pptx", damaged(DECK, "ppt/slides/slide2.xml", wrong))
    page = "<meta charset=iso-8859-1><p>Größe über Äpfel".encode()
    assert text_of("a.html", page) == "Größe über Äpfel"


RTF = rb"""{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fcharset0 Arial;}{\f1\fcharset204 T;}
{\f2\fcharset128 M;}}{\colortbl;\red0;}{\info{\title The quay}{\author Ada Quill}
{\creatim\yr2026\mo3\dy4}{\printim\yr2030\mo1\dy1}}{\stylesheet{\s0 Normal;}}
{\header Head line\par}\pard\outlinelevel0\b Repairs\b0\par
\pard Gr\'fc\'dfe, \u8364? 5, {\f1\'cf\'f0\'e8}, {\f2\'93\'fa\'96\'7b}
{\v unseen}{\*\unknown unread} \{so\}{\footnote A note.}.\par
{\field{\*\fldinst HYPERLINK "https://x.example"}{\fldrslt the link}}{\pict\wmetafile8 0102ab}\par
\trowd\pard\intbl Berth\cell Ship\cell\row\pard\intbl 4\cell Svala\par two\cell\row
\pard {\pict\bin4 }}}}}After \u-10179?\u-8704?.}"""


@pytest.mark.parametrize("name", ["a.rtf", "a.doc", "a.txt"])
def test_rich_text_is_read_whatever_its_name(name):
    reading = read(name, RTF, Limits())
    parsed = reading.parsed

    assert reading.kind == "rtf" and parsed.text == (
        "Repairs\n\nGrüße, € 5, При, 日本 {so}.\n\nthe link\n\nBerth: 4; Ship: Svala two\n\n"
        "After 😀.\n\nA note.\n\nHead line"
    )
    assert [block.kind for block in parsed.blocks[:1]] == ["heading"]
    assert (parsed.title, parsed.author) == ("The quay", "Ada Quill")
    assert parsed.dated_at is not None and parsed.dated_at.date().isoformat() == "2026-03-04"


def test_a_rich_text_that_is_cut_short_says_so():
    parsed = read("a.rtf", RTF[: RTF.index(rb"\trowd")], Limits()).parsed

    assert "the link" in parsed.text and "cut short" in parsed.notes[0]


def test_the_strict_form_of_word_documents_is_read():
    strict = re.compile(rb"http://schemas\.openxmlformats\.org/(\w+)/2006/([\w/]+)")
    data = rewritten(
        word("The lock keeper retired."),
        lambda name, part: (
            strict.sub(
                lambda found: (
                    found[0]
                    if found[1] == b"package"
                    else b"http://purl.oclc.org/ooxml/" + found[1] + b"/" + found[2]
                ),
                part,
            )
            if name.endswith((".xml", ".rels"))
            else part
        ),
    )

    assert text_of("a.docx", data) == "The lock keeper retired."


@pytest.mark.parametrize(
    "kind",
    [
        b"application/vnd.ms-word.document.macroEnabled.main+xml",
        b"application/vnd.ms-word.template.macroEnabledTemplate.main+xml",
        b"application/vnd.openxmlformats-officedocument.wordprocessingml.template.main+xml",
    ],
)
def test_word_documents_with_macros_and_templates_are_read(kind):
    usual = b"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    data = rewritten(word("The lock keeper retired."), lambda _, part: part.replace(usual, kind))

    assert text_of("a.docm", data) == "The lock keeper retired."


def test_an_equation_is_read_as_a_line():
    document = docx.Document()
    run = "<m:r><m:t>{}</m:t></m:r>".format
    document.paragraphs or document.add_paragraph("With")
    document.paragraphs[0]._element.append(
        parse_xml(
            f"<m:oMath {MATH}><m:f><m:num>{run('a+b')}</m:num><m:den>{run('2')}</m:den></m:f>"
            f"<m:sSup><m:e>{run('x')}</m:e><m:sup>{run('2')}</m:sup></m:sSup></m:oMath>"
        )
    )

    assert text_of("a.docx", saved(document)) == "With(a+b)/2x^2"


def test_entries_of_lists_have_the_numbers_that_word_shows():
    document = docx.Document()
    for text, style in (
        ("Fees", "List Number"),
        ("Berths", "List Number"),
        ("A remark", "List Bullet"),
        ("Tides", "List Number"),
    ):
        document.add_paragraph(text, style=style)

    lines = text_of("a.docx", saved(document)).split("\n\n")

    assert lines == ["1. Fees", "2. Berths", "- A remark", "3. Tides"]


def test_a_numbered_heading_keeps_its_number():
    document = docx.Document()
    numbered = f"<w:numPr {nsdecls('w')}><w:ilvl w:val='0'/><w:numId w:val='{{}}'/></w:numPr>"
    style = document.styles["List Number"].element
    own = style.find(".//" + docx.oxml.ns.qn("w:numId")).get(docx.oxml.ns.qn("w:val"))
    for text in ("Scope", "Terms"):
        heading = document.add_heading(text, 1)
        heading._element.get_or_add_pPr().append(parse_xml(numbered.format(own)))

    parsed = read("a.docx", saved(document), Limits()).parsed

    assert [entry["text"] for entry in parsed.headings()] == ["1. Scope", "2. Terms"]


MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def workbook(cells):
    rows = "".join(
        f"<row r='{re.sub('[A-Z]', '', place)}'><c r='{place}' t='inlineStr'><is><t>{text}</t></is>"
        "</c></row>"
        for place, text in cells.items()
    )
    parts = {
        "[Content_Types].xml": f"<Types xmlns='{PACKAGE}/content-types'><Default Extension='xml'"
        " ContentType='application/xml'/></Types>",
        "_rels/.rels": f"<Relationships xmlns='{PACKAGE}/relationships'><Relationship Id='r1'"
        f" Type='{OFFICE}/officeDocument' Target='xl/workbook.xml'/></Relationships>",
        "xl/workbook.xml": f"<workbook xmlns='{MAIN}' xmlns:r='{OFFICE}'><sheets><sheet name='Fees'"
        " sheetId='1' r:id='r1'/></sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f"<Relationships xmlns='{PACKAGE}/relationships'>"
        f"<Relationship Id='r1' Type='{OFFICE}/worksheet' Target='worksheets/sheet1.xml'/>"
        "</Relationships>",
        "xl/worksheets/sheet1.xml": f"<worksheet xmlns='{MAIN}'><sheetData>{rows}</sheetData>"
        "</worksheet>",
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


@pytest.mark.parametrize("far", ["XFD1048576", "A1048576", "XFD2"])
def test_a_workbook_with_one_far_cell_is_read(far):
    text = text_of("a.xlsx", workbook({"A1": "North berth", far: "end of the list"}))

    assert "North berth" in text and "end of the list" in text


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.json", b"[" * 100_000),
        ("a.html", b"<div>" * 1_500 + b"deep" + b"</div>" * 1_500),
        ("a.md", b">" * 5_000 + b" deep"),
        ("a.md", b"- " * 3_000 + b"deep"),
    ],
)
def test_deep_nesting_is_read_or_told_in_words(name, data):
    usual = sys.getrecursionlimit()
    sys.setrecursionlimit(1_000_000)  # some libraries raise it for all of the process
    try:
        text = text_of(name, data)
    except Unreadable as error:
        text = str(error)
    finally:
        sys.setrecursionlimit(usual)

    assert "deep" in text or "[[[" in text


SEEN = (
    "font-size:0.95em",
    "font-size: 0.8rem; color: red",
    "backface-visibility: hidden",
    "opacity: 0.6",
    "color: #fff; background: #036",
    "color: #fff; background: url(sky.png)",
    "color: transparent; -webkit-background-clip: text; background: linear-gradient(red, blue)",
    "position: absolute; left: -4px",
    "margin-left: -12px; text-indent: -1.5em",
    "overflow: hidden; height: 40px",
    "clip-path: inset(4% 0)",
    "transform: translateX(-50%) scale(1.2)",
    "filter: opacity(80%)",
    "font: 700 14px/20px Arial",
    "font-size: clamp(0rem, 2vw, 3rem)",
    "line-height: 0",
    "visibility: visible; display: block",
)
HIDDEN = (
    "font-size:0",
    "color:red;font-size: 0.0px !important",
    "font-size: 1px",
    "font: 0/0 a",
    "DISPLAY : none ;",
    "disp\\00006cay: none",
    "display/**/:none",
    "visibility:hidden",
    "opacity:0",
    "opacity: 1%",
    "filter: opacity(0)",
    "mso-hide: all",
    "position:absolute; left:-9999px",
    "position:fixed; top: -200em",
    "text-indent: -999em",
    "margin-left:-2000px",
    "transform: scale(0)",
    "transform: translate(-9999px, 0)",
    "position:absolute; clip: rect(0 0 0 0)",
    "clip: rect(1px, 1px, 1px, 1px)",
    "clip-path: inset(100%)",
    "clip-path: circle(0)",
    "height:0; overflow:hidden",
    "max-height: 0px; overflow: hidden",
    "width:1px;height:1px;overflow:hidden",
    "color: white",
    "color: #fefefe",
    "color: rgb(255, 255, 255)",
    "color: hsl(0, 0%, 100%)",
    "color: transparent",
    "color: rgba(0,0,0,0)",
    "color: rgb(0 0 0 / 5%)",
    "color:#036;background:#036",
    "background-color: rgb(0,51,102); color: #003366",
)


@pytest.mark.parametrize(
    ("style", "is_seen"),
    [*((style, True) for style in SEEN), *((style, False) for style in HIDDEN)],
)
def test_only_what_is_hidden_is_left_out(style, is_seen):
    page = f"<html><body><p>First.</p><p style='{style}'>Second.</p><p>Third.</p></body></html>"

    text = text_of("a.html", page.encode())

    assert ("Second." in text) is is_seen and "First." in text and "Third." in text
    assert ("Second." in items.strip_markup(page)) is is_seen


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        # Within what is small, white or invisible, something can say otherwise.
        ("<div style='font-size:0'>a<b style='font-size:14px'>b</b>c</div>", "b"),
        ("<div style='font-size:0'>a<b style='font-size:2em'>b</b>c</div>", ""),
        ("<div style='visibility:hidden'>a<b style='visibility:visible'>b</b>c</div>", "b"),
        ("<div style='display:none'>a<b style='display:block'>b</b>c</div>", ""),
        (
            "<div style='color:#fff'>a<b style='color:#000'>b</b><i style='background:#000'>c</i>",
            "b c",
        ),
        ("<div style='background:#000;color:#fff'>a<b style='color:black'>b</b></div>", "a"),
        (
            "<table bgcolor=navy><tr><td><font color=navy>a</font><font color=white>b",
            "b",
        ),
        ("<div hidden>a</div>b", "b"),
        ("<p hidden>a<p>b", "b"),
        ("<ul><li style='display:none'>a<li>b</ul>", "b"),
        # Rules of the page, of single elements.
        (
            "<style>.x{opacity:0}#y{left:-99em;position:absolute}</style><p class=x>a<p id=y>b<p>c",
            "c",
        ),
        ("<style>p.x, .z{display:none}</style><p class='x'>a<p>b<div class=x>c</div>", "b c"),
        ("<style>.x{display:none}.x{display:block}</style><p class='x'>a", "a"),
        ("<style>body{background:#000}p{color:#fff}</style><p>a", "a"),
        # What a click shows, what is for print, what another sheet may paint.
        ("<style>.tab{display:none}.tab.on{display:block}</style><p class=tab>a", "a"),
        ("<style>@media print{.x{display:none}}</style><p class=x>a", "a"),
        ("<style media=print>.x{display:none}</style><p class=x>a", "a"),
        ("<link rel=stylesheet href=x.css><div class=hero><p style='color:#fff'>a</div>", "a"),
        # A page that shows itself by a program.
        ("<style>body{opacity:0}</style><p>a", "a"),
        ("<div style='opacity:0'><p>a</div>", "a"),
    ],
)
def test_what_is_hidden_is_told_by_what_holds_at_its_place(body, seen):
    parsed = parse_html.parse_html(f"<html><body>{body}</body></html>".encode())

    assert " ".join(re.findall("[abc]", parsed.text)) == seen


def mail():
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@b.example", "c@d.example", "Pier"
    return message


def test_text_after_a_picture_is_part_of_the_mail():
    message = mail()
    message.make_mixed()
    for text in ("Before the map.", None, "After the map."):
        part = EmailMessage()
        if text:
            part.set_content(text)
        else:
            part.set_content(b"GIF8", "image", "gif", disposition="inline", filename="map.gif2")
        message.attach(part)

    text = text_of("a.eml", bytes(message))

    assert text.endswith("Before the map.\n\nAfter the map.")


def test_a_mail_of_another_kind_of_text_is_read_and_an_invitation_beside_its_words_is_not():
    message = mail()
    message.set_content("SUMMARY:Pier closed", subtype="calendar")
    assert text_of("a.eml", bytes(message)).endswith("SUMMARY:Pier closed")

    message = mail()
    message.set_content("The board meets on the pier.")
    message.add_alternative("BEGIN:VEVENT\nUID:7\nSEQUENCE:0\nEND:VEVENT", subtype="calendar")
    assert text_of("a.eml", bytes(message)).endswith("The board meets on the pier.")


def test_a_mail_without_a_type_is_read_in_the_encoding_that_it_is_in():
    text = text_of("a.eml", b"From: a@b.example\nSubject: S\n\nDer Pier schlie\xdft am Abend.\n")

    assert text.endswith("Der Pier schließt am Abend.")


@pytest.mark.parametrize(
    ("plain", "is_html"),
    [
        ("This mail is best read in a browser.", True),
        ("The pier closes on Monday.\n\nThe ferry goes from the north quay until June.", False),
    ],
)
def test_of_two_forms_the_one_that_says_something_is_read(plain, is_html):
    message = mail()
    message.set_content(plain)
    message.add_alternative(
        "<h1>Harbour</h1><p>The pier closes on Monday.</p><p>The ferry goes from the north quay"
        " until June.</p>",
        subtype="html",
    )

    text = text_of("a.eml", bytes(message))

    assert "north quay until June" in " ".join(text.split()) and ("Harbour" in text) is is_html


def test_what_is_attached_within_a_form_of_the_text_is_read():
    message = mail()
    message.set_content("See the list.")
    message.add_alternative("<p>See the list.</p>", subtype="html")
    message.get_payload(1).make_mixed()
    message.get_payload(1).add_attachment("Berth 7 is free.", filename="berths.txt")

    assert "Berth 7 is free." in text_of("a.eml", bytes(message))


def _page(body: str) -> list[str]:
    parsed = parse_html.parse_html(f"<html><body>{body}</body></html>".encode())
    return [parsed.text[block.start : block.end] for block in parsed.blocks]


@pytest.mark.parametrize(
    ("given", "marks"),
    [
        ("<ol><li>a<li>b</ol>", ["1. a", "2. b"]),
        ('<ol start="9" type="i"><li>a<li>b</ol>', ["ix. a", "x. b"]),
        ('<ol type="A"><li>a<li value="5">b<li>c</ol>', ["A. a", "E. b", "F. c"]),
        ("<ol reversed><li>a<li>b<li>c</ol>", ["3. a", "2. b", "1. c"]),
        ("<ul><li>a<li>b</ul>", ["- a", "- b"]),
        (
            "<ol><li>a<ul><li>x</ul><li>b<ol><li>y</ol><li>c</ol>",
            ["1. a", "- x", "2. b", "1. y", "3. c"],
        ),
        ("<ol><li>a<li hidden>n<li>b</ol>", ["1. a", "2. b"]),
        ("<ol><li><p>a</p><p>more</p></li><li> <p>b</p></li></ol>", ["1. a", "more", "2. b"]),
    ],
)
def test_the_numbers_of_a_list_are_those_that_a_browser_writes(given, marks):
    assert _page(given) == marks


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("<mi>E</mi><mo>=</mo><mi>m</mi><msup><mi>c</mi><mn>2</mn></msup>", "E = m c^2"),
        (
            "<mfrac><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow><msqrt><mi>x</mi></msqrt></mfrac>",
            "(a + b)/√(x)",
        ),
        ("<msubsup><mi>x</mi><mi>i</mi><mn>3</mn></msubsup>", "x_i^3"),
        (
            "<semantics><mrow><mi>x</mi></mrow><annotation>\\mathit{x}</annotation></semantics>",
            "x",
        ),
    ],
)
def test_a_formula_of_a_page_is_read_as_one_types_it(given, said):
    assert _page(f"<p>It is <math>{given}</math> here.</p>") == [f"It is {said} here."]


@pytest.mark.parametrize("tag", ["div", "span", "blockquote", "ul><li"])
@pytest.mark.parametrize("depth", [150, 400, 2_100, 30_000])
def test_nothing_of_a_page_is_lost_however_deep_it_is_nested(depth, tag):
    name = tag.partition(">")[0]
    closing = "</li></ul>" if name == "ul" else f"</{name}>"
    given = f"<p>before</p>{f'<{tag}>' * depth}one<p>two</p>{closing * depth}<p>after</p>"

    text = " ".join(_page(given)).split()
    assert [word.strip("-") for word in text if word != "-"] == ["before", "one", "two", "after"]
