"""What sites are called by people."""

import pytest

from f.millrace.core import db
from f.millrace.digest import site_names


@pytest.fixture
def put_page(database):
    def put(url, site, readable=True, reason=""):
        db.execute(
            "INSERT INTO page (id, namespace, canonical_url, url, site, readable, reason, body,"
            " read_at) VALUES (%s, 'main', %s, %s, %s, %s, %s, '', now())",
            [url, url, url, site, readable, reason],
        )

    return put


def put_item(url, feed):
    db.execute(
        "INSERT INTO source_item (id, namespace, source, source_key, title, body, canonical_url,"
        " extra, first_seen_at, last_seen_at) VALUES (%s, 'main', 'feeds', %s, 'x', '', %s, %s,"
        " now(), now())",
        [url, url, url, db.jsonb({"feed": feed})],
    )


def name(url, source="feeds", namespace="main"):
    return site_names.Sites(namespace, [url]).name(url, source)


@pytest.mark.parametrize(
    ("site", "called"),
    [
        ("The Lindholm Courier", "The Lindholm Courier"),
        ("The  Courier\n(unofficial)", "The Courier"),
        ("", "courier.example"),
        ("(all)", "courier.example"),
        ("x" * 60, "x" * 60),
        ("x" * 61, "courier.example"),
        ("courier.example", "courier.example"),
        ("www.courier.example news", "www.courier.example news"),
        ("Courier Foundation, Inc.", "Courier Foundation"),
        ("Courier GmbH", "Courier"),
        # A page does not call itself by another's address.
        ("bank.example", "courier.example"),
    ],
)
def test_a_site_is_called_as_its_page_says_unless_that_is_another_address(put_page, site, called):
    put_page("https://courier.example/a", site)

    assert name("https://www.courier.example/a?utm_source=x") == called


def test_the_name_that_the_page_gives_goes_before_the_feeds_title(put_page):
    put_item("https://courier.example/a", "Courier, all articles")
    put_item("https://courier.example/b", "Courier, all articles")
    put_page("https://courier.example/a", "The Courier")

    assert name("https://courier.example/a") == "The Courier"
    assert name("https://courier.example/b") == "Courier, all articles"
    assert name("https://courier.example/c") == "courier.example"
    assert name("https://courier.example/b", namespace="sample") == "courier.example"


@pytest.mark.parametrize(
    ("url", "source", "called"),
    [
        ("https://github.com/a/b", "web", "GitHub"),
        ("https://arxiv.org/abs/2401.1", "arxiv", "arXiv"),
        ("http://127.0.0.1:8000/a", "the-lindholm-courier", "The Lindholm Courier"),
        ("http://localhost/a", "hackernews", "Hacker News"),
        ("note:harbour.md", "note:harbour.md", "Your notes"),
        ("", "documents", "Your documents"),
        ("https://[a", "web", "The web"),
    ],
)
def test_a_site_without_a_name_is_called_by_its_host_or_its_source(database, url, source, called):
    assert name(url, source) == called


@pytest.mark.parametrize(
    ("source", "called"),
    [
        ("feeds", "A feed"),
        ("document:doc_1", "Your documents"),
        ("file:/x", "Your documents"),
        ("a.example", "a.example"),
        ("The Courier", "The Courier"),
        ("city_desk--north", "City Desk North"),
        ("", ""),
    ],
)
def test_a_source_is_written_as_people_write_it(source, called):
    assert site_names.tidy(source) == called


def test_why_a_page_cannot_be_read_is_told(put_page):
    put_page("https://a.example/read", "A")
    put_page("https://a.example/wall", "A", False, "paywall")
    put_page("https://a.example/none", "A", False)
    urls = [f"https://a.example/{page}" for page in ("read", "wall", "none", "never")]
    sites = site_names.Sites("main", urls)

    assert [sites.unreadable(url) for url in urls] == ["", "paywall", "unknown reason", ""]


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://www.a.example:8443/x", "a.example"),
        ("https://WWW.A.example", "a.example"),
        ("https://münchen.example/", "xn--mnchen-3ya.example"),
        ("note:a", ""),
        ("https://[a", ""),
    ],
)
def test_a_host_is_as_it_travels_over_the_wire(url, host):
    assert site_names.host_of(url) == host
    assert site_names.is_web(url) == url.startswith("https://")
