#!/usr/bin/env python3
"""Generates what the programs of programs/apps/ are run on: a capture with traffic for all of them, and what their maps hold
before the first packet.

    python3 pcaps/apps.py            write captures/apps/services.pcap and programs/apps/maps/PROGRAM.MAP.json
    python3 pcaps/apps.py --check    compare with what is there

Fixed seeds, so the same bytes come out each time. Needs Python 3.9.
"""

import json
import os
import random
import struct
import sys

from generate import (HERE, ICMPV6, START_NS, TCP, UDP, arp, checksum, ether, filler, icmp, icmpv6, ip4, ip6, ipv4, ipv6,
                      mac, pcap, tcp, udp)

IPIP, GRE, IP6 = 4, 47, 41
ROUTER, HOST = mac(1), mac(2)
VIPS = ["198.51.100.10", "198.51.100.11"]
TUNNEL = "198.51.100.20"
VIP6 = "2001:db8:ff::10"
NAT64 = "64:ff9b::"
NAMES = ["example.com", "www.example.com", "api.example.net", "a.very.long.name.under.example.org", "blocked.test", "x.y"]


# ---------------------------------------------------------------------------------------------- traffic


def client4(rng):
    return ip4(f"10.1.{rng.randrange(8)}.{rng.randrange(1, 30)}")


def client6(rng):
    return ip6(f"2001:db8:1::{rng.randrange(1, 64):x}")


def eth4(packet, src=ROUTER, dst=HOST, tags=()):
    return ether(dst, src, 0x0800, packet, tags)


def eth6(packet, tags=()):
    return ether(HOST, ROUTER, 0x86DD, packet, tags)


def dns_name(name):
    return b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"


def dns(rng, response=False, qtype=None):
    qtype = qtype or rng.choice([1, 1, 1, 28, 15, 16, 255])
    question = dns_name(rng.choice(NAMES)) + struct.pack("!HH", qtype, 1)
    answers = rng.randrange(1, 4) if response else 0
    body = b"".join(struct.pack("!HHHIH", 0xC00C, 1, 1, 60, 4) + ip4("192.0.2.1") for _ in range(answers))
    flags = 0x8180 if response else 0x0100
    return struct.pack("!HHHHHH", rng.randrange(1 << 16), flags, 1, answers, 0, 0) + question + body


def client_hello(name):
    sni = struct.pack("!HBH", len(name) + 3, 0, len(name)) + name.encode()
    extensions = struct.pack("!HHB", 0xFF01, 1, 0)
    extensions += struct.pack("!HHHH", 10, 4, 2, 29)
    extensions += struct.pack("!HH", 0, len(sni)) + sni
    extensions += struct.pack("!HHB", 11, 2, 1) + b"\0"
    ciphers = struct.pack("!HHH", 4, 0x1301, 0x1302)
    body = b"\x03\x03" + filler(7, 32) + b"\x20" + filler(9, 32) + ciphers + b"\x01\x00"
    body += struct.pack("!H", len(extensions)) + extensions
    handshake = b"\x01" + struct.pack("!I", len(body))[1:] + body
    return b"\x16\x03\x01" + struct.pack("!H", len(handshake)) + handshake


def tcp_conversation(rng, src, dst, sport, dport):
    """SYN with options, data, and an end of some kind."""
    seq = rng.randrange(1 << 32)
    options = struct.pack("!BBH", 2, 4, rng.choice([1460, 1400, 9000])) + b"\x04\x02\x08\x0a" + struct.pack("!II", 7, 0)
    options += b"\x01\x03\x03\x07"
    yield tcp(src, dst, sport, dport, b"", seq=seq, flags=2, options=options)
    seq = seq + 1 & 0xFFFFFFFF
    yield tcp(src, dst, sport, dport, b"", seq=seq, ack=1, flags=0x10)
    for _ in range(rng.randrange(1, 4)):
        payload = client_hello(rng.choice(NAMES)) if dport == 443 else filler(sport & 0xFF, rng.randrange(20, 300))
        if dport == 11211:
            payload = b"get key%d\r\n" % rng.randrange(20)
        yield tcp(src, dst, sport, dport, payload, seq=seq, ack=1, flags=0x18)
        seq = seq + len(payload) & 0xFFFFFFFF
    yield tcp(src, dst, sport, dport, b"", seq=seq, ack=1, flags=rng.choice([0x11, 0x14, 0x10, 0x04]))


def inner4(rng):
    src, dst = client4(rng), ip4(f"192.0.2.{rng.randrange(1, 250)}")
    if rng.random() < 0.5:
        return ipv4(src, dst, UDP, udp(src, dst, rng.randrange(1024, 65536), 5000, filler(1, rng.randrange(10, 200))))
    return ipv4(src, dst, TCP, tcp(src, dst, rng.randrange(1024, 65536), 80, filler(2, rng.randrange(10, 200))),
                ttl=rng.choice([1, 2, 64]))


def udp4(rng, dst, dport, payload, sport=None, src=None, **ip):
    src = src or client4(rng)
    return ipv4(src, ip4(dst), UDP, udp(src, ip4(dst), sport or rng.randrange(1024, 65536), dport, payload), **ip)


def udp6(rng, dst, dport, payload):
    src = client6(rng)
    return ipv6(src, ip6(dst), UDP, udp(src, ip6(dst), rng.randrange(1024, 65536), dport, payload))


def traffic():
    rng = random.Random(64)
    flows = []  # lists of packets whose order stays

    def one(packet):
        flows.append([packet])

    for i in range(90):  # TCP to the services, IPv4 and IPv6
        src, dst, dport = client4(rng), ip4(rng.choice(VIPS)), rng.choice([80, 443, 443, 22, 11211, 8080])
        sport = rng.randrange(1024, 65536)
        flows.append([eth4(ipv4(src, dst, TCP, segment, ident=i))
                      for segment in tcp_conversation(rng, src, dst, sport, dport)])
        if i % 3 == 0:
            src, dst = client6(rng), ip6(VIP6)
            flows.append([eth6(ipv6(src, dst, TCP, segment)) for segment in tcp_conversation(rng, src, dst, sport, dport)])
    for _ in range(150):  # DNS
        one(eth4(udp4(rng, rng.choice(VIPS), 53, dns(rng))))
        one(eth6(udp6(rng, VIP6, 53, dns(rng))))
        if rng.random() < 0.3:
            dst = client4(rng)
            one(eth4(ipv4(ip4(VIPS[0]), dst, UDP, udp(ip4(VIPS[0]), dst, 53, 4000, dns(rng, response=True)))))
    for i in range(60):  # tunnels
        inner = inner4(rng)
        gtp = struct.pack("!BBHI", 0x30, 255, len(inner), 0x1000 + rng.randrange(12))
        if i % 4 == 0:
            gtp = struct.pack("!BBHIHBB", 0x32, 255, len(inner) + 4, 0x1000 + i % 12, i, 0, 0)
        one(eth4(udp4(rng, TUNNEL, 2152, gtp + inner)))
        one(eth4(udp4(rng, TUNNEL, 2152, struct.pack("!BBHIHBB", 0x32, 1, 4, 0, i, 0, 0))))  # echo request
        vni = struct.pack("!II", 0x08000000, (100 + rng.randrange(4)) << 8)
        frame = ether(mac(0x100 + rng.randrange(20)), mac(0x200 + rng.randrange(20)), 0x0800, inner)
        one(eth4(udp4(rng, TUNNEL, 4789, vni + frame)))
        one(ether(mac(0x200 + rng.randrange(20)), mac(0x100 + rng.randrange(24)), 0x0800, inner, [(0x8100, 100 + i % 4)]))
        src = client4(rng)
        one(eth4(ipv4(src, ip4(TUNNEL), GRE, struct.pack("!HH", 0, 0x0800) + inner)))
        key = struct.pack("!HHI", 0x2000, 0x0800, 7)
        one(eth4(ipv4(src, ip4(TUNNEL), GRE, key + inner)))
        one(eth4(ipv4(src, ip4(TUNNEL), IPIP, inner)))
        labels = b"".join(struct.pack("!I", (16 + rng.randrange(8)) << 12 | 64) for _ in range(rng.randrange(3)))
        labels += struct.pack("!I", (16 + rng.randrange(8)) << 12 | 0x100 | rng.choice([1, 2, 64]))
        one(ether(HOST, ROUTER, 0x8847, labels + inner))
        one(ether(HOST, ROUTER, 0x8864, struct.pack("!BBHHH", 0x11, 0, i % 8, len(inner) + 2, 0x21) + inner))
        segments = [ip6(f"2001:db8:5::{n}") for n in range(1, 4)]
        left = rng.randrange(3)
        srh = struct.pack("!BBBBBBH", IPIP, 6, 4, left, 2, 0, 0) + b"".join(segments)
        one(eth6(ipv6(client6(rng), segments[left], 43, srh + inner)))
    for i in range(120):  # NAT64, both ways
        src6, dst4 = client6(rng), f"192.0.2.{rng.randrange(1, 20)}"
        dst6 = ip6(NAT64)[:12] + ip4(dst4)
        sport = 30000 + rng.randrange(12)
        if i % 3 == 0:
            packet = ipv6(src6, dst6, UDP, udp(src6, dst6, sport, 5000, filler(i, rng.randrange(1, 80))))
        elif i % 3 == 1:
            packet = ipv6(src6, dst6, TCP, tcp(src6, dst6, sport, 80, filler(i, rng.randrange(80)), flags=0x18))
        else:
            packet = ipv6(src6, dst6, ICMPV6, icmpv6(src6, dst6, 128, 0, i << 16 | 1, filler(i, 20)))
        one(eth6(packet))
        pool = ip4("203.0.113.1")
        one(eth4(ipv4(ip4(dst4), pool, UDP, udp(ip4(dst4), pool, 5000, 20000 + rng.randrange(16), filler(i, 40)))))
        one(eth4(ipv4(ip4(dst4), pool, TCP, tcp(ip4(dst4), pool, 80, 20000 + rng.randrange(16), filler(i, 40)))))
    for i in range(60):  # the small protocols
        one(eth4(udp4(rng, VIPS[0], 443, bytes([0xC3]) + struct.pack("!IB", 1, 8) + bytes([i % 4]) + filler(i, 7) + b"\0" +
                      filler(0, 300))))
        one(eth4(udp4(rng, VIPS[0], 443, bytes([0x41, i % 4]) + filler(i, 60))))
        one(eth4(udp4(rng, VIPS[1], 123, bytes([rng.choice([0x23, 0x17, 0x1B])]) + filler(0, 47))))
        one(eth4(udp4(rng, VIPS[1], 11211, struct.pack("!HHHH", i, 0, 1, 0) + b"get key%d\r\n" % rng.randrange(20))))
        one(eth4(udp4(rng, VIPS[1], 51820, struct.pack("<I", rng.randrange(1, 6)) + filler(i, 60))))
        one(eth4(ipv4(client4(rng), ip4(VIPS[0]), 1, icmp(8, 0, 7, i, filler(i, 48)))))
        src6 = client6(rng)
        one(eth6(ipv6(src6, ip6(VIP6), ICMPV6, icmpv6(src6, ip6(VIP6), 128, 0, 7 << 16 | i, filler(i, 48)))))
        target = ip6(f"2001:db8:ff::{rng.randrange(8, 20):x}")
        group = ip6("ff02::1:ff00:10")
        option = b"\x01\x01" + ROUTER
        one(eth6(ipv6(src6, group, ICMPV6, icmpv6(src6, group, 135, 0, 0, target + option), hops=255)))
        sender = mac(0x100 + rng.randrange(20))
        one(ether(b"\xff" * 6, sender, 0x0806, arp(1, sender, client4(rng), b"\0" * 6, ip4(rng.choice(VIPS)))))
        bootp = struct.pack("!BBBBIHHIIII", 1, 1, 6, 0, i, 0, 0x8000, 0, 0, 0, 0) + sender + bytes(10 + 64 + 128)
        bootp += b"\x63\x82\x53\x63\x35\x01" + bytes([rng.choice([1, 3])]) + b"\x37\x02\x01\x03\xff"
        any4, all4 = ip4("0.0.0.0"), ip4("255.255.255.255")
        one(ether(b"\xff" * 6, sender, 0x0800, ipv4(any4, all4, UDP, udp(any4, all4, 68, 67, bootp))))
        payload = filler(i, 1200)
        src = client4(rng)
        datagram = udp(src, ip4(VIPS[0]), 4000 + i, 9000, payload)
        flows.append([eth4(ipv4(src, ip4(VIPS[0]), UDP, datagram[at:at + 480], ident=i,
                                frag=at // 8 | (0x2000 if at + 480 < len(datagram) else 0)))
                      for at in range(0, len(datagram), 480)])
        one(eth4(udp4(rng, VIPS[0], 9, filler(i, rng.randrange(0, 60))), tags=[(0x88A8, 10 + i % 3), (0x8100, 20 + i % 5)]))
    for i in range(12):  # knocking at doors, some in the right order
        src = client4(rng)
        doors = [7001, 7002, 7003] if i % 3 else rng.sample([7001, 7002, 7003, 7004], 3)
        flows.append([eth4(udp4(rng, VIPS[0], door, b"", src=src)) for door in doors] +
                     [eth4(ipv4(src, ip4(VIPS[0]), TCP, tcp(src, ip4(VIPS[0]), 2000, 22, b"", flags=2)))])
    packets = []
    while flows:  # interleave the flows
        flow = rng.choice(flows[:40])
        packets.append(flow.pop(0))
        if not flow:
            flows.remove(flow)
        if rng.random() < 0.02:  # and some that are cut or broken
            broken = bytearray(packets[-1])
            broken[rng.randrange(12, len(broken))] ^= 1 << rng.randrange(8)
            packets.append(bytes(broken[:rng.randrange(max(14, len(broken) // 3), len(broken) + 1)]))
    now = START_NS
    timed = []
    for packet in packets:
        now += rng.randrange(1_000, 900_000)
        timed.append((now, packet))
    return timed


# ---------------------------------------------------------------------------------------------- maps


def be(data):
    """A number whose little-endian bytes are these: how a field in the order of the wire reads in JSON."""
    return int.from_bytes(data, "little")


def be16(number):
    return be(struct.pack("!H", number))


def be32(address):
    return be(ip4(address))


def words(address):
    """An IPv6 address as four words."""
    data = ip6(address)
    return [be(data[i:i + 4]) for i in range(0, 16, 4)]


def octets(data):
    return list(data)


def entries(*pairs):
    return [{"key": key, "value": value} for key, value in pairs]


def key_lpm(text, bits):
    return {"bits": bits, "addr": be32(text)}


def key_lpm6(text, bits):
    return {"bits": bits, "addr": words(text)}


def one(addr):
    """An IPv4 address in the first of four words."""
    return [be32(addr), 0, 0, 0]


def reversed_name(name):
    text = name[::-1].encode()
    return {"bits": len(text) * 8, "text": octets(text.ljust(64, b"\0"))}


def wire_name(name):
    return {"wire": octets(dns_name(name).ljust(64, b"\0"))}


def fnv1a(text):
    value = 0x811C9DC5
    for byte in text:
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value


def bits(*numbers):
    value = [0, 0, 0, 0]
    for number in numbers:
        value[number // 64] |= 1 << number % 64
    return {"bits": value}


def zero_counter():
    return {"packets": 0, "bytes": 0}


def maps():
    """The entries of maps before the first packet, by program and map."""
    out = {}
    rng = random.Random(6)

    def fill(program, name, *pairs):
        out[program, name] = entries(*pairs)

    def vip(addr, port, proto, family=4):
        return {"addr": words(addr) if family == 6 else one(addr), "port": be16(port) if port else 0, "proto": proto,
                "family": family}

    fill("maglev_lb", "vips",
         (vip(VIPS[0], 80, TCP), {"flags": 0, "ring": 0}),
         (vip(VIPS[0], 443, TCP), {"flags": 0, "ring": 1}),
         (vip(VIPS[0], 443, UDP), {"flags": 4, "ring": 1}),
         (vip(VIPS[0], 53, UDP), {"flags": 2, "ring": 0}),
         (vip(VIPS[1], 0, UDP), {"flags": 1, "ring": 0}),
         (vip(VIPS[1], 22, TCP), {"flags": 0, "ring": 3}),
         (vip(VIP6, 443, TCP, 6), {"flags": 0, "ring": 1}),
         (vip(VIP6, 53, UDP, 6), {"flags": 2, "ring": 0}))
    fill("maglev_lb", "reals", *[(n, {"addr": words(f"2001:db8:9::{n:x}") if n % 3 == 0 else one(f"10.9.0.{n}"),
                                      "family": 6 if n % 3 == 0 else 4}) for n in range(1, 12)])
    for ring in (0, 1):
        fill("maglev_lb", f"ring_{ring}", *[(slot, rng.randrange(1, 12)) for slot in range(251)])
    fill("maglev_lb", "quic_servers", *[(n, n + 1) for n in range(3)])

    fill("nat64", "allowed", (key_lpm6("2001:db8:1::", 48), 1), (key_lpm6("2001:db8:1::20", 124), 0))

    fill("dns_guard", "blocklist", (wire_name("blocked.test"), 0), (wire_name("example.org"), 0))

    fill("gtpu_gateway", "sessions", *[
        (be(struct.pack("!I", 0x1000 + n)),
         {"mobile": be32(f"10.1.{n}.5") if n == 3 else 0, "peer": be32(f"10.200.0.{n + 1}"),
          "peer_teid": be(struct.pack("!I", 0x2000 + n)), "qos": n, "quota": 2000 if n == 5 else 1 << 40, "used": 0,
          "up": zero_counter(), "down": zero_counter()}) for n in range(10)])
    fill("gtpu_gateway", "mobiles", *[(be32(f"10.1.{n % 8}.{n}"), be(struct.pack("!I", 0x1000 + n))) for n in range(1, 12)],
         (be32("203.0.113.1"), be(struct.pack("!I", 0x1001))))
    fill("gtpu_gateway", "routes",
         (key_lpm("192.0.2.0", 24), {"mac": octets(mac(0x51)), "action": 1, "mtu": 1500}),
         (key_lpm("192.0.2.128", 25), {"mac": octets(mac(0x52)), "action": 0, "mtu": 1500}))

    fill("vxlan_gateway", "networks", *[(100 + n, {"vni": 100 + n, "flood": be32(f"10.200.1.{n + 1}")}) for n in range(3)])
    fill("vxlan_gateway", "vlans", *[(100 + n, 100 + n) for n in range(3)])

    fill("l2_bridge", "ports", (1, {"pvid": 1, "forwarding": 1, "learning": 1, "index": 1,
                                    "vlans": 1 << 1 | 1 << 20 | 1 << 21}))

    fill("conntrack_fw", "zones", (key_lpm("10.0.0.0", 8), 1), (key_lpm("198.51.100.0", 24), 2), (key_lpm("192.0.2.0", 24), 3),
         (key_lpm("198.51.100.20", 32), 4))
    rules = [(1, 2, 22, 22, TCP, 3), (1, 2, 80, 443, TCP, 1), (1, 2, 53, 53, UDP, 1), (1, 2, 8080, 8080, TCP, 2),
             (1, 2, 0, 0, 1, 1), (1, 4, 2152, 2152, UDP, 1), (3, 0, 0, 0, UDP, 1), (0, 2, 9, 9, UDP, 3), (2, 1, 0, 0, 0, 1)]
    fill("conntrack_fw", "rules", *[
        (n, dict(zip(("from_zone", "to_zone", "port_low", "port_high", "proto", "action", "pad"), rule + (0,))))
        for n, rule in enumerate(rules)])

    block = {"hits": 0, "reason": 1, "pad": 0}
    fill("ddos_filter", "blocked4", (key_lpm("10.1.3.0", 24), block), (key_lpm("10.1.5.7", 32), block))
    fill("ddos_filter", "blocked6", (key_lpm6("2001:db8:1::30", 124), block))

    any_source, web, dns_rules = [5, 70, 200], [0, 1, 64], [2, 3, 130]
    fill("acl_classifier", "by_source", (key_lpm("10.0.0.0", 8), bits(0, 2, 64, *any_source)),
         (key_lpm("10.1.4.0", 22), bits(1, 3, 130, 64, *any_source)), (key_lpm("0.0.0.0", 0), bits(*any_source)))
    fill("acl_classifier", "by_destination", (key_lpm("198.51.100.0", 24), bits(*web, *dns_rules, 5)),
         (key_lpm("198.51.100.11", 32), bits(1, 3, 200)), (key_lpm("0.0.0.0", 0), bits(70, 200)))
    fill("acl_classifier", "by_destination_port", (80, bits(0, 5)), (443, bits(1, 64, 5)), (53, bits(2, 3, 130, 5)),
         (5000, bits(70)))
    fill("acl_classifier", "by_source_port", (53, bits(200)))
    fill("acl_classifier", "by_protocol", (TCP, bits(*web, 5)), (UDP, bits(*dns_rules, 5, 70)), (1, bits(5, 200)))
    fill("acl_classifier", "actions", (0, 2), (1, 1), (2, 2), (3, 1), (5, 2), (64, 3), (70, 2), (130, 1), (200, 1))

    owner = {"mac": octets(mac(0x77)), "claims": 0, "conflicts": 0, "pad": 0}
    fill("ndp_proxy", "owners4", (be32(VIPS[0]), owner))
    fill("ndp_proxy", "owners6", *[({"addr": words(f"2001:db8:ff::{n:x}")}, owner) for n in (8, 9, 10, 16)])

    fill("dhcp_relay", "pools", (0, {"relay": be32("10.1.0.1"), "server": be32("10.250.0.1"), "requests": 0}))

    fill("tls_filter", "names", (reversed_name("blocked.test"), {"action": 1, "reserved": 0, "hits": 0}),
         (reversed_name(".example.org"), {"action": 1, "reserved": 0, "hits": 0}),
         (reversed_name("example.com"), {"action": 0, "reserved": 0, "hits": 0}))

    fill("kv_cache", "cache", *[
        (fnv1a(b"key%d" % n),
         {"lock": {"val": 0}, "length": 20 + n, "hits": 0, "key_length": 4 + (n > 9),
          "key": octets((b"key%d" % n).ljust(32, b"\0")) if n != 6 else [1] * 32,
          "value": octets((b"VALUE key%d 0 5\r\nhello\r\nEND\r\n" % n).ljust(48, b"."))}) for n in (1, 2, 6, 12)])

    fill("sampler", "filters",
         (0, {"addr": be32(VIPS[0]), "mask": be32("255.255.255.255"), "port": be16(53), "proto": UDP, "enabled": 1, "every": 3,
              "matched": 0, "sampled": 0}),
         (1, {"addr": be32("198.51.100.0"), "mask": be32("255.255.255.0"), "port": 0, "proto": TCP, "enabled": 1, "every": 5,
              "matched": 0, "sampled": 0}),
         (2, {"addr": 0, "mask": 0, "port": 0, "proto": 1, "enabled": 1, "every": 0, "matched": 0, "sampled": 0}))

    def translation(to, adjustment, direction):
        return {"to": words(to)[:2], "adjustment": adjustment, "pad": 0, "direction": direction, "packets": 0}

    fill("nptv6", "inside", (key_lpm6("2001:db8:1::", 64), translation("2001:db8:aaaa::", 0x5576, 0)))
    fill("nptv6", "outside", (key_lpm6("2001:db8:ff::", 64), translation("fd00::", 0xDE0A, 1)))

    fill("cpu_spreader", "in_use", *[(n, (3 * n + 1) % 8) for n in range(4)])

    fill("srv6_node", "local_sids", *[
        ({"addr": words(f"2001:db8:5::{n}")}, {"behaviour": behaviour, "mac": octets(mac(0x60 + n)), "pad": 0, "packets": 0})
        for n, behaviour in ((1, 3), (2, 1), (3, 2))])
    fill("srv6_node", "policies", (key_lpm("192.0.2.0", 24), {
        "count": 2, "source": words("2001:db8:5::f"),
        "segments": [{"addr": words(f"2001:db8:6::{n}")} for n in range(1, 5)]}),
         (key_lpm("198.51.100.11", 32), {"count": 2, "source": words("2001:db8:5::e"),
                                        "segments": [{"addr": words(f"2001:db8:7::{n}")} for n in range(1, 5)]}))

    fill("frag_guard", "closed_ports", (be16(9000), 0))

    fill("obfuscator", "peers", *[
        (be32(f"10.1.{a}.{b}"), {"key": 0x0123456789ABCDEF ^ a << 8 ^ b, "window": 0, "highest": 0, "flags": 0,
                                 "passed": zero_counter(), "replayed": zero_counter()})
        for a in range(8) for b in range(1, 30, 2)])

    def plan(policy, shape, account, verdict):
        return {"next": [policy, shape, account, 4], "verdict": verdict, "pad": [0, 0, 0]}

    fill("service_chain", "plans", (0, plan(1, 3, 2, 2)), (1, plan(1, 2, 3, 2)), (2, plan(3, 4, 4, 2)), (3, plan(2, 4, 3, 2)),
         (4, plan(4, 4, 4, 2)))

    fill("syn_proxy", "ports", (0, 80), (1, 443))

    def bucket(rate, peak):
        return {"lock": {"val": 0}, "committed_rate": rate, "peak_rate": peak, "committed_burst": rate * 40,
                "peak_burst": peak * 60, "pad": 0, "committed": rate * 20, "peak": peak * 30, "last": 0,
                "colours": [zero_counter() for _ in range(3)]}

    fill("policer", "customers", *[(key_lpm(f"10.1.{n}.0", 24), n) for n in range(6)], (key_lpm("10.1.7.0", 24), 20))
    fill("policer", "buckets", *[(n, bucket(5 + 3 * n, 9 + 4 * n)) for n in range(6)])
    return out


def files():
    out = {"captures/apps/services.pcap": pcap(traffic(), nano=True)}
    for (program, name), content in maps().items():
        rows = ",\n ".join(json.dumps(row, separators=(",", ":")) for row in content)
        out[f"programs/apps/maps/{program}.{name}.json"] = ("[" + rows + "]\n").encode()
    return out


def main():
    check = sys.argv[1:] == ["--check"]
    bad = 0
    for name, data in files().items():
        path = os.path.join(HERE, name)
        if check:
            with open(path, "rb") as f:
                if f.read() != data:
                    print("differs: " + name)
                    bad = 1
        else:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as f:
                f.write(data)
    if check and not bad:
        print("all is as it was")
    return bad


if __name__ == "__main__":
    sys.exit(main())
