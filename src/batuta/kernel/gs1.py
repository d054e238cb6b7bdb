"""GS1 keys: checked text for trade items (GTIN), places (GLN) and packages (SSCC)."""

from stdnum import ean
from stdnum.exceptions import ValidationError

from batuta.kernel.errors import Invalid

GLN_DIGITS = 13
SSCC_DIGITS = 18


def check_digit(digits: str) -> int:
    """Return the GS1 check digit for a key given without its last digit.

    Source: GS1 General Specifications, standard check digit calculation.

    Raises:
        Invalid: `digits` is empty or holds anything but 0-9.
    """
    if not (digits.isascii() and digits.isdigit()):
        raise Invalid("a GS1 key has only digits", digits=digits)
    return int(ean.calc_check_digit(digits))


def gtin(text: str) -> str:
    """Return the GTIN-8, -12, -13 or -14 without separators.

    Raises:
        Invalid: wrong length or check digit.
    """
    try:
        return str(ean.validate(text))
    except ValidationError as problem:
        raise Invalid("not a GTIN: wrong length or check digit", gtin=text) from problem


def gln(text: str) -> str:
    """Return the 13 digits of a place.

    Raises:
        Invalid: wrong length or check digit.
    """
    digits = text.replace(" ", "")
    if len(digits) != GLN_DIGITS or not digits.isdigit() or check_digit(digits[:-1]) != int(digits[-1]):
        raise Invalid("not a GLN: wrong length or check digit", gln=text)
    return digits


def sscc(company_prefix: str, serial: int, *, extension: int = 0) -> str:
    """Build the 18 digits of a package: extension, company prefix, serial, check digit.

    Raises:
        Invalid: the serial does not fit behind the prefix.
    """
    room = SSCC_DIGITS - 2 - len(company_prefix)
    if serial >= 10**room:
        raise Invalid("no SSCC is left behind this company prefix", company_prefix=company_prefix, serial=serial)
    digits = f"{extension}{company_prefix}{serial:0{room}d}"
    return f"{digits}{check_digit(digits)}"
