"""An OpenID Connect provider for the tests, built on Authlib; run as a process of its own.

It approves everybody at once, as the person that was last put to /control, and can be told there to do wrong:

    {"user": {...claims...}, "claims": {"nonce": "x", "sub": null}, "sign": "none" | "HS256" | "tampered" | "stranger",
     "token_status": 500, "discovery": {"issuer": "…"}, "thin": true, "deny": true, "rotate": true}

Prints its address when it listens.
"""

import base64
import hashlib
import hmac
import os
import sys
import time
from dataclasses import dataclass, field
from urllib.parse import unquote_plus

import jwt
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin
from authlib.oauth2.rfc6749.errors import AccessDeniedError
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc9207 import IssuerParameter
from authlib.oidc.core import OpenIDCode
from flask import Flask, jsonify, request
from joserfc.jwk import RSAKey
from werkzeug.serving import make_server

CLIENT_ID, SECRET = "assay", "a secret with: odd/characters%"


@dataclass
class Client(ClientMixin):
    def get_client_id(self):
        return CLIENT_ID

    def get_default_redirect_uri(self):
        return None

    def get_allowed_scope(self, scope):
        return scope

    def check_redirect_uri(self, redirect_uri):
        return redirect_uri == state.redirect_uri

    def check_client_secret(self, client_secret):
        # In basic authentication it is form-encoded (RFC 6749, section 2.3.1), which Authlib leaves to others.
        basic = state.auth_method == "client_secret_basic"
        return (unquote_plus(client_secret) if basic else client_secret) == SECRET

    def check_endpoint_auth_method(self, method, endpoint):
        return method == state.auth_method

    def check_response_type(self, response_type):
        return response_type == "code"

    def check_grant_type(self, grant_type):
        return grant_type == "authorization_code"


@dataclass
class Code:
    code: str
    user: dict
    redirect_uri: str
    scope: str
    nonce: str
    code_challenge: str
    code_challenge_method: str
    auth_time: int = field(default_factory=lambda: int(time.time()))

    def get_redirect_uri(self):
        return self.redirect_uri

    def get_scope(self):
        return self.scope

    def get_nonce(self):
        return self.nonce

    def get_auth_time(self):
        return self.auth_time

    def get_acr(self):
        return None

    def get_amr(self):
        return None


@dataclass
class State:
    issuer: str = ""
    redirect_uri: str = ""
    auth_method: str = "client_secret_basic"
    orders: dict = field(default_factory=dict)
    codes: dict = field(default_factory=dict)
    tokens: dict = field(default_factory=dict)
    fetched: list = field(default_factory=list)
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, auto_kid=True))

    @property
    def user(self):
        return self.orders.get("user", {"sub": "nobody"})


state = State()
app = Flask(__name__)


class CodeGrant(AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "client_secret_post")

    def save_authorization_code(self, code, request):
        data = request.payload.data
        state.codes[code] = Code(
            code,
            request.user,
            request.payload.redirect_uri,
            request.payload.scope,
            data.get("nonce"),
            data.get("code_challenge"),
            data.get("code_challenge_method"),
        )

    def query_authorization_code(self, code, client):
        return state.codes.get(code)

    def delete_authorization_code(self, authorization_code):
        del state.codes[authorization_code.code]

    def authenticate_user(self, authorization_code):
        return authorization_code.user


class IdTokens(OpenIDCode):
    def exists_nonce(self, nonce, request):
        return any(code.nonce == nonce for code in state.codes.values())

    def resolve_client_private_key(self, client):
        return state.key

    def get_client_algorithm(self, client):
        return "RS256"

    def get_encode_header(self, client):
        return {"alg": "RS256", "kid": state.key.kid}

    def get_client_claims(self, client):
        return {"iss": state.issuer, "aud": [CLIENT_ID]}

    def generate_user_info(self, user, scope):
        return {"sub": user["sub"]} if state.orders.get("thin") else dict(user)

    def encode_id_token(self, token, request):
        return disobeying(super().encode_id_token(token, request))


def disobeying(token):
    """What the provider said, changed as the test has ordered."""
    claims = jwt.decode(token, options={"verify_signature": False})
    now = int(time.time())
    for name, value in state.orders.get("claims", {}).items():
        claims[name] = now + value if name in ("exp", "iat") and isinstance(value, int) else value
        if value is None:
            del claims[name]
    headers = {"kid": state.key.kid}
    private, public = state.key.as_pem(private=True), state.key.as_pem(private=False)
    match state.orders.get("sign"):
        case "none":
            return jwt.encode(claims, None, "none", headers=headers)
        case "HS256":
            # The classic confusion: the public key, which everybody knows, as the shared secret.
            signing = jwt.encode(claims, "x" * 64, "HS256", headers=headers).rpartition(".")[0]
            return f"{signing}.{urlsafe(hs256(public, signing))}"
        case "stranger":
            return jwt.encode(claims, RSAKey.generate_key(2048).as_pem(private=True), "RS256", headers=headers)
        case "unpublished":
            return jwt.encode(claims, private, "RS256", headers={"kid": "unheard-of"})
        case "tampered":
            head, _, signature = jwt.encode(claims, private, "RS256", headers=headers).split(".")
            other = jwt.encode({**claims, "sub": "somebody else"}, private, "RS256", headers=headers).split(".")[1]
            return f"{head}.{other}.{signature}"
        case "garbage":
            return "not.a.token"
        case _:
            return jwt.encode(claims, private, "RS256", headers=headers)


def hs256(key, signing):
    return hmac.new(key, signing.encode(), hashlib.sha256).digest()


def urlsafe(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer(IssuerParameter):
    def get_issuer(self):
        return state.issuer


def remember(token, request):
    state.tokens[token["access_token"]] = request.user


server = AuthorizationServer(
    app, query_client=lambda client_id: Client() if client_id == CLIENT_ID else None, save_token=remember
)
server.register_grant(CodeGrant, [IdTokens(require_nonce=True), CodeChallenge(required=True)])
server.register_extension(Issuer())


@app.before_request
def note():
    state.fetched.append(request.path)


@app.get("/.well-known/openid-configuration")
def discovery():
    return jsonify(
        {
            "issuer": state.issuer,
            "authorization_endpoint": f"{state.issuer}/authorize?tenant=1",
            "token_endpoint": f"{state.issuer}/token",
            "jwks_uri": f"{state.issuer}/jwks",
            "userinfo_endpoint": f"{state.issuer}/userinfo",
            "token_endpoint_auth_methods_supported": [state.auth_method],
            "authorization_response_iss_parameter_supported": True,
            **state.orders.get("discovery", {}),
        }
    )


@app.get("/jwks")
def jwks():
    other = {"kty": "OKP", "crv": "unheard-of", "kid": "new"}
    shared = {"kty": "oct", "k": urlsafe(b"x" * 64), "kid": state.key.kid}
    return jsonify({"keys": [other, shared, state.key.as_dict(private=False)]})


@app.get("/authorize")
def authorize():
    if state.orders.get("deny"):
        grant = server.get_consent_grant()
        return server.handle_error_response(
            None, AccessDeniedError(state=request.args["state"], redirect_uri=grant.request.payload.redirect_uri)
        )
    return server.create_authorization_response(grant_user=state.user, grant=server.get_consent_grant())


@app.post("/token")
def token():
    if "token_status" in state.orders:
        return "broken", state.orders["token_status"]
    return server.create_token_response()


@app.get("/userinfo")
def userinfo():
    user = state.tokens[request.headers["authorization"].removeprefix("Bearer ")]
    return jsonify({**user, **state.orders.get("userinfo", {})})


@app.put("/control")
def control():
    state.orders = request.get_json()
    state.redirect_uri = state.orders.get("redirect_uri", state.redirect_uri)
    state.auth_method = state.orders.get("auth_method", state.auth_method)
    if state.orders.get("rotate"):
        state.key = RSAKey.generate_key(2048, auto_kid=True)
    return jsonify({})


@app.get("/control")
def fetched():
    return jsonify(state.fetched)


if __name__ == "__main__":
    os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # plain http
    listening = make_server("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 0, app, threaded=True)
    state.issuer = f"http://127.0.0.1:{listening.server_port}"
    sys.stdout.write(f"{state.issuer}\n")
    sys.stdout.flush()
    listening.serve_forever()
