package dev.sluice.packet.pcap;

import dev.sluice.memory.Memory;
import org.jspecify.annotations.Nullable;

/** Classic pcap; the layout is in the package's documentation. */
final class PcapReader extends CaptureReader {
    private static final int FILE_HEADER = 24;

    private CaptureFormat format = CaptureFormat.PCAP_MICROS;
    private boolean swapped;
    private int headerLength = 16;
    private int nanosPerUnit = 1000;
    private int capturedAt = 8;
    private int originalAt = 12;
    private boolean perhapsExchanged;

    PcapReader(String name, Input in, @Nullable Object openKey) {
        super(name, in, openKey);
    }

    @Override
    void start() throws CaptureException {
        if (!in.ensure(FILE_HEADER)) {
            Input.Failure failure = in.failure();
            throw new CaptureException(name() + ": "
                    + (failure != null
                            ? failure.message()
                            : "the pcap file header is cut off, expected=" + FILE_HEADER + " bytes found="
                                    + (in.limit - in.position)));
        }
        long p = in.position;
        swapped = !Magic.isPcap(Memory.getInt(p));
        int magic = word(p);
        if (magic == Magic.PCAP_NANOS) {
            format = CaptureFormat.PCAP_NANOS;
            nanosPerUnit = 1;
        } else if (magic == Magic.PCAP_MODIFIED) {
            format = CaptureFormat.PCAP_MODIFIED;
            headerLength = 24;
        }
        int versions = Memory.getInt(p + 4);
        int major = swapped ? Integer.reverseBytes(versions) >>> 16 : versions & 0xffff;
        int minor = swapped ? Integer.reverseBytes(versions) & 0xffff : versions >>> 16;
        if (major != 2) {
            throw new CaptureException(
                    name() + ": unknown version of pcap, expected=2.4 found=" + major + "." + minor + ", offset=4");
        }
        if (minor < 3) {
            capturedAt = 12;
            originalAt = 8;
        }
        // writers of 2.3 did either: the captured length is then the smaller one
        perhapsExchanged = minor == 3;
        int type = word(p + 20);
        int fcs = (type & 0x04000000) != 0 ? (type >>> 28) * 2 : 0;
        interfaces.add(new CaptureInterface(
                0,
                0,
                "",
                "",
                LinkType.of(type & 0x03ffffff),
                Math.max(0, word(p + 16)),
                magic == Magic.PCAP_NANOS,
                fcs));
        in.position = p + FILE_HEADER;
    }

    @Override
    void restart() {
        in.ensure(FILE_HEADER);
        in.position += FILE_HEADER;
    }

    @Override
    public CaptureFormat format() {
        return format;
    }

    private int word(long address) {
        int value = Memory.getInt(address);
        return swapped ? Integer.reverseBytes(value) : value;
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
            if (!in.ensure(need)) {
                long found = in.limit - in.position;
                if (found > 0 || in.failure() != null) {
                    boolean header = need == headerLength;
                    endedEarly(
                            in.offset(),
                            n + 1,
                            header ? "header" : "bytes",
                            header ? need : need - headerLength,
                            header ? found : found - headerLength);
                }
                return n;
            }
        }
    }

    /** Describes packets n to max as far as the window reaches; sets {@link #need} where it does not. */
    private int scan(long descriptors, int n, int max) {
        long p = in.position;
        final long end = in.limit;
        final int header = headerLength;
        final long unit = nanosPerUnit;
        final boolean swap = swapped;
        long bytes = 0;
        long cut = 0;
        long d = descriptors + (long) n * CaptureBatch.DESCRIPTOR_SIZE;
        while (n < max) {
            if (end - p < header) {
                need = header;
                break;
            }
            int seconds = Memory.getInt(p);
            int fraction = Memory.getInt(p + 4);
            int captured = Memory.getInt(p + capturedAt);
            int original = Memory.getInt(p + originalAt);
            if (swap) {
                seconds = Integer.reverseBytes(seconds);
                fraction = Integer.reverseBytes(fraction);
                captured = Integer.reverseBytes(captured);
                original = Integer.reverseBytes(original);
            }
            if (perhapsExchanged && Integer.compareUnsigned(captured, original) > 0) {
                int other = captured;
                captured = original;
                original = other;
            }
            if (Integer.compareUnsigned(captured, MAX_CAPTURED_LENGTH) > 0) {
                insane(p, n, captured);
                break;
            }
            if (end - p - header < captured) {
                need = header + captured;
                break;
            }
            // a length above 2 GiB is nonsense, but the packet's bytes are there
            original = original < 0 ? Integer.MAX_VALUE : original;
            Memory.putLong(d + CaptureBatch.ADDRESS, p + header);
            Memory.putLong(
                    d + CaptureBatch.TIMESTAMP,
                    (seconds & 0xffffffffL) * 1_000_000_000L + (fraction & 0xffffffffL) * unit);
            Memory.putInt(d + CaptureBatch.CAPTURED_LENGTH, captured);
            Memory.putInt(d + CaptureBatch.ORIGINAL_LENGTH, original);
            Memory.putLong(d + CaptureBatch.INTERFACE_INDEX, 0);
            bytes += captured;
            cut += (captured - original) >>> 31;
            p += header + captured;
            d += CaptureBatch.DESCRIPTOR_SIZE;
            n++;
        }
        in.position = p;
        scannedBytes += bytes;
        scannedCut += cut;
        return n;
    }

    private void insane(long p, int n, int captured) {
        in.position = p;
        damaged(
                Damage.Kind.CORRUPT,
                in.offset(),
                n + 1,
                "has an impossible length, expected captured length=0.." + MAX_CAPTURED_LENGTH + " found="
                        + Integer.toUnsignedLong(captured));
    }
}
