"""A small internet on one host: names, web with TLS, mail.

May live here: which sites there are and what serves them. May not: the school. Its addresses are from a block that is
out of use (RFC 7526), so the school's proxy takes them for the internet's.
"""

from pathlib import Path

from tests.school.box.host import Host

ADDRESS = "192.88.99.1"
SITE, CASINO, POST = "www.example.net", "casino.example.net", "post.example.net"
MAILBOX = "/var/mail/box"

# The certificate of its web is made with the layer that all hosts but the server have, so all of them trust it.
CERTIFICATE = f"""
mkdir -p /etc/box
cd /etc/box
new='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=box'
openssl req -x509 $new -days 3650 -addext keyUsage=critical,keyCertSign -keyout ca.key -out ca.pem
openssl req $new -keyout key.pem -out request.pem
echo 'subjectAltName=DNS:{SITE},DNS:{CASINO},DNS:{POST}' >names
openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 -extfile names -out cert.pem
cp ca.pem /usr/local/share/ca-certificates/box-internet.crt
update-ca-certificates
"""
PACKAGES = ("dnsmasq-base", "openssl", "python3", "python3-aiosmtpd")
_NAMES = " ".join(f"--address=/{site}/{ADDRESS}" for site in (SITE, CASINO, POST))
_UNITS = {
    "names": f"/usr/sbin/dnsmasq --keep-in-foreground --no-resolv --no-hosts --user=root {_NAMES} --address=/#/",
    "web": "/usr/bin/python3 /usr/local/lib/internet.py",
    "mail": "/usr/bin/python3 -m aiosmtpd -n -l 0.0.0.0:587 --tlscert /etc/box/cert.pem --tlskey /etc/box/key.pem"
    f" -c aiosmtpd.handlers.Mailbox {MAILBOX}",
}


def furnish(origin: Host) -> None:
    """Make a host, before its first boot, the internet; a name that no site has does not exist."""
    origin.copy_in(Path(__file__).with_name("internet.py"), "/usr/local/lib/internet.py")
    for name, command in _UNITS.items():
        origin.enable(f"{name}.service", f"[Unit]\nAfter=network.target\n[Service]\nExecStart={command}\n")
