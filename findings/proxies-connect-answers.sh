#!/usr/bin/env bash
# HTTP proxies: one reason to refuse CONNECT has three numbers, and one number stands for every reason.
#
# Version    Debian's squid 5.7, Apache 2.4.71, tinyproxy 1.11.1, Privoxy 3.0.34 and nginx 1.22.1
# Behaviour  A name that cannot be looked up is 500, 502 or 404, whoever is asked. The 404 is the proxy's own, with a
#            page for people: Privoxy says "No such domain" even where no name server answers at all. Whoever takes
#            it as final, as with any other method, gives up what would work a minute later. A port where nothing
#            listens is 503, but 500 with tinyproxy. Privoxy that does not find its templates answers whatever it
#            refuses with 500, even what its rules forbid for good, which is 403 otherwise. nginx, which knows no
#            CONNECT, answers 400 in this version, as if the request were malformed. Apache lets CONNECT through to
#            443 and 563 alone unless AllowCONNECT says more; the others do so where a rule says it, as squid's
#            packaged one does.
# Seen       the table at the end of this file, word for word
# Source     RFC 9110, section 9.3.6: any answer but 2xx "indicates that the tunnel has not yet been formed", and no
#            more than that. Apache's manual of mod_proxy_connect names 443 and 563. Privoxy's manual says
#            that without `templdir` the templates are looked for below `confdir`.
#
# It needs root, for a network of its own in which nothing but loopback is; 77 says that something is not here.
set -euo pipefail

(( EUID == 0 )) || { echo "not here: needs root"; exit 77; }
[ "${1-}" = inside ] || exec timeout 120 unshare --net -- bash "$0" inside
ip link set lo up
PATH="$PATH:/usr/sbin"

has() {  # has NAME VERSION COMMAND...
    local version
    command -v "$3" >/dev/null || { echo "not here: $1"; exit 77; }
    version=$("${@:3}" 2>&1 | head -n 1)
    echo "$version"
    [[ $version =~ (^|[^0-9.])"$2"($|[^0-9.]) ]] || { echo "not here: $1 $2"; exit 77; }
}
has Squid 5.7 squid -v
has Apache 2.4.71 apache2 -v
has tinyproxy 1.11.1 tinyproxy -v
has Privoxy 3.0.34 privoxy --version
has nginx 1.22.1 nginx -v

work=$(mktemp -d)
chmod 755 "$work"
running=()
end() {
    exec 2>/dev/null
    kill -KILL "${running[@]}" || true
    wait || true
    rm -rf "$work" /dev/shm/"finding$$p"*
}
trap end EXIT
cd "$work"
start() { "$@" >>log 2>&1 & running+=($!); }

# Two of each: the second lets CONNECT through to port 443 alone.
squid_conf() {
    mkdir "squid$1"
    chown proxy "squid$1"
    printf '%s\n' "http_port 127.0.0.1:$1" "visible_hostname proxy.example" "pid_filename none" \
        "cache_log $work/squid$1/log" "access_log none" "cache deny all" "netdb_filename none" \
        "dns_timeout 1 second" "connect_timeout 3 seconds" "${@:2}" "http_access allow all" >"squid$1.conf"
    start squid -N -n "finding$$p$1" -f "squid$1.conf"
}
squid_conf 4001
squid_conf 4002 "acl CONNECT method CONNECT" "acl SSL_ports port 443" "http_access deny CONNECT !SSL_ports"

apache_conf() {
    local name
    for name in mpm_event authn_core authz_core proxy proxy_connect; do
        echo "LoadModule ${name}_module /usr/lib/apache2/modules/mod_$name.so"
    done >"apache$1.conf"
    printf '%s\n' "ServerRoot $work" "ServerName proxy.example" "PidFile $work/apache$1.pid" \
        "ErrorLog $work/log" "DefaultRuntimeDir $work" "Listen 127.0.0.1:$1" "User www-data" \
        "Group www-data" "ProxyRequests On" "${@:2}" "<Proxy *>" "Require all granted" "</Proxy>" \
        >>"apache$1.conf"
    start apache2 -DFOREGROUND -f "$work/apache$1.conf"
}
apache_conf 4003 "AllowCONNECT 443 1024-65535"
apache_conf 4004

tinyproxy_conf() {
    printf '%s\n' "Port $1" "Listen 127.0.0.1" "Allow 127.0.0.1" "${@:2}" >"tinyproxy$1.conf"
    start tinyproxy -d -c "tinyproxy$1.conf"
}
tinyproxy_conf 4005
tinyproxy_conf 4006 "ConnectPort 443"

privoxy_conf() {
    printf '%s\n' "listen-address 127.0.0.1:$1" "confdir $work" "logdir $work" "${@:2}" >"privoxy$1.conf"
    start privoxy --no-daemon "$work/privoxy$1.conf"
}
printf '{+limit-connect{443}}\n/\n' >only.action
privoxy_conf 4007 "templdir /etc/privoxy/templates"
privoxy_conf 4008 "templdir /etc/privoxy/templates" "actionsfile only.action"
privoxy_conf 4009
privoxy_conf 4010 "actionsfile only.action"

cat >nginx.conf <<NGINX
daemon off; master_process off; pid $work/nginx.pid; error_log stderr; events {}
http { access_log off; server { listen 127.0.0.1:4011; } }
NGINX
start nginx -p "$work" -c "$work/nginx.conf"

timeout 100 python3 - >seen <<'PY'
import socket
import time

PROXIES = {
    "squid": (4001, 4002),
    "Apache": (4003, 4004),
    "tinyproxy": (4005, 4006),
    "Privoxy": (4007, 4008),
    "Privoxy, no templates": (4009, 4010),
    "nginx": (4011, 4011),
}


def dial(port):
    for _ in range(300):
        try:
            return socket.create_connection(("127.0.0.1", port), 20)
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"nobody listens on {port}")


def ask(port, target):
    with dial(port) as connection:
        connection.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
        with connection.makefile("rb") as answer:
            return " ".join(answer.readline().decode().split()[1:])


print(f"{'':22} | {'nothing listens there':26} | {'name cannot be looked up':26} | port is not 443")
for name, (free, strict) in PROXIES.items():
    answers = [
        ask(free, "127.0.0.1:4999"),
        ask(free, "no-such.invalid:7411"),
        ask(strict, "127.0.0.1:4999"),
    ]
    print(f"{name:22} | {answers[0]:26} | {answers[1]:26} | {answers[2]}")
PY
cat seen
diff -u - seen >&2 <<'TABLE' || { echo "The behaviour has changed." >&2; exit 1; }
                       | nothing listens there      | name cannot be looked up   | port is not 443
squid                  | 503 Service Unavailable    | 500 Internal Server Error  | 403 Forbidden
Apache                 | 503 Service Unavailable    | 502 Proxy Error            | 403 Proxy Error
tinyproxy              | 500 Unable to connect      | 500 Unable to connect      | 403 Access violation
Privoxy                | 503 Connect failed         | 404 No such domain         | 403 Request blocked by Privoxy
Privoxy, no templates  | 500 Internal Privoxy Error | 500 Internal Privoxy Error | 500 Internal Privoxy Error
nginx                  | 400 Bad Request            | 400 Bad Request            | 400 Bad Request
TABLE
