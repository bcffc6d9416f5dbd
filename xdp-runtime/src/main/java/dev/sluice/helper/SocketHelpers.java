package dev.sluice.helper;

import dev.sluice.map.Errno;
import dev.sluice.memory.Memory;

/**
 * Look-ups in the {@link SocketTable} that the user gave, and SYN cookies. See {@link Helpers}.
 *
 * <p>A cookie is built as RFC 4987 (appendix A) describes and as Linux divides its bits: the sum of a keyed hash of
 * addresses and ports, the client's sequence number, the minute in the upper 8 bits, and in the lower 24 another hash of
 * the same with the minute plus the index of the segment size. The key is made of the runtime's seed, so that cookies
 * are the same in every run; those of a kernel are others, because its key is random.
 */
@SuppressWarnings("UnusedVariable") // all have the common shape
public final class SocketHelpers {
    private static final int V4_TUPLE = 12;
    private static final int V6_TUPLE = 36;

    private static final int TCPHDR = 20;
    private static final int SEQ = 4;
    private static final int ACK_SEQ = 8;
    private static final int DOFF = 12;
    private static final int OPT_MSS = 2;

    private static final int V4_DEFAULT_MSS = 536;
    private static final int V6_DEFAULT_MSS = 1220;
    private static final int[] V4_MSS = {536, 1300, 1440, 1460};
    private static final int[] V6_MSS = {1220, 1420, 1440, 8940};

    private static final long NANOS_PER_MINUTE = 60_000_000_000L;
    private static final int MAX_AGE_MINUTES = 2;
    private static final int LOW_24 = 0xff_ffff;

    private SocketHelpers() {}

    // --- sockets

    /** The socket that a TCP packet goes to, or NULL; also for a tuple that is neither IPv4's 12 bytes nor IPv6's 36. */
    public static long skLookupTcp(RunContext context, long ctx, long tuple, long size, long netns, long flags) {
        return lookUp(context, SocketTable.TCP, tuple, size, netns, flags, true);
    }

    public static long skLookupUdp(RunContext context, long ctx, long tuple, long size, long netns, long flags) {
        return lookUp(context, SocketTable.UDP, tuple, size, netns, flags, true);
    }

    /** As {@link #skLookupTcp}, with sockets that wait for their end. */
    public static long skcLookupTcp(RunContext context, long ctx, long tuple, long size, long netns, long flags) {
        return lookUp(context, SocketTable.TCP, tuple, size, netns, flags, false);
    }

    private static long lookUp(
            RunContext context, int protocol, long tuple, long size, long netns, long flags, boolean onlyFull) {
        int bytes = (int) size;
        // there is no other namespace than the packet's
        if (flags != 0 || (int) netns >= 0 || bytes != V4_TUPLE && bytes != V6_TUPLE) {
            return 0;
        }
        boolean ipv6 = bytes == V6_TUPLE;
        int addressBytes = ipv6 ? 16 : 4;
        long ports = tuple + 2L * addressBytes;
        return context.network
                .sockets()
                .find(
                        protocol,
                        ipv6,
                        high(tuple, ipv6),
                        low(tuple, ipv6),
                        port(ports),
                        high(tuple + addressBytes, ipv6),
                        low(tuple + addressBytes, ipv6),
                        port(ports + 2),
                        onlyFull);
    }

    private static long high(long address, boolean ipv6) {
        return Long.reverseBytes(ipv6 ? Memory.getLong(address) : Memory.getInt(address) & 0xffff_ffffL);
    }

    private static long low(long address, boolean ipv6) {
        return ipv6 ? Long.reverseBytes(Memory.getLong(address + Long.BYTES)) : 0;
    }

    private static int port(long address) {
        return Short.reverseBytes(Memory.getShort(address)) & 0xffff;
    }

    /** Sockets of a table live as long as it does: nothing is to be done. */
    public static long skRelease(RunContext context, long socket, long r2, long r3, long r4, long r5) {
        return 0;
    }

    // --- SYN cookies

    /** The cookie, and in the upper half the segment size; EINVAL when the header's length is not what it says. */
    public static long tcpRawGenSyncookieIpv4(RunContext context, long ip, long tcp, long size, long r4, long r5) {
        return generate(context, ip, tcp, size, false);
    }

    public static long tcpRawGenSyncookieIpv6(RunContext context, long ip, long tcp, long size, long r4, long r5) {
        return generate(context, ip, tcp, size, true);
    }

    /** 0 when the acknowledged number is a cookie that was made in this minute or the last, else EACCES. */
    public static long tcpRawCheckSyncookieIpv4(RunContext context, long ip, long tcp, long r3, long r4, long r5) {
        return isValid(context, ip, tcp, false) ? 0 : Errno.EACCES.negative();
    }

    public static long tcpRawCheckSyncookieIpv6(RunContext context, long ip, long tcp, long r3, long r4, long r5) {
        return isValid(context, ip, tcp, true) ? 0 : Errno.EACCES.negative();
    }

    private static long generate(RunContext context, long ip, long tcp, long size, boolean ipv6) {
        if (size < TCPHDR || size != (Memory.getByte(tcp + DOFF) >>> 4 & 15) * 4L) {
            return Errno.EINVAL.negative();
        }
        int wanted = segmentSize(tcp, size);
        if (wanted == 0) {
            wanted = ipv6 ? V6_DEFAULT_MSS : V4_DEFAULT_MSS;
        }
        int[] sizes = ipv6 ? V6_MSS : V4_MSS;
        int index = sizes.length - 1;
        while (index > 0 && wanted < sizes[index]) {
            index--;
        }
        int minute = minute(context);
        int sequence = Integer.reverseBytes(Memory.getInt(tcp + SEQ));
        int cookie = hash(context, ip, tcp, ipv6, 0, 0)
                + sequence
                + (minute << 24)
                + (hash(context, ip, tcp, ipv6, minute, 1) + index & LOW_24);
        return cookie & 0xffff_ffffL | (long) sizes[index] << 32;
    }

    private static boolean isValid(RunContext context, long ip, long tcp, boolean ipv6) {
        int cookie = Integer.reverseBytes(Memory.getInt(tcp + ACK_SEQ)) - 1;
        int sequence = Integer.reverseBytes(Memory.getInt(tcp + SEQ)) - 1;
        int rest = cookie - hash(context, ip, tcp, ipv6, 0, 0) - sequence;
        int minute = minute(context);
        int age = minute - (rest >>> 24) & 0xff;
        if (age >= MAX_AGE_MINUTES) {
            return false;
        }
        int index = rest - hash(context, ip, tcp, ipv6, minute - age, 1) & LOW_24;
        return index < (ipv6 ? V6_MSS : V4_MSS).length;
    }

    private static int minute(RunContext context) {
        return (int) (context.clock.nanos() / NANOS_PER_MINUTE);
    }

    /** Addresses, ports and a minute, mixed with the key. */
    private static int hash(RunContext context, long ip, long tcp, boolean ipv6, int minute, int which) {
        long hash = context.secret ^ ((long) minute << 1 | which);
        for (long at = ip + (ipv6 ? 8 : 12), end = ip + (ipv6 ? 40 : 20); at < end; at += Integer.BYTES) {
            hash = mix(hash ^ Memory.getInt(at) & 0xffff_ffffL);
        }
        return (int) mix(hash ^ Memory.getInt(tcp) & 0xffff_ffffL);
    }

    private static long mix(long x) {
        long y = (x ^ x >>> 32) * 0x9e37_79b9_7f4a_7c15L;
        y = (y ^ y >>> 29) * 0xbf58_476d_1ce4_e5b9L;
        return y ^ y >>> 32;
    }

    /** What the option says, 0 without one. */
    private static int segmentSize(long tcp, long size) {
        long at = tcp + TCPHDR;
        long end = tcp + size;
        while (at < end) {
            int kind = Memory.getByte(at) & 0xff;
            if (kind == 0) {
                return 0;
            }
            if (kind == 1) {
                at++;
                continue;
            }
            int bytes = at + 1 < end ? Memory.getByte(at + 1) & 0xff : 0;
            if (bytes < 2 || at + bytes > end) {
                return 0;
            }
            if (kind == OPT_MSS && bytes == 4) {
                return port(at + 2);
            }
            at += bytes;
        }
        return 0;
    }

    // --- SYN cookies of a listening socket

    private static final int TCP_HEADER = 20;
    private static final int IPV4_HEADER = 20;
    private static final int IPV6_HEADER = 40;
    private static final int FLAGS = 13;
    private static final int FIN = 1;
    private static final int SYN = 2;
    private static final int RST = 4;
    private static final int ACK = 16;
    private static final int EPROTONOSUPPORT = 93;
    private static final int SOCK_FAMILY = 4;
    private static final int SOCK_PROTOCOL = 12;
    private static final int SOCK_STATE = 72;
    private static final int INET6 = 10;

    private static boolean isListener(long socket) {
        return Memory.getInt(socket + SOCK_PROTOCOL) == SocketTable.TCP
                && Memory.getInt(socket + SOCK_STATE) == SocketTable.LISTEN;
    }

    /**
     * A cookie for a SYN to a listening socket. Linux makes none while the socket's queue has room, and here it has: ENOENT;
     * EINVAL for other packets and sockets, EPROTONOSUPPORT for other IP versions.
     */
    public static long tcpGenSyncookie(RunContext context, long socket, long ip, long ipSize, long tcp, long tcpSize) {
        int flags = tcpSize < TCP_HEADER ? 0 : Memory.getByte(tcp + FLAGS);
        boolean wrong = tcpSize < TCP_HEADER
                || tcpSize != (Memory.getByte(tcp + FLAGS - 1) >> 4 & 0xf) * 4L
                || !isListener(socket)
                || (flags & (SYN | ACK | FIN | RST)) != SYN
                || ipSize < IPV4_HEADER;
        if (wrong) {
            return Errno.EINVAL.negative();
        }
        int version = Memory.getByte(ip) >> 4 & 0xf;
        if (version == 6 && (ipSize < IPV6_HEADER || Memory.getInt(socket + SOCK_FAMILY) != INET6)) {
            return Errno.EINVAL.negative();
        }
        return version == 4 || version == 6 ? Errno.ENOENT.negative() : -EPROTONOSUPPORT;
    }

    /** Whether an ACK brings back such a cookie: ENOENT, as none was made; EINVAL for other sockets and short headers. */
    public static long tcpCheckSyncookie(
            RunContext context, long socket, long ip, long ipSize, long tcp, long tcpSize) {
        if (tcpSize < TCP_HEADER || !isListener(socket)) {
            return Errno.EINVAL.negative();
        }
        int flags = Memory.getByte(tcp + FLAGS);
        boolean ack = (flags & (ACK | RST | SYN)) == ACK;
        return ack && ipSize < IPV4_HEADER ? Errno.EINVAL.negative() : Errno.ENOENT.negative();
    }
}
