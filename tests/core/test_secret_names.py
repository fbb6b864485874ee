"""Which names tell that a secret stands behind them, and which values are none."""

import pytest

from f.millrace.core import secret_names


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("password", "password"),
        ("dbPassword", "password"),
        ("PGPASSWORD", "password"),
        ("DB_PASSWD", "password"),
        ("credentials", "password"),
        ("пароль", "password"),
        ("mot de passe", "password"),
        ("passe", ""),
        ("smtp_pass", "password"),
        ("pass", "weak"),
        ("pw", "password"),
        ("client_secret", "secret"),
        ("apikey", "secret"),
        ("jwt", "secret"),
        ("JSESSIONID", "secret"),
        ("PHPSESSID", "secret"),
        ("access_token", "secret"),
        ("token", "secret"),
        ("tokens", "weak"),
        ("api_keys", "weak"),
        ("sort_keys", ""),
        ("psk", "password"),
        ("next_page_token", ""),
        ("eos_token", ""),
        ("Set-Cookie", "cookie"),
        ("Proxy-Authorization", "authorization"),
        # The last word tells, and an earlier one does not.
        ("token_count", ""),
        ("password_reset_url", ""),
        ("secretary", ""),
        # What follows it may tell nothing.
        ("password2", "password"),
        ("password_hash", "password"),
        ("new_password_confirm", "password"),
        ("token_value_2", "secret"),
        ("hash", ""),
        ("2", ""),
        ("", ""),
        ("--", ""),
        # Keys.
        ("api_key", "secret"),
        ("X-Api-Key", "secret"),
        ("accesskey", "secret"),
        ("privatekey", "secret"),
        ("public_key", ""),
        ("Sec-WebSocket-Key", ""),
        ("key", "weak"),
        ("house_key", "weak"),
        ("monkey", ""),
        ("whiskey", ""),
        # Words that tell only where they stand alone.
        ("auth", "weak"),
        ("author", ""),
        ("proxy-auth", "weak"),
        ("sentry_dsn", "weak"),
        ("session", "weak"),
        ("session_id", "weak"),
        ("id", ""),
        ("sig", "address"),
        ("signature", "address"),
    ],
)
def test_a_name_tells_by_its_last_word(name, kind):
    assert secret_names.kind_of(name) == kind


def test_of_a_long_name_the_end_tells():
    assert secret_names.kind_of("x" * 200 + "_token") == "secret"
    assert secret_names.kind_of("token_" + "x" * 200) == ""


@pytest.mark.parametrize(
    ("key", "is_secret"),
    [
        ("password", True),
        ("Cookie", True),
        ("Authorization", True),
        ("api_key", True),
        ("auth", True),
        ("PASS", True),
        ("pw", True),
        ("signature", True),
        ("sig", False),
        ("key", False),
        ("session", False),
        ("title", False),
    ],
)
def test_a_key_of_json_tells_that_its_value_is_a_secret(key, is_secret):
    assert secret_names.is_secret_key(key) is is_secret


@pytest.mark.parametrize(
    "value",
    [
        "ab", " ab ", "none", "Required?", "TOKEN", "passwort",
        "$NAME", ".$name", "$name[0]", "%NAME%", "%NAME", "<name>", "{name}", "[name]", "****",
        "\\x16", "--option", "&nbsp;", "+name+", "-----", "Name=word", "1970-01-01T00:00:00Z",
        "2026-11-18 08:00:00",
        "^9.0.2", "1.2.1", "v2.0.0-beta.1", "1.x", "workspace:*", "file:../a",
        "required|min:8|confirmed", "min:8", "min|", "required", "user_password|same:8", "9.0",
        "xxxx", "xyxyxy", "aaaaaaaaa",
        "your-key", "an example", "REDACTED", "a...b", "${A}", "{{ a }}", "%(a)s", "#{a}", "a%dc",
        "oldRefreshToken", "API_KEY", "my-api-key", "config.password",
        "changeMe", "CHANGE_THIS", "please-replace-me", "fill in later", "insert.here",
    ],
)  # fmt: skip
def test_a_value_may_stand_for_a_secret(value):
    assert secret_names.is_placeholder(value)


@pytest.mark.parametrize(
    "value",
    [
        "abc", "1111", "12121212", "harbour7", "sesame", "password1x",
        "1970-01-01", "changeling", "exchangeme7", "housekey", "oldHouse", "refresh token",
        "API_KEY2", "Qx7-Zq81", "123456781", "name$x", "a=b7",
    ],
)  # fmt: skip
def test_a_value_may_be_a_secret(value):
    assert not secret_names.is_placeholder(value)


@pytest.mark.parametrize(
    ("value", "is_login"),
    [
        ("ada:harbour7", True),
        ("ada@x.example:harbour7", True),
        ("ada:harb", True),
        ("ada:har", False),
        ("harbour7", False),
        (":harbour7", False),
        ("a b:harbour7", False),
        ("urn:harbour7", False),
        ("VAULT:harbour7", False),
        ("ada:har:bour7", False),
        ("ada:/harbour7", False),
        ("ada:har(bour7", False),
        ("ada:har[bour7", False),
        ("ada:har{bour7", False),
        ("ada:password", False),
    ],
)
def test_a_login_is_a_user_and_a_password(value, is_login):
    assert secret_names.is_login(value) is is_login


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("vault:db#pass", True),
        ("URN:k8s:x", True),
        ("vault:", False),
        ("vault", False),
        ("ada:harbour7", False),
        (":x", False),
    ],
)
def test_a_value_may_say_where_a_secret_is_kept(value, kept):
    assert secret_names.is_kept_elsewhere(value) is kept


@pytest.mark.parametrize(
    ("value", "is_pin"),
    [("1234", True), ("12345678", True), ("123456789", False), ("123a", False), ("", False)],
)
def test_a_few_figures_are_typed(value, is_pin):
    assert secret_names.is_pin(value) is is_pin


@pytest.mark.parametrize(
    ("value", "describes"),
    [
        ("my-client-secret", True),
        ("my-client-secret-2", True),
        ("my-client-secret-10", True),
        ("my-client-secret-100", False),
        ("token-from-query", True),
        ("access_token", True),
        ("secret", False),
        ("secret-2", False),
        ("my-client", False),
        ("my-harbour-secret", False),
        ("", False),
        ("12", False),
    ],
)
def test_a_description_is_made_of_words_that_say_what_it_stands_for(value, describes):
    assert secret_names.is_description(value) is describes


@pytest.mark.parametrize(
    ("name", "value", "same"),
    [
        ("SEC_KEY1", "Sec-Key1", True),
        ("my_api_key", "api-key", True),
        ("api_key", "my-api-key", False),
        ("SEC_KEY1", "Key7", False),
        ("harbour", "harbour", False),
    ],
)
def test_a_value_may_be_its_name_again(name, value, same):
    assert secret_names.names_itself(name, value) is same


@pytest.mark.parametrize(
    "value",
    [
        "get(1)", "a[0]", "a{1}", "http://a", "/etc/x1", "~/x1", ".env1", "@x1", "&x1", "*x1",
        "-x1", "!x1", "$x1", "int64", "*uint8", "sha256", "AES-256", "box1.pem", "a.Key",
        "password2", "token22", "b64Pwd",
        "self.token2", "a->b", "a::b", "a?.b", "awsSecretAccessKey",
        "TestOAuth2Authorizations", "harbour", "snake_case_name", "obj.name!",
    ],
)  # fmt: skip
def test_a_value_without_quotes_may_be_a_name_a_type_a_call_or_a_file(value):
    assert secret_names.is_reference(value)


@pytest.mark.parametrize(
    "value",
    ["password123", "harbour7", "Harbour77", "HARBOUR2026", "7harbour", "Qx7vZq81Lm3p", "a b",
     "har-bour", "box1.exe7"],
)  # fmt: skip
def test_a_value_that_people_type_or_that_is_random_is_no_reference(value):
    assert not secret_names.is_reference(value)


@pytest.mark.parametrize(
    ("value", "typed", "as_variable"),
    [
        ("s3cr3t", True, True),
        ("Harbour7", True, True),
        ("harbour7", True, False),
        ("Harbour7x", True, True),
        ("HARBOUR7", True, False),
        ("harbour", False, False),
        ("har-7", False, False),
        ("int64", False, False),
        ("1234", True, False),
    ],
)
def test_figures_tell_a_typed_word_and_less_where_it_may_be_a_variable(value, typed, as_variable):
    assert secret_names.is_typed(value, False) is typed
    assert secret_names.is_typed(value, True) is as_variable


@pytest.mark.parametrize(
    ("value", "marked"),
    [
        ("harbour", False),
        ("har-bour", False),
        ("har/bo_ur.x:y’z", False),
        ("harbour7", True),
        ("har+bour", True),
        ("harbour!", True),
        ("contraseña", False),
        ("xQvZkLmWpRtNb", True),
    ],
)
def test_a_figure_a_sign_or_mixed_letters_mark_a_value(value, marked):
    assert secret_names.is_marked(value) is marked
