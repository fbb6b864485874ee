"""Signing in by an OpenID Connect provider: authorization code with PKCE, state and nonce.

What the provider says counts when it is signed by a key of its own, issued for this console, for
this try of this browser, now (OpenID Connect Core 1.0, 3.1.3.7; RFC 7636; RFC 9207).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from f.millrace.core import config, db, errors, run_context
from f.millrace.tools import http
from f.millrace.trust import people
from scripts.console import sign_ins
from scripts.serving import guard

BACK = "/enter/oidc/back"
LASTS = timedelta(minutes=10)
SECONDS = 10.0
MOST_BYTES = 524_288
LEEWAY_SECONDS = 60
# Tries that nobody came back from are dropped when they end; more at once are no people.
MOST_OPEN = 10_000
# Only what is signed with a private key: a shared secret could be the provider's client's.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")


class AuthorizationRequest(NamedTuple):
    """Where the browser is sent, and the cookie that it has to bring back."""

    url: str
    cookie: str


class Provider(NamedTuple):
    """What the provider says of itself."""

    issuer: str
    authorize: str
    token: str
    keys: str
    methods: list[str]


def is_on() -> bool:
    """Tell whether people may sign in so."""
    return bool(config.settings().sign_in_oidc_issuer.strip())


def begin(address: str) -> AuthorizationRequest:
    """Begin a try and return where the browser is sent.

    Args:
        address: Where the browser reaches the console.
    """
    _refuse_off()
    provider, now = _discover(), run_context.now()
    state, cookie, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(4))
    db.execute("DELETE FROM sign_in_attempt WHERE expires_at < %s", [now])
    made = db.execute(
        "INSERT INTO sign_in_attempt (state, browser, nonce, verifier, created_at, expires_at)"
        " SELECT %s, %s, %s, %s, %s, %s WHERE (SELECT count(*) FROM sign_in_attempt) < %s",
        [_hash(state), _hash(cookie), nonce, verifier, now, now + LASTS, MOST_OPEN],
    )
    if not made:
        raise errors.NotAllowed("too many browsers sign in at once; try again in ten minutes")
    digest = hashlib.sha256(verifier.encode()).digest()
    asked = {
        "response_type": "code",
        "client_id": config.settings().sign_in_oidc_client,
        "redirect_uri": _back(address),
        "scope": "openid email profile",
        "state": state,
        "nonce": nonce,
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    joint = "&" if urlsplit(provider.authorize).query else "?"
    return AuthorizationRequest(f"{provider.authorize}{joint}{urlencode(asked)}", cookie)


def finish(given: Mapping[str, str], cookie: str, address: str, browser: str) -> str:
    """Sign in a browser that comes back from the provider and return the cookie of its session.

    Args:
        given: What stands behind the `?` of the address that it came back to.
        cookie: What `begin` had it keep.
        address: Where the browser reaches the console.
        browser: As it names itself.

    Raises:
        NotAllowed: This browser began no such try, or what the provider says does not count, or its
            person may not enter here.
        SourceFailed: The provider did not answer.
    """
    _refuse_off()
    attempt = _use_attempt(given.get("state", ""), cookie)
    if given.get("error"):
        said = given.get("error_description") or given["error"]
        raise errors.NotAllowed(f"the provider refused: {' '.join(said.split())[:200]}")
    provider = _discover()
    if given.get("iss", provider.issuer) != provider.issuer:
        raise errors.NotAllowed("the answer comes from another provider than it was asked of")
    if not given.get("code"):
        raise errors.NotAllowed("the provider sent no code back; sign in again")
    token = _exchange(provider, given["code"], attempt["verifier"], address)
    claims = _verify(provider, token)
    if not hmac.compare_digest(str(claims.get("nonce", "")), attempt["nonce"]):
        raise errors.NotAllowed("what the provider signed is for another try; sign in again")
    found = claims.get("groups")
    groups = [one for one in found if isinstance(one, str)] if isinstance(found, list) else []
    person = people.admit(_name_person(claims), str(claims.get("name") or ""), groups, "oidc")
    return sign_ins.begin(person["id"], browser, "oidc")


def _refuse_off() -> None:
    if not is_on() or not config.settings().sign_in_oidc_client:
        raise errors.NotAllowed(
            "signing in by OpenID Connect is off (settings sign_in_oidc_issuer,"
            " sign_in_oidc_client)"
        )


def _use_attempt(state: str, cookie: str) -> dict[str, Any]:
    """Return the try that comes back, which counts once, in the browser that began it."""
    now = run_context.now()
    row: dict[str, Any] | None = db.fetch_one(
        "UPDATE sign_in_attempt SET used_at = %s WHERE state = %s AND browser = %s AND used_at IS"
        " NULL AND expires_at > %s RETURNING nonce, verifier",
        [now, _hash(state), _hash(cookie), now],
    )
    if row is None:
        raise errors.NotAllowed(
            "this browser began no such sign-in, it was used already, or it is older than"
            f" {int(LASTS.total_seconds() // 60)} minutes; sign in again"
        )
    return row


def _discover() -> Provider:
    issuer = config.settings().sign_in_oidc_issuer.strip()
    found = _get_json(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    if found.get("issuer") != issuer:
        raise errors.NotAllowed(
            f"the provider names itself {str(found.get('issuer'))[:200]!r}, which is not the"
            " issuer of the settings (sign_in_oidc_issuer)"
        )
    methods = found.get("token_endpoint_auth_methods_supported")
    provider = Provider(
        issuer,
        str(found.get("authorization_endpoint") or ""),
        str(found.get("token_endpoint") or ""),
        str(found.get("jwks_uri") or ""),
        [str(one) for one in methods] if isinstance(methods, list) else ["client_secret_basic"],
    )
    for url in (provider.authorize, provider.token, provider.keys):
        _refuse_open_line(url)
    return provider


def _refuse_open_line(url: str) -> None:
    """Raise NotAllowed for an address whose traffic others could read and change."""
    try:
        parts = urlsplit(url)
        is_safe = parts.scheme == "https" or parts.hostname in guard.LOOPBACK
        is_safe = is_safe and "@" not in parts.netloc
    except ValueError:
        is_safe = False
    if not is_safe:
        raise errors.NotAllowed(f"the provider's address {url[:200]!r} is none of https")


def _exchange(provider: Provider, code: str, verifier: str, address: str) -> str:
    """Return the id token for a code."""
    settings = config.settings()
    client, secret = settings.sign_in_oidc_client, settings.sign_in_oidc_secret.get_secret_value()
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": _back(address),
        "code_verifier": verifier,
    }
    headers = {"content-type": "application/x-www-form-urlencoded"}
    if secret and "client_secret_basic" in provider.methods:
        pair = urlencode({"": client})[1:] + ":" + urlencode({"": secret})[1:]
        headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    else:
        form["client_id"] = client
        form |= {"client_secret": secret} if secret else {}
    try:
        page = _fetch(provider.token, body=urlencode(form).encode(), headers=headers)
    except errors.PageUnreadable as error:
        raise errors.NotAllowed(
            f"the provider did not take the code ({error.reason}); sign in again"
        ) from error
    token = _as_object(http.parse_json(page)).get("id_token")
    if not isinstance(token, str):
        raise errors.NotAllowed("the provider sent no id token; is its scope openid allowed?")
    return token


def _verify(provider: Provider, token: str) -> dict[str, Any]:
    """Return the claims of a token that the provider signed for this console, and that holds
    now.
    """
    import jwt

    client = config.settings().sign_in_oidc_client
    try:
        header = jwt.get_unverified_header(token)
        algorithm = str(header.get("alg"))
        if algorithm not in ALGORITHMS:
            raise errors.NotAllowed(f"what the provider said is signed with {algorithm[:20]!r}")
        key = _find_key(jwt.PyJWKSet.from_dict(_get_json(provider.keys)), header)
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            audience=client,
            issuer=provider.issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp", "iat", "iss", "aud", "sub"]},
        )
    except jwt.PyJWTError as error:
        raise errors.NotAllowed(f"what the provider said does not count: {error}") from error
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if claims.get("azp", None if several else client) != client:
        raise errors.NotAllowed("what the provider said is for another client of it")
    return claims


def _find_key(keys: Any, header: dict[str, Any]) -> Any:
    """Return the key that a header names; of a provider with one key, that one."""
    usable = [key for key in keys.keys if key.public_key_use in (None, "sig")]
    named = [key for key in usable if key.key_id == header.get("kid")]
    if len(named) == 1:
        return named[0]
    if "kid" not in header and len(usable) == 1:
        return usable[0]
    raise errors.NotAllowed("what the provider said is signed with a key that is none of its own")


def _name_person(claims: dict[str, Any]) -> str:
    claim = config.settings().sign_in_oidc_claim
    named = claims.get(claim)
    if not isinstance(named, str) or not named:
        raise errors.NotAllowed(
            f"the provider sent no claim {claim!r}, which names the person (setting"
            " sign_in_oidc_claim)"
        )
    if claim == "email" and claims.get("email_verified") is not True:
        raise errors.NotAllowed(
            f"the provider does not say that {named[:200]} was verified, so anybody could have"
            " written it; another claim can name people: setting sign_in_oidc_claim"
        )
    return named


def _get_json(url: str) -> dict[str, Any]:
    _refuse_open_line(url)
    return _as_object(http.parse_json(_fetch(url)))


def _as_object(said: Any) -> dict[str, Any]:
    if not isinstance(said, dict):
        raise errors.SourceFailed("the provider answered something else than an object")
    return said


def _fetch(url: str, **options: Any) -> http.Page:
    # Who runs the console named this provider, wherever it stands; what it names elsewhere has to
    # be public.
    own = urlsplit(config.settings().sign_in_oidc_issuer.strip()).netloc
    return http.fetch(
        url,
        accept="application/json",
        seconds=SECONDS,
        max_bytes=MOST_BYTES,
        allow=(own,),
        **options,
    )


def _back(address: str) -> str:
    return f"{address.rstrip('/')}{BACK}"


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
