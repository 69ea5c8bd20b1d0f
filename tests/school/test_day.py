"""An ordinary school day: mail, drives, the web, the limit, a lock; each with the programs that everybody has."""

from tests.school.box.load import loads
from tests.school.box.school import School

_AT_ONCE = 2.0


def test_a_pupil_writes_to_his_teacher_who_reads_it_on_her_tablet(at_school: School) -> None:
    """K01 (login and address), K06 (TLS)."""
    at_school.play("""
        pc$ swaks --server server.schule.example:587 --tls --tls-verify --tls-ca-path /etc/ssl/certs \
            --auth PLAIN --auth-user "$FRED_LOGIN" --auth-password "$FRED_PASSWORD" \
            --from fred.mustermann@schule.example --to erika.lehmann@schule.example --header 'Subject: Hausaufgaben'
        *220 *
        *250*STARTTLS*
        *235 2.7.0*
        *354*
        *250 2*
        tablet$ curl -sS --ssl-reqd --user "$ERIKA" 'imap://server.schule.example/INBOX?SUBJECT%20Hausaufgaben'
        [*] SEARCH [1-9]*
        tablet$ curl -sS --ssl-reqd --user "$ERIKA" 'imap://server.schule.example/INBOX;MAILINDEX=*'
        Subject: Hausaufgaben
    """)


def test_no_password_goes_over_the_wire_in_clear(at_school: School) -> None:
    """K06."""
    at_school.play("""
        pc$ swaks --server server.schule.example:587 --auth PLAIN --auth-user "$FRED_LOGIN" \
            --auth-password "$FRED_PASSWORD" --to erika.lehmann@schule.example --quit-after AUTH
        ! *235 *
        -> 28
        pc$ curl -sS --user "$FRED" imap://server.schule.example/
        -> 67
        pc$ curl -sS --user "$FRED" ftp://server.schule.example/
        -> 67
        pc$ curl -sS --max-time 5 --proxy http://server.schule.example:3128 --proxy-user "$FRED" http://www.example.net/
        -> 7
    """)


def test_mail_stays_inside_and_under_ones_own_name(at_school: School) -> None:
    """K08 (internal only), K09 (no other sender)."""
    hand_in = (
        "swaks --server server.schule.example:587 --tls --auth PLAIN"
        ' --auth-user "$FRED_LOGIN" --auth-password "$FRED_PASSWORD"'
    )
    at_school.play(f"""
        pc$ {hand_in} --from fred.mustermann@schule.example --to somebody@example.net
        *550 *
        -> 24
        pc$ {hand_in} --from emma.jaeger@schule.example --to erika.lehmann@schule.example
        *55? *
        -> *
        origin$ ls /var/mail/box/new
        ! *
    """)


def test_the_home_is_private_and_the_class_shares_its_folder(at_school: School) -> None:
    """K05, K06 (the same files on PC and tablet)."""
    at_school.play("""
        pc$ echo 'Der Igel' >/root/Referat.txt
        pc$ curl -sS --ssl-reqd --user "$FRED" -T /root/Referat.txt ftp://server.schule.example/Home/
        tablet$ curl -sS --ssl-reqd --user "$FRED" ftp://server.schule.example/Home/Referat.txt
        Der Igel
        tablet$ lftp -u "$EMMA_LOGIN,$EMMA_PASSWORD" -e 'set ftp:ssl-force true; cls /Home; cls /; bye' \
            server.schule.example
        ! *Referat*
        ! *fred*
        pc$ curl -sS --ssl-reqd --user "$FRED" -T /root/Referat.txt ftp://server.schule.example/Groups/klasse3a/
        tablet$ curl -sS --ssl-reqd --user "$EMMA" ftp://server.schule.example/Groups/klasse3a/Referat.txt
        Der Igel
        tablet$ curl -sS --ssl-reqd --user "$EMMA" ftp://server.schule.example/Staff/
        -> 9
        server# stat -c '%a %U' /srv/schoolserver/homes/fred.mustermann
        ?00 *
        server# su -s /bin/sh schoolserver-mail -c 'cat /srv/schoolserver/homes/fred.mustermann/Referat.txt'
        *ermission denied
        -> 1
    """)


def test_mail_programs_are_told_by_the_names_that_they_ask(at_school: School) -> None:
    """Each name's certificate is good for it, strangers' names are not ours, and whoever answers cannot call out."""
    names = " ".join(
        f"--connect-to {name}:{port}:server.schule.example:{port}"
        for name in ("autoconfig.schule.example", "autodiscover.schule.example", "schule.example", "evil.example")
        for port in (80, 443)
    )
    at_school.play(f"""
        pc$ curl -sS {names} https://autoconfig.schule.example/mail/config-v1.1.xml | grep -o '<port>[0-9]*'
        <port>993
        <port>143
        <port>465
        <port>587
        pc$ curl -sS {names} -o /dev/null -w '%{{redirect_url}}\\n' http://autodiscover.schule.example/autodiscover/autodiscover.xml
        https://autodiscover.schule.example/autodiscover/autodiscover.xml
        pc$ curl -sS {names} https://schule.example/ca.crt | openssl x509 -inform DER -noout -subject
        *schoolserver schule.example*
        pc$ curl -sS {names} https://evil.example/
        -> 60
        server# nsenter -t $(systemctl show -p MainPID --value schoolserver-autoconfig) -n ip -brief link
        lo *
    """)


def test_the_internet_is_behind_the_proxy_and_its_filter(at_school: School) -> None:
    """K13 (filter, no way round it)."""
    through = 'curl -sS --max-time 20 --proxy https://server.schule.example:3129 --proxy-user "$FRED"'
    at_school.play(f"""
        pc$ {through} http://www.example.net/
        *Welcome to the internet*
        pc$ {through} https://www.example.net/
        *Welcome to the internet*
        pc$ {through} -o /dev/null -w '%{{http_code}}\\n' http://casino.example.net/
        403
        pc$ {through} -o /dev/null -w '%{{http_connect}}\\n' https://casino.example.net/
        403
        -> 56
        pc$ {through} -o /dev/null -w '%{{http_code}}\\n' http://10.88.0.2/
        403
        pc$ curl -sS --max-time 3 http://192.88.99.1/
        -> 7
        pc$ curl -sS --proxy https://server.schule.example:3129 -o /dev/null -w '%{{http_code}}\\n' http://www.example.net/
        407
    """)


def test_one_limit_holds_in_every_service(at_school: School) -> None:
    """K12, and an exception that was agreed on before."""
    through = 'curl -sS --max-time 60 --proxy https://server.schule.example:3129 --proxy-user "$FRED"'
    hand_in = (
        "swaks --server server.schule.example:587 --tls --auth PLAIN --from fred.mustermann@schule.example"
        ' --auth-user "$FRED_LOGIN" --auth-password "$FRED_PASSWORD" --to erika.lehmann@schule.example --silent 2'
    )
    upload = 'curl -sS --ssl-reqd --user "$FRED" -T /root/film ftp://server.schule.example/Home/'
    at_school.play(
        f"""
        pc$ head -c 25000000 /dev/zero >/root/film
        pc$ {upload}
        -> *
        pc$ curl -sS --ssl-reqd --user "$FRED" ftp://server.schule.example/Home/
        ! *film*
        pc$ {hand_in} --attach-type application/octet-stream --attach @/root/film
        *552 5.*
        -> *
        pc$ {through} -o /dev/null -w '%{{http_code}}\\n' http://www.example.net/bytes/19000000
        200
        pc$ {through} -o /dev/null -w '%{{http_code}}\\n' http://www.example.net/bytes/25000000
        403
        pc$ {through} -o /dev/null -w '%{{http_code}}\\n' --data-binary @/root/film http://www.example.net/
        413
        -> *
        server# schoolserver limits allow fred.mustermann --size 30MB --until 2099-12-31 --reason 'film of the class'
        pc$ {upload}
        tablet$ curl -sS --ssl-reqd --user "$FRED" ftp://server.schule.example/Home/
        *25000000*film*
        tablet$ curl -sS --ssl-reqd --user "$FRED" -Q '-DELE film' ftp://server.schule.example/Home/
        server# schoolserver limits revoke fred.mustermann
        """,
        timeout=120,
    )


def test_a_lock_reaches_open_sessions_and_every_service(at_school: School) -> None:
    """K18: everywhere, within two seconds, open sessions included; afterwards everything is as before."""
    mia = '"$MIA_LOGIN" "$MIA_PASSWORD"'
    tries = """
        pc$ curl -sS --ssl-reqd --user "$MIA" imap://server.schule.example/
        -> {code}
        pc$ curl -sS --ssl-reqd --user "$MIA" ftp://server.schule.example/Home/
        -> {code}
        tablet$ curl -sS --proxy https://server.schule.example:3129 --proxy-user "$MIA" -w '%{{http_code}}\\n' http://www.example.net/
        {web}
    """
    at_school.play(tries.format(code=0, web=200))
    with loads(at_school.pc, f"stays imap {mia}", f"stays ftp {mia}") as sessions:
        for session in sessions:
            session.until("in")
        at_school.play("""
            server# schoolserver users lock mia.vogel --reason 'agreed with the head'
        """)
        for session in sessions:
            session.until("out", within=_AT_ONCE)
    try:
        at_school.play(tries.format(code=67, web=403))
    finally:
        at_school.server.run("schoolserver users unlock mia.vogel")
    at_school.play(tries.format(code=0, web=200))


def test_the_server_comes_back_from_a_reboot(at_school: School) -> None:
    """Every unit is up again, and nobody had to do anything."""
    at_school.server.reboot()
    at_school.well()
    at_school.play("""
        server# systemctl --failed --no-legend
        ! *
        server# systemctl is-active schoolserver.target
        active
        pc$ curl -sS --ssl-reqd --user "$FRED" ftp://server.schule.example/Home/Referat.txt
        Der Igel
    """)
