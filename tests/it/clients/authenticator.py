"""An authenticator in software, of Yubico's fido2: one question a line, one answer a line.

It does what it is told, also what no honest device would.
"""

import hashlib
import json
import os
import sys

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import ES256
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import Aaguid, AttestationObject, AttestedCredentialData, AuthenticatorData, CollectedClientData

KEYS = {}
FLAG = AuthenticatorData.FLAG


def flags(ask):
    return FLAG.UP | FLAG.UV if ask.get("verified", True) else FLAG.UP


def client_data(kind, ask, options):
    challenge = websafe_decode(ask.get("challenge", options["challenge"]))
    return CollectedClientData.create(type=kind, challenge=challenge, origin=ask["origin"])


def rp_hash(ask, name):
    return hashlib.sha256(ask.get("rp", name).encode()).digest()


def create(ask):
    options = ask["options"]["publicKey"]
    assert options["authenticatorSelection"]["userVerification"] == "required", options
    assert options["authenticatorSelection"]["residentKey"] == "required", options
    assert any(p["alg"] == ES256.ALGORITHM for p in options["pubKeyCredParams"]), options
    key, name = ec.generate_private_key(ec.SECP256R1()), os.urandom(32)
    KEYS[websafe_encode(name)] = {"key": key, "user": options["user"]["id"], "counter": 0}
    public = AttestedCredentialData.create(Aaguid.NONE, name, ES256.from_cryptography_key(key.public_key()))
    data = AuthenticatorData.create(rp_hash(ask, options["rp"]["id"]), flags(ask) | FLAG.AT, 0, public)
    response = {
        "clientDataJSON": websafe_encode(client_data("webauthn.create", ask, options)),
        "attestationObject": websafe_encode(AttestationObject.create("none", data, {})),
        "transports": ["internal"],
    }
    return answer(websafe_encode(name), response)


def get(ask):
    options = ask["options"]["publicKey"]
    assert options["userVerification"] == "required" and not options.get("allowCredentials"), options
    name = ask["key"]
    kept = KEYS[name]
    kept["counter"] = ask.get("counter", kept["counter"] + 1)
    data = AuthenticatorData.create(rp_hash(ask, options["rpId"]), flags(ask), kept["counter"])
    client = client_data("webauthn.get", ask, options)
    signed = data + client.hash if ask.get("honest", True) else client.hash + data
    response = {
        "clientDataJSON": websafe_encode(client),
        "authenticatorData": websafe_encode(data),
        "signature": websafe_encode(kept["key"].sign(bytes(signed), ec.ECDSA(hashes.SHA256()))),
        "userHandle": ask.get("user", kept["user"]),
    }
    return answer(name, response)


def answer(name, response):
    return {"id": name, "rawId": name, "type": "public-key", "response": response, "clientExtensionResults": {}}


for line in sys.stdin:
    asked = json.loads(line)
    print(json.dumps({"create": create, "get": get}[asked["do"]](asked)), flush=True)
