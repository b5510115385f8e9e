"""Signing one PUT many times over: this provider's signature, or AWS Signature Version 4 as botocore makes it.

The largest profile has two stages and a key that is derived in four steps, as Signature Version 4 has.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from benchmarks.data import PATH, record_id
from benchmarks.programs import Program

program = Program()
job = program.job
url = f"https://openapi.onlive.site{PATH}{record_id(0)}"
body = b'{"lang":"es"}'

sign: Callable[[], object]
if job["signer"] == "botocore":
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    auth = SigV4Auth(Credentials("KEY", "secret"), "onlive", "eu-west-1")

    def sign() -> object:
        """Sign as botocore does."""
        request = AWSRequest("PUT", url, {"Content-Type": "application/json"}, body)
        auth.add_auth(request)
        return request
else:
    from onlive_provider.client import signing

    LARGEST = signing.SigningProfile(
        r"AWS4-HMAC-SHA256\n{date}\n{day}/eu-west-1/onlive/aws4_request\n{canonical_request_hash}",
        r"{method}\n{path}\n{query}\ncontent-type:application/json\nhost:{host}\nx-onlive-site-date:{date}\n\n"
        r"content-type;host;x-onlive-site-date\n{body_sha256}",
        r"AWS4{secret}\n{day}\neu-west-1\nonlive\naws4_request",
    )
    profile = {"default profile": signing.SigningProfile(), "largest profile": LARGEST}[job["signer"]]
    credentials = signing.Credentials("KEY", "secret")

    def sign() -> object:
        """Sign as the client does."""
        return signing.sign(profile, credentials, method="PUT", url=url, body=body, now=time.time())


sign()
with program:
    for _ in range(job["times"]):
        sign()
