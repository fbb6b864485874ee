"""Addresses of one page are one address."""

import pytest

from f.millrace.core.ids import canonical_url, stable_id


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://www.News.example/a/?utm_source=x&b=2&a=1#top", "https://news.example/a?a=1&b=2"),
        ("https://m.news.example/a", "https://news.example/a"),
        ("https://www.m.news.example/a", "https://news.example/a"),
        ("https://mail.news.example/a", "https://mail.news.example/a"),
        ("https://news.example:8443/a", "https://news.example:8443/a"),
        ("https://news.example:443/a/", "https://news.example/a"),
        ("https://arxiv.org/pdf/2401.01234v2.pdf", "https://arxiv.org/abs/2401.01234"),
        ("https://arxiv.org/abs/2401.01234v1", "https://arxiv.org/abs/2401.01234"),
        ("notes/plan.md", "notes/plan.md"),
        ("https://news.example:99999/a", "https://news.example:99999/a"),
        ("ftp://www.news.example/a/", "ftp://www.news.example/a/"),
        ("https:///a/", "https:///a/"),
        ("http://news.example:80/a", "https://news.example/a"),
    ],
)
def test_canonical_url(url: str, expected: str) -> None:
    assert canonical_url(url) == expected


def test_ids_depend_on_their_parts_only() -> None:
    assert stable_id("ev", "run", 1) == stable_id("ev", "run", 1) != stable_id("ev", "run", 2)
