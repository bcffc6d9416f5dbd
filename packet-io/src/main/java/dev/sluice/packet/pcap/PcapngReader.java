package dev.sluice.packet.pcap;

import dev.sluice.memory.Memory;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** pcapng; the blocks are drawn in the package's documentation. */
final class PcapngReader extends CaptureReader {
    private static final int INTERFACE = 1;
    private static final int OBSOLETE_PACKET = 2;
    private static final int SIMPLE_PACKET = 3;
    private static final int ENHANCED_PACKET = 6;

    private static final int BYTE_ORDER_MAGIC = 0x1a2b3c4d;
    private static final int SMALLEST_BLOCK = 12;
    private static final int SMALLEST_SECTION_HEADER = 28;
    private static final int SMALLEST_INTERFACE = 20;
    private static final int LONGEST_NAME = 256;

    private static final int OPTION_END = 0;
    private static final int OPTION_NAME = 2;
    private static final int OPTION_DESCRIPTION = 3;
    private static final int OPTION_RESOLUTION = 9;
    private static final int OPTION_FCS_LENGTH = 13;
    private static final int OPTION_OFFSET = 14;

    /** What decides whether two sections mean the same interface. */
    private record Key(
            int id, String name, String description, int linkType, int snap, int resolution, long offset, int fcs) {}

    /** What a packet of an interface needs. */
    private record Port(int index, int linkType, int snapLength, TimeScale scale) {}

    private final Map<Key, Port> known = new HashMap<>();
    private Port[] section = new Port[4];
    private int sectionSize;
    private boolean swapped;

    PcapngReader(String name, Input in, @Nullable Object openKey) {
        super(name, in, openKey);
    }

    @Override
    void start() {
        // the interfaces before the first packet, as far as they are here already: a pipe's first packet may be hours
        // away
        while (step(0) && in.limit - in.position >= SMALLEST_BLOCK) {
            int type = word(in.position);
            int length = word(in.position + 4);
            if (isPacket(type) || length < 0 || length > in.limit - in.position) {
                break;
            }
        }
    }

    @Override
    void restart() {
        sectionSize = 0;
    }

    @Override
    public CaptureFormat format() {
        return CaptureFormat.PCAPNG;
    }

    private int word(long address) {
        int value = Memory.getInt(address);
        return swapped ? Integer.reverseBytes(value) : value;
    }

    private int half(long address) {
        short value = Memory.getShort(address);
        return (swapped ? Short.reverseBytes(value) : value) & 0xffff;
    }

    private static boolean isPacket(int type) {
        return type == ENHANCED_PACKET || type == SIMPLE_PACKET || type == OBSOLETE_PACKET;
    }

    @Override
    int fill(long descriptors, int max) {
        int n = 0;
        for (; ; ) {
            n = scan(descriptors, n, max);
            // a stream's bytes move when more are asked for, so the packets found so far go out first
            if (n == max || isDamaged() || n > 0 && !in.isStable()) {
                return n;
            }
            if (!step(n)) {
                return n;
            }
        }
    }

    /** Describes packets n to max as far as whole packet blocks follow each other in the window. */
    private int scan(long descriptors, int n, int max) {
        long p = in.position;
        final long end = in.limit;
        final boolean swap = swapped;
        long bytes = 0;
        long cut = 0;
        long d = descriptors + (long) n * CaptureBatch.DESCRIPTOR_SIZE;
        while (n < max && end - p >= SMALLEST_BLOCK) {
            int type = Memory.getInt(p);
            int length = Memory.getInt(p + 4);
            if (swap) {
                type = Integer.reverseBytes(type);
                length = Integer.reverseBytes(length);
            }
            if (!isPacket(type)) {
                break;
            }
            int overhead = type == SIMPLE_PACKET ? 16 : 32;
            if (length < overhead || length > Input.MAX_WINDOW || (length & 3) != 0) {
                in.position = p;
                damaged(
                        Damage.Kind.CORRUPT,
                        in.offset(),
                        n + 1,
                        "has an impossible block length, expected=" + overhead + ".." + Input.MAX_WINDOW
                                + " and a multiple of 4 found=" + Integer.toUnsignedLong(length));
                break;
            }
            if (end - p < length) {
                break;
            }
            int trailer = Memory.getInt(p + length - 4);
            if (swap) {
                trailer = Integer.reverseBytes(trailer);
            }
            if (trailer != length) {
                in.position = p;
                damaged(
                        Damage.Kind.CORRUPT,
                        in.offset(),
                        n + 1,
                        "has two different block lengths, expected=" + length + " found at the end="
                                + Integer.toUnsignedLong(trailer));
                break;
            }
            int id = 0;
            if (type == ENHANCED_PACKET) {
                id = Memory.getInt(p + 8);
                id = swap ? Integer.reverseBytes(id) : id;
            } else if (type == OBSOLETE_PACKET) {
                id = half(p + 8);
            }
            if (Integer.compareUnsigned(id, sectionSize) >= 0) {
                in.position = p;
                damaged(
                        Damage.Kind.CORRUPT,
                        in.offset(),
                        n + 1,
                        "is from an interface that the section does not have, expected interface="
                                + (sectionSize == 0 ? "none" : "0.." + (sectionSize - 1)) + " found="
                                + Integer.toUnsignedLong(id));
                break;
            }
            Port port = section[id];
            int captured;
            int original;
            long time;
            long data;
            if (type == SIMPLE_PACKET) {
                original = Memory.getInt(p + 8);
                original = swap ? Integer.reverseBytes(original) : original;
                captured = length - 16;
                if (Integer.compareUnsigned(original, captured) < 0) {
                    captured = original;
                }
                if (port.snapLength > 0 && port.snapLength < captured) {
                    captured = port.snapLength;
                }
                time = NO_TIMESTAMP;
                data = p + 12;
            } else {
                int high = Memory.getInt(p + 12);
                int low = Memory.getInt(p + 16);
                captured = Memory.getInt(p + 20);
                original = Memory.getInt(p + 24);
                if (swap) {
                    high = Integer.reverseBytes(high);
                    low = Integer.reverseBytes(low);
                    captured = Integer.reverseBytes(captured);
                    original = Integer.reverseBytes(original);
                }
                time = port.scale.nanos((long) high << 32 | low & 0xffffffffL);
                data = p + 28;
            }
            if (Integer.compareUnsigned(captured, Math.min(length - overhead, MAX_CAPTURED_LENGTH)) > 0) {
                in.position = p;
                damaged(
                        Damage.Kind.CORRUPT,
                        in.offset(),
                        n + 1,
                        "has an impossible length, expected captured length=0.."
                                + Math.min(length - overhead, MAX_CAPTURED_LENGTH) + " found="
                                + Integer.toUnsignedLong(captured));
                break;
            }
            if (ethernetOnly && port.linkType != LinkType.ETHERNET) {
                in.position = p;
                damaged(
                        Damage.Kind.LINK_TYPE,
                        in.offset(),
                        n + 1,
                        "is not Ethernet: " + LinkType.notEthernet(port.linkType));
                break;
            }
            // a length above 2 GiB is nonsense, but the packet's bytes are there
            original = original < 0 ? Integer.MAX_VALUE : original;
            Memory.putLong(d + CaptureBatch.ADDRESS, data);
            Memory.putLong(d + CaptureBatch.TIMESTAMP, time);
            Memory.putInt(d + CaptureBatch.CAPTURED_LENGTH, captured);
            Memory.putInt(d + CaptureBatch.ORIGINAL_LENGTH, original);
            Memory.putLong(d + CaptureBatch.INTERFACE_INDEX, port.index);
            bytes += captured;
            cut += (captured - original) >>> 31;
            p += length;
            d += CaptureBatch.DESCRIPTOR_SIZE;
            n++;
        }
        in.position = p;
        scannedBytes += bytes;
        scannedCut += cut;
        return n;
    }

    /**
     * Makes progress where a scan cannot: reads a block that is not a packet, or waits for the whole of one that is.
     *
     * @param n packets already in this batch
     * @return false at the end, or with damage noted
     */
    private boolean step(int n) {
        if (!in.ensure(SMALLEST_BLOCK)) {
            if (in.limit > in.position || in.failure() != null) {
                cutOff(n, "a block", SMALLEST_BLOCK);
            }
            return false;
        }
        int type = word(in.position);
        if (type == Magic.SECTION_HEADER) {
            return sectionHeader(n);
        }
        int length = word(in.position + 4);
        if (isPacket(type)) {
            if (length > 0 && length <= Input.MAX_WINDOW && !in.ensure(length)) {
                endedEarly(in.offset(), n + 1, "block", length, in.limit - in.position);
                return false;
            }
            return true;
        }
        long unsigned = Integer.toUnsignedLong(length);
        if (unsigned < SMALLEST_BLOCK || (length & 3) != 0) {
            String found = Integer.toHexString(type) + " length=" + unsigned;
            damagedBlock(
                    Damage.Kind.CORRUPT,
                    in.offset(),
                    n + 1,
                    "not a block of pcapng, expected length=12 or more and a multiple of 4 found type=" + found);
            return false;
        }
        return type == INTERFACE ? interfaceBlock(n, unsigned) : skipBlock(n, type, unsigned);
    }

    private boolean skipBlock(int n, int type, long length) {
        long offset = in.offset();
        String what = "a block of type " + Integer.toHexString(type);
        if (!in.skip(length - 4) || !in.ensure(4)) {
            cutOff(offset, n, what, length);
            return false;
        }
        if (!checkTrailer(n, offset, in.position, length, what)) {
            return false;
        }
        in.position += 4;
        return true;
    }

    private boolean sectionHeader(int n) {
        long p = in.position;
        int order = Memory.getInt(p + 8);
        if (order != BYTE_ORDER_MAGIC && order != Integer.reverseBytes(BYTE_ORDER_MAGIC)) {
            damagedBlock(
                    Damage.Kind.CORRUPT,
                    in.offset(),
                    n + 1,
                    "a pcapng section without a byte order, expected=1a2b3c4d found=" + Integer.toHexString(order));
            return false;
        }
        swapped = order != BYTE_ORDER_MAGIC;
        long length = Integer.toUnsignedLong(word(p + 4));
        if (length < SMALLEST_SECTION_HEADER || (length & 3) != 0) {
            damagedBlock(
                    Damage.Kind.CORRUPT,
                    in.offset(),
                    n + 1,
                    "a section header of an impossible length, expected=28 or more and a multiple of 4 found="
                            + length);
            return false;
        }
        if (!in.ensure(SMALLEST_SECTION_HEADER)) {
            cutOff(n, "a section header", length);
            return false;
        }
        int major = half(in.position + 12);
        int minor = half(in.position + 14);
        if (major != 1) {
            damagedBlock(
                    Damage.Kind.CORRUPT,
                    in.offset(),
                    n + 1,
                    "unknown version of pcapng, expected=1.0 found=" + major + "." + minor);
            return false;
        }
        sectionSize = 0;
        return skipBlock(n, Magic.SECTION_HEADER, length);
    }

    private boolean interfaceBlock(int n, long length) {
        if (length < SMALLEST_INTERFACE || length > Input.MAX_WINDOW) {
            damagedBlock(
                    Damage.Kind.CORRUPT,
                    in.offset(),
                    n + 1,
                    "an interface block of an impossible length, expected=" + SMALLEST_INTERFACE + ".."
                            + Input.MAX_WINDOW + " found=" + length);
            return false;
        }
        if (!in.ensure((int) length)) {
            cutOff(n, "an interface block", length);
            return false;
        }
        long p = in.position;
        long end = p + length - 4;
        if (!checkTrailer(n, in.offset(), end, length, "an interface block")) {
            return false;
        }
        int linkType = LinkType.of(half(p + 8));
        int snapLength = Math.max(0, word(p + 12));
        String name = "";
        String description = "";
        int resolution = 6;
        int fcsLength = 0;
        long offsetSeconds = 0;
        for (long o = p + 16; end - o >= 4; ) {
            int code = half(o);
            int size = half(o + 2);
            if (code == OPTION_END) {
                break;
            }
            if (size > end - o - 4) {
                damagedBlock(
                        Damage.Kind.CORRUPT,
                        in.offset() + (o - p),
                        n + 1,
                        "option " + code + " of an interface block is too long, expected length=0.." + (end - o - 4)
                                + " found=" + size);
                return false;
            }
            long value = o + 4;
            switch (code) {
                case OPTION_NAME -> name = ascii(Memory.bytes(value, Math.min(size, LONGEST_NAME)));
                case OPTION_DESCRIPTION -> description = ascii(Memory.bytes(value, Math.min(size, LONGEST_NAME)));
                case OPTION_RESOLUTION -> resolution = size >= 1 ? Memory.getByte(value) & 0xff : resolution;
                case OPTION_FCS_LENGTH -> fcsLength = size >= 1 ? Memory.getByte(value) & 0xff : fcsLength;
                case OPTION_OFFSET -> {
                    if (size >= 8) {
                        long little = Memory.getLong(value);
                        offsetSeconds = swapped ? Long.reverseBytes(little) : little;
                    }
                }
                default -> {} // filters, addresses, comments
            }
            o = value + (size + 3 & ~3);
        }
        if (sectionSize == MAX_INTERFACES || known.size() == MAX_INTERFACES) {
            damagedBlock(
                    Damage.Kind.CORRUPT, in.offset(), n + 1, "too many interfaces, expected at most " + MAX_INTERFACES);
            return false;
        }
        Key key = new Key(sectionSize, name, description, linkType, snapLength, resolution, offsetSeconds, fcsLength);
        Port port = known.get(key);
        if (port == null) {
            TimeScale scale = new TimeScale(resolution, offsetSeconds);
            port = new Port(interfaces.size(), linkType, snapLength, scale);
            known.put(key, port);
            interfaces.add(new CaptureInterface(
                    port.index,
                    sectionSize,
                    name,
                    description,
                    linkType,
                    snapLength,
                    scale.isFinerThanMicros(),
                    fcsLength));
        }
        if (sectionSize == section.length) {
            section = Arrays.copyOf(section, 2 * sectionSize);
        }
        section[sectionSize++] = port;
        in.position = p + length;
        return true;
    }

    private boolean checkTrailer(int n, long offset, long address, long length, String what) {
        long trailer = Integer.toUnsignedLong(word(address));
        if (trailer != length) {
            damagedBlock(
                    Damage.Kind.CORRUPT,
                    offset,
                    n + 1,
                    what + " has two different lengths, expected=" + length + " found at the end=" + trailer);
            return false;
        }
        return true;
    }

    private void cutOff(int n, String what, long expected) {
        cutOff(in.offset(), n, what, expected);
    }

    private void cutOff(long offset, int n, String what, long expected) {
        Input.Failure failure = in.failure();
        if (failure != null) {
            damagedBlock(failure.kind(), offset, n + 1, failure.message());
        } else {
            damagedBlock(
                    Damage.Kind.TRUNCATED,
                    offset,
                    n + 1,
                    what + " is cut off by the end of the capture, expected=" + expected + " bytes found="
                            + (in.limit - in.position + in.offset() - offset));
        }
    }
}
