package dev.sluice.packet.pcap;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/**
 * Decompresses gzip (RFC 1952), any number of members one after the other. {@code GZIPInputStream} is not used: it takes a
 * pause in a pipe for the end, ignores a damaged second member, and wants heap arrays.
 *
 * <pre>
 *   member  0 1f 8b   2 method = 8   3 flags   4 time u32   8 extra flags   9 system
 *           [flag 4: length u16, bytes]  [flag 8: name, 0]  [flag 16: comment, 0]  [flag 2: header checksum u16]
 *           deflate data, CRC-32 u32, length modulo 2^32 u32
 * </pre>
 */
final class GzipChannel implements ReadableByteChannel {
    private final ReadableByteChannel in;
    private final ByteBuffer input = ByteBuffer.allocateDirect(1 << 16).limit(0);
    private final Inflater inflater = new Inflater(true);
    private final CRC32 crc = new CRC32();
    private boolean inMember;
    private boolean ended;
    private int members;

    GzipChannel(ReadableByteChannel in) {
        this.in = in;
    }

    @Override
    public int read(ByteBuffer to) throws IOException {
        while (!ended && to.hasRemaining()) {
            if (!inMember) {
                if (!header()) {
                    ended = true;
                    break;
                }
                inMember = true;
            }
            int start = to.position();
            try {
                if (inflater.needsInput() && !inflater.finished()) {
                    if (!input.hasRemaining() && !refill()) {
                        throw new DecompressionException("the gzip data ends in the middle");
                    }
                    inflater.setInput(input);
                }
                inflater.inflate(to);
            } catch (DataFormatException e) {
                throw new DecompressionException("the gzip data is damaged: " + e.getMessage());
            }
            int read = to.position() - start;
            crc.update(to.duplicate().flip().position(start));
            if (inflater.finished()) {
                trailer();
                inMember = false;
            } else if (inflater.needsDictionary()) {
                throw new DecompressionException("the gzip data is damaged: it wants a dictionary");
            }
            if (read > 0) {
                return read;
            }
        }
        return ended ? -1 : 0;
    }

    /** Reads a member's header; false at the end of the input, after any zero padding. */
    private boolean header() throws IOException {
        int first;
        do {
            first = next();
        } while (first == 0 && members > 0);
        if (first < 0) {
            return false;
        }
        int second = next();
        if (first != 0x1f || second != 0x8b) {
            throw new DecompressionException("bytes after the gzip data that are none, expected=1f8b found="
                    + String.format("%02x%02x", first, Math.max(0, second)));
        }
        int method = need();
        int flags = need();
        if (method != 8 || (flags & 0xe0) != 0) {
            throw new DecompressionException(
                    "the gzip header is damaged, expected method=8 found method=" + method + " flags=" + flags);
        }
        for (int i = 0; i < 6; i++) {
            need();
        }
        if ((flags & 4) != 0) {
            for (int length = need() | need() << 8; length > 0; length--) {
                need();
            }
        }
        for (int text = (flags >> 3 & 1) + (flags >> 4 & 1); text > 0; text--) {
            while (need() != 0) {}
        }
        if ((flags & 2) != 0) {
            need();
            need();
        }
        inflater.reset();
        crc.reset();
        members++;
        return true;
    }

    private void trailer() throws IOException {
        long checksum = word();
        long length = word();
        if (checksum != crc.getValue()) {
            throw new DecompressionException("the gzip data is damaged, crc32 expected=" + Long.toHexString(checksum)
                    + " found=" + Long.toHexString(crc.getValue()));
        }
        if (length != (inflater.getBytesWritten() & 0xffffffffL)) {
            throw new DecompressionException(
                    "the gzip data is damaged, length expected=" + length + " found=" + inflater.getBytesWritten());
        }
    }

    private long word() throws IOException {
        return need() | need() << 8 | need() << 16 | (long) need() << 24;
    }

    private int need() throws IOException {
        int value = next();
        if (value < 0) {
            throw new DecompressionException("the gzip data ends in the middle");
        }
        return value;
    }

    private int next() throws IOException {
        return input.hasRemaining() || refill() ? input.get() & 0xff : -1;
    }

    private boolean refill() throws IOException {
        input.clear();
        int read;
        do {
            read = in.read(input);
        } while (read == 0);
        input.flip();
        return read > 0;
    }

    @Override
    public boolean isOpen() {
        return in.isOpen();
    }

    @Override
    public void close() throws IOException {
        ended = true;
        inflater.end();
        in.close();
    }
}
