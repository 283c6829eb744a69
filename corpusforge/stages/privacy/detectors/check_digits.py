"""Check digits of numbers that authorities give to persons and accounts, by the names that a detector file uses.

Each function gets the digits and letters of a number without separators, letters in upper case, and says whether the
number can exist: length and letters are the pattern's business.
"""

import datetime
from collections.abc import Callable, Sequence

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def luhn(number: str) -> bool:
    """Say whether the check digit of a card number is right (ISO/IEC 7812-1, annex B).

    >>> luhn("4111111111111111"), luhn("4111111111111112")
    (True, False)
    """
    total = 0
    for i, digit in enumerate(map(int, reversed(number))):
        total += digit if i % 2 == 0 else (2 * digit) % 10 + digit // 5
    return total % 10 == 0


def mod97(number: str) -> bool:
    """ISO 7064 mod 97-10 with the first four characters moved to the end (ISO 13616)."""
    return int("".join(str(int(c, 36)) for c in number[4:] + number[:4])) % 97 == 1


_TIMES = [[(a + b) % 5 if a < 5 else 5 + (a - 5 - b) % 5 for b in range(5)] for a in range(10)]
_TIMES = [row + [5 + (a + b) % 5 if a < 5 else (a - 5 - b) % 5 for b in range(5)] for a, row in enumerate(_TIMES)]
_TURN = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def verhoeff(number: str) -> bool:
    """Verhoeff 1969: the dihedral group of order ten.

    >>> verhoeff("2363"), verhoeff("2364")
    (True, False)
    """
    check = 0
    for i, digit in enumerate(map(int, reversed(number))):
        for _ in range(i % 8):
            digit = _TURN[digit]
        check = _TIMES[check][digit]
    return check == 0


def aadhaar(number: str) -> bool:
    """India: Verhoeff; no number begins with 0 or 1, none is a palindrome."""
    return number[0] > "1" and number != number[::-1] and verhoeff(number)


def dni(number: str) -> bool:
    """Spain: the letter of a DNI or NIE is the number modulo 23."""
    first = {"X": "0", "Y": "1", "Z": "2"}.get(number[0], number[0])
    return number[-1] == "TRWAGMYFPDXBNJZSQVHLCKE"[int(first + number[1:-1]) % 23]


_ODD = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)


def codice_fiscale(number: str) -> bool:
    """Italy: D.M. 23 dicembre 1976; the last letter is a weighted sum modulo 26."""
    values = [int(c) if c.isdigit() else _LETTERS.index(c) for c in number[:15]]
    total = sum(_ODD[value] if i % 2 == 0 else value for i, value in enumerate(values))
    return _LETTERS[total % 26] == number[15]


def _weighted(number: str, weights: Sequence[int]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(number, weights, strict=False))


def bsn(number: str) -> bool:
    """Netherlands: the test of eleven."""
    return int(number) > 0 and _weighted(number, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def pesel(number: str) -> bool:
    """Poland: a date of birth with the century in its month, and a weighted sum."""
    month = int(number[2:4])
    century = {0: 1900, 1: 2000, 2: 2100, 3: 2200, 4: 1800}[month // 20]
    if not _date(century + int(number[:2]), month % 20, int(number[4:6])):
        return False
    return _weighted(number, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0


def cpf(number: str) -> bool:
    """Brazil: two digits modulo 11; ten equal digits are nobody's."""
    for length in (9, 10):
        rest = _weighted(number[:length], range(length + 1, 1, -1)) * 10 % 11 % 10
        if rest != int(number[length]):
            return False
    return len(set(number)) > 1


def nhs(number: str) -> bool:
    """United Kingdom: modulo 11 of a number of the National Health Service."""
    return len(set(number)) > 1 and _weighted(number, range(10, 0, -1)) % 11 == 0


def nir(number: str) -> bool:
    """France: month and department, and the key of 97; Corsica has letters."""
    digits = number.replace("2A", "19").replace("2B", "18")
    month = int(number[3:5])
    return (1 <= month <= 12 or month >= 20) and int(digits[:13]) % 97 == 97 - int(digits[13:])


def steuer_id(number: str) -> bool:
    """Germany: ISO 7064 mod 11,10; of the first ten digits one or two repeat one digit."""
    counts = sorted(map(number[:10].count, "0123456789"))
    if number[0] == "0" or counts[-1] not in (2, 3) or counts[-2] > 1:
        return False
    product = 10
    for digit in map(int, number[:10]):
        product = ((digit + product) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == int(number[10])


def personnummer(number: str) -> bool:
    """Sweden: a date of birth (60 is added to the day of a coordination number) and Luhn over the last ten digits."""
    short = number[-10:]
    day = int(short[4:6])
    return _date(2000 + int(short[:2]), int(short[2:4]), day - 60 if day > 60 else day) and luhn(short)


def hetu(number: str) -> bool:
    """Finland: a date of birth and a character modulo 31."""
    digits = number[:6] + number[-4:-1]
    right = "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(digits) % 31] == number[-1]
    return right and _date(2000 + int(number[4:6]), int(number[2:4]), int(number[:2])) and int(digits[6:]) > 1


def resident_id(number: str) -> bool:
    """China: GB 11643, a date of birth and ISO 7064 mod 11-2."""
    if not _date(int(number[6:10]), int(number[10:12]), int(number[12:14])) or not 1850 < int(number[6:10]) < 2100:
        return False
    return "10X98765432"[_weighted(number[:17], [2**i % 11 for i in range(17, 0, -1)]) % 11] == number[17]


def ssn(number: str) -> bool:
    """USA: no area 000, 666 or from 900, no group 00, no serial 0000."""
    return number[:3] not in ("000", "666") and number[0] < "9" and number[3:5] != "00" and number[5:] != "0000"


def rijksregister(number: str) -> bool:
    """Belgium: 97 minus the first nine digits modulo 97, with a 2 in front for those born from 2000."""
    key = 97 - int(number[9:])
    return int(number[:9]) % 97 == key or int("2" + number[:9]) % 97 == key


def sin(number: str) -> bool:
    """Canada: Luhn; no number begins with 0 or 8."""
    return number[0] not in "08" and luhn(number)


def _date(year: int, month: int, day: int) -> bool:
    try:
        datetime.date(year, month, day)
    except ValueError:
        return False
    return True


CHECKS: dict[str, Callable[[str], bool]] = {
    check.__name__: check
    for check in (luhn, mod97, verhoeff, aadhaar, dni, codice_fiscale, bsn, pesel, cpf, nhs, nir, steuer_id,
                  personnummer, hetu, resident_id, ssn, rijksregister, sin)
}  # fmt: skip
