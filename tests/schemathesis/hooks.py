"""What schemathesis needs to reach this server's logic: callers of three kinds, real ids, a body type it does not know.

A generated request may end its own caller (a revoked device, a person who may no longer act): then that caller
signs in anew, and when that fails the sandbox is put back. Counts every answer and writes the sum at the end.
"""

import atexit
import base64
import collections
import json
import os
import random
import subprocess
import tempfile
import uuid

import requests
import schemathesis
from schemathesis.transport.requests import REQUESTS_TRANSPORT

BASE = os.environ["BLINDSPOT_BASE"]
CODES = json.loads(os.environ["BLINDSPOT_CODES"])
SUMMARY = os.environ["BLINDSPOT_SUMMARY"]
DICE = random.Random(int(os.environ["BLINDSPOT_SEED"]))

with open(os.environ["BLINDSPOT_VECTORS"]) as file:
    VECTORS = json.load(file)["ops"]

# Our own few requests would be throttled and counted like the generated ones; they are neither.
OURS = requests.Session()


def b64url(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


class Desk:
    """A person at a desk, by session cookie."""

    def __init__(self, login):
        self.login = login

    def headers(self):
        body = {"login": self.login, "password": f"sandbox {self.login}"}
        answer = OURS.post(f"{BASE}/v1/sessions", json=body, timeout=30, cookies={})
        OURS.cookies.clear()
        answer.raise_for_status()
        return {"Cookie": answer.headers["Set-Cookie"].split(";")[0], "Origin": BASE}


class Phone:
    """A person's phone, by access token."""

    def __init__(self, login):
        self.login = login

    def headers(self):
        with tempfile.TemporaryDirectory() as folder:
            key, text = f"{folder}/key.pem", f"{folder}/text"
            run = lambda *words: subprocess.run(["openssl", *words], check=True, capture_output=True).stdout
            run("genpkey", "-algorithm", "ed25519", "-out", key)
            public = b64url(run("pkey", "-in", key, "-pubout", "-outform", "DER")[-32:])
            with open(text, "w") as file:
                file.write(f"enrol\n{CODES[self.login]}\n{public}")
            proof = b64url(run("pkeyutl", "-sign", "-rawin", "-inkey", key, "-in", text))
        body = {"code": CODES[self.login], "key_alg": "EdDSA", "public_key": public, "proof": proof}
        answer = OURS.post(f"{BASE}/v1/devices/enrol", json=body, timeout=30)
        answer.raise_for_status()
        return {"Authorization": "Bearer " + answer.json()["tokens"]["access"], "x-device": answer.json()["device_id"]}


ADMINISTRATOR = Desk("administrator-1")
CALLERS = {
    "administrator": [ADMINISTRATOR],
    "auditor": [ADMINISTRATOR, Desk("auditor-1")],
    "signed_in": [Phone("collector-001"), Desk("supervisor-1")],
}
known = {}
ids = {}
statuses = collections.Counter()
reached = collections.Counter()
resets = 0


def put_back():
    global resets
    resets += 1
    OURS.post(f"{BASE}/v1/sandbox/reset", timeout=30).raise_for_status()
    known.clear()


def seed():
    """A case with a photo and an upload that has begun, so that there is something to find."""
    phone = known["collector-001"]
    headers = {"Authorization": phone["Authorization"]}
    case, photo = str(uuid.uuid4()), str(uuid.uuid4())
    sha = "ab" * 32
    common = {"device_id": phone["x-device"], "case_id": case, "schema": 1, "captured": {"wall_ms": 1}}
    form = {"working": {"sha256": sha, "bytes": 9}}
    ops = [
        {**common, "op_id": str(uuid.uuid4()), "device_seq": 1, "kind": "report", "payload": {"description": "x"}},
        {**common, "op_id": str(uuid.uuid4()), "device_seq": 2, "kind": "photo", "payload": {"photo_id": photo, "forms": form}},
    ]
    pushed = OURS.post(f"{BASE}/v1/sync/push", json={"ops": [json.dumps(op) for op in ops]}, headers=headers, timeout=30)
    pushed.raise_for_status()
    pairs = {"photo_id": photo, "form": "working", "sha256": sha}
    metadata = ",".join(f"{k} {base64.b64encode(v.encode()).decode()}" for k, v in pairs.items())
    tus = {**headers, "Tus-Resumable": "1.0.0", "Upload-Length": "9", "Upload-Metadata": metadata}
    created = OURS.post(f"{BASE}/v1/photos", headers=tus, timeout=30)
    created.raise_for_status()
    desk = {k: known["administrator-1"][k] for k in ("Cookie", "Origin")}
    people = OURS.get(f"{BASE}/v1/people", headers=desk, timeout=30).json()["items"]
    person = next(p for p in people if p["login"] == "clerk-env_san")
    ids.update({
        "/v1/cases": case,
        "/v1/photos/{id}/{form}": photo,
        "/v1/photos": created.headers["Location"].rsplit("/", 1)[1],
        "/v1/people": person["person_id"],
        "/v1/grants": person["grants"][0]["grant_id"],
    })


def credentials(caller):
    if "collector-001" not in known or "administrator-1" not in known:
        try:
            known["collector-001"] = CALLERS["signed_in"][0].headers()
            known["administrator-1"] = ADMINISTRATOR.headers()
        except requests.HTTPError:
            put_back()
            known["collector-001"] = CALLERS["signed_in"][0].headers()
            known["administrator-1"] = ADMINISTRATOR.headers()
        seed()
    if caller.login not in known:
        try:
            known[caller.login] = caller.headers()
        except requests.HTTPError:
            put_back()
            return credentials(caller)
    return known[caller.login]


def twisted(value):
    """A value of the golden vectors, now and then with something missing, doubled or of another type."""
    if isinstance(value, dict):
        return {k: twisted(v) for k, v in value.items() if DICE.random() > 0.05}
    if isinstance(value, list):
        return [twisted(v) for v in value for _ in range(DICE.choice((1, 1, 1, 1, 2)))]
    if DICE.random() < 0.05:
        return DICE.choice((None, True, -1, 2**63, 1.5, "", "\u4e2d" * 300, [], {}, "1e999", "not a word"))
    return value


def ops():
    """Ops of every kind on the case that is there, from the phone that is there."""
    out = []
    for _ in range(DICE.randrange(4)):
        vector = json.loads(DICE.choice(VECTORS)["body"])
        op = {**vector, "op_id": str(uuid.UUID(int=DICE.getrandbits(128))), "device_seq": DICE.randrange(1, 10_000)}
        op["payload"] = twisted(op["payload"])
        op.pop("depends_on", None)
        if "case_id" in op and DICE.random() < 0.8:
            op["case_id"] = ids["/v1/cases"]
        if DICE.random() < 0.9:
            op["device_id"] = known["collector-001"]["x-device"]
        out.append(json.dumps(twisted(op) if DICE.random() < 0.2 else op))
    return out


def deepen(case):
    """Generated text is no op: most pushes and desk actions get some that are."""
    if not isinstance(case.body, dict) or "/v1/cases" not in ids or DICE.random() < 0.3:
        return
    if case.operation.path == "/v1/sync/push" and "ops" in case.body:
        case.body["ops"] = ops()
    if case.operation.path == "/v1/cases/{id}/ops" and "kind" in case.body:
        vector = json.loads(DICE.choice(VECTORS)["body"])
        case.body.update(kind=vector["kind"], payload=twisted(vector["payload"]))


@schemathesis.hook
def before_call(context, case, kwargs):
    role = case.operation.definition.raw.get("x-role")
    path = case.operation.path
    case.headers = case.headers or {}
    if role in CALLERS:
        caller = DICE.choice(CALLERS[role])
        # Few calls go in as they were generated: with a made-up credential or none.
        if DICE.random() < 0.95:
            for name in ("Authorization", "Cookie", "Origin"):
                case.headers.pop(name, None)
            case.cookies = {}
            case.headers.update({k: v for k, v in credentials(caller).items() if k != "x-device"})
            case.headers["X-Caller"] = caller.login
    found = ids.get(path) or next((v for k, v in ids.items() if path.startswith(k + "/{id}")), None)
    if found and "id" in (case.path_parameters or {}) and DICE.random() < 0.7:
        case.path_parameters["id"] = found
    deepen(case)
    if "Tus-Resumable" in case.headers and DICE.random() < 0.9:
        case.headers["Tus-Resumable"] = "1.0.0"


@schemathesis.hook
def after_call(context, case, response):
    statuses[response.status_code] += 1
    caller = (case.headers or {}).get("X-Caller")
    if not caller:
        return
    ours = response.status_code not in (401, 403)
    reached["yes" if ours else "no"] += 1
    if not ours:
        known.pop(caller, None)


@REQUESTS_TRANSPORT.serializer("application/offset+octet-stream", "application/vnd.blindspot.hand-in")
def raw_bytes(ctx, value):
    return {"data": value if isinstance(value, bytes) else str(value).encode()}


def write_summary():
    with open(SUMMARY, "w") as file:
        json.dump({"calls": sum(statuses.values()), "statuses": dict(statuses), "reached": dict(reached), "resets": resets}, file)


atexit.register(write_summary)
