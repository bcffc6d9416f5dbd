#!/usr/bin/env bash
# Records the captures under captures/recorded/ from real clients and servers in two network namespaces that a veth
# pair connects. Root only; what it makes, it removes again. The captures differ from run to run (times, ports,
# cookies), so the golden results have to be made anew afterwards (golden.sh).
#
#   sudo pcaps/record.sh [NAME...]      all, or those named
#
# Debian: tcpdump tshark iproute2 ethtool curl dnsmasq-base dnsutils iputils-ping netcat-openbsd python3 clang-19 libbpf-dev
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
export LC_ALL=C

out=$PWD/captures/recorded
work=$(mktemp -d)
mkdir -p "$out"
pids=()

cleanup() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    ip netns del slu-client 2>/dev/null || true
    ip netns del slu-server 2>/dev/null || true
    rm -rf "$work"
}
trap cleanup EXIT

# in the background "ip netns exec" itself: it becomes the command, and its number is the command's
client() { ip netns exec slu-client "$@"; }
server() { ip netns exec slu-server "$@"; }

clang-19 -target bpf -O2 -g -I"/usr/include/$(uname -m)-linux-gnu" -c tools/wire.bpf.c -o "$work/wire.o"
mkdir "$work/www"
python3 - "$work/www" <<'PY'
import sys
www = sys.argv[1]
open(www + "/index.html", "w").write("<!doctype html><title>Sluice</title><p>" + "A page of text. " * 40 + "</p>\n")
for name, size in (("small.bin", 2_000), ("medium.bin", 30_000), ("large.bin", 120_000)):
    open(f"{www}/{name}", "wb").write(bytes(i * i >> 7 & 0xFF for i in range(size)))
PY

# setup [MTU] [on|off]: the two namespaces anew, offloads as told
setup() {
    local mtu=${1-1500} offload=${2-off} side
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    pids=()
    ip netns del slu-client 2>/dev/null || true
    ip netns del slu-server 2>/dev/null || true
    ip netns add slu-client
    ip netns add slu-server
    for side in client server; do
        ip netns exec slu-$side sysctl -q -w net.ipv6.conf.default.router_solicitations=0 \
            net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0
        ip -n slu-$side link set lo up
    done
    ip link add slu-c netns slu-client address 02:53:4c:00:00:01 mtu "$mtu" type veth \
        peer name slu-s netns slu-server address 02:53:4c:00:00:02 mtu "$mtu"
    ip -n slu-client addr add 10.10.0.1/24 dev slu-c
    ip -n slu-server addr add 10.10.0.2/24 dev slu-s
    ip -n slu-client addr add fd00:10::1/64 dev slu-c nodad
    ip -n slu-server addr add fd00:10::2/64 dev slu-s nodad
    if [ "$offload" = off ]; then
        client ethtool -K slu-c tso off gso off gro off tx off rx off txvlan off rxvlan off sg off >/dev/null
        server ethtool -K slu-s tso off gso off gro off tx off rx off txvlan off rxvlan off sg off >/dev/null
    fi
    ip -n slu-client link set slu-c up
    ip -n slu-server link set slu-s up
    sleep 1
}

wait_for_port() { # tcp|udp PORT
    local i
    for i in $(seq 50); do
        server ss -H -ln "--$1" "sport = :$2" | grep -q . && return
        sleep 0.1
    done
    echo "no server on $1 port $2" >&2
    exit 1
}

web() {
    (cd "$work/www" && exec ip netns exec slu-server python3 -u -c '
import http.server, socket, socketserver
class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
    def server_bind(self):
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        socketserver.TCPServer.server_bind(self)
class Handler(http.server.SimpleHTTPRequestHandler):
    server_version, sys_version, protocol_version = "test", "", "HTTP/1.1"
Server(("::", 80), Handler).serve_forever()') >/dev/null 2>&1 &
    pids+=($!)
    wait_for_port tcp 80
}

names() {
    ip netns exec slu-server dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts --pid-file= --user=root \
        --address=/www.example.test/192.0.2.80 --address=/www.example.test/2001:db8::80 \
        --mx-host=example.test,mail.example.test,10 --txt-record=example.test,"v=spf1 -all" \
        --txt-record=long.example.test,"$(printf 'x%.0s' {1..250})","$(printf 'y%.0s' {1..250})","$(printf 'z%.0s' {1..250})","$(printf 'w%.0s' {1..250})","$(printf 'v%.0s' {1..250})","$(printf 'u%.0s' {1..250})" \
        --local=/example.test/ >/dev/null 2>&1 &
    pids+=($!)
    wait_for_port udp 53
}

# record FILE [tcpdump options]: starts in the background
record() {
    local file=$1
    shift
    ip netns exec slu-client tcpdump -i "${DEVICE-slu-c}" -U --immediate-mode -Z root -s 0 -n -w "$work/$file" "$@" 2>"$work/tcpdump.log" &
    recorder=$!
    local i
    for i in $(seq 50); do
        grep -q 'listening on' "$work/tcpdump.log" && return
        sleep 0.1
    done
    cat "$work/tcpdump.log" >&2
    exit 1
}

recorded() {
    sleep 0.7
    kill $recorder
    wait $recorder 2>/dev/null || true
    cp "$work/$1" "$out/$1"
    chmod 644 "$out/$1"
    echo "$1: $(capinfos -rTMc "$out/$1" 2>/dev/null | cut -f2) packets, $(stat -c %s "$out/$1") bytes"
}

get() { client curl -s --max-time 30 "$@" >/dev/null; }

attach() { # client|server ingress|egress SECTION
    local dev=slu-${1:0:1}
    tc -n "slu-$1" qdisc add dev "$dev" clsact 2>/dev/null || true
    tc -n "slu-$1" filter add dev "$dev" "$2" bpf da obj "$work/wire.o" sec "tc/$3"
}

http() {
    setup
    web
    record http.pcap
    get http://10.10.0.2/
    get http://10.10.0.2/medium.bin http://10.10.0.2/small.bin # one connection
    get http://10.10.0.2/not-there
    get -I http://10.10.0.2/large.bin
    get -X POST -d 'name=value' http://10.10.0.2/
    get -r 100-20000 http://10.10.0.2/large.bin
    recorded http.pcap
}

http-offload() {
    setup 1500 on
    web
    record http-offload.pcap
    get http://10.10.0.2/
    get http://10.10.0.2/large.bin
    recorded http-offload.pcap
}

dns() {
    setup
    names
    record dns.pcap
    local type
    for type in A AAAA ANY; do client dig +tries=1 +time=1 @10.10.0.2 www.example.test $type >/dev/null || true; done
    for type in MX TXT SOA; do client dig +tries=1 +time=1 @10.10.0.2 example.test $type >/dev/null || true; done
    client dig +tries=1 +time=1 @10.10.0.2 missing.example.test >/dev/null || true
    client dig +tries=1 +time=1 +noedns @10.10.0.2 long.example.test TXT >/dev/null || true # truncated, then TCP
    client dig +tries=1 +time=1 +bufsize=4096 @10.10.0.2 long.example.test TXT >/dev/null || true # fragments
    client dig +tries=1 +time=1 +tcp @10.10.0.2 www.example.test A >/dev/null || true
    client dig +tries=1 +time=1 @fd00:10::2 www.example.test A >/dev/null || true
    client dig +tries=1 +time=1 @fd00:10::2 www.example.test AAAA >/dev/null || true
    client dig +tries=1 +time=1 @10.10.0.2 -p 5353 www.example.test >/dev/null || true # nobody there
    recorded dns.pcap
}

ping() {
    setup
    record ping.pcap
    client ping -q -c 5 -i 0.2 10.10.0.2 >/dev/null
    client ping -q -c 3 -i 0.2 -s 0 10.10.0.2 >/dev/null
    client ping -q -c 3 -i 0.2 -s 1400 -p a5 10.10.0.2 >/dev/null
    client ping -q -c 2 -i 0.2 -R 10.10.0.2 >/dev/null # IP options
    client ping -q -c 2 -W 1 10.10.0.77 >/dev/null || true # ARP without an answer
    server ping -q -c 2 -i 0.2 10.10.0.1 >/dev/null
    recorded ping.pcap
}

tcp-loss() {
    setup
    web
    ip -n slu-client link set slu-c xdpgeneric obj "$work/wire.o" sec xdp
    ip -n slu-server link set slu-s xdpgeneric obj "$work/wire.o" sec xdp
    record tcp-loss.pcap
    get http://10.10.0.2/large.bin
    get http://10.10.0.2/small.bin
    recorded tcp-loss.pcap
}

ipv6() {
    setup
    web
    record ipv6.pcap
    client ping -6 -q -c 5 -i 0.2 fd00:10::2 >/dev/null
    client ping -6 -q -c 3 -i 0.2 -s 1200 fd00:10::2 >/dev/null
    client ping -6 -q -c 2 -i 0.2 ff02::1%slu-c >/dev/null || true
    get "http://[fd00:10::2]/"
    get "http://[fd00:10::2]/medium.bin"
    echo hello | client nc -6 -u -w 1 fd00:10::2 7777 || true # nobody there: unreachable
    recorded ipv6.pcap
}

vlan() {
    setup
    web
    local side
    for side in client server; do
        attach $side egress push
        attach $side ingress pop
    done
    record vlan.pcap
    client ping -q -c 3 -i 0.2 10.10.0.2 >/dev/null
    client ping -6 -q -c 2 -i 0.2 fd00:10::2 >/dev/null
    get http://10.10.0.2/
    get "http://[fd00:10::2]/small.bin"
    recorded vlan.pcap
}

qinq() {
    setup 1492
    web
    local side
    for side in client server; do
        attach $side egress push_two
        attach $side ingress pop_two
    done
    record qinq.pcap
    client ping -q -c 3 -i 0.2 10.10.0.2 >/dev/null
    client ping -6 -q -c 2 -i 0.2 fd00:10::2 >/dev/null
    get http://10.10.0.2/medium.bin
    recorded qinq.pcap
}

fragments() {
    setup
    record fragments.pcap
    client ping -q -c 3 -i 0.2 -s 4000 10.10.0.2 >/dev/null
    client ping -6 -q -c 3 -i 0.2 -s 4000 fd00:10::2 >/dev/null
    client ping -q -c 1 -s 20000 10.10.0.2 >/dev/null
    client python3 -c '
import socket
for family, host in ((socket.AF_INET, "10.10.0.2"), (socket.AF_INET6, "fd00:10::2")):
    s = socket.socket(family, socket.SOCK_DGRAM)
    for size in (1473, 3000, 9000):
        s.sendto(bytes(i & 255 for i in range(size)), (host, 9))'
    recorded fragments.pcap
}

jumbo() {
    setup 9000
    web
    record jumbo.pcap
    client ping -q -c 3 -i 0.2 -s 8000 10.10.0.2 >/dev/null
    client ping -6 -q -c 2 -i 0.2 -s 3000 fd00:10::2 >/dev/null
    get http://10.10.0.2/large.bin
    recorded jumbo.pcap
}

closed() {
    setup
    record closed.pcap
    client nc -z -w 1 10.10.0.2 22 || true # nobody there: RST
    echo x | client nc -u -w 1 10.10.0.2 7 || true # nobody there: unreachable
    echo x | client nc -u -w 1 10.10.0.2 53 || true
    ip netns exec slu-server nc -l -p 8080 >/dev/null &
    pids+=($!)
    wait_for_port tcp 8080
    client python3 -c '
import socket, struct
s = socket.create_connection(("10.10.0.2", 8080))
s.sendall(b"half a line")
s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
s.close()' # ends in RST
    client python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 132)
s.sendto(bytes(16), ("10.10.0.2", 0))' || true # SCTP: protocol unreachable
    recorded closed.pcap
}

nanoseconds() {
    setup
    record nanoseconds.pcap --time-stamp-precision=nano
    client ping -q -c 10 -i 0.002 10.10.0.2 >/dev/null
    recorded nanoseconds.pcap
}

cooked() {
    setup
    DEVICE=any record cooked.pcap
    client ping -q -c 3 -i 0.2 10.10.0.2 >/dev/null
    client ping -q -c 2 -i 0.2 127.0.0.1 >/dev/null
    recorded cooked.pcap
}

# the same packets as http.pcap, as Wireshark's tools write them; no comments about this machine
pcapng() {
    editcap -F pcapng "$out/http.pcap" "$out/http.pcapng"
    gzip -9nc "$out/tcp-loss.pcap" >"$out/tcp-loss.pcap.gz"
    echo "http.pcapng: $(stat -c %s "$out/http.pcapng") bytes, tcp-loss.pcap.gz: $(stat -c %s "$out/tcp-loss.pcap.gz") bytes"
}

for name in ${@:-http http-offload dns ping tcp-loss ipv6 vlan qinq fragments jumbo closed nanoseconds cooked pcapng}; do
    $name
done

# nothing of this machine in them: no paths, and no host name unless it is too short to tell
host=$(hostname)
[ ${#host} -ge 4 ] || host=no-name
if found=$(cd "$out" && strings -f -- * | grep -E "[ \"'](/(root|home|work|tmp|build|usr)/)|\b$host\b"); then
    echo "names or paths of this machine in captures:"
    echo "$found"
    exit 1
fi
