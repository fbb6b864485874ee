# requirements:

"""The language of a text, as its words show it."""

# Of fewer letters the language cannot be told; a letter of a script that few languages share tells
# more.
LEAST_LETTERS = 60
OWN_SCRIPT, TELLS = 0x250, 5
SAMPLE = 4_000


def language_of(text: str) -> str:
    """Return the two letters of a text's language; empty when the text is too short to tell."""
    sample = text[:SAMPLE]
    if (
        sum(TELLS if ord(letter) > OWN_SCRIPT else 1 for letter in sample if letter.isalpha())
        < LEAST_LETTERS
    ):
        return ""
    return most_likely_language(sample)


def most_likely_language(text: str) -> str:
    """Return the language that a text, however short, most probably is in."""
    import py3langid

    return str(py3langid.classify(text[:SAMPLE])[0])
