"""The next release of Debian: our packages install, are set up and serve."""

from tests.school.box.school import School


def test_a_day_on_debian_13(next_school: School) -> None:
    """Mail, drive and web once each (K06)."""
    next_school.play("""
        server# cat /etc/debian_version
        13*
        pc$ swaks --server server.schule.example:587 --tls --tls-verify --tls-ca-path /etc/ssl/certs \
            --auth PLAIN --auth-user "$FRED_LOGIN" --auth-password "$FRED_PASSWORD" \
            --from fred.mustermann@schule.example --to erika.lehmann@schule.example --header 'Subject: Hausaufgaben'
        *235 2.7.0*
        *250 2*
        pc$ curl -sS --ssl-reqd --user "$ERIKA" 'imap://server.schule.example/INBOX?SUBJECT%20Hausaufgaben'
        [*] SEARCH [1-9]*
        pc$ echo 'Der Igel' >/root/Referat.txt
        pc$ curl -sS --ssl-reqd --user "$FRED" -T /root/Referat.txt ftp://server.schule.example/Home/
        pc$ curl -sS --ssl-reqd --user "$FRED" ftp://server.schule.example/Home/Referat.txt
        Der Igel
        pc$ curl -sS --proxy https://server.schule.example:3129 --proxy-user "$FRED" https://www.example.net/
        *Welcome to the internet*
        server# systemctl --failed --no-legend
        ! *
    """)
