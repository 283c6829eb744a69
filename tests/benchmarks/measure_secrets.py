"""Secrets in code: recall on planted keys, and what is found in code where nothing was planted.

    python tests/benchmarks/measure_secrets.py [--data ../shared/data] [--half dev|held|all] [--show N]

Files of DATA/code/code_dev.parquet, by halves of the repositories. A key is drawn by its provider's form (not by the
patterns of filters/pii.yaml: prefix, alphabet and length stand here again) and put on a line of its own into a file,
in a syntax of the file's language. Found means that the span covers the key. Hits in the untouched files are printed
per MB and type, with masked values; most are test keys of the projects themselves, so that they are an upper bound of
false hits.
"""

import argparse
import base64
import json
import random
import string
import zlib
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from corpusforge.stages.privacy.spans import find
from corpusforge.stages.privacy.types import make
from corpusforge.text import segment

TYPES = ("private_key", "jwt", "cloud_key", "token", "url_credentials", "assigned_secret")
BASE62 = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
URL64 = BASE62 + "-_"
LINES = ['{name} = "{value}"', "{name}: '{value}'", "export {NAME}={value}", 'const {name} = "{value}";']
LINES += ['"{name}": "{value}"', "{NAME}={value}", "// {name}: {value}", "config.set('{name}', '{value}')"]
ASSIGNMENTS = tuple(LINES)
LINES += ['client = Client("{value}")', "--header 'Authorization: Bearer {value}'"]


def _github(r: random.Random) -> str:
    body = "".join(r.choices(BASE62, k=30))
    check, digits = zlib.crc32(body.encode()), ""
    while check:
        check, digit = divmod(check, 62)
        digits = (string.digits + string.ascii_uppercase + string.ascii_lowercase)[digit] + digits
    return "ghp_" + body + digits.rjust(6, "0")


def _jwt(r: random.Random) -> str:
    parts = [json.dumps(x).encode() for x in ({"alg": "HS256", "typ": "JWT"}, {"sub": str(r.random()), "iat": 1})]
    parts.append(r.randbytes(32))
    return ".".join(base64.urlsafe_b64encode(p).decode().rstrip("=") for p in parts)


def _pem(r: random.Random) -> str:
    body = base64.encodebytes(r.randbytes(r.choice((121, 609, 1190)))).decode()
    return f"-----BEGIN RSA PRIVATE KEY-----\n{body}-----END RSA PRIVATE KEY-----"


def _drawn(prefix: str, alphabet: str, length: int, end: str = ""):  # type: ignore[no-untyped-def]
    return lambda r: prefix + "".join(r.choices(alphabet, k=length)) + end


def _base62(r: random.Random, length: int) -> str:
    return "".join(r.choices(BASE62, k=length))


KEYS = {
    "AWS access key": _drawn("AKIA", string.ascii_uppercase + "234567", 16),
    "Google API key": _drawn("AIza", URL64, 35),
    "GitHub": _github,
    "GitLab": _drawn("glpat-", URL64, 20),
    "Slack": lambda r: f"xoxb-{r.randint(10**11, 10**12)}-{r.randint(10**11, 10**12)}-{_base62(r, 24)}",
    "Stripe": _drawn("sk_live_", BASE62, 24),
    "SendGrid": lambda r: f"SG.{''.join(r.choices(URL64, k=22))}.{''.join(r.choices(URL64, k=43))}",
    "Twilio": _drawn("SK", HEX, 32),
    "npm": _drawn("npm_", BASE62, 36),
    "PyPI": _drawn("pypi-AgEIcHlwaS5vcmc", URL64, 140),
    "Hugging Face": _drawn("hf_", string.ascii_letters, 34),
    "OpenAI": lambda r: f"sk-{''.join(r.choices(BASE62, k=20))}T3BlbkFJ{''.join(r.choices(BASE62, k=20))}",
    "Shopify": _drawn("shpat_", HEX, 32),
    "DigitalOcean": _drawn("dop_v1_", HEX, 64),
    "Mailgun": _drawn("key-", HEX, 32),
    "JSON web token": _jwt,
    "private key": _pem,
    "address with password": lambda r: f"postgres://app:{''.join(r.choices(BASE62, k=12))}@db.corp.io:5432/x",
    "hex secret": _drawn("", HEX, 40),
    "AWS secret key": _drawn("", BASE62 + "+/", 40),
    "password": lambda r: "".join(r.choices(BASE62 + "!#%^*_+", k=14)),
}  # fmt: skip
NAMES = {"hex secret": "client_secret", "AWS secret key": "aws_secret_access_key", "password": "db_password"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--half", choices=("dev", "held", "all"), default="all")
    parser.add_argument("--show", type=int, default=0)
    arguments = parser.parse_args()
    rows = pq.read_table(arguments.data / "code" / "code_dev.parquet", columns=["text", "repo"]).to_pylist()
    if arguments.half != "all":
        rows = [row for row in rows if (zlib.crc32(row["repo"].encode()) & 1) == (arguments.half == "held")]
    texts = [row["text"] for row in rows if row["text"]]
    types = make("pii", TYPES)
    text = segment(pa.array(texts, pa.large_string()))
    megabytes = text.data.nbytes / 1e6
    untouched = find(text, types.detectors, [()] * len(texts))
    print(f"{len(texts)} files, {megabytes:.1f} MB ({arguments.half}); hits where nothing was planted:")
    for kind, count in sorted(Counter(types.names[s.kind] for s in untouched).items()):
        print(f"  {kind:18}{count:5}  {count / megabytes:.2f} per MB")
    for span in random.Random(0).sample(untouched, min(arguments.show, len(untouched))):
        print("   ", types.names[span.kind], bytes(text.data[span.start - 50 : span.end + 10]))
    r = random.Random(3)
    planted, keys = [], []
    for i in range(100 * len(KEYS)):
        kind = list(KEYS)[i % len(KEYS)]
        value = KEYS[kind](r)
        name = NAMES.get(kind, "api_key")
        line = r.choice(ASSIGNMENTS if kind in NAMES else LINES).replace("{value}", value)
        lines = r.choice(texts)[:20_000].split("\n")
        lines.insert(r.randint(0, len(lines)), line.replace("{name}", name).replace("{NAME}", name.upper()))
        planted.append("\n".join(lines))
        keys.append((kind, value))
    spans = find(segment(pa.array(planted, pa.large_string())), types.detectors, [()] * len(planted))
    values: dict[int, list[str]] = {}
    for span in spans:
        values.setdefault(span.document, []).append(span.value)
    found: Counter[str] = Counter()
    for i, (kind, value) in enumerate(keys):
        value = value.removeprefix("postgres://").partition("@")[0]
        found[kind] += any(value in v or v in value for v in values.get(i, []))
    print(f"recall on {len(keys)} planted keys: {sum(found.values()) / len(keys):.3f}")
    for kind in KEYS:
        print(f"  {kind:24}{found[kind] / 100:.2f}")


if __name__ == "__main__":
    main()
