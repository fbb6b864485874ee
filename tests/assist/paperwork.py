"""A folder as an association and a workshop keep one: invoices, minutes, sheets, mails; and what is
asked of it.
"""

import io
import zipfile
from collections.abc import Sequence
from typing import NamedTuple

from scripts.samples import documents


class Question(NamedTuple):
    """A question, what its answer holds, where that stands, and what it must not hold.

    Without `holds` the folder has no answer.
    """

    text: str
    holds: tuple[str, ...] = ()
    document: str = ""
    never: tuple[str, ...] = ()


FIRST_HALF = (
    Question(
        "What is the total of the May invoice of Fenwick Joinery?",
        ("2,748.90",),
        "Invoice_RG-2026-107.pdf",
        ("1,963.50",),
    ),
    Question(
        "Until when is invoice RG-2026-119 to be paid?",
        ("12 July 2026",),
        "Invoice_RG-2026-119.pdf",
        ("11 June",),
    ),
    Question(
        "Who was at the board meeting in September?",
        ("Ilse Marten", "Henk Vos"),
        "minutes-september.docx",
        ("Joris Pohl",),
    ),
    Question(
        "How much is planned for the honey festival in the budget?",
        ("3400",),
        "budget-2026.xlsx",
    ),
    Question("What is the rent of the meadow?", ("85 EUR",), "lease.odt"),
    Question("Who is the landlord of the meadow?", ("Anna Breit",), "lease.odt"),
    Question(
        "When will the hives of order HV-3391 be delivered?", ("22 August 2026",), "hives.eml"
    ),
    Question("Until when is the shop open on Saturday?", ("13:00",), "opening-hours.html"),
    Question("Until when is offer T-88 valid?", ("30 September 2026",), "offer-roof.odt"),
    Question("Who teaches the course on queen rearing?", ("Marit Solberg",), "courses.md"),
    Question("What is the deductible of the liability insurance?", ("250 EUR",), "policy.pdf"),
    Question(
        "How many jars are in stock of lime blossom honey?",
        ("146",),
        "stock.csv",
        ("212", "58"),
    ),
    Question(
        "When is the next meeting according to the June minutes?",
        ("14 July 2026",),
        "minutes-june.docx",
        ("13 October",),
    ),
    Question("What is the phone number of Petra Kolb?", ("555 0147",), "members.xlsx"),
    Question("What is the total of the August invoice of Fenwick Joinery?"),
    Question("What is the salary of the beekeeper's assistant?"),
)
# Asked only when the others are answered: what answers those must answer these, too.
SECOND_HALF = (
    Question(
        "What is the total of invoice RG-2026-119?",
        ("1,963.50",),
        "Invoice_RG-2026-119.pdf",
        ("2,748.90",),
    ),
    Question(
        "When is the May invoice due?", ("11 June 2026",), "Invoice_RG-2026-107.pdf", ("12 July",)
    ),
    Question(
        "Who was present at the June meeting of the board?",
        ("Joris Pohl", "Petra Kolb"),
        "minutes-june.docx",
    ),
    Question(
        "Who sent apologies for the September meeting?",
        ("Petra Kolb",),
        "minutes-september.docx",
        ("Henk Vos",),
    ),
    Question(
        "How much was actually spent on insurance according to the budget?",
        ("612",),
        "budget-2026.xlsx",
    ),
    Question("What is the notice period of the lease?", ("three months",), "lease.odt"),
    Question("How much does the roof of Tarn Roofing cost?", ("7,480.00",), "offer-roof.odt"),
    Question("Where is the course on wax processing held?", ("Old Dairy",), "courses.md"),
    Question(
        "When does the course on varroa treatment take place?", ("4 July 2026",), "courses.md"
    ),
    Question("What is the sum insured?", ("5,000,000",), "policy.pdf"),
    Question("What is the serial number of the honey extractor?", ("EX-20417",), "warranty.docx"),
    Question(
        "How many smokers were ordered in order confirmation AB-5502?",
        ("6",),
        "order-AB-5502.docx",
        ("12",),
    ),
    Question("Who is the treasurer?", ("Joris Pohl",), "members.xlsx"),
    Question("Which colour were the queens marked with in 2026?", ("white",), "notes.md"),
    Question("Who was at the board meeting in November?"),
    Question("What is the total of invoice RG-2026-131?"),
)


def build() -> dict[str, bytes]:
    """Return the files of the folder by name."""
    return {**_accounts(), **_contracts(), **_lists()}


def _accounts() -> dict[str, bytes]:
    """Return invoices, minutes and sheets of the association."""
    return {
        "Invoice_RG-2026-107.pdf": _invoice(
            "RG-2026-107",
            "12 May 2026",
            [("Oak shelves, 6 pieces", "1,860.00 EUR"), ("Fitting", "450.00 EUR")],
            ("2,310.00 EUR", "438.90 EUR", "2,748.90 EUR"),
            "11 June 2026",
        ),
        "Invoice_RG-2026-119.pdf": _invoice(
            "RG-2026-119",
            "12 June 2026",
            [("Counter of larch", "1,400.00 EUR"), ("Delivery", "250.00 EUR")],
            ("1,650.00 EUR", "313.50 EUR", "1,963.50 EUR"),
            "12 July 2026",
        ),
        "minutes-june.docx": _minutes(
            "Minutes of the board meeting of 9 June 2026",
            "Ilse Marten (chair), Joris Pohl, Petra Kolb",
            "Henk Vos",
            [
                "The honey festival takes place on 5 September 2026 in the town hall.",
                "Joris Pohl buys a second extractor for at most 1,900 EUR.",
            ],
            "14 July 2026, 19:30, at the Old Dairy",
        ),
        "minutes-september.docx": _minutes(
            "Minutes of the board meeting of 8 September 2026",
            "Ilse Marten (chair), Henk Vos, Marit Solberg",
            "Petra Kolb",
            [
                "The honey festival had 430 visitors and left a surplus of 1,120 EUR.",
                "The offer of Tarn Roofing for the roof of the shed is accepted.",
            ],
            "13 October 2026, 19:30, at the Old Dairy",
        ),
        "budget-2026.xlsx": documents.xlsx(
            {
                "Budget 2026": [
                    ["Item", "Planned (EUR)", "Actual (EUR)"],
                    ["Honey festival", 3400, 2910],
                    ["Insurance", 640, 612],
                    ["Courses", 1250, 980],
                    ["New hives", 2100, 2260],
                ]
            },
            "Budget 2026",
        ),
        "members.xlsx": documents.xlsx(
            {
                "Members": [
                    ["Name", "Office", "Phone", "Member since"],
                    ["Ilse Marten", "Chair", "555 0121", 2011],
                    ["Joris Pohl", "Treasurer", "555 0138", 2015],
                    ["Petra Kolb", "Secretary", "555 0147", 2019],
                    ["Henk Vos", "Equipment", "555 0159", 2020],
                ]
            }
        ),
    }


def _contracts() -> dict[str, bytes]:
    """Return what others sent to it."""
    return {
        "lease.odt": _odt(
            "Lease of the meadow at Holm Brook",
            [
                "This lease is made for keeping bees on the meadow at Holm Brook.",
                [
                    ["Landlord", "Anna Breit"],
                    ["Tenant", "Holm Beekeepers"],
                    ["Rent", "85 EUR per month"],
                    ["Notice period", "three months"],
                    ["Start", "1 March 2025"],
                ],
                "The tenant mows the meadow twice a year.",
            ],
        ),
        "hives.eml": documents.mail(
            "Your order HV-3391",
            "Dear Ms Marten,\n\nthank you for your patience. The hives of order HV-3391 could not"
            " be sent in July.\n\nOrder number: HV-3391\nNew delivery date: 22 August 2026\n"
            "Carrier: Nordfracht\n\nKind regards\nSven Aalto\nBiholm Supplies",
            "sven@biholm.example",
        ),
        "offer-roof.odt": _odt(
            "Offer T-88",
            [
                "Tarn Roofing, 20 August 2026",
                "We offer a new roof of larch shingles for the shed of Holm Beekeepers.",
                "Price: 7,480.00 EUR",
                "Valid until: 30 September 2026",
                "Contact: Olav Tarn",
            ],
        ),
        "order-AB-5502.docx": documents.docx(
            "Order confirmation AB-5502",
            [("Order confirmation AB-5502", ["We confirm your order of 3 April 2026."])],
            [
                ["Article", "Quantity", "Price"],
                ["Smoker", "6", "34.90 EUR"],
                ["Hive tool", "12", "8.50 EUR"],
                ["Veil", "4", "19.00 EUR"],
            ],
        ),
        "policy.pdf": documents.pdf(
            [
                _lines(
                    "Liability insurance",
                    [
                        "Policy number: LH-440-9",
                        "Insured: Holm Beekeepers",
                        "Sum insured: 5,000,000 EUR",
                        "Deductible: 250 EUR",
                        "Renewal: 1 January 2027",
                    ],
                )
            ],
            "Liability insurance policy",
        ),
        "warranty.docx": documents.docx(
            "Warranty card",
            [
                (
                    "Warranty card of the honey extractor",
                    ["Serial number: EX-20417", "Bought: 18 June 2026", "Warranty: 36 months"],
                )
            ],
        ),
    }


def _lists() -> dict[str, bytes]:
    """Return lists and notes."""
    return {
        "opening-hours.html": documents.html(
            "Opening hours of the bee shop",
            "<h1>Opening hours of the bee shop</h1><table><tr><th>Day</th><th>From</th>"
            "<th>Until</th></tr><tr><td>Tuesday</td><td>10:00</td><td>18:00</td></tr>"
            "<tr><td>Thursday</td><td>14:00</td><td>19:00</td></tr>"
            "<tr><td>Saturday</td><td>9:00</td><td>13:00</td></tr></table>"
            "<p>The shop is in Mill Lane, behind the fire station.</p>",
        ),
        "courses.md": (
            b"# Courses 2026\n\nAll courses are open to members and guests.\n\n"
            b"| Course | Date | Teacher | Place |\n|---|---|---|---|\n"
            b"| Queen rearing | 16 May 2026 | Marit Solberg | Apiary |\n"
            b"| Varroa treatment | 4 July 2026 | Henk Vos | Town hall |\n"
            b"| Wax processing | 7 November 2026 | Ilse Marten | Old Dairy |\n"
        ),
        "stock.csv": documents.csv_file(
            [
                ["Honey", "Jars", "Shelf"],
                ["Lime blossom", 146, "B2"],
                ["Rape", 212, "B3"],
                ["Heather", 58, "C1"],
            ]
        ),
        "notes.md": (
            b"# Apiary notes\n\nThe queens of 2026 were marked with a white dot. Colony 7 swarmed"
            b" on 2 June.\n\nThe meadow is full of clover, and the May honey was sold out within"
            b" a week.\n"
        ),
        "annual-report.md": (
            b"# Annual report 2025\n\nThe association had 64 members at the end of 2025. The board"
            b" met nine times. The total of all invoices was lower than in the year before.\n"
        ),
    }


def _lines(heading: str, lines: Sequence[str]) -> list[documents.PdfLine]:
    return [
        (60, 80, 20, heading),
        *((60, 130 + 24 * place, 11, line) for place, line in enumerate(lines)),
    ]


def _invoice(
    number: str,
    date: str,
    positions: Sequence[tuple[str, str]],
    sums: tuple[str, str, str],
    due: str,
) -> bytes:
    net, tax, total = sums
    return documents.pdf(
        [
            _lines(
                "Invoice",
                [
                    "Fenwick Joinery, 4 Saw Lane, Holm",
                    f"Invoice number: {number}",
                    f"Invoice date: {date}",
                    "Customer: Holm Beekeepers",
                    *(f"{what}: {price}" for what, price in positions),
                    f"Net amount: {net}",
                    f"VAT 19 %: {tax}",
                    f"Total: {total}",
                    f"Due date: {due}",
                ],
            )
        ]
    )


def _minutes(title: str, present: str, excused: str, decisions: Sequence[str], then: str) -> bytes:
    return documents.docx(
        title,
        [
            (title, [f"Present: {present}", f"Apologies: {excused}"]),
            ("Decisions", decisions),
            ("End", [f"Next meeting: {then}"]),
        ],
    )


ODF = "urn:oasis:names:tc:opendocument:xmlns:"


def _odt(title: str, parts: Sequence[str | Sequence[Sequence[str]]]) -> bytes:
    body = f'<text:h text:outline-level="1">{title}</text:h>'
    for part in parts:
        body += f"<text:p>{part}</text:p>" if isinstance(part, str) else _odt_table(part)
    names = " ".join(f'xmlns:{name}="{ODF}{name}:1.0"' for name in ("office", "text", "table"))
    content = (
        f"<office:document-content {names}><office:body><office:text>{body}</office:text>"
        "</office:body></office:document-content>"
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        archive.writestr("content.xml", content)
    return out.getvalue()


def _odt_table(rows: Sequence[Sequence[str]]) -> str:
    told = "".join(
        "<table:table-row>"
        + "".join(f"<table:table-cell><text:p>{cell}</text:p></table:table-cell>" for cell in row)
        + "</table:table-row>"
        for row in rows
    )
    return f"<table:table>{told}</table:table>"
