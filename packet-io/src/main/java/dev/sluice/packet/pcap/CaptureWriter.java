package dev.sluice.packet.pcap;

import dev.sluice.memory.Memory;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Arrays;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Writes packets to a capture that tcpdump, Wireshark and {@link CaptureReader} open.
 *
 * <pre>{@code
 * var options = CaptureWriter.Options.byName("dropped.pcapng").interfaceName("eth0");
 * try (CaptureWriter writer = CaptureWriter.create("dropped.pcapng", options)) {
 *     writer.write(0, timestampNanos, address, length, length, note.clear().action(1));
 * }
 * }</pre>
 *
 * <p>Packets are collected in an off-heap buffer of 1 MiB and go out whole: what is in the file at any moment ends after a
 * packet (compressed: after a complete gzip member or zstd frame), so that a killed process leaves a capture that can be
 * read. Owned by one thread; allocates when it is opened and when an interface is added, not per packet.
 */
public final class CaptureWriter implements AutoCloseable {
    private static final int CAPACITY = 1 << 20;

    /** Header, options and trailer of a packet block at most. */
    private static final int OVERHEAD = 128;

    private static final int OPTION_END = 0;
    private static final int SECTION_APPLICATION = 4;
    private static final int INTERFACE_NAME = 2;
    private static final int INTERFACE_RESOLUTION = 9;
    private static final int PACKET_FLAGS = 2;
    private static final int PACKET_ID = 5;
    private static final int PACKET_QUEUE = 6;
    private static final int PACKET_VERDICT = 7;
    private static final int VERDICT_XDP = 2;
    private static final int LONGEST_NAME = 255;

    /** How the bytes of the file are compressed. */
    public enum Compression {
        NONE,
        GZIP,
        ZSTD
    }

    /**
     * How to write. Immutable; every method but the record's own gives a changed copy.
     *
     * @param format any but {@link CaptureFormat#PCAP_MODIFIED}
     * @param compression of the file
     * @param linkType of interface 0; see {@link LinkType}
     * @param snapLength longer packets are cut to this many bytes, 1 to {@link CaptureReader#MAX_CAPTURED_LENGTH}
     * @param interfaceName of interface 0, or the empty string; pcapng only
     */
    public record Options(
            CaptureFormat format, Compression compression, int linkType, int snapLength, String interfaceName) {

        public Options {
            if (format == CaptureFormat.PCAP_MODIFIED) {
                throw new IllegalArgumentException("format to write, expected=pcap or pcapng found=" + format.label());
            }
            if (snapLength < 1 || snapLength > CaptureReader.MAX_CAPTURED_LENGTH) {
                throw new IllegalArgumentException(
                        "snap length, expected=1.." + CaptureReader.MAX_CAPTURED_LENGTH + " found=" + snapLength);
            }
        }

        /**
         * Ethernet, with format and compression as the end of the name says: {@code .pcapng}, everything else is classic pcap
         * with nanoseconds; then {@code .gz}, {@code .zst}, or nothing.
         */
        public static Options byName(String name) {
            String rest = name.toLowerCase(Locale.ROOT);
            Compression compression = Compression.NONE;
            if (rest.endsWith(".gz")) {
                compression = Compression.GZIP;
                rest = rest.substring(0, rest.length() - 3);
            } else if (rest.endsWith(".zst")) {
                compression = Compression.ZSTD;
                rest = rest.substring(0, rest.length() - 4);
            }
            CaptureFormat format = rest.endsWith(".pcapng") ? CaptureFormat.PCAPNG : CaptureFormat.PCAP_NANOS;
            return new Options(format, compression, LinkType.ETHERNET, CaptureReader.MAX_CAPTURED_LENGTH, "");
        }

        /** With another format. */
        public Options format(CaptureFormat newFormat) {
            return new Options(newFormat, compression, linkType, snapLength, interfaceName);
        }

        /**
         * With nanoseconds or microseconds, where the format is classic pcap; pcapng always has nanoseconds. Old programs read
         * microseconds only. Finer times are rounded down.
         */
        public Options nanoseconds(boolean nanoseconds) {
            return format == CaptureFormat.PCAPNG
                    ? this
                    : format(nanoseconds ? CaptureFormat.PCAP_NANOS : CaptureFormat.PCAP_MICROS);
        }

        /** With another compression. */
        public Options compression(Compression newCompression) {
            return new Options(format, newCompression, linkType, snapLength, interfaceName);
        }

        /** With another link type of interface 0. */
        public Options linkType(int newLinkType) {
            return new Options(format, compression, newLinkType, snapLength, interfaceName);
        }

        /** With another greatest length. */
        public Options snapLength(int newSnapLength) {
            return new Options(format, compression, linkType, newSnapLength, interfaceName);
        }

        /** With another name of interface 0. */
        public Options interfaceName(String newInterfaceName) {
            return new Options(format, compression, linkType, snapLength, newInterfaceName);
        }
    }

    private final String name;
    private final WritableByteChannel channel;
    private final Compressor compressor;
    private final boolean closesChannel;
    private final boolean pcapng;
    private final boolean nanoseconds;
    private final int snapLength;
    private final Arena arena = Arena.ofShared();
    private final ByteBuffer buffer;
    private final long base;
    private final long limit;
    private long position;

    private int interfaces;
    private long packets;
    private long flushedPackets;
    private long bytes;
    private long cutPackets;
    private @Nullable String failure;
    private boolean closed;

    // the packet between begin and end
    private long blockStart;
    private int missing = -1;
    private int excess;
    private int captured;

    private CaptureWriter(String name, WritableByteChannel channel, boolean closesChannel, Options options) {
        this.name = name;
        this.channel = channel;
        this.closesChannel = closesChannel;
        pcapng = options.format() == CaptureFormat.PCAPNG;
        nanoseconds = options.format() != CaptureFormat.PCAP_MICROS;
        snapLength = options.snapLength();
        compressor = Compressor.of(options.compression(), CAPACITY);
        MemorySegment memory = arena.allocate(CAPACITY, 64);
        buffer = memory.asByteBuffer();
        base = memory.address();
        limit = base + CAPACITY;
        position = base;
        if (pcapng) {
            sectionHeader();
            interfaceBlock(options.interfaceName(), options.linkType());
        } else {
            fileHeader(options.linkType());
        }
    }

    /**
     * Creates or replaces a file; {@code -} is standard output.
     *
     * @throws CaptureException if that is not possible; the message begins with the name
     */
    public static CaptureWriter create(String name, Options options) throws CaptureException {
        if (!name.equals("-")) {
            return create(Path.of(name), options);
        }
        FileChannel channel = new FileOutputStream(FileDescriptor.out).getChannel();
        return new CaptureWriter("standard output", channel, false, options);
    }

    /**
     * Creates or replaces a file, or opens a named pipe and waits for its reader.
     *
     * @throws CaptureException if that is not possible, or the file is a capture that this process is reading; the message
     *     begins with the name
     */
    public static CaptureWriter create(Path path, Options options) throws CaptureException {
        String name = path.toString();
        try {
            if (Files.exists(path)) {
                Object key =
                        Files.readAttributes(path, BasicFileAttributes.class).fileKey();
                if (OpenCaptures.contains(key)) {
                    throw new CaptureException(
                            name + ": is the capture that is being read, expected another output file");
                }
            }
            if (Files.isDirectory(path)) {
                throw new CaptureException(name + ": is a directory, expected a file to write a capture to");
            }
            FileChannel channel = FileChannel.open(
                    path, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE);
            return new CaptureWriter(name, channel, true, options);
        } catch (CaptureException e) {
            throw e;
        } catch (NoSuchFileException e) {
            Path parent = path.toAbsolutePath().getParent();
            throw new CaptureException(name + ": cannot create: no such directory " + parent, e);
        } catch (IOException e) {
            throw new CaptureException(name + ": cannot create: " + Causes.text(e), e);
        }
    }

    /** Writes to a channel, which the writer then owns; {@code name} is what messages call it. */
    public static CaptureWriter create(String name, WritableByteChannel channel, Options options) {
        return new CaptureWriter(name, channel, true, options);
    }

    /**
     * Adds an interface.
     *
     * @return its number, 1 for the first after that of the options
     * @throws IllegalStateException if the format is classic pcap, which has one interface only
     */
    public int addInterface(String interfaceName, int linkType) throws CaptureException {
        if (!pcapng) {
            throw new IllegalStateException("a second interface in classic pcap, expected pcapng");
        }
        reserve(LONGEST_NAME + OVERHEAD);
        interfaceBlock(interfaceName, linkType);
        return interfaces - 1;
    }

    /**
     * Writes a packet of interface 0 without a note.
     *
     * @param timestampNanos nanoseconds since 1970; what the format cannot say, {@link CaptureReader#NO_TIMESTAMP} among it,
     *     becomes the nearest time that it can
     * @param address native address of the first byte
     * @param capturedLength bytes at that address, 0 or more; those above the snap length are left out
     * @param originalLength bytes that were on the wire
     * @throws CaptureException if the file cannot be written; every later call then throws it again
     */
    public void write(long timestampNanos, long address, int capturedLength, int originalLength)
            throws CaptureException {
        write(0, timestampNanos, address, capturedLength, originalLength, null);
    }

    /**
     * Writes a packet with what is known about it.
     *
     * @param interfaceId 0, or what {@link #addInterface} gave
     * @param note for pcapng; a classic capture leaves it out
     * @throws CaptureException if the file cannot be written; every later call then throws it again
     */
    public void write(
            int interfaceId,
            long timestampNanos,
            long address,
            int capturedLength,
            int originalLength,
            @Nullable PacketNote note)
            throws CaptureException {
        begin(interfaceId, timestampNanos, capturedLength, originalLength);
        append(address, capturedLength);
        end(note);
    }

    /**
     * Begins a packet whose bytes lie in several places. {@link #append} them all, then {@link #end}.
     *
     * @param capturedLength bytes that will be appended
     */
    public void begin(int interfaceId, long timestampNanos, int capturedLength, int originalLength)
            throws CaptureException {
        if (interfaceId < 0 || interfaceId >= interfaces) {
            throw new IllegalArgumentException(
                    "interface of a packet, expected=0.." + (interfaces - 1) + " found=" + interfaceId);
        }
        if (capturedLength < 0 || missing >= 0) {
            throw new IllegalArgumentException(
                    missing >= 0
                            ? "a packet begins before the last has ended"
                            : "length of a packet, expected=0 or more found=" + capturedLength);
        }
        int length = Math.min(capturedLength, snapLength);
        reserve(length + OVERHEAD);
        captured = length;
        missing = length;
        excess = capturedLength - length;
        if (pcapng) {
            enhancedPacketHeader(interfaceId, timestampNanos, length, originalLength);
        } else {
            packetHeader(timestampNanos, length, originalLength);
        }
    }

    /** Adds bytes to the packet that began. */
    public void append(long address, int length) {
        int part = Math.min(length, Math.max(missing, 0));
        if (length < 0 || length - part > excess) {
            throw new IllegalArgumentException(
                    "bytes of a packet, expected=" + (missing + excess) + " found=" + length);
        }
        Memory.copy(address, position, part);
        position += part;
        missing -= part;
        excess -= length - part;
    }

    /** Ends the packet that began. */
    public void end(@Nullable PacketNote note) {
        if (missing != 0 || excess != 0) {
            throw new IllegalArgumentException(
                    "end of a packet, expected more bytes=" + (missing + excess) + " found=none");
        }
        if (pcapng) {
            enhancedPacketTrailer(note);
        }
        missing = -1;
        packets++;
        bytes += captured;
    }

    /** Packets written, those in the buffer included. */
    public long packets() {
        return packets;
    }

    /** Captured bytes of the packets written. */
    public long capturedBytes() {
        return bytes;
    }

    /** What messages call this capture. */
    public String name() {
        return name;
    }

    /** Hands everything to the operating system: afterwards another program can read it. */
    public void flush() throws CaptureException {
        if (failure != null) {
            throw new CaptureException(failure);
        }
        if (closed) {
            throw new CaptureException(name + ": cannot write: the capture is closed");
        }
        if (missing >= 0) {
            throw new IllegalStateException("flush within a packet");
        }
        if (position == base) {
            return;
        }
        long start = -1;
        try {
            start = channel instanceof FileChannel file && closesChannel ? filePosition(file) : -1;
            buffer.limit((int) (position - base)).position(0);
            compressor.write(buffer, channel);
            position = base;
            flushedPackets = packets;
        } catch (IOException e) {
            failure = name + ": cannot write: " + Causes.text(e) + ", packets written=" + flushedPackets;
            position = base;
            undo(start);
            throw new CaptureException(failure, e);
        }
    }

    private static long filePosition(FileChannel file) {
        try {
            return file.position();
        } catch (IOException e) {
            return -1; // a pipe
        }
    }

    /** Takes back what a failed write has left behind the last whole packet. */
    private void undo(long size) {
        if (size >= 0) {
            try {
                ((FileChannel) channel).truncate(size);
            } catch (IOException e) {
                // a pipe or a device: what is out is out
            }
        }
    }

    /**
     * Flushes and closes. Can be called twice.
     *
     * @throws CaptureException if the last packets cannot be written; not for a failure that was thrown before
     */
    @Override
    public void close() throws CaptureException {
        if (closed) {
            return;
        }
        if (missing >= 0) {
            position = blockStart; // a packet that never ended is not in the file
            missing = -1;
        }
        try {
            if (failure == null) {
                flush();
            }
        } finally {
            closed = true;
            arena.close();
            compressor.close();
            if (closesChannel) {
                closeChannel();
            }
        }
    }

    private void closeChannel() throws CaptureException {
        try {
            channel.close();
        } catch (IOException e) {
            if (failure == null) {
                throw new CaptureException(name + ": cannot close: " + Causes.text(e), e);
            }
        }
    }

    private void reserve(int length) throws CaptureException {
        if (failure != null || closed || limit - position < length) {
            flush();
        }
    }

    private void fileHeader(int linkType) {
        putInt(nanoseconds ? Magic.PCAP_NANOS : Magic.PCAP_MICROS);
        putInt(4 << 16 | 2);
        putLong(0);
        putInt(snapLength);
        putInt(linkType);
        interfaces = 1;
    }

    private void packetHeader(long nanos, int length, int originalLength) {
        blockStart = position;
        long time = Math.clamp(nanos, 0, 0xffffffffL * 1_000_000_000L + 999_999_999L);
        long seconds = time / 1_000_000_000L;
        int fraction = (int) (time - seconds * 1_000_000_000L);
        putInt((int) seconds);
        putInt(nanoseconds ? fraction : fraction / 1000);
        putInt(length);
        putInt(originalLength);
    }

    private void sectionHeader() {
        byte[] application = "sluice".getBytes(StandardCharsets.US_ASCII);
        long start = position;
        putInt(Magic.SECTION_HEADER);
        putInt(0);
        putInt(0x1a2b3c4d);
        putInt(1); // version 1.0
        putLong(-1); // length of the section: not known yet
        option(SECTION_APPLICATION, application);
        putInt(OPTION_END);
        endBlock(start);
    }

    private void interfaceBlock(String interfaceName, int linkType) {
        long start = position;
        putInt(1);
        putInt(0);
        putInt(linkType & 0xffff);
        putInt(snapLength);
        byte[] text = interfaceName.getBytes(StandardCharsets.UTF_8);
        if (text.length > 0) {
            option(INTERFACE_NAME, Arrays.copyOf(text, Math.min(text.length, LONGEST_NAME)));
        }
        option(INTERFACE_RESOLUTION, new byte[] {9}); // 10^-9 seconds
        putInt(OPTION_END);
        endBlock(start);
        interfaces++;
    }

    private void enhancedPacketHeader(int interfaceId, long nanos, int length, int originalLength) {
        long time = Math.max(0, nanos);
        blockStart = position;
        putInt(6);
        putInt(0);
        putInt(interfaceId);
        putInt((int) (time >>> 32));
        putInt((int) time);
        putInt(length);
        putInt(originalLength);
    }

    private void enhancedPacketTrailer(@Nullable PacketNote note) {
        for (int padding = -captured & 3; padding > 0; padding--) {
            Memory.putByte(position++, (byte) 0);
        }
        if (note != null) {
            if (note.direction != PacketNote.DIRECTION_UNKNOWN) {
                putInt(4 << 16 | PACKET_FLAGS);
                putInt(note.direction);
            }
            if (note.hasPacketId) {
                putInt(8 << 16 | PACKET_ID);
                putLong(note.packetId);
            }
            if (note.hasQueue) {
                putInt(4 << 16 | PACKET_QUEUE);
                putInt(note.queue);
            }
            if (note.hasAction) {
                putInt(9 << 16 | PACKET_VERDICT);
                Memory.putByte(position, (byte) VERDICT_XDP);
                Memory.putLong(position + 1, note.action);
                Memory.putByte(position + 9, (byte) 0);
                Memory.putShort(position + 10, (short) 0);
                position += 12;
            }
            putInt(OPTION_END);
        }
        endBlock(blockStart);
    }

    private void endBlock(long start) {
        int length = (int) (position + 4 - start);
        Memory.putInt(start + 4, length);
        putInt(length);
    }

    private void option(int code, byte[] value) {
        putInt(value.length << 16 | code);
        Memory.copy(value, 0, position, value.length);
        position += value.length;
        for (int padding = -value.length & 3; padding > 0; padding--) {
            Memory.putByte(position++, (byte) 0);
        }
    }

    private void putInt(int value) {
        Memory.putInt(position, value);
        position += 4;
    }

    private void putLong(long value) {
        Memory.putLong(position, value);
        position += 8;
    }
}
