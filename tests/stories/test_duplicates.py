import pytest

from f.millrace.stories.duplicates import Item, find_copies, repeats, shingles
from f.millrace.stories.duplicates import words as meaningful_words

TEXT = (
    "Sodium cells keep ninety one percent of their charge at minus twenty five degrees, a field"
    " study over ninety days found. Twelve cabinets in the north of Sweden were measured every"
    " hour, and two of them failed for reasons of their own."
)


def test_a_copy_that_was_cut_is_a_copy():
    whole = Item("a", "feeds", "Sodium cells in winter", TEXT)
    cut = Item("b", "feeds", "Cold comfort for batteries", TEXT[:170])

    assert find_copies([cut, whole]) == {"b": "a"}


def test_a_title_told_again_is_a_copy():
    left = Item("a", "hackernews", "How I cut our cloud bill in half")
    right = Item("b", "mastodon", "How I cut our cloud bill in half!")

    assert len(find_copies([left, right])) == 1


def test_the_same_address_with_new_text_repeats_nothing():
    old = Item("a", "feeds", "Live: the vote in Ferrow", TEXT, "https://x.example/live")
    new = Item("b", "feeds", "Live: the vote in Ferrow", TEXT[::-1], "https://x.example/live")

    assert not repeats(new, [old]) and repeats(old, [old])


@pytest.mark.parametrize(("shared", "is_copy"), [(36, True), (28, False)])
def test_a_short_piece_is_a_copy_when_four_fifths_of_it_stand_in_the_longer_one(shared, is_copy):
    whole = [f"word{number}" for number in range(150)]
    short = [*whole[:shared], *(f"own{number}" for number in range(42 - shared))]
    longer = Item("a", "feeds", "Sodium cells in winter", " ".join(whole))
    shorter = Item("b", "feeds", "Cold comfort for batteries", " ".join(short))

    assert find_copies([shorter, longer]) == ({"b": "a"} if is_copy else {})


def test_of_copies_the_one_that_says_most_stays_and_then_the_one_with_the_better_score():
    text = " ".join(f"word{number}" for number in range(60))
    short = Item("short", "a", "Cut", " ".join(text.split()[:40]), score=9)
    low, high = Item("low", "b", "One", text, score=1), Item("high", "c", "Two", text, score=2)

    assert find_copies([short, low, high]) == {"low": "high", "short": "high"}
    assert find_copies([high, low, short]) == {"low": "high", "short": "high"}


def test_a_copy_of_a_copy_repeats_the_original():
    text = " ".join(f"word{number}" for number in range(60))
    original = Item("original", "a", "One", text)
    copy = Item("copy", "b", "Two", text[:-7], canonical_url="https://b.example/x")
    bare = Item("bare", "c", "Look", "", canonical_url="https://b.example/x")

    assert find_copies([bare, copy, original]) == {"copy": "original", "bare": "original"}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"content_hash": "h"}, {"content_hash": "h"}, True),
        ({"content_hash": ""}, {"content_hash": ""}, False),
        ({"canonical_url": "u"}, {"canonical_url": "u"}, True),
        ({"canonical_url": ""}, {"canonical_url": ""}, False),
        ({"title": "Port Lindholm buys cranes"}, {"title": "port lindholm buys crane"}, True),
        ({"title": "Port buys cranes"}, {"title": "Port buys cranes"}, False),
        ({"title": "one two red six"}, {"title": "one two red ten"}, False),
        ({"title": "two red six ten"}, {"title": "two red six ten nine"}, True),
    ],
)
def test_short_items_are_the_same_by_hash_address_or_title(one, other, same):
    first, second = (
        Item(**({"id": "1", "source": "a", "title": "x"} | one)),
        Item(**({"id": "2", "source": "b", "title": "y"} | other)),
    )

    assert repeats(first, [second]) is same
    assert (len(find_copies([first, second])) == 1) is same


def test_a_text_of_few_words_has_no_shingles():
    words = [f"word{number}" for number in range(25)]

    assert len(shingles(" ".join(words))) == 23 and shingles(" ".join(words[:24])) == frozenset()


def test_another_word_changes_the_three_runs_that_hold_it():
    words = [f"word{number}" for number in range(25)]
    other = [*words[:12], "other", *words[13:]]

    assert len(shingles(" ".join(words)) & shingles(" ".join(other))) == 20


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The cranes of the ports", ["crane", "port"]),
        ("gas glass yes is it", ["gas", "glass", "yes"]),
        ("A 5 b C7", ["5", "c7"]),
        ("don't U.S. 3.5", ["don't", "u.s", "3.5"]),
    ],
)
def test_words_that_carry_meaning_are_compared_without_their_plural(text, found):
    assert meaningful_words(text) == found


@pytest.mark.parametrize(
    ("text", "other"),
    [
        (
            "市政府周三表示将在明年春天重建老码头旁边的灯塔并且为游客修建一条新的步行道"
            "工程预计耗资两千万元由省里和市里共同承担",
            "市政府周三表示将在明年春天重建老码头旁边的灯塔并且为游客修建一条新的步行道"
            "工程预计耗资两千万元",
        ),
        (
            "เทศบาลแจ้งว่าจะซ่อมท่าเรือเก่าในเดือนหน้าและเปิดให้บริการอีกครั้งก่อนฤดูท่องเที่ยวปลายปีนี้",
            "เทศบาลแจ้งว่าจะซ่อมท่าเรือเก่าในเดือนหน้าและเปิดให้บริการอีกครั้งก่อนฤดูท่องเที่ยว",
        ),
        (
            "시청은 내년 봄에 오래된 부두 옆 등대를 다시 세우고 산책로를 만든다고 밝혔다. 공사비는"
            " 이백억 원으로 도와 시가 함께 낸다.",
            "시청이 내년 봄에 오래된 부두 옆 등대를 다시 세우고 산책로를 만든다고 밝혔다. 공사비는"
            " 이백억 원이다.",
        ),
    ],
)
def test_copies_are_seen_in_scripts_whose_words_are_not_told_by_spaces(text, other):
    texts = {"a": text, "b": other, "c": text[::-1]}
    items = [Item(name, "feeds", name, given) for name, given in texts.items()]

    assert find_copies(items) == {"b": "a"}


@pytest.mark.parametrize(
    ("title", "other", "is_copy"),
    [
        ("台風の影響でフェリー全便欠航", "台風の影響でフェリー全便が欠航", True),
        ("台風の影響でフェリー全便欠航", "量子計算機の新しい記録", False),
        ("태풍 영향으로 여객선 전편 결항", "태풍의 영향으로 여객선 전편이 결항", True),
        ("태풍 영향으로 여객선 결항", "\u1110\u1162\u1111\u116e\u11bc 영향으로 여객선 결항", True),
        ("태풍 영향으로 여객선 전편 결항", "양자 컴퓨터가 세운 새로운 기록", False),
    ],
)
def test_titles_are_compared_in_scripts_without_spaces(title, other, is_copy):
    items = [Item("a", "feeds", title), Item("b", "feeds", other)]

    assert bool(find_copies(items)) is is_copy
