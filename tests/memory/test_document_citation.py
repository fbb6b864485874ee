"""The address of a passage."""

import pytest

from f.millrace.core.errors import BadInput
from f.millrace.memory import bitemporal, documents


def test_a_citation_says_where_its_passage_is_and_an_id_alone_the_beginning():
    address = documents.citation("doc_0a", 3, 120, 45)

    assert documents.parse_citation(address) == ("doc_0a", 3, 120, 45)
    assert documents.parse_citation(" doc_0a ") == ("doc_0a", 0, 0, 0)
    assert documents.parse_citation("document:doc_0a#page=2") == ("doc_0a", 2, 0, 0)
    with pytest.raises(BadInput, match="names no document"):
        documents.parse_citation("mem_0a")


@pytest.mark.parametrize("nothing", [None, ""])
def test_no_time_is_no_time(nothing):
    assert bitemporal.parse_time(nothing, "valid_from") is None
    assert bitemporal.parse_time(" 2026-05-03 ", "valid_from").isoformat()[:10] == "2026-05-03"
    with pytest.raises(BadInput, match="valid_from is 'soon', which is no date"):
        bitemporal.parse_time("soon", "valid_from")
