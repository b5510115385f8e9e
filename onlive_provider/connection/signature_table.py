r"""The signing profiles that ``onlive check --find-signature`` tries, as data.

Every choice has a price, the lower the likelier; a profile's price is the sum of its choices'. All that cost no more
than ``MOST`` are tried, the cheapest first. In all texts ``\n`` is a newline, as in a Connection.
"""

from __future__ import annotations

import hashlib
from itertools import permutations

Table = tuple[tuple[int, str], ...]
"""Choices with their prices."""

MOST = 3

NEWLINE = r"\n"

LIKELY_ORDERS = (
    (0, "method path query header body"),
    (0, "method path query date body"),
    (0, "date method path_query body"),
    (1, "method path_query date body"),
    (1, "date method path query body"),
    (1, "method date path query body"),
    (1, "method path date body"),
    (1, "date method path body"),
    (1, "method path_query header body"),
    (2, "method path date query body"),
    (2, "method date path_query body"),
    (2, "method date path body"),
    (2, "method path query body date"),
    (2, "method path_query body date"),
    (2, "method path body date"),
    (2, "method host path query date body"),
    (2, "access_key_id date method path_query body"),
    (2, "access_key_id date method path query body"),
    (2, "access_key_id method path query date body"),
    (2, "method path query host header body"),
    (2, "method path query body header"),
    (3, "method host path query header body"),
    (3, "host method path query date body"),
    (3, "method path query access_key_id date body"),
    (3, "date access_key_id method path_query body"),
    (3, "access_key_id date method path body"),
    (3, "access_key_id method path_query date body"),
    (3, "method path_query access_key_id date body"),
    (3, "method path query date access_key_id body"),
    (3, "path_query date body"),
    (3, "date path_query body"),
    (3, "access_key_id date body"),
    (3, "date access_key_id body"),
    (3, "date body"),
    (3, "date"),
    (3, "method url date body"),
    (3, "date method url body"),
    (3, "url date body"),
)
"""The parts of a string to sign of one stage, in their order."""

SCHEMES = (
    (0, "{unix_seconds}{method}{path_query}{body}"),
    (1, r"{method}\n{path}\n{query}\nhost:{host}\nx-onlive-site-date:{date}\n\nhost;x-onlive-site-date\nBODY"),
    (1, r"{method}\n{path}\n{query}\nhost:{host}\nx-onlive-site-date:{date}\nBODY"),
    (2, r"{method}\n{path}\n{query}\nx-onlive-site-date:{date}\n\nx-onlive-site-date\nBODY"),
    (1, r"{method}\n{path_query}\n{date};{host};{body_sha256_base64}"),
    (2, "{access_key_id}{date}{method}{path_query}BODY"),
    (2, r"{method_lower}\n{path}\n{query}\n{date}\nBODY"),
    (2, r"{unix_seconds}\n{method}\n{path_query}\nBODY"),
    (2, "{method}:{path_query}:{date}:BODY"),
    (2, r"ONLIVESITE-HMAC-SHA256\n{date}\n{method}\n{path}\n{query}\nBODY"),
    (2, r"(request-target): {method_lower} {path_query}\nhost: {host}\nx-onlive-site-date: {date}"),
)
"""Strings to sign of one stage that are no list of parts: as other vendors write them."""

ORDERS = (
    LIKELY_ORDERS
    + SCHEMES
    + tuple(
        (3, " ".join(order))
        for parts in ("method path query date body", "method path_query date body", "method path date body")
        for order in permutations(parts.split())
    )
)

SEPARATORS = ((0, NEWLINE), (1, ""), (1, "|"), (2, "&"), (2, ":"), (3, "."), (3, ","), (3, ";"), (3, " "), (3, "/"))

BODIES = (
    (0, "{body_sha256}"),
    (1, "{body}"),
    (1, "{body_hash}"),
    (2, ""),
    (2, "{body_sha256_base64}"),
    (3, "{body_md5}"),
    (3, "{body_md5_base64}"),
)
"""The forms of the body that a read tells apart; what only a write tells apart stands in ``BODY_FORMS``."""

HASHED_BODIES = ((0, "{body_hash}"), (0, "{body_sha256}"), (2, "{body}"))
"""The same for a canonical request."""

TIMES = ((0, "{date}"), (2, "{unix_seconds}"), (3, "{iso_time}"), (3, "{unix_ms}"), (3, "{http_date}"))
ENCODINGS = ((0, "hex"), (1, "base64"))
HASHES = ((0, "sha256"), (1, "sha512"), (3, "sha1"))
FRAMES = (
    (0, "STRING"),
    (3, r"STRING\n"),
    (3, r"ONLIVESITE\nSTRING"),
    (3, r"ONLIVESITE-HMAC-SHA256\nSTRING"),
    (3, r"{access_key_id}\nSTRING"),
)
"""What stands before and after the parts."""

KEYS = (
    (0, "{secret}"),
    (2, r"{secret}\n{day}"),
    (2, "{secret_from_base64}"),
    (2, r"ONLIVESITE{secret}\n{day}"),
    (2, r"ONLIVESITE{secret}\n{day}\nonlivesite_request"),
    (3, r"{secret}\n{date}"),
    (3, r"{secret}\n{day}\nonlivesite_request"),
    (3, "ONLIVESITE{secret}"),
    (3, r"ONLIVE{secret}\n{day}"),
    (3, r"ONLIVE{secret}\n{day}\nonlive_request"),
    (3, r"{secret}\n{day}\nonlive_request"),
    (3, r"{secret}\n{day_dashed}"),
    (3, r"AWS4{secret}\n{day}"),
    (3, r"AWS4{secret}\n{day}\naws4_request"),
    (3, "{secret_from_hex}"),
    (3, "{secret_sha256}"),
    (3, "{secret_base64}"),
    (3, r"ONLIVESITE4{secret}\n{day}\nonlivesite4_request"),
    (3, r"{secret}\n{access_key_id}"),
)

CANONICAL_REQUESTS = (
    (0, r"{method}\n{path}\n{query}\nhost:{host}\nx-onlive-site-date:{date}\n\nhost;x-onlive-site-date\nBODY"),
    (0, r"{method}\n{path}\n{query}\nx-onlive-site-date:{date}\n\nx-onlive-site-date\nBODY"),
    (0, r"{method}\n{path}\n{query}\nx-onlive-site-date:{date}\nBODY"),
    (0, r"{method}\n{path}\n{query}\nBODY"),
    (1, r"{method}\n{path}\n{query}\nhost:{host}\nx-onlive-site-date:{date}\nBODY"),
    (1, r"{method}\n{path}\n{query}\n{date}\nBODY"),
    (1, r"{method}\n{path}\n{query}\nx-onlive-site-date:{date}\n\nBODY"),
    (1, r"{method}\n{path}\n{query}\nhost:{host}\nx-onlive-site-date:{date}\n\nBODY"),
    (1, r"{method}\n{path_query}\nBODY"),
    (2, r"{method}\n{path}\n{query}\nhost:{host}\n\nhost\nBODY"),
    (2, r"{method}\n{path_query}\n{date}\nBODY"),
    (2, r"{method}\n{path_query}\nx-onlive-site-date:{date}\nBODY"),
    (2, r"{method}\n{path}\nBODY"),
    (2, r"{method}\n{path}\n{query}\n{host}\n{date}\nBODY"),
)
STRINGS_TO_SIGN = (
    (0, r"ALGORITHM\n{date}\n{canonical_request_hash}"),
    (0, r"{date}\n{canonical_request_hash}"),
    (1, r"ALGORITHM\n{date}\n{day}\n{canonical_request_hash}"),
    (1, r"ALGORITHM\n{date}\n{day}/onlivesite_request\n{canonical_request_hash}"),
    (1, "{canonical_request_hash}"),
    (1, r"x-onlive-site-date:{date}\n{canonical_request_hash}"),
    (2, r"ALGORITHM\n{date}\n{access_key_id}\n{canonical_request_hash}"),
    (2, r"ALGORITHM\n{canonical_request_hash}"),
    (2, r"{access_key_id}\n{date}\n{canonical_request_hash}"),
    (3, "{date}{canonical_request_hash}"),
)
ALGORITHMS = (
    (0, "ONLIVESITE-HMAC-HASH"),
    (1, "ONLIVESITE"),
    (1, "HMAC-HASH"),
    (1, "AWS4-HMAC-HASH"),
    (2, "ONLIVE-HMAC-HASH"),
    (2, "ONLIVESITE4-HMAC-HASH"),
    (2, "ONLIVESITE1-HMAC-HASH"),
)
TWO_STAGES = 1
"""What the second stage costs: no more, for the vendor calls its signature similar to AWS's, which has two."""

BRANDS = ("ONLIVESITE", "ONLIVE", "AWS4", "ONLIVESITE4", "ONLIVE4", "ONLIVESITE1")
SIMILAR_TO_AWS = 2
"""What a whole copy of AWS's scheme costs, each under the name of another brand."""
SCOPES = ("", r"{day}\n", r"{day}/REQUEST\n")
DERIVED_KEYS = (r"BRAND{secret}\n{day}\nREQUEST", r"BRAND{secret}\n{day}")

BODY_FORMS = (
    "{body_sha256}",
    "{body}",
    "",
    "{body_sha256_or_empty}",
    "{body_hash}",
    "{body_hash_or_empty}",
    "{body_sha256_base64}",
    "{body_sha256_base64_or_empty}",
    "{body_md5}",
    "{body_md5_or_empty}",
    "{body_md5_base64}",
    "{body_md5_base64_or_empty}",
    "{body_hash_base64}",
    "{body_hash_base64_or_empty}",
    "{body_base64}",
    "{body_length}",
    hashlib.sha256().hexdigest(),
)
"""Every form of the body, the likeliest first; the last is that of a server that never hashes it."""
