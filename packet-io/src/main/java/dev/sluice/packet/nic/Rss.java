package dev.sluice.packet.nic;

import dev.sluice.memory.Memory;
import java.util.HexFormat;

/**
 * Receive side scaling: from a packet's flow to a queue, by Toeplitz hash and indirection table. Immutable, so any thread may
 * use it; allocates nothing after its construction.
 *
 * <p>What is hashed, as NICs do it: source address, destination address, and for unfragmented TCP and UDP the source port and
 * the destination port, in network byte order. VLAN tags are skipped. Anything that is not IP has hash 0.
 *
 * <p>The hash is linear: the exclusive or, over the input's set bits, of the key's 32 bits from that position on. So each byte
 * of the input contributes a word that depends on its position and value alone, and those are tables here.
 */
public final class Rss {
    /** Bytes of a key: enough for IPv6 addresses and ports. */
    public static final int KEY_BYTES = 40;

    /** Entries of an indirection table, as most NICs have them. */
    public static final int TABLE_ENTRIES = 128;

    /** {@link #layers}: the addresses of IPv4 or IPv6, and the ports of TCP or UDP. */
    public static final int IPV4 = 1;

    public static final int IPV6 = 2;
    public static final int TCP = 4;
    public static final int UDP = 8;

    private static final int MAX_INPUT = 36;
    private static final int ETHERNET_HEADER = 14;
    private static final int IPV6_HEADER = 40;
    private static final int PROTOCOL_TCP = 6;
    private static final int PROTOCOL_UDP = 17;

    /** Microsoft's key, which most drivers have as their default. */
    private static final String MICROSOFT_KEY =
            "6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa";

    private final byte[] key;
    private final int[] indirection;

    /** [position * 256 + value]. */
    private final int[] words = new int[MAX_INPUT * 256];

    /**
     * @param key {@link #KEY_BYTES} bytes
     * @param indirection queues, a power of two of them
     */
    public Rss(byte[] key, int[] indirection) {
        if (key.length != KEY_BYTES) {
            throw new IllegalArgumentException("RSS key, expected=" + KEY_BYTES + " bytes found=" + key.length);
        }
        if (Integer.bitCount(indirection.length) != 1) {
            throw new IllegalArgumentException(
                    "entries of an indirection table, expected a power of two, found=" + indirection.length);
        }
        this.key = key.clone();
        this.indirection = indirection.clone();
        for (int position = 0; position < MAX_INPUT; position++) {
            for (int bit = 0; bit < 8; bit++) {
                int word = keyWord(position * 8 + bit);
                int valueBit = 0x80 >> bit;
                for (int value = 0; value < 256; value++) {
                    if ((value & valueBit) != 0) {
                        words[position * 256 + value] ^= word;
                    }
                }
            }
        }
    }

    /** Microsoft's key and a table that goes round the queues. */
    public static Rss forQueues(int queues) {
        int[] table = new int[TABLE_ENTRIES];
        for (int i = 0; i < table.length; i++) {
            table[i] = i % queues;
        }
        return new Rss(HexFormat.of().parseHex(MICROSOFT_KEY), table);
    }

    /** The 32 bits of the key from a bit on. */
    private int keyWord(int bit) {
        int word = 0;
        for (int i = 0; i < 32; i++) {
            int at = bit + i;
            int keyBit = at < KEY_BYTES * 8 ? key[at >> 3] >> (7 - (at & 7)) & 1 : 0;
            word = word << 1 | keyBit;
        }
        return word;
    }

    public byte[] key() {
        return key.clone();
    }

    public int[] indirection() {
        return indirection.clone();
    }

    /** The queue of a packet. */
    public int queue(long data, int length) {
        return queueOf(hash(data, length));
    }

    /** The queue of a hash. */
    public int queueOf(int hash) {
        return indirection[hash & indirection.length - 1];
    }

    /**
     * The hash of a packet: 0 when it is neither IPv4 nor IPv6.
     *
     * @param data address of its Ethernet header
     * @param length readable bytes
     */
    public int hash(long data, int length) {
        int at = ETHERNET_HEADER;
        if (length < at) {
            return 0;
        }
        int type = be16(data + 12);
        while ((type == 0x8100 || type == 0x88a8) && length >= at + 4) {
            type = be16(data + at + 2);
            at += 4;
        }
        return switch (type) {
            case 0x0800 -> ipv4(data + at, length - at);
            case 0x86dd -> ipv6(data + at, length - at);
            default -> 0;
        };
    }

    /** What {@link #hash} is over: a sum of {@link #IPV4} and so on, 0 for nothing. */
    public int layers(long data, int length) {
        int at = ETHERNET_HEADER;
        if (length < at) {
            return 0;
        }
        int type = be16(data + 12);
        while ((type == 0x8100 || type == 0x88a8) && length >= at + 4) {
            type = be16(data + at + 2);
            at += 4;
        }
        if (type == 0x0800 && length >= at + 20) {
            long ip = data + at;
            int header = (Memory.getByte(ip) & 15) * 4;
            boolean ports = (be16(ip + 6) & 0x3fff) == 0 && header >= 20 && length >= at + header + 4;
            return IPV4 | (ports ? transport(Memory.getByte(ip + 9)) : 0);
        }
        if (type == 0x86dd && length >= at + IPV6_HEADER) {
            return IPV6 | (length >= at + IPV6_HEADER + 4 ? transport(Memory.getByte(data + at + 6)) : 0);
        }
        return 0;
    }

    private static int transport(byte protocol) {
        return protocol == PROTOCOL_TCP ? TCP : protocol == PROTOCOL_UDP ? UDP : 0;
    }

    private int ipv4(long ip, int length) {
        if (length < 20) {
            return 0;
        }
        int hash = sum(ip + 12, 8, 0);
        int header = (Memory.getByte(ip) & 15) * 4;
        boolean fragment = (be16(ip + 6) & 0x3fff) != 0; // more fragments, or an offset
        if (!fragment && hasPorts(Memory.getByte(ip + 9)) && header >= 20 && length >= header + 4) {
            hash ^= sum(ip + header, 4, 8);
        }
        return hash;
    }

    private int ipv6(long ip, int length) {
        if (length < IPV6_HEADER) {
            return 0;
        }
        int hash = sum(ip + 8, 32, 0);
        if (hasPorts(Memory.getByte(ip + 6)) && length >= IPV6_HEADER + 4) {
            hash ^= sum(ip + IPV6_HEADER, 4, 32);
        }
        return hash;
    }

    private static boolean hasPorts(byte protocol) {
        return protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP;
    }

    /** What some bytes of the input contribute. */
    private int sum(long from, int bytes, int position) {
        int hash = 0;
        for (int i = 0; i < bytes; i++) {
            hash ^= words[(position + i) * 256 + (Memory.getByte(from + i) & 0xff)];
        }
        return hash;
    }

    private static int be16(long address) {
        return Short.toUnsignedInt(Short.reverseBytes(Memory.getShort(address)));
    }
}
