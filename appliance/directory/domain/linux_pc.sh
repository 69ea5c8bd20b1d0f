#!/bin/sh
# Makes this PC (Debian 12 or 13) a PC of the school. Run it on the PC, as root.
# It holds a password with which one PC joins the domain, once; afterwards it is worth nothing.
set -eu

name=@NAME@
domain=@DOMAIN@
realm=@REALM@
server=@SERVER@
cached_log_ons=@CACHED@
once=@ONCE@

fail() {
    echo "$1" >&2
    exit 1
}

put() { # MODE FILE: write standard input there
    mkdir -p "$(dirname "$2")"
    cat >"$2.new"
    chmod "$1" "$2.new"
    mv "$2.new" "$2"
}

[ "$(id -u)" = 0 ] || fail "Only root can do this."
getent hosts "$server" >/dev/null ||
    fail "This PC does not find $server. The school's server has to be its DNS server (see the settings of the router's DHCP)."

echo "1 Packages"
export DEBIAN_FRONTEND=noninteractive
apt-get -q -y --no-install-recommends install \
    adcli ca-certificates krb5-user libnss-sss libpam-pwquality libpam-sss libpam-systemd libsasl2-modules-gssapi-mit sssd-ad

echo "2 Name, authority and time of the school"
hostnamectl set-hostname "$name"
put 644 /usr/local/share/ca-certificates/school.crt <<'CA'
@CA@
CA
update-ca-certificates
put 644 /etc/krb5.conf <<KRB5
[libdefaults]
default_realm = $realm
dns_lookup_realm = false
dns_canonicalize_hostname = false
rdns = false
KRB5
if [ -d /etc/chrony/sources.d ]; then
    echo "server $server iburst" | put 644 /etc/chrony/sources.d/school.sources
    systemctl try-restart chrony.service
else
    printf '[Time]\nNTP=%s\n' "$server" | put 644 /etc/systemd/timesyncd.conf.d/school.conf
    systemctl try-restart systemd-timesyncd.service
fi

echo "3 The domain"
if ! adcli testjoin --domain="$domain" >/dev/null 2>&1; then
    printf %s "$once" | adcli join --domain="$domain" --domain-controller="$server" --host-fqdn="$name.$domain" \
        --login-type=computer --stdin-password ||
        fail "The domain did not take this PC. Let the server write a new file: schoolserver pcs add $name"
fi

echo "4 Accounts: login and numbers as on the server"
put 600 /etc/sssd/sssd.conf <<SSSD
[sssd]
services = nss, pam
domains = $domain

[domain/$domain]
id_provider = ad
ldap_user_name = uid
ldap_id_mapping = false
auto_private_groups = hybrid
ad_enable_gc = false
override_homedir = /home/%u
default_shell = /bin/bash
# The server says who may log on, not group policy, which is for Windows.
ad_gpo_access_control = disabled
dyndns_update = false
sudo_provider = none
autofs_provider = none
# After the server was away it is asked again soon.
offline_timeout = 5
offline_timeout_max = 0
offline_timeout_random_offset = 0
# Who may log on while the PC does not reach the server: whoever did so here in the last seven days, or nobody.
cache_credentials = $cached_log_ons

[pam]
offline_credentials_expiration = 7
SSSD
# Says at once what a new password lacks; what it cannot know (common words, say), the server refuses.
put 644 /etc/security/pwquality.conf <<'PWQUALITY'
minlen = 8
ucredit = -1
lcredit = -1
dcredit = -1
ocredit = -1
usercheck = 1
gecoscheck = 1
dictcheck = 0
PWQUALITY
put 644 /etc/school-password-rule <<'RULE'
@RULE@
RULE
put 644 /usr/share/pam-configs/school-password-rule <<'PROFILE'
Name: What a password of the school must be
Default: yes
Priority: 1100
Password-Type: Primary
Password-Initial:
	optional	pam_echo.so file=/etc/school-password-rule
Password:
	optional	pam_echo.so file=/etc/school-password-rule
PROFILE
pam-auth-update --package --enable school-password-rule

echo "5 What somebody leaves behind ends with the session"
put 644 /etc/systemd/logind.conf.d/school.conf <<'LOGIND'
[Login]
KillUserProcesses=yes
RemoveIPC=yes
UserStopDelaySec=0
LOGIND
put 755 /usr/local/sbin/school-home <<'HOME'
#!/bin/sh
# begin|end UID: the home of somebody of the school lies in this PC's memory, and ends with the last session.
set -u
uid=$2
entry=$(getent -s sss passwd "$uid") || exit 0
gid=$(echo "$entry" | cut -d: -f4)
home=$(echo "$entry" | cut -d: -f6)
case $1 in
begin)
    set -e
    mkdir -p "$home"
    ! mountpoint -q "$home" || umount -l "$home"  # left by an end that could not ask whose it was
    mount -t tmpfs -o "size=25%,mode=0700,uid=$uid,gid=$gid,nosuid,nodev" school "$home"
    cp -rT /etc/skel "$home"
    chown -R "$uid:$gid" "$home"
    ;;
end)
    umount -l "$home"
    rmdir "$home"
    find /tmp /var/tmp /dev/shm -xdev -user "$uid" -delete
    ;;
esac
HOME
put 644 /etc/systemd/system/user-runtime-dir@.service.d/school.conf <<'UNIT'
[Service]
ExecStartPost=/usr/local/sbin/school-home begin %i
ExecStopPost=/usr/local/sbin/school-home end %i
UNIT
# The drives stand in the list of the file manager (GNOME, Xfce, MATE, Cinnamon), and open by the ticket.
put 644 /etc/skel/.config/gtk-3.0/bookmarks <<DRIVES
smb://$server/Home Home
smb://$server/Groups Groups
DRIVES
# After a power cut, too.
echo 'D! /var/tmp 1777 root root -' | put 644 /etc/tmpfiles.d/school.conf
# Nothing goes on after the session: no timers and no lingering services of people.
echo root | put 644 /etc/cron.allow
echo root | put 644 /etc/at.allow
rm -f /var/lib/systemd/linger/*
put 644 /etc/systemd/system/systemd-logind.service.d/school.conf <<'UNIT'
[Service]
StateDirectory=
UNIT
# sssd starts its parts itself (services, above); Debian's sockets for them would only fail.
systemctl list-unit-files --no-legend 'sssd-*.socket' | cut -d' ' -f1 | xargs -r systemctl --quiet disable --now
systemctl reset-failed 'sssd-*.socket'
systemctl daemon-reload
systemctl restart systemd-logind.service sssd.service

adcli testjoin --domain="$domain" >/dev/null || fail "The domain does not know this PC."
echo "$name is a PC of the school: log on with login and password."
