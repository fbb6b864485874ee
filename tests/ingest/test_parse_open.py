"""OpenDocument texts and presentations, EPUB books: what is read of them and what is refused."""

import io
import zipfile

import pytest

from f.millrace.ingest import parse, parsed_document

NAMES = (
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"'
    ' xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'
    ' xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"'
    ' xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0"'
    ' xmlns:dc="http://purl.org/dc/elements/1.1/"'
    ' xmlns:presentation="urn:oasis:names:tc:opendocument:xmlns:presentation:1.0"'
)
META = (
    f"<office:document-meta {NAMES}><office:meta><dc:title>The quay</dc:title>"
    "<dc:creator>Ada Quill</dc:creator><dc:date>2026-03-04T10:00:00</dc:date></office:meta>"
    "</office:document-meta>"
)


def packed(mimetype: str, **files: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", mimetype)
        for name, content in files.items():
            archive.writestr(name.replace("__", "/").replace("_xml", ".xml"), content)
    return out.getvalue()


def open_document(kind: str, body: str, **more: str) -> bytes:
    content = (
        f"<office:document-content {NAMES}><office:body><office:{kind}>{body}</office:{kind}>"
        "</office:body></office:document-content>"
    )
    mimetype = f"application/vnd.oasis.opendocument.{kind}"
    return packed(mimetype, content_xml=content, meta_xml=META, **more)


def read(name: str, data: bytes) -> parse.Reading:
    return parse.read(name, data, parse.Limits())


def test_an_opendocument_text_is_read_in_order_without_what_was_deleted():
    body = (
        "<text:tracked-changes><text:p>It was deleted.</text:p></text:tracked-changes>"
        '<text:h text:outline-level="2">Repairs</text:h>'
        "<text:p>The quay<text:s/>will be <text:span>repaired</text:span> in May.</text:p>"
        "<text:list><text:list-item><text:p>new bollards</text:p></text:list-item></text:list>"
        "<table:table><table:table-row><table:table-cell><text:p>Berth</text:p></table:table-cell>"
        "<table:table-cell><text:p>Ship</text:p></table:table-cell></table:table-row>"
        "<table:table-row><table:table-cell><text:p>4</text:p></table:table-cell>"
        "<table:table-cell><text:p>Svala</text:p></table:table-cell></table:table-row>"
        "</table:table>"
    )

    reading = read("quay.odt", open_document("text", body))

    assert (reading.kind, reading.parsed.title, reading.parsed.author) == (
        "odt",
        "The quay",
        "Ada Quill",
    )
    text = reading.parsed.text
    assert "The quay will be repaired in May." in text and "- new bollards" in text
    assert "Berth: 4" in text and "Svala" in text and "deleted" not in text
    assert [heading["level"] for heading in reading.parsed.headings()] == [2]


def test_slides_are_counted_and_the_notes_of_the_speaker_left_out():
    body = "".join(
        f"<draw:page><draw:frame><draw:text-box><text:p>Slide {number} of the harbour.</text:p>"
        "</draw:text-box></draw:frame><presentation:notes><text:p>Say hello.</text:p>"
        "</presentation:notes></draw:page>"
        for number in (1, 2)
    )

    parsed = read("talk.odp", open_document("presentation", body)).parsed

    assert (parsed.unit, parsed.pages) == ("slide", 2)
    assert [block.page for block in parsed.blocks] == [1, 2] and "hello" not in parsed.text


def epub(**more: str) -> bytes:
    container = (
        '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
        '<rootfile full-path="OPS/book.opf"/></rootfiles></container>'
    )
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf"'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata><dc:title>Tides</dc:title>'
        "<dc:creator>Bo Lind</dc:creator><dc:language>en</dc:language></metadata><manifest>"
        '<item id="b" href="two.xhtml" media-type="application/xhtml+xml"/>'
        '<item id="a" href="one%20.xhtml" media-type="application/xhtml+xml"/>'
        '<item id="c" href="style.css" media-type="text/css"/></manifest>'
        '<spine><itemref idref="a"/><itemref idref="b"/></spine></package>'
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr("META-INF/container.xml", container)
        archive.writestr("OPS/book.opf", package)
        archive.writestr("OPS/one .xhtml", "<html><body><h1>Ebb</h1><p>It falls.</p></body></html>")
        archive.writestr("OPS/two.xhtml", "<html><body><h1>Flow</h1><p>It rises.</p></body></html>")
        for name, content in more.items():
            archive.writestr(name.replace("__", "/"), content)
    return out.getvalue()


def test_a_book_is_read_in_the_order_of_its_spine_and_its_chapters_are_counted():
    reading = read("tides.epub", epub())

    parsed = reading.parsed
    assert (reading.kind, parsed.title, parsed.author, parsed.pages) == (
        "epub",
        "Tides",
        "Bo Lind",
        2,
    )
    assert parsed.text == "Ebb\n\nIt falls.\n\nFlow\n\nIt rises."
    assert [block.page for block in parsed.blocks] == [1, 1, 2, 2]


def test_what_is_encrypted_protected_or_broken_is_refused_in_words():
    protected = {
        "META-INF__encryption.xml": '<encryption xmlns:e="http://www.w3.org/2001/04/xmlenc#">'
        '<e:CipherReference URI="OPS/two.xhtml"/></encryption>'
    }
    encrypted = {"META-INF__manifest_xml": "<m><encryption-data/></m>"}
    broken = packed("application/vnd.oasis.opendocument.text", content_xml="<a><b></a>")
    for data, words in (
        (epub(**protected), "is protected"),
        (open_document("text", "<text:p>Hello there.</text:p>", **encrypted), "is encrypted"),
        (broken, "is corrupt"),
        (packed("application/epub+zip"), "does not say where its book begins"),
    ):
        with pytest.raises(parsed_document.Unreadable, match=words):
            read("some", data)


def test_entities_of_a_document_are_not_followed(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret of the harbour")
    content = (
        f'<!DOCTYPE x [<!ENTITY e SYSTEM "{secret.as_uri()}">]><office:document-content {NAMES}>'
        "<office:body><office:text><text:p>Before &e; after.</text:p></office:text></office:body>"
        "</office:document-content>"
    )

    reading = read("x.odt", packed("application/vnd.oasis.opendocument.text", content_xml=content))

    assert "Before" in reading.parsed.text and "secret" not in reading.parsed.text


@pytest.mark.parametrize(
    ("name", "data", "part", "kept"),
    [
        ("a.odt", open_document("text", "<text:p>The quay.</text:p>"), "meta.xml", "The quay."),
        ("a.odt", open_document("text", "<text:p>The quay.</text:p>"), "mimetype", "The quay."),
        ("a.epub", epub(), "META-INF/container.xml", "It falls."),
        ("a.epub", epub(), "OPS/book.opf", "It falls."),
        ("a.epub", epub(), "OPS/two.xhtml", "It falls."),
    ],
)
def test_a_damaged_part_costs_itself_only(name: str, data: bytes, part: str, kept: str):
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for each in old.namelist():
            new.writestr(each, b"<" if each == part else old.read(each))

    assert kept in read(name, out.getvalue()).parsed.text


def test_an_opendocument_text_is_read_up_to_where_it_breaks_off_and_in_its_encoding():
    whole = open_document("text", "<text:p>Der große Kai.</text:p><text:p>And the end.</text:p>")
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(out, "w") as new:
        for each in old.namelist():
            content = old.read(each)
            if each == "content.xml":
                content = content.decode()[: content.decode().index("the end")].encode("cp1252")
            new.writestr(each, content)

    parsed = read("a.odt", out.getvalue()).parsed

    assert parsed.text.startswith("Der große Kai.")
    assert parsed.notes == ["its part content.xml is damaged and was read as far as it goes"]
