"""The web pages of the example crawl: texts from material/web, dressed as the pages of six sites.

Every page says in `kind` what it is there for; the kinds other than "text" show what a pipeline has to deal with.
"""

import html
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

WEB = Path(__file__).parent / "web"

SITES = {
    "en": ("www.harbour-notes.example", "journal.greenlane.example"),
    "de": ("www.heimatblatt.example", "blog.feldweg.example"),
    "fr": ("www.carnet-du-sud.example", "blog.ruelle.example"),
    "es": ("www.cuaderno-abierto.example", "blog.acequia.example"),
    "ru": ("www.tetrad.example", "blog.tropinka.example"),
}
LABELS = {
    "en": "Home|About us|Archive|Contact|We use cookies to improve your visit. By clicking Accept you agree to "
    "the storing of cookies on your device.|Accept all|Reject|You may also like|All rights reserved|Share this page",
    "de": "Startseite|Über uns|Archiv|Kontakt|Wir verwenden Cookies, um Ihren Besuch angenehmer zu machen. Mit "
    "einem Klick auf Zustimmen sind Sie einverstanden.|Zustimmen|Ablehnen|Das könnte Sie auch interessieren|"
    "Alle Rechte vorbehalten|Seite teilen",
    "fr": "Accueil|Qui sommes-nous|Archives|Contact|Nous utilisons des cookies pour améliorer votre visite. En "
    "cliquant sur Accepter vous y consentez.|Tout accepter|Refuser|À lire aussi|Tous droits réservés|Partager",
    "es": "Inicio|Quiénes somos|Archivo|Contacto|Usamos cookies para mejorar su visita. Al pulsar Aceptar da su "
    "consentimiento.|Aceptar todo|Rechazar|También le puede interesar|Todos los derechos reservados|Compartir",
    "ru": "Главная|О нас|Архив|Контакты|Мы используем файлы cookie, чтобы сайт был удобнее. Нажимая кнопку, вы "
    "соглашаетесь с этим.|Принять|Отклонить|Читайте также|Все права защищены|Поделиться",
}
NAMES = {
    "en": "Martha Quill|Tom Ashby|Ines Fairweather|Old Mr. Dobbs|Priya Lund|Walter Keene",
    "de": "Frau Lindner|Herr Osterkamp|Jette Braun|Familie Wiegand|Anton Reuter|Ilse Krämer",
    "fr": "Madame Vasseur|Monsieur Lambert|Jeanne Morel|La famille Roche|Paul Girard|Lucie Perrin",
    "es": "Doña Carmen|Don Julián|Lucía Robles|La familia Peña|Andrés Molina|Rosa Vidal",
    "ru": "Анна Петровна|Мария Громова|Тётя Зина|Елена Орлова|Ольга Сергеевна|Вера Ильина",
}
PLACES = {
    "en": "Saltmere|Upper Wick|Thornby|Port Ellery|Ravenstow|Millbank",
    "de": "Neuenfelde|Bad Rehbach|Oberstetten|Lüttmoor|Sankt Veit|Altkirchen",
    "fr": "Montclair|Saint-Aubin|Roquebelle|Villeneuve|La Ferrière|Castelroux",
    "es": "Valdeflores|Torremedia|Puebla Nueva|Almadén Alto|Ribera Vieja|Peñarrubia",
    "ru": "Заречный|Белогорск|Соснино|Никольск|Озёрный|Верхний Лог",
}
MONTHS = {
    "en": "February|April|May|June|September|October",
    "de": "Februar|April|Mai|Juni|September|Oktober",
    "fr": "mars|mai|juin|juillet|septembre|novembre",
    "es": "febrero|abril|mayo|junio|septiembre|noviembre",
    "ru": "февраль|апрель|май|июнь|сентябрь|октябрь",
}
CHARSETS = {"blog.feldweg.example": "iso-8859-1", "www.tetrad.example": "windows-1251"}
NEAR_COPIES = (
    ("en", "tidal-pools"),
    ("en", "bread-oven"),
    ("en", "soil"),
    ("en", "dry-stone"),
    ("de", "kraniche"),
    ("de", "klavier"),
    ("fr", "moulin"),
    ("es", "salinas"),
)
EXACT_COPIES = (("en", "chess-club"), ("de", "deich"), ("ru", "samovar"))
CONTACTS = {
    ("en", "wooden-boats"): "Questions about winter storage? Write to martha.quill@example.com or call "
    "+1 202-555-0143. The deposit can be paid by card; the number 4111 1111 1111 1111 is printed on the sample form.",
    ("en", "weather-station"): "Readings are sent from the gauge at 192.0.2.44 to the server at 81.2.69.142 every "
    "night. Ask observer@rain.example.org for the tables or telephone +44 1632 960983.",
    ("de", "puppentheater"): "Karten gibt es unter kasse@puppen.example.net oder telefonisch unter +49 30 23125123, "
    "auch am Sonntag. Überweisungen bitte mit dem Vermerk Spende.",
}


@dataclass(frozen=True)
class Page:
    """One answer of a server in the crawl."""

    url: str
    kind: str
    body: bytes
    content_type: str = "text/html; charset=utf-8"
    status: str = "200 OK"


def pages(questions: dict[tuple[str, str], str]) -> list[Page]:
    """Return every page, in the order of the crawl; `questions` are evaluation items that leaked into a text."""
    found: list[Page] = []
    originals: dict[tuple[str, str], Page] = {}
    for language in SITES:
        topics, frames = _read(language)
        for number, (slug, (title, paragraphs)) in enumerate(topics.items()):
            key = (language, slug)
            paragraphs = [*paragraphs, *_framed(language, slug, frames, 0)]
            extra = [text for text in (questions.get(key), CONTACTS.get(key)) if text]
            kind = "leaked question" if key in questions else "contact data" if key in CONTACTS else "text"
            others = [t for t, _ in list(topics.values())[number - 3 : number]]
            page = _dressed(language, SITES[language][number % 2], slug, title, [*paragraphs, *extra], others)
            originals[key] = replace(page, kind=kind)
            found.append(originals[key])
            if key in NEAR_COPIES:
                changed = _reworded(paragraphs)
                if number % 2:
                    changed.append(_framed(language, slug, frames, 5)[0].partition(". ")[0] + ".")
                site = SITES[language][(number + 1) % 2]
                found.append(replace(_dressed(language, site, f"{slug}-2", title, changed, others), kind="near copy"))
    for language, slug in EXACT_COPIES:
        copied = originals[language, slug]
        found.append(replace(copied, url=copied.url.replace("https://", "https://mirror."), kind="exact copy"))
    return found + _unwanted()


def _read(language: str) -> tuple[dict[str, tuple[str, list[str]]], list[str]]:
    topics: dict[str, tuple[str, list[str]]] = {}
    for block in (WEB / f"{language}.txt").read_text(encoding="utf-8").removeprefix("== ").split("\n== "):
        head, _, text = block.partition("\n")
        slug, _, title = head.partition(" | ")
        topics[slug.strip()] = (title.strip(), [p.strip() for p in text.strip().split("\n\n")])
    frames = topics.pop("frames")[1][0].split("\n")
    return topics, frames


def _pick(options: str, key: str) -> str:
    # A checksum and not a random number: the same in every version of Python.
    parts = options.split("|")
    return parts[zlib.crc32(key.encode()) % len(parts)]


def _framed(language: str, slug: str, frames: list[str], start: int) -> list[str]:
    """Return two paragraphs of sentences about the visit, with names and places that differ from page to page."""
    first = (zlib.crc32(f"{language} {slug}".encode()) + start) % len(frames)
    sentences = []
    for i in range(4):
        key = f"{language} {slug} {start} {i}"
        sentences.append(
            frames[(first + 3 * i) % len(frames)].format(
                name=_pick(NAMES[language], key),
                place=_pick(PLACES[language], f"place {key}"),
                month=_pick(MONTHS[language], f"month {key}"),
                n=12 + zlib.crc32(f"n {key}".encode()) % 80,
            )
        )
    return [" ".join(sentences[:2]), " ".join(sentences[2:])]


def _reworded(paragraphs: list[str]) -> list[str]:
    """Return the text as somebody else passes it on: a comma gone, a word doubled."""
    changed = list(paragraphs)
    changed[0] = changed[0].replace(", ", " ", 1)
    words = changed[1].split(" ")
    changed[1] = " ".join([*words[:6], words[5], *words[6:]])
    return changed


def _dressed(language: str, site: str, slug: str, title: str, paragraphs: list[str], others: list[str]) -> Page:
    home, about, archive, contact, cookies, accept, reject, related, rights, share = LABELS[language].split("|")
    charset = CHARSETS.get(site, "utf-8")
    links = "".join(f'<li><a href="/{i}">{html.escape(t)}</a></li>' for i, t in enumerate(others))
    text = "\n".join(f"<p>{html.escape(p, quote=False)}</p>" for p in paragraphs)
    body = f"""<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="{charset}">
<title>{html.escape(title)} - {site}</title>
<link rel="stylesheet" href="/style.css">
<script>window.visits = (window.visits || 0) + 1; document.cookie = "seen=1; path=/";</script>
</head>
<body>
<div class="cookie-banner" role="dialog"><p>{cookies}</p><button>{accept}</button> <button>{reject}</button></div>
<header><a class="logo" href="/">{site}</a>
<nav><ul><li><a href="/">{home}</a></li><li><a href="/about">{about}</a></li><li><a href="/archive">{archive}</a></li>
<li><a href="/contact">{contact}</a></li></ul></nav></header>
<main><article>
<h1>{html.escape(title)}</h1>
{text}
</article></main>
<aside><h3>{related}</h3><ul>{links}</ul><div class="share"><a href="#">{share}</a></div></aside>
<footer><p>&copy; 2024 {site}. {rights}.</p></footer>
</body>
</html>
"""
    declared = "text/html" if charset == "iso-8859-1" else f"text/html; charset={charset}"
    return Page(f"https://{site}/{slug}", "text", body.encode(charset), declared)


def _unwanted() -> list[Page]:
    cities = [
        f"{a}{b}" for a in ("North", "South", "East", "West", "New", "Old") for b in ("ham", "ton", "ford", "port")
    ]
    watches = " ".join(f"buy cheap watches {c} best cheap watches online {c} discount watches sale" for c in cities)
    lists = "".join(f"<li>Locksmith {c} open now call today</li><li>Emergency locksmith {c}</li>" for c in cities)
    teasers = "".join(f"<p>You will not believe what happened in {c}...</p><p>Read more...</p>" for c in cities)
    filler = (
        "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore. " * 12
    )
    adult = (
        "Hot sexy singles, nude pics and xxx cams for adults only. Free porn videos, sexy girls, adult sex chat. " * 8
    )
    bodies = (
        ("spam", "watches.example/cheap", "Cheap watches", f"<p>{watches}</p>"),
        ("spam", "locksmith.example/all", "Locksmith", f"<ul>{lists}</ul>"),
        ("spam", "teaser.example/top", "Top stories", teasers),
        ("spam", "template.example/demo", "Demo page", f"<p>{filler}</p>"),
        ("adult", "nightcams.example/", "Adults only", f"<p>{adult}</p>"),
        (
            "too short",
            "www.harbour-notes.example/soon",
            "Soon",
            "<p>This page is under construction. Come back soon.</p>",
        ),
        ("too short", "blog.ruelle.example/test", "Test", "<p>Bonjour.</p>"),
    )
    found = [
        Page(
            f"https://{url}",
            kind,
            f"<!DOCTYPE html><html><title>{t}</title><body><h1>{t}</h1>{b}</body></html>".encode(),
        )
        for kind, url, t, b in bodies
    ]
    missing = (
        b"<!DOCTYPE html><html><title>404</title><body><h1>Not found</h1><p>There is no such page.</p></body></html>"
    )
    found.append(Page("https://www.harbour-notes.example/gone", "error", missing, status="404 Not Found"))
    found.append(Page("https://www.harbour-notes.example/logo.png", "image", png(12, 12), "image/png"))
    return found


def png(width: int, height: int) -> bytes:
    """Return a grey gradient as PNG, stored without compression: the same bytes with every version of zlib."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")

    rows = b"".join(b"\0" + bytes((x * 16 + y * 5) % 256 for x in range(width)) for y in range(height))
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes((8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 0)) + chunk(b"IEND", b"")
