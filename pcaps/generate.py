#!/usr/bin/env python3
"""Generates the captures that were not recorded: fixed sizes, a mix of odd packets, file formats, damaged files.

Everything comes from the fixed seeds below, so that the same bytes come out each time:

    python3 pcaps/generate.py            write captures/generated, captures/formats, captures/damaged
    python3 pcaps/generate.py --check    compare with what is there

Needs Python 3.9 and, for the zstd files, the zstd command.
"""

import gzip
import io
import ipaddress
import os
import random
import struct
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
START_NS = 1_767_225_600_000_000_000  # 2026-01-01 00:00:00 UTC
FCS_BYTES = 4  # a frame's size counts them, a capture does not have them

ETHERNET, RAW_IP, LINUX_SLL, LINUX_SLL2 = 1, 101, 113, 276
UDP, TCP, ICMP, ICMPV6 = 17, 6, 1, 58


# ---------------------------------------------------------------------------------------------- packets


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def mac(n):
    return b"\x02\x53\x4c" + struct.pack("!I", n)[1:]


def ether(dst, src, ethertype, payload, tags=()):
    out = dst + src
    for tpid, tci in tags:
        out += struct.pack("!HH", tpid, tci)
    return out + struct.pack("!H", ethertype) + payload


def ip4(text):
    return ipaddress.IPv4Address(text).packed


def ip6(text):
    return ipaddress.IPv6Address(text).packed


def ipv4(src, dst, proto, payload, ttl=64, ident=0, tos=0, frag=0, options=b"", total_len=None):
    ihl = 5 + len(options) // 4
    if total_len is None:
        total_len = ihl * 4 + len(payload)
    head = struct.pack("!BBHHHBBH", 0x40 | ihl, tos, total_len, ident, frag, ttl, proto, 0) + src + dst + options
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def ipv6(src, dst, next_header, payload, hops=64, flow=0, payload_len=None):
    if payload_len is None:
        payload_len = len(payload)
    return struct.pack("!IHBB", 6 << 28 | flow, payload_len, next_header, hops) + src + dst + payload


def l4_checksum(src, dst, proto, segment):
    return checksum(src + dst + struct.pack("!IHBB", len(segment), 0, 0, proto) + segment)


def udp(src, dst, sport, dport, payload, with_checksum=True):
    segment = struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload
    if not with_checksum:
        return segment
    return segment[:6] + struct.pack("!H", l4_checksum(src, dst, UDP, segment) or 0xFFFF) + segment[8:]


def tcp(src, dst, sport, dport, payload, seq=0, ack=0, flags=0x10, window=64240, options=b""):
    offset = 5 + len(options) // 4
    segment = struct.pack("!HHIIBBHHH", sport, dport, seq, ack, offset << 4, flags, window, 0, 0) + options + payload
    return segment[:16] + struct.pack("!H", l4_checksum(src, dst, TCP, segment)) + segment[18:]


def icmp(kind, code, ident, seq, payload):
    head = struct.pack("!BBHHH", kind, code, 0, ident, seq) + payload
    return head[:2] + struct.pack("!H", checksum(head)) + head[4:]


def icmpv6(src, dst, kind, code, rest, payload=b""):
    segment = struct.pack("!BBHI", kind, code, 0, rest) + payload
    return segment[:2] + struct.pack("!H", l4_checksum(src, dst, ICMPV6, segment)) + segment[4:]


def arp(op, sender_mac, sender_ip, target_mac, target_ip):
    return struct.pack("!HHBBH", 1, 0x0800, 6, 4, op) + sender_mac + sender_ip + target_mac + target_ip


def filler(start, length):
    """Bytes that count upwards: each packet's differ, and they compress."""
    return bytes((start + i) & 0xFF for i in range(length))


class Flows:
    """TCP and UDP 5-tuples, of which a few are used much more often than the rest."""

    PORTS = [80, 443, 53, 123, 7, 9, 8080, 22, 5201, 179]

    def __init__(self, rng, count):
        self.rng = rng
        self.flows = []
        for i in range(count):
            private = rng.random() < 0.25
            src = ip4(f"10.{rng.randrange(4)}.{rng.randrange(256)}.{rng.randrange(1, 255)}" if private
                      else f"198.18.{rng.randrange(256)}.{rng.randrange(1, 255)}")
            dst = ip4(f"198.19.{rng.randrange(4)}.{rng.randrange(1, 255)}")
            proto = UDP if rng.random() < 0.6 else TCP
            self.flows.append([proto, src, dst, rng.randrange(1024, 65536), rng.choice(self.PORTS),
                               rng.randrange(1 << 32), False, i])

    def packet(self, frame_bytes):
        rng = self.rng
        flow = self.flows[min(int(rng.expovariate(6) * len(self.flows)), len(self.flows) - 1)]
        proto, src, dst, sport, dport, seq, started, number = flow
        room = frame_bytes - FCS_BYTES - 14 - 20
        if proto == UDP:
            l4 = udp(src, dst, sport, dport, filler(number, room - 8))
        else:
            flags = 0x02 if not started else rng.choices([0x10, 0x18, 0x11, 0x14], [60, 30, 6, 4])[0]
            flow[6] = flags not in (0x11, 0x14)
            payload = filler(seq & 0xFF, room - 20)
            l4 = tcp(src, dst, sport, dport, payload, seq=seq, ack=0 if flags == 2 else 1, flags=flags)
            flow[5] = (seq + len(payload)) & 0xFFFFFFFF
        ip = ipv4(src, dst, proto, l4, ttl=rng.choice([32, 64, 128, 255]), ident=rng.randrange(1 << 16))
        return ether(mac(dst[3]), mac(0x100 + number % 16), 0x0800, ip)


def fixed_size(frame_bytes, count):
    rng = random.Random(f"size {frame_bytes}")
    flows = Flows(rng, max(16, count // 8))
    return timed(rng, [flows.packet(frame_bytes) for _ in range(count)])


def imix(count):
    """The simple IMIX: of twelve packets, seven of 64 bytes, four of 594 and one of 1,518."""
    rng = random.Random("imix")
    flows = Flows(rng, count // 8)
    sizes = [64] * 7 + [594] * 4 + [1518]
    out = []
    while len(out) < count:
        rng.shuffle(sizes)
        out += [flows.packet(size) for size in sizes]
    return timed(rng, out[:count])


def timed(rng, packets):
    now = START_NS
    out = []
    for packet in packets:
        out.append((now, packet))
        now += rng.randrange(1, 200) * 1000 + rng.randrange(1000)
    return out


def odd_packets():
    """One of everything that a parser meets, ordinary or not, each with a line that says what it is."""
    rng = random.Random("odd")
    a, b = mac(1), mac(2)
    s4, d4 = ip4("192.0.2.10"), ip4("198.51.100.20")
    p4 = ip4("10.1.2.3")
    s6, d6 = ip6("2001:db8::10"), ip6("2001:db8:1::20")
    out = []

    def add(what, packet):
        out.append((what, packet))

    def add4(what, ip, tags=()):
        add(what, ether(b, a, 0x0800, ip, tags))

    def add6(what, ip, tags=()):
        add(what, ether(b, a, 0x86DD, ip, tags))

    def udp4(dport, payload=b"payload", **kw):
        return ipv4(s4, d4, UDP, udp(s4, d4, 40000, dport, payload), **kw)

    # ARP
    zero = bytes(6)
    add("ARP request", ether(b"\xff" * 6, a, 0x0806, arp(1, a, s4, zero, d4) + bytes(18)))
    add("ARP reply", ether(a, b, 0x0806, arp(2, b, d4, a, s4) + bytes(18)))
    add("ARP announcement", ether(b"\xff" * 6, a, 0x0806, arp(1, a, s4, zero, s4) + bytes(18)))
    add("ARP cut short", ether(b"\xff" * 6, a, 0x0806, arp(1, a, s4, zero, d4)[:20]))

    # IPv4, whole
    add4("UDP to 53", udp4(53))
    add4("UDP to 7, even length", udp4(7, b"echo!!"))
    add4("UDP to 7, odd length", udp4(7, b"echo!"))
    add4("UDP without a checksum", ipv4(s4, d4, UDP, udp(s4, d4, 40000, 5000, b"no sum", False)))
    bad = bytearray(udp4(5000, b"wrong sum"))
    bad[26] ^= 0x55
    add4("UDP with a wrong checksum", bytes(bad))
    bad = bytearray(udp4(5000, b"wrong ip sum"))
    bad[10] ^= 0x0F
    add4("IPv4 with a wrong header checksum", bytes(bad))
    for flags, name in ((0x02, "SYN"), (0x12, "SYN ACK"), (0x10, "ACK"), (0x18, "PSH ACK"), (0x11, "FIN ACK"),
                        (0x14, "RST ACK"), (0x04, "RST"), (0x00, "no flags"), (0x29, "FIN PSH URG"),
                        (0x03, "SYN FIN"), (0x06, "SYN RST"), (0xFF, "all flags")):
        add4(f"TCP {name}", ipv4(s4, d4, TCP, tcp(s4, d4, 50000, 80, b"", seq=1, flags=flags)))
    mss = bytes([2, 4, 5, 180, 4, 2, 8, 10]) + bytes(8) + bytes([1, 3, 3, 7])
    add4("TCP SYN with options", ipv4(s4, d4, TCP, tcp(s4, d4, 50001, 80, b"", flags=2, options=mss)))
    add4("TCP from a private address", ipv4(p4, d4, TCP, tcp(p4, d4, 50002, 443, b"hello", flags=0x18)))
    add4("UDP from a private address", ipv4(p4, d4, UDP, udp(p4, d4, 50003, 5000, b"hello")))
    back = ip4("203.0.113.1")
    add4("TCP to the translated address", ipv4(d4, back, TCP, tcp(d4, back, 443, 20000, b"world", flags=0x18)))
    add4("UDP to the translated address", ipv4(d4, back, UDP, udp(d4, back, 5000, 20001, b"world")))
    add4("UDP to the translated address, unknown port", ipv4(d4, back, UDP, udp(d4, back, 5000, 20400, b"world")))
    add4("TCP RST from the private address", ipv4(p4, d4, TCP, tcp(p4, d4, 50002, 443, b"", flags=0x14)))
    add4("ICMP echo request", ipv4(s4, d4, ICMP, icmp(8, 0, 77, 1, filler(0, 56))))
    add4("ICMP echo request, odd length", ipv4(s4, d4, ICMP, icmp(8, 0, 77, 2, filler(1, 33))))
    add4("ICMP echo request whose checksum overflows", ipv4(s4, d4, ICMP, icmp(8, 0, 0xF700, 0, b"")))
    add4("ICMP echo request to 10/8", ipv4(s4, p4, ICMP, icmp(8, 0, 77, 3, b"abc")))
    add4("ICMP echo reply", ipv4(d4, s4, ICMP, icmp(0, 0, 77, 1, filler(0, 56))))
    add4("ICMP unreachable", ipv4(d4, s4, ICMP, icmp(3, 3, 0, 0, udp4(33434)[:28])))
    add4("ICMP with a code", ipv4(s4, d4, ICMP, icmp(8, 1, 77, 4, b"code")))
    for proto, name in ((2, "IGMP"), (47, "GRE"), (50, "ESP"), (51, "AH"), (89, "OSPF"), (132, "SCTP"), (255, "255")):
        add4(f"IPv4 protocol {name}", ipv4(s4, d4, proto, filler(proto, 24)))
    add4("IPv4 in IPv4", ipv4(s4, d4, 4, udp4(53)))
    add4("IPv6 in IPv4", ipv4(s4, d4, 41, ipv6(s6, d6, 59, b"")))
    add4("router alert", ipv4(s4, d4, UDP, udp(s4, d4, 1, 53, b"opt"), options=b"\x94\x04\0\0"))
    add4("40 bytes of options", ipv4(s4, d4, TCP, tcp(s4, d4, 1, 80, b"opt"), options=b"\x01" * 39 + b"\0"))

    # IPv4 fragments
    whole = udp(s4, d4, 40000, 53, filler(3, 120))
    add4("first fragment", ipv4(s4, d4, UDP, whole[:64], ident=9, frag=0x2000))
    add4("middle fragment", ipv4(s4, d4, UDP, whole[64:96], ident=9, frag=0x2008))
    add4("last fragment", ipv4(s4, d4, UDP, whole[96:], ident=9, frag=0x000C))
    add4("don't fragment", udp4(53, b"df", frag=0x4000))
    add4("first fragment with options", ipv4(s4, d4, UDP, whole[:64], ident=10, frag=0x2000, options=b"\x01" * 4))

    # IPv4, contradicting itself
    add4("IPv4 of version 5", b"\x55" + udp4(53)[1:])
    add4("IPv4 header length 4", b"\x44" + udp4(53)[1:])
    add4("IPv4 header longer than the packet", b"\x4f" + ipv4(s4, d4, UDP, b"")[1:])
    add4("IPv4 total length beyond the end", udp4(53, total_len=600))
    add4("IPv4 total length below the header", udp4(53, total_len=12))
    add4("IPv4 cut in the header", udp4(53)[:16])
    add4("UDP cut in the header", ipv4(s4, d4, UDP, udp(s4, d4, 1, 53, b"")[:6]))
    add4("UDP of length 7", ipv4(s4, d4, UDP, struct.pack("!HHHH", 1, 53, 7, 0)))
    add4("TCP cut in the header", ipv4(s4, d4, TCP, tcp(s4, d4, 1, 80, b"")[:12]))
    segment = bytearray(tcp(s4, d4, 1, 80, b""))
    segment[12] = 0x40
    add4("TCP header length 4", ipv4(s4, d4, TCP, bytes(segment)))
    segment[12] = 0xF0
    add4("TCP header longer than the packet", ipv4(s4, d4, TCP, bytes(segment)))
    add4("IPv4 with padding after it", ipv4(s4, d4, TCP, tcp(s4, d4, 1, 80, b"")) + bytes(6))

    # IPv6
    u6 = udp(s6, d6, 40000, 53, b"six")
    t6 = tcp(s6, d6, 40000, 80, b"six", flags=0x18)
    add6("UDP to 53 over IPv6", ipv6(s6, d6, UDP, u6))
    add6("TCP over IPv6", ipv6(s6, d6, TCP, t6))
    add6("TCP over IPv6, odd", ipv6(s6, d6, TCP, tcp(s6, d6, 40000, 80, b"seven77", flags=0x18)))
    add6("echo request over IPv6", ipv6(s6, d6, ICMPV6, icmpv6(s6, d6, 128, 0, 5, b"ping")))
    add6("neighbour solicitation", ipv6(s6, d6, ICMPV6, icmpv6(s6, d6, 135, 0, 0, d6), hops=255))
    add6("no next header", ipv6(s6, d6, 59, b""))
    add6("SCTP over IPv6", ipv6(s6, d6, 132, filler(0, 20)))

    def ext(nxt, units=0, fill=1):
        return bytes([nxt, units, fill]) + bytes(5 + units * 8)

    add6("hop-by-hop options", ipv6(s6, d6, 0, ext(UDP) + u6))
    add6("three extension headers", ipv6(s6, d6, 0, ext(60) + ext(43) + ext(UDP, 2) + u6))
    add6("six extension headers", ipv6(s6, d6, 0, ext(60) * 1 + ext(43) + ext(60) + ext(60) + ext(60) + ext(TCP) + t6))
    add6("eight extension headers", ipv6(s6, d6, 60, ext(60) * 7 + ext(TCP) + t6))
    add6("authentication header", ipv6(s6, d6, 51, bytes([UDP, 4]) + bytes(22) + u6))
    add6("first fragment over IPv6", ipv6(s6, d6, 44, struct.pack("!BBHI", UDP, 0, 1, 7) + u6))
    add6("later fragment over IPv6", ipv6(s6, d6, 44, struct.pack("!BBHI", UDP, 0, 0x0040, 7) + filler(0, 16)))
    add6("atomic fragment", ipv6(s6, d6, 44, struct.pack("!BBHI", TCP, 0, 0, 8) + t6))
    add6("payload length beyond the end", ipv6(s6, d6, UDP, u6, payload_len=400))
    add6("extension header beyond the end", ipv6(s6, d6, 0, bytes([UDP, 40]) + bytes(6)))
    add6("IPv6 cut in the header", ipv6(s6, d6, UDP, b"")[:30])
    add6("IPv6 of version 7", b"\x70" + ipv6(s6, d6, UDP, u6)[1:])

    # VLAN
    add4("802.1Q", udp4(53), [(0x8100, 42)])
    add4("802.1Q with priority", ipv4(s4, d4, TCP, tcp(s4, d4, 1, 80, b"")), [(0x8100, 0xE02A)])
    add6("802.1Q, IPv6", ipv6(s6, d6, TCP, t6), [(0x8100, 7)])
    add4("802.1ad and 802.1Q", udp4(53), [(0x88A8, 100), (0x8100, 42)])
    add4("three tags", udp4(53), [(0x88A8, 100), (0x8100, 42), (0x8100, 43)])
    add4("forty tags", udp4(53), [(0x8100, i) for i in range(40)])
    add("ARP in a VLAN", ether(b"\xff" * 6, a, 0x0806, arp(1, a, s4, zero, d4), [(0x8100, 42)]))
    add("tag without anything behind it", b + a + b"\x81\x00\x00")

    # neither
    add("LLC", ether(b, a, 38, b"\x42\x42\x03" + bytes(35)))
    add("LLDP", ether(b"\x01\x80\xc2\0\0\x0e", a, 0x88CC, filler(2, 50)))
    add("PPPoE", ether(b, a, 0x8864, filler(9, 46)))
    add("MPLS", ether(b, a, 0x8847, b"\x00\x01\x01\x40" + udp4(53)))
    add("EtherType 0", ether(b, a, 0, bytes(46)))
    add("the shortest: an Ethernet header", ether(b, a, 0x0800, b""))
    add("all zero", bytes(60))
    add("all ones", b"\xff" * 64)

    # every length from 14 to 160
    for length in range(14, 161):
        packet = udp4(rng.choice([53, 7, 9, 5000]), filler(length, max(0, length - 42)))
        add(f"{length} bytes", ether(mac(length), a, 0x0800, packet)[:length])
    # and noise
    for i in range(60):
        proto = rng.choice([0x0800, 0x86DD, 0x0806, 0x8100, rng.randrange(1 << 16)])
        add("noise", ether(b, a, proto, rng.randbytes(rng.randrange(4, 90))))
    # headers of noise that are nearly right
    for i in range(60):
        ip = bytearray(udp4(53, filler(i, 40)) if i % 2 else ipv4(s4, d4, TCP, tcp(s4, d4, 7, 80, filler(i, 30))))
        for _ in range(rng.randrange(1, 4)):
            ip[rng.randrange(40)] = rng.randrange(256)
        add4("one to three bytes changed", bytes(ip))
    return out


def odd():
    rng = random.Random("odd times")
    out = timed(rng, [packet for _, packet in odd_packets()])
    # a clock that goes backwards once, and one that stands still
    out[50] = (out[50][0] - 5_000_000, out[50][1])
    out[60] = (out[59][0], out[60][1])
    return out


# ------------------------------------------------------------------------------------------ file formats


def pcap(packets, order="<", nano=False, linktype=ETHERNET, snaplen=262144):
    magic = 0xA1B23C4D if nano else 0xA1B2C3D4
    out = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snaplen, linktype)]
    for ns, data in packets:
        fraction = ns % 1_000_000_000
        out.append(struct.pack(order + "IIII", ns // 1_000_000_000, fraction if nano else fraction // 1000,
                               min(len(data), snaplen), len(data)))
        out.append(data[:snaplen])
    return b"".join(out)


def pad4(data):
    return data + bytes(-len(data) % 4)


def block(order, kind, body):
    body = pad4(body)
    size = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + size + body + size


def option(order, code, value):
    return struct.pack(order + "HH", code, len(value)) + pad4(value)


def section(order, length=-1, options=b""):
    return block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, length) + options)


def interface(order, linktype=ETHERNET, snaplen=262144, resolution=None, offset=None):
    options = b""
    if resolution is not None:
        options += option(order, 9, bytes([resolution]))
    if offset is not None:
        options += option(order, 14, struct.pack(order + "q", offset))
    if options:
        options += option(order, 0, b"")
    return block(order, 1, struct.pack(order + "HHI", linktype, 0, snaplen) + options)


def enhanced(order, number, units, data, original=None, options=b""):
    return block(order, 6, struct.pack(order + "IIIII", number, units >> 32, units & 0xFFFFFFFF, len(data),
                                       original or len(data)) + pad4(data) + options)


def simple(order, data):
    return block(order, 3, struct.pack(order + "I", len(data)) + data)


def obsolete(order, number, units, data):
    return block(order, 2, struct.pack(order + "HHIIII", number, 0xFFFF, units >> 32, units & 0xFFFFFFFF, len(data),
                                       len(data)) + data)


def pcapng_plain(packets, order="<", resolution=9):
    unit = 10 ** (9 - resolution)
    out = [section(order), interface(order, resolution=resolution)]
    out += [enhanced(order, 0, ns // unit, data) for ns, data in packets]
    return b"".join(out)


def pcapng_everything(packets):
    """Two sections of different byte orders, interfaces with all kinds of time resolution, all kinds of packet
    blocks, and blocks and options in between that a reader has to skip."""
    third = len(packets) // 3
    order = "<"
    out = [
        section(order, options=option(order, 1, b"two sections") + option(order, 0, b"")),
        interface(order),  # microseconds
        interface(order, resolution=9),  # nanoseconds
        interface(order, resolution=3, offset=START_NS // 10**9),  # milliseconds since the start
        interface(order, resolution=0x80 | 20),  # 2^-20 seconds
        block(order, 4, struct.pack(order + "HH", 0, 0)),  # name resolution, empty
        block(order, 0x80000BAD, filler(0, 13)),  # a local block
    ]
    for i, (ns, data) in enumerate(packets[:third]):
        kind = i % 6
        if kind == 0:
            out.append(enhanced(order, 0, ns // 1000, data))
        elif kind == 1:
            out.append(enhanced(order, 1, ns, data, options=option(order, 1, b"a comment") + option(order, 0, b"")))
        elif kind == 2:
            out.append(enhanced(order, 2, (ns - START_NS) // 1_000_000, data))
        elif kind == 3:
            out.append(enhanced(order, 3, ns * (1 << 20) // 10**9, data))
        elif kind == 4:
            out.append(simple(order, data))
        else:
            out.append(obsolete(order, 1, ns, data))
    out.append(block(order, 5, struct.pack(order + "III", 0, 0, 0)))  # statistics
    order = ">"
    out += [section(order), interface(order, resolution=9)]
    out += [enhanced(order, 0, ns, data) for ns, data in packets[third:2 * third]]
    # a section that says how long it is
    body = interface("<", resolution=6) + b"".join(enhanced("<", 0, ns // 1000, data) for ns, data in packets[2 * third:])
    out += [section("<", length=len(body)), body]
    return b"".join(out)


def gz(data):
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", filename="", mtime=0, compresslevel=9) as f:
        f.write(data)
    return out.getvalue()


def zst(data):
    return subprocess.run(["zstd", "-19", "-q", "-c", "--check"], input=data, stdout=subprocess.PIPE, check=True).stdout


def cooked(packets):
    for ns, data in packets:
        yield ns, struct.pack("!HHH", 0, 1, 6) + data[6:12] + b"\0\0" + data[12:]


def cooked2(packets):
    for ns, data in packets:
        yield ns, data[12:14] + struct.pack("!HIHBB", 0, 2, 1, 0, 6) + data[6:12] + b"\0\0" + data[14:]


# ---------------------------------------------------------------------------------------------- the files


def files():
    out = {}
    for size, count in ((64, 2000), (128, 1000), (256, 600), (512, 400), (1024, 200), (1280, 160), (1518, 130)):
        out[f"generated/size-{size}.pcap"] = pcap(fixed_size(size, count))
    out["generated/imix.pcap"] = pcap(imix(600))
    odd_ones = odd()
    out["generated/odd.pcap"] = pcap(odd_ones)
    out["generated/odd.tsv"] = "".join(f"{i + 1}\t{len(packet)}\t{what}\n"
                                       for i, (what, packet) in enumerate(odd_packets())).encode()

    # the same sixty packets in each format: the results must be the same
    few = fixed_size(128, 20) + [(ns + 10_000_000, p) for ns, p in odd_ones[4:44]]
    few = [(ns // 1000 * 1000, data) for ns, data in few]
    little = pcap(few)
    out["formats/le-micro.pcap"] = little
    out["formats/be-micro.pcap"] = pcap(few, ">")
    out["formats/le-nano.pcap"] = pcap(few, "<", nano=True)
    out["formats/be-nano.pcap"] = pcap(few, ">", nano=True)
    out["formats/le.pcapng"] = pcapng_plain(few)
    out["formats/be.pcapng"] = pcapng_plain(few, ">", resolution=6)
    out["formats/sections.pcapng"] = pcapng_everything(few)
    out["formats/micro.pcap.gz"] = gz(little)
    out["formats/two-members.pcap.gz"] = gz(little[:1000]) + gz(little[1000:])
    out["formats/micro.pcap.zst"] = zst(little)
    out["formats/two-frames.pcap.zst"] = zst(little[:1000]) + zst(little[1000:])
    out["formats/le.pcapng.gz"] = gz(out["formats/le.pcapng"])
    out["formats/le.pcapng.zst"] = zst(out["formats/le.pcapng"])
    out["formats/no-packets.pcap"] = pcap([])
    out["formats/no-packets.pcapng"] = section("<") + interface("<")
    # other link types: an error that says so
    out["formats/raw-ip.pcap"] = pcap([(ns, data[14:]) for ns, data in few[:20]], linktype=RAW_IP)
    out["formats/cooked.pcap"] = pcap(cooked(few[:20]), linktype=LINUX_SLL)
    out["formats/cooked2.pcap"] = pcap(cooked2(few[:20]), linktype=LINUX_SLL2)
    out["formats/two-linktypes.pcapng"] = (
        section("<") + interface("<", resolution=9) + interface("<", linktype=RAW_IP, resolution=9)
        + enhanced("<", 0, few[0][0], few[0][1]) + enhanced("<", 1, few[1][0], few[1][1][14:]))
    # packets cut by a snap length of 64 bytes
    out["formats/snaplen-64.pcap"] = pcap(few, snaplen=64)

    # damaged: how many whole packets come before the damage, and the offset of the record that has it
    notes = []

    def damaged(name, data, before, offset, what):
        out["damaged/" + name] = data
        notes.append(f"{name}\t{before}\t{offset}\t{what}\n")

    starts = [24]
    for _, data in few:
        starts.append(starts[-1] + 16 + len(data))
    damaged("empty.pcap", b"", 0, 0, "no bytes at all")
    damaged("header-cut.pcap", little[:17], 0, 0, "ends in the file header")
    damaged("not-a-capture.pcap", b"GIF89a" + filler(7, 300), 0, 0, "another kind of file")
    damaged("record-header-cut.pcap", little[:starts[10] + 9], 10, starts[10], "ends in the header of a record")
    damaged("packet-cut.pcap", little[:starts[30] + 16 + 5], 30, starts[30], "ends in the bytes of a packet")
    huge = little[:starts[12] + 8] + struct.pack("<I", 0x7FFFFFF0) + little[starts[12] + 12:]
    damaged("length-huge.pcap", huge, 12, starts[12], "captured length 2147483632")
    negative = little[:starts[12] + 8] + struct.pack("<I", 0xFFFFFFFF) + little[starts[12] + 12:]
    damaged("length-negative.pcap", negative, 12, starts[12], "captured length 4294967295")
    beyond = little[:starts[59] + 8] + struct.pack("<I", 5000) + little[starts[59] + 12:]
    damaged("length-beyond.pcap", beyond, 59, starts[59], "the last captured length goes beyond the end")
    old = struct.pack("<IHHiIII", 0xA1B2C3D4, 1, 7, 0, 0, 65535, 1) + little[24:]
    damaged("version.pcap", old, 0, 0, "version 1.7")
    ng = out["formats/le.pcapng"]
    starts = [0]
    while starts[-1] < len(ng):
        starts.append(starts[-1] + struct.unpack_from("<I", ng, starts[-1] + 4)[0])
    damaged("block-cut.pcapng", ng[:starts[22] + 30], 20, starts[22], "ends in a block")
    damaged("block-header-cut.pcapng", ng[:starts[22] + 6], 20, starts[22], "ends in the header of a block")
    bad = bytearray(ng)
    struct.pack_into("<I", bad, starts[12] + 4, 11)
    damaged("block-short.pcapng", bytes(bad), 10, starts[12], "a block of 11 bytes")
    bad = bytearray(ng)
    struct.pack_into("<I", bad, starts[13] - 4, 4711)
    damaged("block-trailer.pcapng", bytes(bad), 10, starts[12], "the two lengths of a block differ")
    bad = bytearray(ng)
    struct.pack_into("<I", bad, starts[7] + 8, 3)
    damaged("interface-unknown.pcapng", bytes(bad), 5, starts[7], "a packet of interface 3 of 1")
    bad = bytearray(ng)
    struct.pack_into("<I", bad, starts[7] + 20, 100000)
    damaged("packet-beyond-block.pcapng", bytes(bad), 5, starts[7], "a packet longer than its block")
    damaged("no-section.pcapng", ng[starts[1]:], 0, 0, "begins with an interface")
    bad = bytearray(ng)
    struct.pack_into("<I", bad, 8, 0x11223344)
    damaged("byte-order-magic.pcapng", bytes(bad), 0, 0, "a byte-order magic that is none")
    packed = out["formats/micro.pcap.gz"]
    damaged("cut.pcap.gz", packed[:len(packed) // 2], -1, -1, "ends in the compressed data")
    bad = bytearray(packed)
    bad[-6] ^= 0xFF
    damaged("crc.pcap.gz", bytes(bad), -1, -1, "a wrong checksum at the end")
    bad = bytearray(packed)
    bad[len(bad) // 2] ^= 0xFF
    damaged("flipped.pcap.gz", bytes(bad), -1, -1, "a changed byte in the compressed data")
    packed = out["formats/micro.pcap.zst"]
    damaged("cut.pcap.zst", packed[:len(packed) // 2], -1, -1, "ends in the compressed data")
    bad = bytearray(packed)
    bad[-2] ^= 0xFF
    damaged("checksum.pcap.zst", bytes(bad), -1, -1, "a wrong checksum at the end")
    out["damaged/expected.tsv"] = ("file\tpackets before\toffset\twhat is wrong\n" + "".join(notes)).encode()
    return out


def main():
    check = sys.argv[1:] == ["--check"]
    bad = 0
    for name, data in files().items():
        path = os.path.join(HERE, "captures", name)
        if check:
            with open(path, "rb") as f:
                if f.read() != data:
                    print("differs: captures/" + name)
                    bad = 1
        else:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as f:
                f.write(data)
    if check and not bad:
        print("all generated captures are as they were")
    return bad


if __name__ == "__main__":
    sys.exit(main())
