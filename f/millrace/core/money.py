# requirements:

"""Amounts of money: exact decimals of US dollars, shown in one way everywhere."""

from decimal import ROUND_HALF_UP, Context, Decimal

# A cached token of the cheapest model costs some 1e-9 USD.
SMALLEST = Decimal("1e-9")
# Digits for whatever amount a mistake of others can name.
EXACT = Context(prec=100)
CENT = Decimal("0.01")
HUNDREDTH = Decimal("0.0001")


def usd(value: Decimal | float | str) -> Decimal:
    """Return an exact amount, to a billionth of a dollar."""
    return Decimal(str(value)).quantize(SMALLEST, ROUND_HALF_UP, EXACT)


def dollars(value: Decimal | float | str) -> str:
    """Return the amount as people read it, halves rounded up: `$1.50`;
    what is less than a cent, as `$0.0019`.
    """
    amount = usd(value)
    step = CENT if amount == 0 or abs(amount) >= CENT else HUNDREDTH
    return f"${amount.quantize(step, ROUND_HALF_UP)}"


def number(value: Decimal | float | str) -> float:
    """Return the amount as a JSON number, to a millionth of a dollar."""
    return float(usd(value).quantize(Decimal("1e-6"), ROUND_HALF_UP))
