"""A server on this machine that speaks the wire form of TencentCloud's API, signatures included.

It is written from the API's documentation, apart from the SDK: a POST of JSON to `/`, headers X-TC-Action,
X-TC-Version, X-TC-Region, X-TC-Timestamp and X-TC-Token, `Authorization: TC3-HMAC-SHA256 ...`, and an answer
`{"Response": {..., "RequestId": ...}}`, with `Error: {Code, Message}` in it where the request is refused.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEYS = {
    "AKIDexample": "the-secret-key",
    "AKIDlent": "the-lent-key",
    "AKIDpoor": "the-poor-key",
    "AKIDbusy": "the-busy-key",
}
BUSY_FOR = 2
"""How many requests of the key AKIDbusy come too soon."""
TOKENS = {"AKIDlent": "the-lent-token"}
ROLE = "qcs::cam::uin/100002:roleName/dtsrun"
REGIONS = ("ap-guangzhou", "ap-beijing")
VERSIONS = {"cvm": "2017-03-12", "postgres": "2017-03-12", "sts": "2018-08-13"}

MACHINES = {
    ("ap-guangzhou", "ins-1"): {
        "PrivateIpAddresses": ["10.0.3.17"],
        "PublicIpAddresses": ["203.0.113.7"],
        "VirtualPrivateCloud": {"VpcId": "vpc-1"},
    },
    ("ap-beijing", "ins-2"): {"PrivateIpAddresses": ["10.8.0.2"], "VirtualPrivateCloud": None},
    ("ap-guangzhou", "ins-3"): {"PrivateIpAddresses": ["10.0.3.18", "10.0.9.18"]},
    ("ap-guangzhou", "ins-4"): {"PrivateIpAddresses": None},
}
OWN = {
    ("ap-guangzhou", "postgres-1"): [
        {"NetType": "public", "Ip": "", "Address": "pg.example.com", "Port": 20001, "Status": "opened"},
        {"NetType": "private", "Ip": "10.0.5.4", "Address": "", "Port": 5432, "Status": "opened"},
        {"NetType": "private", "Ip": "10.0.5.9", "Address": "", "Port": 5432, "Status": "closed"},
    ],
}
OTHERS = {
    ("ap-guangzhou", "postgres-2"): [{"NetType": "private", "Ip": "10.1.1.1", "Port": 5433, "Status": "opened"}],
}


class Refused(Exception):
    """What the API answers instead: a code, and words."""


@contextmanager
def running_api() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Give the server's address and the requests that it has seen."""
    seen: list[dict[str, Any]] = []

    class Api(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                response = answer(self.headers, body, seen)
            except Refused as refused:
                response = {"Error": {"Code": refused.args[0], "Message": refused.args[1]}}
            said = json.dumps({"Response": {**response, "RequestId": "3c140219-cfe9-470e"}}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def answer(headers: Any, body: bytes, seen: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the response to a request, once its signature is right."""
    key, service = _verified(headers, body)
    action, region = headers["X-TC-Action"], headers["X-TC-Region"]
    parameters = json.loads(body)
    seen.append({"key": key, "service": service, "action": action, "region": region, "parameters": parameters})
    if headers["X-TC-Version"] != VERSIONS[service]:
        raise Refused("InvalidParameterValue", f"the version {headers['X-TC-Version']} is not known")
    if region not in REGIONS:
        raise Refused("UnsupportedRegion", f"region {region} is not supported")
    if key == "AKIDbusy" and len(seen) <= BUSY_FOR:
        raise Refused("RequestLimitExceeded", "Your current request times equals to 21 in a second, limit is 20")
    if key == "AKIDpoor":
        raise Refused("UnauthorizedOperation", f"you are not authorized to perform operation ({service}:{action})")
    return ACTIONS[service, action](key, region, parameters)


def _verified(headers: Any, body: bytes) -> tuple[str, str]:
    """Check the signature as the documentation of TC3-HMAC-SHA256 says; return the key's id and the service."""
    form = r"TC3-HMAC-SHA256 Credential=([^/]+)/([^/]+)/([^/]+)/tc3_request, SignedHeaders=([^,]+), Signature=(\w+)"
    found = re.fullmatch(form, headers["Authorization"])
    if found is None:
        raise Refused("AuthFailure.InvalidAuthorization", "the authorization header is malformed")
    key, date, service, signed, signature = found.groups()
    if key not in KEYS:
        raise Refused("AuthFailure.SecretIdNotFound", f"The SecretId {key} is not found.")
    moment = int(headers["X-TC-Timestamp"])
    if abs(time.time() - moment) > 300 or datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d") != date:
        raise Refused("AuthFailure.SignatureExpire", "the signature has expired")
    lines = "".join(f"{name}:{headers[name].strip().lower()}\n" for name in signed.split(";"))
    canonical = f"POST\n/\n\n{lines}\n{signed}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{date}/{service}/tc3_request"
    text = f"TC3-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    secret = b"TC3" + KEYS[key].encode()
    for part in (date, service, "tc3_request"):
        secret = hmac.new(secret, part.encode(), hashlib.sha256).digest()
    if not hmac.compare_digest(hmac.new(secret, text.encode(), hashlib.sha256).hexdigest(), signature):
        raise Refused("AuthFailure.SignatureFailure", "the signature does not match")
    if headers.get("X-TC-Token") != TOKENS.get(key):
        raise Refused("AuthFailure.TokenFailure", "the token is not right")
    return key, service


def _instances(key: str, region: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    [name] = parameters["InstanceIds"]
    if not re.fullmatch(r"ins-\w+", name):
        raise Refused("InvalidInstanceId.Malformed", f"the instance id {name} is malformed")
    known = MACHINES.get((region, name))
    found = [] if known is None else [{"InstanceId": name, **known}]
    return {"TotalCount": len(found), "InstanceSet": found}


def _databases(key: str, region: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    [only] = parameters["Filters"]
    assert only["Name"] == "db-instance-id"
    [name] = only["Values"]
    ways = (OTHERS if key == "AKIDlent" else OWN).get((region, name))
    found = [] if ways is None else [{"DBInstanceId": name, "VpcId": "vpc-1", "DBInstanceNetInfo": ways}]
    return {"TotalCount": len(found), "DBInstanceSet": found}


def _regions(key: str, region: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {"TotalCount": len(REGIONS), "RegionSet": [{"Region": name} for name in REGIONS]}


def _role(key: str, region: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    if parameters["RoleArn"] != ROLE:
        raise Refused("ResourceNotFound.RoleNotFound", "role not exist")
    lent = {"TmpSecretId": "AKIDlent", "TmpSecretKey": KEYS["AKIDlent"], "Token": TOKENS["AKIDlent"]}
    return {"Credentials": lent, "ExpiredTime": int(time.time()) + int(parameters["DurationSeconds"])}


ACTIONS = {
    ("cvm", "DescribeInstances"): _instances,
    ("cvm", "DescribeRegions"): _regions,
    ("postgres", "DescribeDBInstances"): _databases,
    ("postgres", "DescribeRegions"): _regions,
    ("sts", "AssumeRole"): _role,
}
