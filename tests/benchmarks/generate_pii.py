"""Generated labelled texts: values of faker in ten locales, in sentences, inside real paragraphs, with hard negatives.

`generate(data, "dev")` and `generate(data, "held")` differ in everything: paragraphs (halves of DATA/bulk), sentences,
spellings of numbers, hard negatives and seed. Detectors are developed against `dev` only. Needs `pip install faker`.

A paragraph has no `@`, no word of 12 or more letters and digits mixed, and no seven digits in a row with separators:
what stands in it without a label is then no personal data. Each text has one to three values of one locale, and in
nine of ten texts one to three things that only look like one.
"""

import ipaddress
import random
import re
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
from faker import Faker
from labelled_pii import Labelled, Place

TEXTS = 3000
LOCALES = ["en_US", "en_GB", "de_DE", "fr_FR", "es_ES", "it_IT", "nl_NL", "pl_PL", "pt_BR", "sv_SE"]

# {} is the value. The first sentences of each type say what comes, the last do not.
SENTENCES: dict[str, dict[str, dict[str, list[str]]]] = {
    "dev": {
        "email": {"": ["Write to {}.", "E-mail: {}", "({})", "<{}>", "mailto:{}", "{} wrote:", "Ask {}, please."]},
        "ip": {"": ["from {} port 22", "IP address {}", "host={}", "[{}]", "blocked {} twice", "http://{}/index"]},
        "card": {"": ["card number {}", "Visa: {}", "paid with {} today", "{} exp 04/29"]},
        "iban": {"": ["IBAN: {}", "account {}", "transfer to {} today", "({})"]},
        "ssn": {"": ["SSN: {}", "social security number {}", "SSN {}", "her number is {}"]},
        "mac": {"": ["MAC address {}", "ether {} brd", "device {} joined"]},
        "phone": {
            "en": ["Call {}.", "Phone: {}", "tel. {}", "reach me at {}", "Fax {}"],
            "de": ["Telefon: {}", "Tel. {}", "Rufen Sie {} an", "Fax: {}"],
            "fr": ["Téléphone : {}", "Tél. {}", "appelez le {}"],
            "es": ["Teléfono: {}", "Tel. {}", "llame al {}"],
            "it": ["Telefono: {}", "Tel. {}", "chiamare {}"],
            "nl": ["Telefoon: {}", "Tel. {}", "bel {}"],
            "pl": ["Telefon: {}", "tel. {}"],
            "pt": ["Telefone: {}", "Tel. {}", "ligue para {}"],
            "sv": ["Telefon: {}", "Tel. {}", "ring {}"],
        },
        "es_dni": {"": ["DNI {}", "con NIF {}"]},
        "it_codice_fiscale": {"": ["codice fiscale {}", "C.F. {}"]},
        "nl_bsn": {"": ["BSN {}", "burgerservicenummer: {}"]},
        "pl_pesel": {"": ["PESEL {}", "nr PESEL: {}"]},
        "br_cpf": {"": ["CPF {}", "CPF nº {}"]},
        "se_personnummer": {"": ["personnummer {}", "Personnr {}"]},
        "fr_nir": {"": ["NIR {}", "n° de sécurité sociale {}"]},
    },
    "held": {
        "email": {"": ["contact:{};", "Reply-To: {}", '"{}"', "cc {} and the board", "{}\n", "at {}, thanks", "|{}|"]},
        "ip": {"": ["client {} - -", "ping {} failed", "addr:{}", "{},443", "peer {} closed", "ssh root {}"]},
        "card": {"": ["credit card {}", "charged to {}", "CC# {}", "Mastercard {}, thanks", "her card was {}."]},
        "iban": {"": ["IBAN {}", "Konto {}", "please pay into {} before", "IBAN={}"]},
        "ssn": {"": ["social security # {}", "SSN={}", "ssn is {}", "file {} shows", "SS# {}"]},
        "mac": {"": ["hwaddr={}", "{} (dynamic)", "BSSID {}"]},
        "phone": {
            "en": ["Mobile {}", "give us a ring on {}", "T: {}", "or phone {} now", "Telephone {}", "WhatsApp {}"],
            "de": ["Mobil: {}", "Telefonnummer {}", "erreichbar unter Tel.: {}"],
            "fr": ["Tél : {}", "Mobile {}", "joignable au {}", "par téléphone au {}"],
            "es": ["Tfno. {}", "móvil {}", "Contacto: {}", "tel: {}"],
            "it": ["cell. {}", "Tel: {}", "fax {}"],
            "nl": ["mobiel {}", "telefoonnummer {}", "tel: {}"],
            "pl": ["telefon {}", "zadzwoń: {}", "kom. {}"],
            "pt": ["celular {}", "fone: {}", "WhatsApp {}"],
            "sv": ["mobil {}", "telefonnummer {}", "tfn {}"],
        },
        "es_dni": {"": ["documento de identidad {}", "D.N.I.: {}"]},
        "it_codice_fiscale": {"": ["cod. fisc. {}", "nato a Roma, {}"]},
        "nl_bsn": {"": ["(BSN: {})", "mijn sofinummer is {}"]},
        "pl_pesel": {"": ["numer PESEL {}", "PESEL:{}"]},
        "br_cpf": {"": ["inscrito no CPF sob o nº {}", "portador do documento {}"]},
        "se_personnummer": {"": ["pers.nr {}", "Mitt personnummer är {}"]},
        "fr_nir": {"": ["numéro INSEE : {}", "assuré {}"]},
    },
}


def _digits(random_: random.Random, length: int, first: str = "123456789") -> str:
    return random_.choice(first) + "".join(random_.choice("0123456789") for _ in range(length - 1))


def _hex(random_: random.Random, length: int) -> str:
    return "".join(random_.choice("0123456789abcdef") for _ in range(length))


def _isbn(random_: random.Random) -> str:
    digits = "978" + _digits(random_, 9, "0123456789")
    total = sum(int(d) * (1 if i % 2 == 0 else 3) for i, d in enumerate(digits))
    return digits + str(-total % 10)


def _cut(value: str, sizes: list[int], sign: str) -> str:
    groups, at = [], 0
    for size in sizes:
        groups.append(value[at : at + size])
        at += size
    return sign.join([g for g in groups if g])


Maker = Callable[[random.Random], str]
NEGATIVES: dict[str, list[Maker]] = {
    "dev": [
        lambda r: f"version {r.randint(1, 20)}.{r.randint(0, 30)}.{r.randint(0, 9)}.{r.randint(0, 4000)} is out",
        lambda r: f"upgrade to v{r.randint(1, 9)}.{r.randint(0, 99)}.{r.randint(0, 99)}.{r.randint(0, 99)}",
        lambda r: f"Chrome/{r.randint(40, 130)}.0.{r.randint(1000, 6000)}.{r.randint(10, 200)} Safari/537.36",
        lambda r: f"ISBN {_isbn(r)}",
        lambda r: f"ISBN {_cut(_isbn(r), [3, 1, 4, 4, 1], '-')}",
        lambda r: (
            f"{r.randint(1990, 2026)}-0{r.randint(1, 9)}-{r.randint(10, 28)} {r.randint(10, 23)}:{r.randint(10, 59)}:00"
        ),
        lambda r: f"md5 {_hex(r, 32)}",
        lambda r: f"commit {_hex(r, 40)}",
        lambda r: f"order number {_digits(r, 10)}",
        lambda r: f"invoice {_cut(_digits(r, 9), [3, 2, 4], '-')}",
        lambda r: f"const MAX = {_digits(r, 19)};",
        lambda r: f"x = 0x{_hex(r, 8)}, y = {r.random():.16f}",
        lambda r: f"section {r.randint(1, 9)}.{r.randint(1, 9)}.{r.randint(1, 9)}.{r.randint(1, 9)}",
        lambda r: f"npm install foo@{r.randint(1, 9)}.{r.randint(0, 20)}.{r.randint(0, 20)}",
        lambda r: f"at {r.uniform(-90, 90):.6f}, {r.uniform(-180, 180):.6f}",
        lambda r: f"https://host.org/{_digits(r, 12)}/{_digits(r, 10)}.html",
        lambda r: f"std::array<int, {r.randint(1, 99)}>::iterator at 10:{r.randint(10, 59)}:{r.randint(10, 59)}",
        lambda r: "@property def x, @media screen, #a@b",
        lambda r: "see 192.168.0.1, 10.0.0.254 and 127.0.0.1",
    ],
    "held": [
        lambda r: f"firmware {r.randint(1, 9)}.{r.randint(0, 30)}.{r.randint(0, 99)}.{r.randint(0, 4000)}",
        lambda r: f"libfoo-{r.randint(1, 9)}.{r.randint(0, 99)}.{r.randint(100, 255)}.{r.randint(0, 99)}.tar.gz",
        lambda r: f"foo>={r.randint(1, 9)}.{r.randint(0, 99)}.{r.randint(0, 99)}.{r.randint(0, 99)}",
        lambda r: f"Windows NT build 10.0.{r.randint(10000, 22000)}.{r.randint(1, 999)}",
        lambda r: f"({_isbn(r)}, paperback)",
        lambda r: f"ISSN {_digits(r, 4)}-{_digits(r, 4)}",
        lambda r: (
            f"{r.randint(10, 28)}/0{r.randint(1, 9)}/{r.randint(1990, 2026)} {r.randint(10, 23)}.{r.randint(10, 59)}"
        ),
        lambda r: f"{r.randint(1990, 2026)}0{r.randint(1, 9)}{r.randint(10, 28)}T{r.randint(10, 23)}0000Z",
        lambda r: f"uuid {_cut(_hex(r, 32), [8, 4, 4, 4, 12], '-')}",
        lambda r: f"sha256:{_hex(r, 64)}",
        lambda r: f"your order #{_digits(r, 3)}-{_digits(r, 7)}-{_digits(r, 7)} shipped",
        lambda r: f"tracking 1Z{_digits(r, 6)}{_digits(r, 10)}",
        lambda r: f"ticket {_digits(r, 7)}, case no. {_digits(r, 9)}",
        lambda r: f"part no. {_cut(_digits(r, 9), [3, 2, 4], '-')}",
        lambda r: f"static const uint64_t k[] = {{{_digits(r, 16)}ULL, {_digits(r, 15)}ULL}};",
        lambda r: f"timestamp={_digits(r, 13, '1')} id={_digits(r, 16)}",
        lambda r: f"OID 1.3.6.1.4.1.{r.randint(1, 9999)}.{r.randint(1, 20)}",
        lambda r: f"${_digits(r, 3)},{_digits(r, 3)},{_digits(r, 3)} or {_cut(_digits(r, 9), [3, 3, 3], ' ')} EUR",
        lambda r: f"pp. {_digits(r, 3)}-{_digits(r, 3)}, vol. {r.randint(1, 90)}({r.randint(1, 9)})",
        lambda r: f"doi:10.{_digits(r, 4)}/s{_digits(r, 5)}-0{_digits(r, 2)}-{_digits(r, 5)}-{_digits(r, 1)}",
        lambda r: f"margin: {r.randint(0, 9)}.{_digits(r, 8)}px {_digits(r, 2)}.{_digits(r, 8)}%",
        lambda r: f"icon@{r.randint(2, 3)}x.png, lodash@^4.17.{r.randint(1, 21)}, user@localhost, @{_hex(r, 6)}",
    ],
}


def _card(fake: Faker, r: random.Random, which: str) -> str:
    value = fake.credit_card_number()
    sizes = {15: [4, 6, 5], 14: [4, 6, 4]}.get(len(value), [4, 4, 4, 4, 3])
    style = r.random()
    if style < 0.5 or len(value) in (12, 13):
        return value
    return _cut(value, sizes, " " if (style < 0.75) == (which == "dev") else "-")


def _iban(fake: Faker, r: random.Random) -> str:
    value = fake.iban()
    return value if r.random() < 0.5 else _cut(value, [4] * 9, " ")


def _address(fake: Faker, r: random.Random) -> str:
    while True:
        value = fake.ipv4_public() if r.random() < 0.7 else fake.ipv6()
        if ipaddress.ip_address(value).is_global and not ipaddress.ip_address(value).is_multicast:
            return str(value)


def _ssn(fake: Faker, r: random.Random) -> str:
    return str(fake.ssn())


NATIONAL: dict[str, tuple[str, Callable[[Faker], str]]] = {
    "es_ES": ("es_dni", lambda f: f.nif()),
    "it_IT": ("it_codice_fiscale", lambda f: f.ssn()),
    "nl_NL": ("nl_bsn", lambda f: f.ssn()),
    "pl_PL": ("pl_pesel", lambda f: f.pesel()),
    "pt_BR": ("br_cpf", lambda f: f.cpf()),
    "sv_SE": ("se_personnummer", lambda f: f.ssn(long=True, dash=True)),
    "fr_FR": ("fr_nir", lambda f: f.ssn()),
    "en_US": ("ssn", lambda f: f.ssn()),
}


def _values(fake: Faker, locale: str, r: random.Random, which: str) -> tuple[str, str]:
    kind = r.choice(
        ["email", "email", "ip", "ip", "card", "card", "iban", "phone", "phone", "phone", "mac", "ssn", "national"]
    )
    if kind == "email":
        return kind, r.choice([fake.email, fake.free_email, fake.company_email, fake.ascii_safe_email])()
    if kind == "ip":
        return kind, _address(fake, r)
    if kind == "card":
        return kind, _card(fake, r, which)
    if kind == "iban":
        return kind, _iban(fake, r)
    if kind == "phone":
        return kind, fake.phone_number()
    if kind == "mac":
        value = fake.mac_address()
        return kind, value if r.random() < 0.5 else value.upper().replace(":", "-")
    if kind == "ssn" or locale not in NATIONAL:
        return "ssn", _ssn(Faker("en_US") if locale != "en_US" else fake, r)
    name, make = NATIONAL[locale]
    return name, make(fake)


def _paragraphs(data: Path, which: str) -> list[str]:
    path = sorted((data / "bulk").glob("*.parquet"))[which == "held"]
    found = []
    for text in pq.read_table(path, columns=["text"])["text"].to_pylist():
        for part in text.split("\n\n"):
            part = part.strip()
            if 120 <= len(part) <= 700 and "@" not in part:
                mixed = re.search(r"(?=\w*\d)\w{12,}", part)
                if not mixed and not re.search(r"\d(?:[ ().+/-]{0,3}\d){6}", part):
                    found.append(part)
    return found


def generate(data: Path, which: str, texts: int = TEXTS) -> tuple[list[Labelled], list[str]]:
    """Return labelled texts and the language of each one's locale."""
    r = random.Random(f"{which} 1")
    Faker.seed(1 if which == "dev" else 2)
    fakes = {locale: Faker(locale) for locale in LOCALES}
    paragraphs = _paragraphs(data, which)
    made, languages = [], []
    for i in range(texts):
        locale = LOCALES[i % len(LOCALES)]
        language = locale[:2]
        sentences = re.split(r"(?<=[.!?]) ", r.choice(paragraphs))
        pieces: list[tuple[str, str, str]] = [(s, "", "") for s in sentences]  # sentence, value, type
        for _ in range(r.randint(1, 3)):
            kind, value = _values(fakes[locale], locale, r, which)
            by_language = SENTENCES[which][kind]
            sentence = r.choice(by_language.get("") or by_language[language])
            pieces.insert(r.randint(0, len(pieces)), (sentence, value, kind))
        if r.random() < 0.9:
            for _ in range(r.randint(1, 3)):
                pieces.insert(r.randint(0, len(pieces)), (r.choice(NEGATIVES[which])(r), "", ""))
        text = ""
        places: list[Place] = []
        for sentence, value, kind in pieces:
            if kind:
                start = len(text) + sentence.index("{}")
                places.append((start, start + len(value), kind))
                sentence = sentence.replace("{}", value)
            text += sentence + r.choice([" ", "\n", " "])
        made.append(Labelled(text, places))
        languages.append(language)
    return made, languages
