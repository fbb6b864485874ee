"""Signing in as who one is elsewhere: on a Windmill server, at an OpenID Connect provider."""

import base64
import hashlib
import json
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from f.millrace.core import db
from f.millrace.trust import audit, people
from scripts.console import oidc_sign_in, sign_ins, windmill_sign_in
from tests.console.conftest import HOST, OWN
from tests.tools.conftest import Reply, other_web  # noqa: F401

ANA = "ana@home.example"
KEYS = {name: rsa.generate_private_key(65537, 2048) for name in ("own", "stolen")}


def later(configure, **time_passed):
    configure(now=(datetime.now(UTC) + timedelta(**time_passed)).isoformat())


@pytest.fixture
def windmill(other_web, configure):  # noqa: F811
    """A Windmill server that knows one token; what it says of its person can be changed."""
    said = {"email": ANA, "username": "ana", "is_admin": False, "groups": ["all"]}
    other_web.said = said

    def whoami(asked):
        known = asked.headers.get("authorization") == "Bearer good"
        return Reply(json.dumps(said)) if known else Reply("Unauthorized", 401)

    other_web["/api/w/team/users/whoami"] = whoami
    configure(sign_in_windmill_url=other_web.address, sign_in_windmill_workspace="team")
    return other_web


def by_windmill(one, token="good", headers=OWN):
    return one.post("/enter/windmill", headers=headers, token=token)


def test_a_token_of_windmill_signs_in_who_is_listed(browser, windmill):
    people.add(ANA, "approver", by="ana")
    one = browser()

    answer = by_windmill(one)

    assert answer.headers["location"] == "/talk"
    assert one.get("/waiting").status_code == 200
    row = sign_ins.list_open(ANA)[0]
    assert row["way"] == "windmill" and b"good" not in bytes(row["sealed"])
    last = list(audit.rows())[-1]
    assert (last["kind"], last["detail"]["way"]) == ("sign_in.began", "windmill")


def test_windmills_own_cookie_signs_in_where_both_share_a_domain(browser, windmill):
    people.add(ANA, "reader", by="ana")
    one = browser()
    one.client.cookies.set("token", "good")

    assert by_windmill(one, token="").headers["location"] == "/talk"


@pytest.mark.parametrize(
    ("token", "said", "words"),
    [
        ("bad", {}, "does not know this token"),
        ("", {}, "no token of Windmill"),
        ("go\nod", {}, "no token of Windmill"),
        ("x" * 5000, {}, "no token of Windmill"),
        ("good", {}, "known there but not here"),
        ("good", {"disabled": True}, "switched off"),
        ("good", {"non_member": True}, "no member of the workspace team"),
        ("good", {"email": ""}, "no address"),
        ("good", {"email": "a b<script>"}, "no id of a person"),
    ],
)
def test_who_may_not_enter_by_windmill_is_told_why(browser, windmill, token, said, words):
    windmill.said.update(said)
    one = browser()

    answer = by_windmill(one, token)

    assert (
        answer.status_code in (400, 403) and words in answer.text and "<script>" not in answer.text
    )
    assert one.get("/runs").headers["location"] == "/enter"
    assert sign_ins.list_open(ANA) == []


def test_a_foreign_page_signs_nobody_in(browser, windmill):
    people.add(ANA, "reader", by="ana")

    answer = by_windmill(browser(), headers={"sec-fetch-site": "cross-site"})

    assert answer.status_code == 403 and "set-cookie" not in answer.headers


def test_both_ways_are_off_until_they_are_set(browser):
    one = browser()

    assert "Windmill" not in one.get("/enter").text
    assert by_windmill(one).status_code == 403
    for path in ("/enter/oidc", "/enter/oidc/back?state=a&code=b"):
        answer = one.get(path)
        assert answer.status_code == 403 and "sign_in_oidc_issuer" in answer.text


@pytest.mark.parametrize(
    ("said", "role"),
    [
        ({}, "reader"),
        ({"groups": ["all", "deciders"]}, "approver"),
        ({"is_admin": True, "groups": ["deciders"]}, "owner"),
        ({"operator": True}, "member"),
    ],
)
def test_the_role_of_who_is_not_listed_is_told_by_their_groups(
    browser, windmill, configure, said, role
):
    windmill.said.update(said)
    roles = {"*": "reader", "g/deciders": "approver", "admin": "owner", "operator": "member"}
    configure(sign_in_roles=json.dumps(roles))

    by_windmill(browser())

    assert people.get(ANA)["role"] == role
    assert {row["kind"] for row in audit.rows() if row["actor"] == "windmill"} == {"person.added"}


def test_a_role_by_groups_follows_them_and_one_given_here_stays(browser, windmill, configure):
    configure(sign_in_roles='{"g/all": "reader", "g/deciders": "approver"}')
    windmill.said["groups"] = ["deciders"]
    by_windmill(browser())
    assert people.get(ANA)["role"] == "approver"

    windmill.said["groups"] = ["all"]
    by_windmill(browser())
    assert people.get(ANA)["role"] == "reader"

    people.change_role(ANA, "member", by="ana")
    windmill.said["groups"] = ["deciders"]
    by_windmill(browser())
    assert people.get(ANA)["role"] == "member"


def test_who_was_removed_here_does_not_come_back_by_a_group(browser, windmill, configure):
    configure(sign_in_roles='{"*": "reader"}')
    one = browser()
    by_windmill(one)

    people.remove(ANA, by="ana")

    assert one.get("/runs").headers["location"] == "/enter"
    assert "was removed here" in by_windmill(browser()).text


def test_who_is_switched_off_in_windmill_is_out_within_minutes(browser, windmill, configure):
    people.add(ANA, "member", by="ana")
    one = browser()
    by_windmill(one)
    asked = len(windmill.asked)

    windmill.said["disabled"] = True
    later(configure, minutes=4)
    assert one.get("/runs").status_code == 200 and len(windmill.asked) == asked
    later(configure, minutes=6)

    assert one.get("/runs").headers["location"] == "/enter"
    assert list(audit.rows())[-1]["actor"] == "windmill"


def test_a_windmill_that_does_not_answer_ends_no_session(browser, windmill, configure):
    people.add(ANA, "member", by="ana")
    one = browser()
    by_windmill(one)

    windmill["/api/w/team/users/whoami"] = Reply("busy", 503)
    later(configure, minutes=6)

    assert one.get("/runs").status_code == 200
    assert by_windmill(browser()).status_code == 502


def test_a_session_that_windmill_has_not_confirmed_for_an_hour_ends(browser, windmill, configure):
    people.add(ANA, "member", by="ana")
    one, other = browser(), browser()
    by_windmill(one)
    by_windmill(other)

    later(configure, minutes=30)
    assert one.get("/runs").status_code == 200
    windmill["/api/w/team/users/whoami"] = Reply("busy", 503)
    later(configure, minutes=65)

    # It was confirmed half an hour before, the other one more than an hour before.
    assert one.get("/runs").status_code == 200
    assert other.get("/runs").headers["location"] == "/enter"
    assert list(audit.rows())[-1]["actor"] == "windmill"
    later(configure, minutes=95)
    assert one.get("/runs").headers["location"] == "/enter"


def test_a_token_that_names_another_person_now_ends_the_session(browser, windmill, configure):
    people.add(ANA, "member", by="ana")
    people.add("bob@home.example", "owner", by="ana")
    one = browser()
    by_windmill(one)

    windmill.said["email"] = "bob@home.example"
    later(configure, minutes=6)

    assert one.get("/runs").headers["location"] == "/enter"
    windmill_sign_in.check_again("none")


class Idp:
    """An identity provider on loopback that says what a test has it say."""

    def __init__(self, web):
        self.web, self.issuer = web, f"{web.address}/realm"
        self.claims, self.key, self.algorithm, self.kid = {}, "own", "RS256", "own"
        self.discovery = {}
        self.codes = {}
        web["/realm/.well-known/openid-configuration"] = self.discover
        web["/realm/keys"] = self.keys
        web["/realm/token"] = self.token

    def discover(self, asked):
        found = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        }
        return Reply(json.dumps(found | self.discovery))

    def keys(self, asked):
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEYS["own"].public_key()))
        return Reply(json.dumps({"keys": [public | {"kid": "own", "use": "sig"}]}))

    def authorize(self, url):
        """Return what the browser brings back after the person said yes."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        code = f"code{len(self.codes)}"
        self.codes[code] = asked
        return asked, {"state": asked["state"], "code": code}

    def token(self, asked):
        form = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
        begun = self.codes.pop(form["code"], None)
        pair = base64.b64encode(b"console:s%3Acret").decode()
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            begun is None
            or asked.headers.get("authorization") != f"Basic {pair}"
            or challenge != begun["code_challenge"]
            or form["redirect_uri"] != begun["redirect_uri"]
        ):
            return Reply('{"error": "invalid_grant"}', 400)
        now = int(time.time())
        said = {
            "iss": self.issuer,
            "aud": "console",
            "sub": "4711",
            "iat": now,
            "exp": now + 300,
            "nonce": begun["nonce"],
            "email": "Ana@home.example",
            "email_verified": True,
            "name": "Ana",
        }
        said = {name: value for name, value in (said | self.claims).items() if value is not None}
        key = "a shared secret of thirty-two bytes" if self.algorithm == "HS256" else KEYS[self.key]
        if self.algorithm == "none":
            key = None
        signed = jwt.encode(said, key, self.algorithm, headers={"kid": self.kid})
        return Reply(json.dumps({"id_token": signed, "token_type": "Bearer"}))


@pytest.fixture
def idp(other_web, configure):  # noqa: F811
    made = Idp(other_web)
    configure(
        sign_in_oidc_issuer=made.issuer, sign_in_oidc_client="console", sign_in_oidc_secret="s:cret"
    )
    return made


def by_oidc(one, idp, **changed):
    """Go to the provider and come back; return the console's answer."""
    sent = one.get("/enter/oidc")
    assert sent.status_code == 303, sent.text
    _, back = idp.authorize(sent.headers["location"])
    return one.get("/enter/oidc/back", params=back | changed)


def test_a_provider_signs_in_who_is_listed(browser, idp):
    people.add(ANA, "approver", by="ana")
    one = browser()

    answer = by_oidc(one, idp)

    assert answer.headers["location"] == "/talk"
    assert ANA in one.get("/people").text
    assert [row["way"] for row in sign_ins.list_open(ANA)] == ["oidc"]


def test_the_provider_is_asked_with_pkce_state_and_nonce(browser, idp):
    sent = browser().get("/enter/oidc")

    asked, _ = idp.authorize(sent.headers["location"])
    cookie = sent.headers["set-cookie"].lower()
    assert asked["redirect_uri"] == f"http://{HOST}/enter/oidc/back"
    assert asked["code_challenge_method"] == "S256" and len(asked["code_challenge"]) == 43
    assert asked["scope"] == "openid email profile" and len(asked["nonce"]) == 43
    assert "httponly" in cookie and "samesite=lax" in cookie and "path=/enter/oidc" in cookie
    assert asked["state"] not in str(db.fetch_all("SELECT * FROM sign_in_attempt"))


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"iss": "https://evil.example"}, "issuer"),
        ({"aud": "another"}, "udience"),
        ({"aud": ["console", "another"]}, "another client"),
        ({"azp": "another"}, "another client"),
        ({"exp": int(time.time()) - 3600}, "expired"),
        ({"iat": int(time.time()) + 3600}, "not yet valid"),
        ({"exp": None}, "exp"),
        ({"nonce": "of another try"}, "another try"),
        ({"nonce": None}, "another try"),
        ({"email_verified": False}, "verified"),
        ({"email_verified": None}, "verified"),
        ({"email": None}, "no claim"),
        ({"email": "eve@home.example"}, "known there but not here"),
    ],
)
def test_what_does_not_count_is_refused_in_words(browser, idp, claims, words):
    people.add(ANA, "owner", by="ana")
    idp.claims = claims
    one = browser()

    answer = by_oidc(one, idp)

    assert answer.status_code == 403 and words in answer.text
    assert one.get("/runs").headers["location"] == "/enter"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"key": "stolen"}, "does not count"),
        ({"key": "stolen", "kid": "stolen"}, "none of its own"),
        ({"algorithm": "HS256"}, "signed with"),
        ({"algorithm": "none"}, "signed with"),
    ],
)
def test_what_others_signed_is_refused(browser, idp, changed, words):
    people.add(ANA, "owner", by="ana")
    for name, value in changed.items():
        setattr(idp, name, value)

    answer = by_oidc(browser(), idp)

    assert answer.status_code == 403 and words in answer.text


@pytest.mark.parametrize(
    ("discovery", "words"),
    [
        ({"issuer": "https://evil.example"}, "is not the issuer"),
        ({"authorization_endpoint": "http://login.example/authorize"}, "none of https"),
        ({"token_endpoint": "javascript:alert(1)"}, "none of https"),
        ({"jwks_uri": "https://user@evil.example/keys"}, "none of https"),
    ],
)
def test_a_provider_that_says_something_else_of_itself_is_refused(browser, idp, discovery, words):
    idp.discovery = discovery

    answer = browser().get("/enter/oidc")

    assert answer.status_code == 403 and words in answer.text


def test_a_state_counts_once_and_in_its_own_browser_only(browser, idp, configure):
    people.add(ANA, "reader", by="ana")
    one, other = browser(), browser()
    _, back = idp.authorize(one.get("/enter/oidc").headers["location"])

    assert "began no such sign-in" in other.get("/enter/oidc/back", params=back).text
    other.get("/enter/oidc")
    assert "began no such sign-in" in other.get("/enter/oidc/back", params=back).text
    assert one.get("/enter/oidc/back", params=back).headers["location"] == "/talk"
    assert "began no such sign-in" in one.get("/enter/oidc/back", params=back).text

    _, back = idp.authorize(one.get("/enter/oidc").headers["location"])
    later(configure, minutes=11)
    assert "older than" in one.get("/enter/oidc/back", params=back).text


def test_the_providers_no_and_another_providers_yes_are_told(browser, idp):
    refused = by_oidc(browser(), idp, error="access_denied", error_description="<b>No</b>")
    mixed_up = by_oidc(browser(), idp, iss="https://evil.example")
    used = by_oidc(browser(), idp, code="none")

    assert refused.status_code == 403 and "&lt;b&gt;No" in refused.text
    assert "another provider" in mixed_up.text
    assert "did not take the code" in used.text


def test_a_foreign_host_gets_no_address_to_come_back_to(browser, idp, configure):
    assert browser().get("/enter/oidc", headers={"host": "evil.example"}).status_code == 421

    configure(console_url="https://console.example")
    sent = browser().get("/enter/oidc")

    asked, _ = idp.authorize(sent.headers["location"])
    assert asked["redirect_uri"] == "https://console.example/enter/oidc/back"
    assert "secure" in sent.headers["set-cookie"].lower()


def test_another_claim_and_groups_name_person_and_role(browser, idp, configure):
    configure(sign_in_oidc_claim="preferred_username", sign_in_roles='{"deciders": "approver"}')
    idp.claims = {"preferred_username": "eve", "groups": ["deciders", 7], "email_verified": False}

    by_oidc(browser(), idp)

    row = people.get("eve")
    assert (row["role"], row["role_by"], row["added_by"], row["name"]) == (
        "approver",
        "oidc",
        "oidc",
        "Ana",
    )


def test_strangers_fill_no_table(browser, idp, monkeypatch):
    monkeypatch.setattr(oidc_sign_in, "MOST_OPEN", 3)
    one = browser()

    answers = [one.get("/enter/oidc").status_code for _ in range(5)]

    assert answers == [303, 303, 303, 403, 403]
