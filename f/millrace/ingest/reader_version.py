# requirements:

"""Whether a document has to be read again although its file is the same: other parsers, other
limits, OCR that is new.
"""

from f.millrace.core import config, ids
from f.millrace.ingest import ocr

# Raised when a parser or the cutting into passages gives something else than before: documents are
# then read again.
VERSION = "5"
LIMITS = (
    "document_max_bytes",
    "document_max_pages",
    "document_max_characters",
    "document_seconds",
    "ocr_languages",
)


def version_of_complete() -> str:
    """Return what is noted with a document that was read from end to end."""
    return VERSION


def version_of_partial() -> str:
    """Return what is noted with a document that could not be read, or not all of it: it may be
    otherwise with other limits.
    """
    limits = [getattr(config.settings(), name) for name in LIMITS]
    return f"{VERSION} {ids.digest_of([limits, ocr.is_installed()])[:12]}"
