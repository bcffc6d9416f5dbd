package dev.sluice.packet.pcap;

import dev.sluice.memory.Memory;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.ReadableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Reads the packets of a capture in their order, in batches of descriptors or one by one. The formats are in the package's
 * documentation; which one a file has is decided by its content.
 *
 * <pre>{@code
 * try (CaptureReader reader = CaptureReader.open("trace.pcapng.zst");
 *         CaptureBatch batch = new CaptureBatch(64)) {
 *     reader.requireEthernet();
 *     while (reader.read(batch) > 0) {
 *         for (int i = 0; i < batch.size(); i++) {
 *             use(batch.address(i), batch.capturedLength(i), batch.timestampNanos(i));
 *         }
 *     }
 *     if (reader.damage() != null) {
 *         throw reader.damage().toException();
 *     }
 * }
 * }</pre>
 *
 * <p>Owned by one thread; any thread may close it when no other uses it or the packets' addresses. Allocates when it is
 * opened and when a new interface appears, not per packet.
 */
public abstract sealed class CaptureReader implements AutoCloseable permits PcapReader, PcapngReader {
    /** The longest packet that is believed, in bytes; a longer one is damage. The same limit as tcpdump's. */
    public static final int MAX_CAPTURED_LENGTH = 262_144;

    /** The time of a packet that has none (pcapng's simple packets). */
    public static final long NO_TIMESTAMP = Long.MIN_VALUE;

    /** The most different interfaces that are believed. */
    static final int MAX_INTERFACES = 65_536;

    /** What HotSpot's InternalError means here: SIGBUS, because pages of a mapping are no longer in the file. */
    private static final String CUT_SHORT = "the file was cut short while it was read";

    final Input in;
    final List<CaptureInterface> interfaces = new ArrayList<>();

    /** Bytes that a scan stopped for. */
    int need;

    /** Set by scans: counters are kept in locals within one. */
    long scannedCut;

    long scannedBytes;
    boolean ethernetOnly;

    private final String name;
    private final @Nullable Object openKey;
    private @Nullable Damage damage;
    private boolean ended;
    private boolean closed;
    private long packets;
    private @Nullable CaptureBatch one;

    CaptureReader(String name, Input in, @Nullable Object openKey) {
        this.name = name;
        this.in = in;
        this.openKey = openKey;
    }

    /**
     * Opens a capture by name; {@code -} is standard input.
     *
     * @throws CaptureException if there is no such file, or it is not a capture; the message begins with the name
     */
    public static CaptureReader open(String name) throws CaptureException {
        if (!name.equals("-")) {
            return open(Path.of(name));
        }
        FileChannel channel = new FileInputStream(FileDescriptor.in).getChannel();
        return openStream("standard input", channel, -1, null);
    }

    /**
     * Opens a capture: a regular file, a named pipe, or anything else that can be read from its start to its end.
     *
     * @throws CaptureException if there is no such file, or it is not a capture; the message begins with the name
     */
    public static CaptureReader open(Path path) throws CaptureException {
        String name = path.toString();
        FileChannel channel = null;
        boolean opened = false;
        try {
            BasicFileAttributes attributes = Files.readAttributes(path, BasicFileAttributes.class);
            if (attributes.isDirectory()) {
                throw new CaptureException(name + ": is a directory, expected a capture file");
            }
            channel = FileChannel.open(path, StandardOpenOption.READ);
            CaptureReader reader;
            if (attributes.isRegularFile()) {
                reader = openRegular(name, channel, attributes.fileKey());
            } else {
                reader = openStream(name, channel, -1, null);
            }
            opened = true;
            return reader;
        } catch (CaptureException e) {
            throw e;
        } catch (NoSuchFileException e) {
            throw new CaptureException(name + ": no such file", e);
        } catch (IOException e) {
            throw new CaptureException(name + ": cannot open: " + Causes.text(e), e);
        } finally {
            if (!opened && channel != null) {
                closeQuietly(channel);
            }
        }
    }

    /**
     * Reads a capture from a channel, which the reader then owns.
     *
     * @param name what messages call it
     * @throws CaptureException if the bytes are no capture
     */
    public static CaptureReader open(String name, ReadableByteChannel channel) throws CaptureException {
        return openStream(name, channel, -1, null);
    }

    private static CaptureReader openRegular(String name, FileChannel channel, @Nullable Object key)
            throws IOException {
        long size = channel.size();
        ByteBuffer head = ByteBuffer.allocate(8);
        while (head.hasRemaining() && channel.read(head, head.position()) > 0) {}
        if (Magic.compression(head.array(), head.position()) != Magic.Compression.NONE) {
            return openStream(name, channel, size, OpenCaptures.add(key));
        }
        if (head.position() == 0) {
            throw new CaptureException(name + ": " + Magic.EMPTY);
        }
        if (size == 0) {
            // what /proc shows: files with bytes and without a size
            return openStream(name, channel, -1, null);
        }
        return openInput(name, new MappedInput(channel, size), OpenCaptures.add(key));
    }

    private static CaptureReader openStream(String name, ReadableByteChannel channel, long size, @Nullable Object key)
            throws CaptureException {
        byte[] head = new byte[8];
        int length = 0;
        try {
            ByteBuffer to = ByteBuffer.wrap(head);
            while (to.hasRemaining() && channel.read(to) >= 0) {}
            length = to.position();
        } catch (IOException e) {
            closeQuietly(channel);
            OpenCaptures.remove(key);
            throw new CaptureException(name + ": cannot read: " + Causes.text(e), e);
        }
        HeadChannel whole = new HeadChannel(head, length, channel);
        ReadableByteChannel plain = switch (Magic.compression(head, length)) {
            case NONE -> whole;
            case GZIP -> new GzipChannel(whole);
            case ZSTD -> new ZstdChannel(whole);
        };
        return openInput(name, new StreamInput(plain, whole::count, size), key);
    }

    private static CaptureReader openInput(String name, Input in, @Nullable Object openKey) throws CaptureException {
        CaptureReader reader = null;
        boolean opened = false;
        try {
            in.ensure(4);
            int available = (int) Math.min(8, in.limit - in.position);
            byte[] head = Memory.bytes(in.position, available);
            reader = switch (Magic.format(head)) {
                case PCAP -> new PcapReader(name, in, openKey);
                case PCAPNG -> new PcapngReader(name, in, openKey);
                case NONE -> throw new CaptureException(name + ": " + notCapture(in, head));
            };
            reader.start();
            Damage damage = reader.damage();
            if (damage != null) {
                throw damage.toException();
            }
            opened = true;
            return reader;
        } catch (InternalError e) {
            if (!in.isStable()) {
                throw e;
            }
            throw new CaptureException(name + ": cannot be read: " + CUT_SHORT, e);
        } finally {
            if (!opened) {
                if (reader != null) {
                    reader.close();
                }
                in.close();
                if (reader == null) {
                    OpenCaptures.remove(openKey);
                }
            }
        }
    }

    private static String notCapture(Input in, byte[] head) {
        Input.Failure failure = in.failure();
        return failure != null ? failure.message() : Magic.notCapture(head);
    }

    private static void closeQuietly(ReadableByteChannel channel) {
        try {
            channel.close();
        } catch (IOException e) {
            // the first error is the one to tell
        }
    }

    /** Reads up to the first packet. Sets {@link #damage()} where there is no way to that. */
    abstract void start() throws CaptureException;

    /**
     * Fills up to {@code max} descriptors, from {@code descriptors} on; 0 at the end of the capture, or with
     * {@link #damaged} called. Adds to {@link #scannedBytes} and {@link #scannedCut}.
     */
    abstract int fill(long descriptors, int max);

    /** Puts the parser back to its state after {@link #start()}. */
    abstract void restart();

    /** Fills the batch as far as the capture, or what has arrived of a stream, allows. See {@link #read(CaptureBatch, int)}. */
    public int read(CaptureBatch batch) {
        return read(batch, batch.capacity());
    }

    /**
     * Fills the batch with the next packets. Waits for a stream only while it has none to give.
     *
     * <p>The packets' addresses are valid until the next call of this reader, or, if {@link #isMapped()}, until it is closed
     * (a file that another program cuts short while it is read takes them away earlier: using them is then an
     * {@link InternalError}, which says "unsafe memory access").
     *
     * @param max the most packets to read, 1 to the batch's capacity
     * @return how many packets there are in the batch: at least one, or 0 at the end, where {@link #damage()} says whether
     *     the end is the capture's own
     */
    public int read(CaptureBatch batch, int max) {
        if (max < 1 || max > batch.capacity()) {
            throw new IllegalArgumentException("packets to read, expected=1.." + batch.capacity() + " found=" + max);
        }
        int n = 0;
        if (!ended) {
            try {
                n = damage == null ? fill(batch.descriptors(), max) : 0;
            } catch (InternalError e) {
                if (!isMapped()) {
                    throw e;
                }
                damaged(Damage.Kind.TRUNCATED, in.offset(), 1, "cannot be read: " + CUT_SHORT);
            }
            packets += n;
            if (n == 0) {
                ended = true;
            }
        }
        batch.setSize(n);
        return n;
    }

    /**
     * Moves to the next packet, which the accessors below then describe. Slower than {@link #read(CaptureBatch)}.
     *
     * @return false at the end; see {@link #damage()}
     */
    public boolean next() {
        CaptureBatch batch = one;
        if (batch == null) {
            batch = new CaptureBatch(1);
            one = batch;
        }
        return !closed && read(batch, 1) == 1;
    }

    /** Native address of the current packet's first byte; valid until the next call of {@link #next()}. */
    public long address() {
        return current().address(0);
    }

    /** The current packet's time in nanoseconds since 1970, or {@link #NO_TIMESTAMP}. */
    public long timestampNanos() {
        return current().timestampNanos(0);
    }

    /** The current packet's bytes in the capture. */
    public int capturedLength() {
        return current().capturedLength(0);
    }

    /** The current packet's bytes on the wire. */
    public int originalLength() {
        return current().originalLength(0);
    }

    /** The current packet's index in {@link #interfaces()}. */
    public int interfaceIndex() {
        return current().interfaceIndex(0);
    }

    /** The current packet, copied to the heap. */
    public byte[] copyBytes() {
        return current().copyBytes(0);
    }

    private CaptureBatch current() {
        if (one == null) {
            throw new IllegalStateException("no current packet, expected a call of next() before");
        }
        return one;
    }

    /** Why reading ended before the end of the capture, or null. Set when a read returned 0. */
    public @Nullable Damage damage() {
        return ended || damagedAtStart() ? damage : null;
    }

    private boolean damagedAtStart() {
        return damage != null && packets == 0;
    }

    /**
     * Asks for Ethernet frames only.
     *
     * @throws CaptureException if the first packet, or every interface before it, has another link type; the message names
     *     it. A packet of another type that comes later ends the reading with {@link Damage.Kind#LINK_TYPE}
     */
    public void requireEthernet() throws CaptureException {
        ethernetOnly = true;
        if (interfaces.isEmpty()) {
            return;
        }
        for (CaptureInterface i : interfaces) {
            if (i.isEthernet()) {
                return;
            }
        }
        throw new CaptureException(
                name + ": " + LinkType.notEthernet(interfaces.get(0).linkType()));
    }

    /** The format found. */
    public abstract CaptureFormat format();

    /** What messages call this capture: its path, or "standard input". */
    public String name() {
        return name;
    }

    /** The interfaces met so far, by index; grows while a pcapng capture is read. */
    public List<CaptureInterface> interfaces() {
        return Collections.unmodifiableList(interfaces);
    }

    /** Packets given so far (since the last {@link #rewind()}). */
    public long packets() {
        return packets;
    }

    /** Captured bytes of the packets given so far. */
    public long capturedBytes() {
        return scannedBytes;
    }

    /** How many of the packets given so far have fewer bytes than were on the wire. */
    public long cutPackets() {
        return scannedCut;
    }

    /** How much of the file was read, in bytes as they lie on the disk (compressed ones included). */
    public long consumed() {
        return in.consumed();
    }

    /** The file's size in bytes as it lies on the disk, or -1 for a pipe. */
    public long size() {
        return in.size();
    }

    /** Whether the packets lie in a mapped file: addresses stay valid until the reader is closed, and it can rewind. */
    public boolean isMapped() {
        return in.isStable();
    }

    /**
     * Starts again from the first packet; counters begin anew.
     *
     * @throws IllegalStateException unless {@link #isMapped()}
     */
    public void rewind() {
        if (!isMapped()) {
            throw new IllegalStateException(name + ": cannot be read twice, expected a plain file");
        }
        in.rewind();
        restart();
        damage = null;
        ended = false;
        packets = 0;
        scannedBytes = 0;
        scannedCut = 0;
    }

    /** Frees the mapping or buffer. No address that this reader gave may be used afterwards. Can be called twice. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        ended = true;
        in.close();
        OpenCaptures.remove(openKey);
        if (one != null) {
            one.close();
        }
    }

    /**
     * Notes why reading ends here.
     *
     * @param offset of the packet or block
     * @param ordinal 1 for the first packet of the current read, 2 for the second
     * @param text what is wrong with "packet n"
     */
    void damaged(Damage.Kind kind, long offset, int ordinal, String text) {
        if (damage == null) {
            long packet = packets + ordinal;
            damage = new Damage(kind, name + ": packet " + packet + " " + text + ", offset=" + offset, offset, packet);
        }
    }

    /** Notes damage in what is not a packet. */
    void damagedBlock(Damage.Kind kind, long offset, int ordinal, String text) {
        if (damage == null) {
            long packet = packets + ordinal;
            damage = new Damage(
                    kind, name + ": " + text + ", before packet " + packet + ", offset=" + offset, offset, packet);
        }
    }

    boolean isDamaged() {
        return damage != null;
    }

    /** Why the bytes end here: the input's reason, or that they just end. */
    void endedEarly(long offset, int ordinal, String what, long expected, long found) {
        Input.Failure failure = in.failure();
        if (failure != null) {
            damaged(failure.kind(), offset, ordinal, "cannot be read: " + failure.message());
        } else {
            damaged(
                    Damage.Kind.TRUNCATED,
                    offset,
                    ordinal,
                    "is cut off by the end of the capture in its " + what + ", expected=" + expected + " bytes found="
                            + found);
        }
    }

    static String ascii(byte[] bytes) {
        int end = 0;
        while (end < bytes.length && bytes[end] != 0) {
            end++;
        }
        return new String(bytes, 0, end, StandardCharsets.UTF_8);
    }
}
