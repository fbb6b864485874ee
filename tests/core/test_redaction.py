"""Secrets that the process knows, and all that looks like one, are masked in every place where
texts end up.
"""

import base64
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f.millrace.core import command_secrets, config, db, secret_formats
from f.millrace.core.redaction import MASK, redact
from scripts.benchmarks import redaction as samples
from scripts.checking import regexes
from tests import tiers

# Put together here, so that nobody's scanner takes this file for a leak.
SHAPED = {
    "openai": "sk-" + "proj-" + "Zq81" * 8,
    "anthropic": "sk-" + "ant-" + "api03-" + "Zq81" * 8,
    "stripe": "sk_" + "live_" + "Zq81" * 6,
    "github": "ghp_" + "Zq81" * 9,
    "github fine-grained": "github" + "_pat_" + "Zq81" * 9,
    "gitlab": "glpat-" + "Zq81" * 5,
    "hugging face": "hf_" + "Zq81" * 8,
    "npm": "npm_" + "Zq81" * 9,
    "slack": "xoxb-" + "1234567890-" + "Zq81" * 6,
    "slack hook": "https://hooks.slack.com/services/" + "T0000ZQ81/B0000ZQ81/" + "Zq81" * 6,
    "aws": "AKIA" + "ZQ81" * 4,
    "google": "AIza" + "Zq81" * 9,
    "sendgrid": "SG." + "Zq81" * 5 + "." + "Zq81" * 10,
    "telegram": "123456789:AA" + "Zq81" * 9,
    "jwt": "eyJ" + "hbGciOiJI" + ".eyJzdWIiOiIx." + "Zq81" * 5,
    "bearer": "Authorization: Bearer " + "Zq81" * 6,
    "basic": "authorization: Basic " + "bWU6aHVudGVy" * 2 + "Zq81==",
    "address": "postgresql://millrace:" + "Zq81hunter" + "@127.0.0.1/postgres",
    "address without user": "redis://:" + "Zq81hunter" + "@127.0.0.1:6379/0",
    "query": "https://news.example/a?q=x&api_key=" + "Zq81hunter" + "&page=2",
    "assignment": "the log said password=" + "Zq81hunter" + " and went on",
    "json": json.dumps({"outer": json.dumps({"client_secret": "Zq81hunter"})}),
    "signed address": "https://blob.example/f?sig=" + "Zq81hunter%3D",
    "private key": (
        "-----BEGIN RSA PRIVATE " + "KEY-----\nZq81Zq81\nZq81\n-----END RSA PRIVATE " + "KEY-----"
    ),
    "private key, cut": "-----BEGIN PRIVATE " + "KEY-----\nZq81Zq81",
}
OWN = {
    "MILLRACE_SMTP_URL": ("smtp://me:p%40ss-Zq81-word@mail.example:587", "p@ss-Zq81-word"),
    "MILLRACE_BRAVE_API_KEY": ("brave-Zq81-plain", "brave-Zq81-plain"),
    "MILLRACE_MCP_TOKENS": ('{"box": "mcp-Zq81-plain"}', "mcp-Zq81-plain"),
    "MILLRACE_MCP": (
        (
            '{"far": {"url": "http://far.example/mcp", "headers": {"X-Asks": "header-Zq81-plain",'
            ' "X-Too": "as ${FAR_WORD}"}}}'
        ),
        "header-Zq81-plain",
    ),
    "FAR_WORD": ("named-Zq81-plain", "named-Zq81-plain"),
    "OPENAI_API_KEY": ("openai-Zq81-plain", "openai-Zq81-plain"),
    "NEWS_TOKEN": ("news Zq81 plain", "news Zq81 plain"),
    "SOME_DATABASE_URL": ("postgresql://me:dbpassZq81@db.example/x", "dbpassZq81"),
    "AWS_SECRET_ACCESS_KEY": ("awsZq81awsZq81", "awsZq81awsZq81"),
}


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Texts, each with a secret that holds `Zq81` in it."""
    for name, (value, _) in OWN.items():
        monkeypatch.setenv(name, value)
    config.reload()
    return [*SHAPED.values(), *(f"it said {secret} here" for _, secret in OWN.values())]


@pytest.mark.parametrize("kind", SHAPED)
def test_what_looks_like_a_secret_is_masked(kind: str) -> None:
    masked = redact(f"before {SHAPED[kind]} after")

    assert (
        "Zq81" not in masked
        and "ZQ81" not in masked
        and MASK in masked
        and masked.startswith("before ")
    )


def test_own_secrets_are_masked_in_the_spellings_in_which_they_travel(planted: list[str]) -> None:
    spellings = [
        "p@ss-Zq81-word",
        "p%40ss-Zq81-word",
        "news%20Zq81%20plain",
        "news+Zq81+plain",
        "bmV3cyBacTgxIHBsYWlu",
    ]

    assert [redact(f"x {spelling} y") for spelling in spellings] == [f"x {MASK} y"] * 5


def test_values_under_telling_names_are_masked_at_any_depth() -> None:
    masked = redact(
        {
            "headers": [{"Authorization": "x", "accept": "y"}],
            "db": {"password": "z"},
            "client_secret": ["a", "b"],
            "tokens": 7,
        }
    )

    assert masked == {
        "headers": [{"Authorization": MASK, "accept": "y"}],
        "db": {"password": MASK},
        "client_secret": [MASK, MASK],
        "tokens": 7,
    }


@pytest.mark.parametrize("name", ["password", "api_key", "session-token", "token", "cookie"])
def test_what_is_no_text_under_a_telling_name_stays(name: str) -> None:
    for value in (7, None, "", [], True, {"count": 3}, [{"count": 3}]):
        assert redact({name: value}) == {name: value}
    assert redact({name: "x"}) == {name: MASK} and redact({name: ("x", "y")}) == {name: [MASK] * 2}


@pytest.mark.parametrize("name", ["tokens", "cookies", "author", "key", "id", "tokenizer"])
def test_a_name_that_tells_nothing_masks_nothing(name: str) -> None:
    assert redact({name: "x"}) == {name: "x"}


def test_every_kind_of_value_is_redacted() -> None:
    secret = "api_key=" + "Zq81hunter"

    assert redact(secret.encode()) == f"api_key={MASK}"
    assert redact((secret, {secret: 1})) == [f"api_key={MASK}", {f"api_key={MASK}": 1}]
    assert redact({secret}) == redact(frozenset([secret])) == [f"api_key={MASK}"]
    assert redact(3.5) == 3.5 and redact(None) is None and redact(b"\xff") == "\ufffd"


@pytest.mark.parametrize(("secret", "masked"), [("abcd5", False), ("abcd56", True)])
def test_a_secret_of_few_letters_is_none(
    secret: str, masked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEWS_TOKEN", secret)
    config.reload()

    assert redact(f"x {secret} y") == (f"x {MASK} y" if masked else f"x {secret} y")


def test_the_longer_of_two_secrets_is_masked_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWS_TOKEN", "hunter7")
    monkeypatch.setenv("MAIL_TOKEN", "hunter7-of-the-north")
    config.reload()

    assert redact("x hunter7-of-the-north y hunter7") == f"x {MASK} y {MASK}"


def test_names_are_masked_too(planted: list[str]) -> None:
    assert redact({"brave-Zq81-plain": 1}) == {MASK: 1}


@pytest.mark.parametrize(
    "text",
    [
        "the token count was 812 at https://news.example/a",
        "Passwords: people still choose bad ones, a study says",
        "The secret: patience. Bearer bonds and basic chemistry are in fashion",
        "sk-learn and scikit-learn are one; the risk-averse ask-me-anything went on",
        "see https://news.example/2026/11/21/the-key-to-cheap-batteries?page=2&utm_source=x#part",
        (
            "mail ada@example.org, call +44 20 7946 0000, paper 2301.00001, run"
            " 1fc975eb-692d-4a15-81dd-747e47ab13ae"
        ),
        (
            "ev_0123456789abcdef cites sha256"
            " 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
        ),
    ],
)
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert redact(text) == text


STAND_INS = [
    'client_secret: "secret"', '{"client_secret": "my-client-secret-2"}', "API_KEY=your-api-key",
    'password = "changeMe"', "PASSWORD=change-me-please", "DB_PASS=CHANGE_THIS", 'token = "12345"',
    'JSESSIONID", "1234"', 'access_token: "token-from-query"', "PASSWORD=••••••••",
    "password: xxxx",
    'SEC_KEY1 = "Sec-Key1"', 'String SEC_WEBSOCKET_KEY2 = "Sec-WebSocket-Key2"',
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Idempotency-Key: 8e03978e40d54dd3bc936894a57f",
    "PASSWORD=<your password>", "password: ${DB_PASSWORD}", "postgres://ada:********@db.example/x",
    "withCredentials: defaultToConfig2,", "clientSecret: process.env.CLIENT_SECRET!,",
    "Auth authorization = TestOAuth2Authorizations", '"next-auth": "workspace:*",',
    "['auth', 'throttle:6,1']", "'password' => 'required|min:8|confirmed',",
    'new Token("ada", "password", "ROLE_1", "ROLE_2")', "Set-Cookie: key=val; Path=/",
    "Authorization: Basic dXNlcjpwYXNzd29yZA==", 'add("csrf_token", "SameSite=Lax")',
    "id-token: write", "has_secure_password :untracked", '{"key": "1970-01-01T00:00:00Z"}',
    'log("api-key="+redact.Prefix(key2)+" start")', '{"password": "Passwort", "token": "Token"}',
    'a password is "uncompromised" only later', "https://[2001:db8::1@a]",
]  # fmt: skip


@pytest.mark.parametrize("text", STAND_INS)
def test_what_stands_for_a_secret_is_none(text: str) -> None:
    assert redact(text) == text


WEAK = ["password123", "s3cr3t", "Passw0rd!", "1234", "1111", "qwerty1", "Admin2026", "Summer#1"]


@pytest.mark.parametrize("password", WEAK)
@pytest.mark.parametrize(
    "place",
    [
        "PASSWORD=@", "export DB_PASSWORD=@", "DB_PASSWORD='@'", "- POSTGRES_PASSWORD=@",
        "password=@", "password = @", "password: @", "  password: '@'", "db.password=@",
        "host=db user=ada password=@ port=5432", "Uid=ada;Pwd=@;", 'password = "@"',
        '{"password": "@"}', "{'passwd': '@'}", '{"outer": "{\\"dbPassword\\": \\"@\\"}"}',
        "'password' => '@',", "define('DB_PASSWORD', '@');", "<password>@</password>",
        '<add key="Password" value="@" />', "- name: DB_PASSWORD\n  value: @",
        "mysql -u ada --password=@", "mysql -u ada -p@ news", "curl -u ada:@ https://a.example",
        'tool --password "@"', "postgres://ada:@@db.example/x", "auth=('ada', '@')",
        "CREATE USER ada IDENTIFIED BY '@'", "machine git.example login ada password @",
        "https://news.example/a?password=@&page=2", "the password is @",
    ],
)  # fmt: skip
def test_a_weak_password_is_a_password(place: str, password: str) -> None:
    password = password.replace("#", "%23") if "://" in place else password
    before, _, after = place.partition("@")

    masked = redact(before + password + after)
    assert password not in masked and MASK in masked and masked.endswith(after)


@pytest.mark.parametrize(
    "text",
    [
        "postgres://postgres:postgres@localhost:5432/db", "amqp://guest:guest@mq.example",
        "POSTGRES_PASSWORD=postgres", "MYSQL_ROOT_PASSWORD: root", "mysql --password=root -u root",
        '{"password": "root"}', "AUTH_SECRET=abc123", "SECRET_KEY=s3cr3t",
        "Authorization: Basic " + base64.b64encode(b"admin:admin").decode(),
        "password=1985-04-12", 'password = "Password!"', "password=!@#$%^&*",
    ],
)  # fmt: skip
def test_a_password_that_everybody_tries_first_is_masked(text: str) -> None:
    assert MASK in redact(text)


@pytest.mark.parametrize("word", ["sesame", "herring", "wheelbarrow"])
@pytest.mark.parametrize(
    "place",
    [
        "PGPASSWORD=@", "password=@&page=2", "password: @", "- db_password: @", "smtp_pass: @",
        'password = "@"', '{"password": "@"}', "'password' => '@',", "define('DB_PASSWORD', '@');",
        "<password>@</password>", "postgres://ada:@@db.example/x", "mysql -u ada -p@ news",
        'tool --password "@"', "X-Api-Key: @", "CREATE USER ada IDENTIFIED BY '@'",
        "machine git.example login ada password @", "auth=('ada', '@')",
    ],
)  # fmt: skip
def test_small_letters_are_a_password_where_only_a_value_can_stand(place: str, word: str) -> None:
    before, _, after = place.partition("@")

    assert word not in redact(before + word + after)


@pytest.mark.parametrize(
    "text",
    [
        "the password is sesame-shaped", "password: sesame and more of it", "token: comment",
        "password: sesame,", "use --password to be asked", "login(password=sesame)",
    ],
)  # fmt: skip
def test_small_letters_are_a_word_elsewhere(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("variable", ["PWD", "OLDPWD", "GOOGLE_APPLICATION_CREDENTIALS"])
def test_a_variable_that_says_where_something_is_holds_no_secret(
    variable: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "a-folder-of-run-20261130-7f3a9c"
    folder.mkdir()
    monkeypatch.setenv(variable, str(folder))
    config.reload()

    for text in (f"no such file: '{folder}/notes.md'", f"token {folder}/a2/b3C4d5: denied"):
        assert redact(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "npm-check-updates-interactive is a tool for packages",
        "see https://blog.example/npm-supply-chain-attack-explained for more",
        "the sk-learn-contrib-extension project joins pk-fire-and-rk-ice-forever",
        "Basic Input/Output System and Basic Education/Training programmes",
        "Signature: Ed25519, Signature: 8a477f597d28d172789f06886806bc55",
        "token_count: 81920, max_tokens=4096, next_page_token=abc123def456",
        "def login(password: str, token: SecretStr, key: bytes32 = b'') -> None:",
        "secretAccessKey: awsSecretAccessKey, session: AsyncLiveSessionResource,",
        "password = getpass.getpass('password: ')",
        '"jsonwebtoken": "^9.0.2", "pbkdf2-password": "1.2.1", "csrf-token": "2.0.0-beta.1",',
        "authorization: Optional[str] = None, token = oauth2.Token{Kind: x2}",
        "$token = $this->getTokenForRequest($request);",
        'token := os.Getenv("API_TOKEN")',
        "client(api_key=api_key2, password=password2, token=self.token2)",
        "API_KEY=$OTHER_KEY and TOKEN=${TOKEN2} and PASSWORD=<password> and PGPASSWORD=xxxxxxxx",
        "use --api-key KEY or --token-file path/to/file2, --password to be asked",
        "[`registry.token`]: config.md#registrytoken2",
        "private_key: /etc/ssl/private/box1.pem",
        "if password == 'hunter2x':",
        "Das Passwort: mindestens 8 Zeichen. La contraseña: al menos 8 caracteres.",
        "Le mot de passe est 8 fois plus long; пароль: не менее 8 знаков; 密码至少8位",
        "postgresql://user:password@localhost/db, https://git@git.example:22/x, http://h:80/a@b",
        "-----BEGIN PRIVATE KEY----- begins a key and -----END PRIVATE KEY----- ends it",
        "the user and password strings are not decoded, as the login and password that follow",
        "Authorization: Bearer <token>, Authorization: Bearer $TOKEN, authorization: required",
        "<password>string</password> <token/> <secret>{secret}</secret>",
        '{"type": "password", "name": "token", "value": ""} {"token": null, "secret": true}',
        "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",
    ],
)
def test_names_words_types_and_placeholders_are_no_secrets(text: str) -> None:
    assert redact(text) == text


def test_secrets_in_the_places_of_the_samples_are_masked() -> None:
    for made, least in ((samples.make_named(5, 11), 0.97), (samples.make_issued(5, 12), 0.97)):
        missed = [kind for kind, text, secret in made if secret in redact(text)]

        assert len(missed) <= (1 - least) * len(made), missed
    assert len({kind for kind, _, _ in samples.make_issued(1)}) >= 40


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ({"accessToken": "x"}, {"accessToken": MASK}),
        ({"dbPassword2": "x"}, {"dbPassword2": MASK}),
        ({"X-Auth-Key": "x"}, {"X-Auth-Key": MASK}),
        ({"auth": ["ada", "x"]}, {"auth": [MASK, MASK]}),
        ({"name": "api_key", "value": "x"}, {"name": "api_key", "value": MASK}),
        ({"name": "Cookie", "value": "x"}, {"name": "Cookie", "value": MASK}),
        ({"name": "colour", "value": "x"}, {"name": "colour", "value": "x"}),
        ({"nextPageToken": "x"}, {"nextPageToken": "x"}),
        ({"passwordResetUrl": "x"}, {"passwordResetUrl": "x"}),
    ],
)
def test_keys_of_json_tell_by_their_last_word(value: dict, masked: dict) -> None:
    assert redact(value) == masked


def test_a_program_in_a_text_keeps_what_stands_around_its_secrets() -> None:
    secret = "Zq81hunter"

    assert redact(f"PGPASSWORD={secret} psql -h db") == f"PGPASSWORD={MASK} psql -h db"
    assert redact(f"curl -u ada:{secret} https://a.example") == (
        f"curl -u ada:{MASK} https://a.example"
    )
    assert redact(f"<password>{secret}</password>") == f"<password>{MASK}</password>"
    assert redact(f"auth: [ada, {secret}] # x") == f"auth: [ada, {MASK}] # x"
    assert redact(f"https://api.telegram.org/bot123456789:AA{'Zq81' * 9}/getMe") == (
        f"https://api.telegram.org/bot{MASK}/getMe"
    )


def test_a_pgp_key_is_masked_and_the_text_behind_it_stays() -> None:
    block = "-----BEGIN PGP PRIVATE " + "KEY BLOCK-----\n\n" + ("lQOYBF" + "Zq81" * 14 + "\n") * 3
    end = "=Zq81\n-----END PGP PRIVATE " + "KEY BLOCK-----"

    assert redact(f"here {block}{end} and on") == f"here {MASK} and on"
    assert redact(f"here {block}and then words") == f"here {MASK}\nand then words"


def test_of_a_form_that_words_would_fit_a_row_of_one_letter_is_no_secret() -> None:
    rows = [
        literal + letter * length
        for form in secret_formats.FORMATS
        for literal in (form.literals.split() if form.random else ())
        for letter in "aA1"
        for length in range(8, 120)
    ]

    assert [row for row in rows if [*secret_formats.find(row)]] == []


@pytest.mark.parametrize(
    "line",
    [
        "ENV DB_PASSWORD {}",
        "ENV API_TOKEN {}",
        "setx DB_PASSWORD {}",
        "set DB_PASSWORD {}",
        "RUN make\nENV DB_PASSWORD {}\nEXPOSE 80",
    ],
)
def test_a_variable_that_a_command_sets_to_a_secret_is_masked(line: str) -> None:
    assert redact(line.format("hunter2now")) == line.format("[redacted]")


@pytest.mark.long
@pytest.mark.parametrize("form", secret_formats.FORMATS, ids=lambda form: form.service)
def test_no_form_of_a_key_makes_its_search_slow(form: secret_formats.Format) -> None:
    patterns = [secret_formats.pattern_of(form)]
    patterns += [f"(?:{form.before})\\Z"] if form.before else []

    slow = [
        regexes.find_slow(regexes.Pattern("", each, 0, True), *tiers.PATTERN_TEXTS)
        for each in patterns
    ]
    assert slow == [None] * len(patterns)


@pytest.mark.parametrize("pattern", [pattern for _, pattern in command_secrets.COMMANDS])
def test_no_argument_of_a_program_makes_its_search_slow(pattern: str) -> None:
    assert regexes.find_slow(regexes.Pattern("", pattern, 0, True), *tiers.PATTERN_TEXTS) is None


EVIL = [
    "a-", "password", "password=", "token: ", "eyJ", "sk-", "://a", "curl -u ", "Authorization: ",
    "key='", "auth: [a,", "Basic ", "name: api_key\n value: ", "\\", "xoxb-1-", "secret.",
    "Cookie: a=",
    "-----BEGIN PRIVATE KEY-----\n", "identified by ", "<password>", "mysql -p", "AAAA", "token\t",
]  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("part", EVIL)
def test_time_grows_no_faster_than_the_text(part: str) -> None:
    def seconds(length: int) -> float:
        text = part * (length // len(part))
        started = time.process_time()
        redact(text)
        return time.process_time() - started

    seconds(1_000)
    assert min(seconds(40_000) for _ in range(2)) < 0.05 + 6 * seconds(10_000) < 2


@pytest.mark.parametrize("word", ["millrace", "postgres", "Archive", "SECRET", "password"])
def test_a_secret_that_is_a_word_is_masked_where_it_is_a_value(
    word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_DATABASE_URL", f"postgresql://steps:{word}@db.example/x")
    config.reload()

    texts = [
        f"postgresql://steps:{word}@db.example/x failed",
        f"host=db password={word} port=5432",
        f"password='{word}', then",
        f"password: {word}",
        json.dumps({"PGPASSWORD": word}),
        json.dumps(json.dumps({"pwd": word})),
        f"its password is {word}.",
        f"--token {word}",
    ]
    masked = [redact(text) for text in texts]
    assert [text for text in masked if MASK not in text] == []
    assert [
        text
        for text, before in zip(masked, texts, strict=True)
        if text.count(word) >= before.count(word)
    ] == []
    assert redact({"dsn": {"user": "steps", "value": word, "parts": ["x", word]}}) == {
        "dsn": {"user": "steps", "value": MASK, "parts": ["x", MASK]}
    }


@pytest.mark.parametrize(
    "text",
    [
        "f/{}/ops/migrate failed",
        "scripts/{} db migrate",
        "the {} database, and {}s",
        "{}.yaml is not there",
        "/usr/share/{}ql/15",
        "{}_core is a file; {}-core too",
        "see https://{}.example/{}/x",
        "run scripts/{} settings",
        "settings={}.yaml",
        "path:{}/core",
        "{}",
    ],
)
@pytest.mark.parametrize("word", ["millrace", "postgres", "Archive"])
def test_a_secret_that_is_a_word_stays_inside_words_and_paths(
    text: str, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_DATABASE_URL", f"postgresql://steps:{word}@db.example/x")
    config.reload()

    assert redact(text.replace("{}", word)) == text.replace("{}", word)
    assert redact({word: 1}) == {word: 1}


@pytest.mark.parametrize("secret", ["millrace7", "mIllRace", "mill-race", "mill race"])
def test_a_secret_that_is_no_word_is_masked_everywhere(
    secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_TOKEN", secret)
    config.reload()

    assert redact(f"in f/{secret}/x") == f"in f/{MASK}/x"


@given(
    st.recursive(
        st.text() | st.none() | st.integers(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
)
def test_redacting_twice_is_redacting_once(value: object) -> None:
    assert redact(redact(value)) == redact(value)


def test_an_event_is_redacted_in_a_fraction_of_what_storing_it_takes() -> None:
    event = {
        "message": "Searching… 12 results",
        "metadata": {
            "topic": "topic_0123456789abcdef",
            "round": 2,
            "url": "https://news.example/a",
        },
    }
    redact(event)
    calls: list[str] = []
    sys.setprofile(lambda _, kind, __: calls.append(kind) if kind in ("call", "c_call") else None)
    try:
        redact(event)
    finally:
        sys.setprofile(None)

    # A row takes about a millisecond; so many calls take less than a tenth of that.
    assert len(calls) < 1_000


def test_no_sink_keeps_a_planted_secret(
    planted: list[str], database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from f.millrace.core.run_context import current
    from f.millrace.evidence import store
    from f.millrace.memory import history
    from f.millrace.memory.store import remember
    from f.millrace.telemetry.events import emit, watch
    from f.millrace.telemetry.spans import span, step
    from f.millrace.trust import audit

    monkeypatch.setenv("MILLRACE_EVENTS_FILE", str(tmp_path / "events.jsonl"))
    config.reload()
    seen: list[dict] = []
    for text in planted:
        with (  # noqa: PT012
            watch(seen.append),
            pytest.raises(ValueError),
            step("test.leaks", note=text),
        ):
            emit("progress", text, detail={"text": text, text: 1})
            with span("outer", {"attribute": text, "list": [text]}) as handle:
                handle.set(more={"deep": [text]})
            store.store(
                current().run_id,
                "t",
                "what",
                url=f"https://a.example/?x={text}",
                title=text,
                text=f"{text}. It is so.",
            )
            remember("fact", f"{text} is known", title=text, metadata={"note": text})
            history.remember_turn("s", f"is it {text}?", f"it is {text}")
            audit.append("ada", "test.leak", "subject", detail=text)
            raise ValueError(f"it broke: {text}")

    tables = [
        row["table_name"]
        for row in db.fetch_all(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        )
    ]
    kept = {
        table: json.dumps(db.fetch_all(f'SELECT t::text AS row FROM "{table}" t'))
        for table in tables
    }
    assert {"run_event", "span", "step", "evidence", "memory_item", "audit"} <= {
        table for table, rows in kept.items() if MASK in rows
    }
    # What the user said in a conversation is the user's own.
    assert {table for table, rows in kept.items() if "zq81" in rows.lower()} == {"chat_message"}
    assert (
        "zq81" not in (tmp_path / "events.jsonl").read_text().lower()
        and "zq81" not in json.dumps(seen).lower()
    )


def test_the_command_line_prints_no_secret(planted: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "scripts.commands", "settings"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0 and "********" in done.stdout
    assert "Zq81" not in done.stdout + done.stderr


def test_an_address_with_a_name_and_no_password_is_no_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://ada@proxy.example:3128")
    monkeypatch.setenv("HTTPS_PROXY", "http://ada:tr0ub4dor@proxy.example:3128")
    config.reload()

    assert redact("ada asked for tr0ub4dor") == f"ada asked for {MASK}"


@pytest.mark.parametrize(
    "text",
    [
        "pass=letmein1",
        "PASS=letmein",
        "pw: letmein1",
        "pw: hunter",
        'pw = "letmein1"',
        "pass: letmein1",
        '{"pass": "letmein1"}',
        "https://a.example/login?pass=letmein",
        "mount -o user=ada,pass=letmein1",
        "credentials: ada:letmein",
        '{"credentials": "ada:letmein"}',
        "auth: ada:letmein1",
        "Mot de passe : Letmein7",
        "wachtwoord: letmein7",
        "lösenord: letmein7",
        "pswd=letmein1",
        "passwords: [letmein1, 'letmein2!']",
        "app.login('ada', 'letmein7')",
    ],
)
def test_short_names_and_names_of_other_languages_tell_a_password(text: str) -> None:
    assert "letmein" not in redact(text).lower() and "hunter" not in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "pass: 1234",
        "pass: 98.5%",
        "pass: 12/15, fail: 3/15",
        "pass: 12ms",
        "pass: all tests",
        "the first pass: 2nd one was better",
        "pass = True",
        "let pw = self.pw",
        "pw: Page",
        "fetch(url, { credentials: 'include' })",
        "credentials: read:write of each",
        "password: urn:k8s:secret:redis:password",
        "credentials: vault:db/creds",
        "val credential: String?,",
        "    password: String?",
        "error presenting token: gandiv5: unexpected zone",
        "behave('password', 'normal');",
        "l'impasse: 1234abc",
        'expect: `{"key":[123,123]}`,',
        "* `apiKey`: アプリケーション固有のキーで、これらのものから取得できます。",
        "Password: b64Pwd,",
        't.Errorf("[%v] while verifying token: %T:%v", name, err, err)',
        "- urn:k8s:secret:name:key1",
        "GET /confirmation?confirmation_token=abcdef",
        "https://a.example/?q=test&token=token_1234&val=1",
        "LICENSE_KEY=REPLACE_LICENSE_KEY_HERE",
        'TableKey key = "LogDataTable"',
        "privateKey = jwtTestRSAPrivateKey",
        'tokens: ["hello", "world", "utf8"]',
        "tokens:\n  - word2vec\n  - fasttext",
        "password policy of 2024\npassword manager2 is out",
        "the token 0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48 is listed",
        "Unexpected token 'h1' in JSON",
        "the password SHA256 digest",
    ],
)
def test_counts_types_references_and_results_of_tests_stay(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Cookie: theme=dark; sid=Zq81hunter", f"Cookie: {MASK}"),
        ("Set-Cookie: sid=Zq81hunter; Path=/", f"Set-Cookie: {MASK}"),
        ("Cookie: sid=Zq81hunter (of ada)", f"Cookie: {MASK}"),
        ("-H 'Cookie: sid=Zq81hunter' -v", f"-H 'Cookie: {MASK}' -v"),
        ('curl --cookie "sid=Zq81hunter" -v', f'curl --cookie "{MASK}" -v'),
        ("curl --cookie sid=Zq81hunter -v", f"curl --cookie {MASK} -v"),
        ("Cookie: session=sparrows", f"Cookie: {MASK}"),
        ("Cookie: a=b12345", f"Cookie: {MASK}"),
    ],
)
def test_a_cookie_that_opens_a_session_is_masked_with_its_neighbours(
    text: str, masked: str
) -> None:
    assert redact(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "Cookie: theme=wheelbarrow; lang=english", "Cookie: a=b1234", "Cookie: session=herring",
        "Cookie: session=your-session-id", "Set-Cookie: theme=dark; expires=20261123T1000",
        'cookie = "sid=Zq81hunter"', "session-cookie: sid=Zq81hunter", "Cookie: ; theme=dark",
        "curl --cookie-jar sid=Zq81hunter -v", "Cookie: a sentence",
    ],
)  # fmt: skip
def test_settings_of_a_page_and_attributes_are_no_cookie_that_opens(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("name", ["auth", "basic_auth", "password", "credentials"])
def test_the_second_of_a_list_is_a_secret_behind_a_name_that_has_users(name: str) -> None:
    assert redact(f'{name}: ["ada", "wheelbarrow"]') == f'{name}: ["ada", "{MASK}"]'


@pytest.mark.parametrize("name", ["key", "pass", "sid"])
def test_the_second_of_a_list_is_a_word_behind_another_name(name: str) -> None:
    assert redact(f"{name}: [ada, Zq81hunter]") == f"{name}: [ada, Zq81hunter]"


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ("Zq81", True), ("Zq8", False), ("vault:kv/1x", False), ("長さは、八文字1", False),
        ("今日は良い天気ですね皆さん1", False), ("pass1é", True),
    ],
)  # fmt: skip
def test_a_password_has_four_letters_and_is_no_sentence(value: str, masked: bool) -> None:
    assert redact(f'password: "{value}"') == f'password: "{MASK if masked else value}"'


@given(st.text("auth=:pass'\"{}[]()<>,; \n\\/$.-_?&@a1B%", max_size=60))
def test_no_text_breaks_redaction(text: str) -> None:
    redact(text)
    redact(f"auth={text}")
