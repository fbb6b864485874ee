"""The pages behind the items, as they are kept."""

import pytest

from f.millrace.research import pages
from tests.digest.conftest import NOW

pytestmark = pytest.mark.usefixtures("database")


def page(key="k", body="text", **changes):
    plain = {
        "id": f"pg_{key}", "namespace": "main", "canonical_url": key, "url": key, "readable": True,
        "reason": "", "title": "A page", "site": "A site", "language": "en", "body": body,
        "published_at": NOW, "read_at": NOW,
    }  # fmt: skip
    return {**plain, **changes}


def test_of_items_that_share_an_address_the_one_that_says_most_counts():
    pages.keep([page(body="a longer text", title="long"), page(body="short", title="short")])

    assert pages.load("main", ["k"])["k"]["title"] == "long"


def test_a_page_that_was_read_again_is_replaced():
    changes = {"url": "u", "readable": False, "reason": "gone", "title": "T", "site": "S",
               "language": "de", "body": "", "published_at": None}  # fmt: skip
    pages.keep([page()])
    pages.keep([page(**changes)])

    kept = pages.load("main", ["k"])["k"]
    assert {name: kept[name] for name in changes} == changes


def test_pages_are_found_by_address_in_their_namespace():
    pages.keep([page("a"), page("b"), page("c", namespace="other")])

    assert pages.load("main", ["a", "c"]).keys() == {"a"}


def test_the_page_of_an_item_is_kept_by_its_address_or_else_by_its_id():
    assert pages.key_of({"canonical_url": "u", "id": "i"}) == "u"  # type: ignore[typeddict-item]
    assert pages.key_of({"canonical_url": "", "id": "i"}) == "i"  # type: ignore[typeddict-item]
