"""What Dovecot says, without anybody's name in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.mail.imap.journal import clean

SECRETS = ("fred", "mustermann", "10.1.12.7", "fe80::1", "schule.example", "pc12", "/srv")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "master: Info: Dovecot v2.3.19.1 (9b53102964) starting up for imap (core dumps disabled)",
            "master: Info: Dovecot v2.3.19.1 (9b53102964) starting up for imap (core dumps disabled)",
        ),
        (
            "auth-worker(675): Error: conn unix:auth-worker (pid=674,uid=103): auth-worker<4>: "
            "lua(fred.mustermann,10.1.12.7,<Dsg30cBgCq1/AAAB>): passdb-lua: passb failed",
            "auth-worker(675): Error: conn unix:auth-worker (pid=674,uid=103): auth-worker: lua: passdb-lua: "
            "passb failed",
        ),
        (
            "imap(7003): Error: stat(/srv/schoolserver/mail/fred.mustermann/tmp) failed: No such file (euid=60806)",
            "imap(7003): Error: stat(PATH) failed: No such file (euid=60806)",
        ),
        (
            "imap-login: Error: Disconnected: user=<fred.mustermann>, method=PLAIN, rip=10.1.12.7, lip=fe80::1, TLS",
            "imap-login: Error: Disconnected: , , , , TLS",
        ),
        (
            'auth: Error: client fred.mustermann@schule.example from 10.1.12.7 said "pc12 mustermann"',
            "auth: Error: client ADDRESS from ADDRESS said ...",
        ),
        ("auth: Warning: user fred.mustermann is slow", "auth: Warning: user NAME is slow"),
        (
            "imap(7003): Warning: Killed with signal 15 (by pid=1)",
            "imap(7003): Warning: Killed with signal 15 (by pid=1)",
        ),
        (
            "auth-worker(fred.mustermann,10.1.12.7)<3860><LCx7N8FguIF/AAAB>: request [1]: Error: lua: passdb-lua: no",
            "auth-worker: Error: lua: passdb-lua: no",
        ),
        ("imap(fred.mustermann)<7003><LCx7N8FguIF/AAAB>: Error: Mailbox INBOX: no", "imap: Error: Mailbox INBOX: no"),
        ("imap-login: Info: Login", None),
        ("imap-login: Login aborted: Info: x", None),
        ("imap(70): Info: Disconnected: Logged out in=1 out=2", None),
        ("\t/srv/schoolserver/mail: in function 'auth_password_verify'", None),
        ("fred.mustermann says hello", None),
        ("", None),
    ],
)
def test_lines(line: str, expected: str | None) -> None:
    cleaned = clean(line + "\n")
    assert cleaned == expected
    assert cleaned is None or not any(secret in cleaned for secret in SECRETS)


SHAPES = st.sampled_from(
    [
        "lua({login},{ip},<abc>): failed",
        "user=<{login}>, rip={ip}",
        "open(/srv/mail/{login}/new/1.M2P3.{login}) failed",
        "Mailbox '{login}': gone",
        "{login}: something",
        "for {login}@schule.example, {ip}",
        "({login}) failed",
        "home=/srv/{login} not found",
    ]
)


@given(
    st.lists(SHAPES, min_size=1, max_size=4),
    st.from_regex(r"[a-z]{2,12}\.[a-z]{2,12}[0-9]?", fullmatch=True),
    st.ip_addresses().map(str),
)
def test_a_login_of_the_usual_form_and_an_address_never_get_through(shapes: list[str], login: str, ip: str) -> None:
    text = "; ".join(shape.format(login=login, ip=ip) for shape in shapes)
    cleaned = clean(f"imap(12): Error: {text}")
    assert cleaned is not None
    assert login not in cleaned
    assert ip not in cleaned or len(ip) < 4
