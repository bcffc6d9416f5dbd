package dev.sluice.helper;

import dev.sluice.map.Errno;
import dev.sluice.memory.Memory;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Connections that programs can look up and add, in the form of {@code /proc/net/nf_conntrack} and {@code conntrack -L}:
 *
 * <pre>
 * ipv4 2 tcp 6 431999 ESTABLISHED src=10.0.0.1 dst=10.0.0.2 sport=40000 dport=443
 *     src=10.0.0.2 dst=10.0.0.1 sport=443 dport=40000 [ASSURED] mark=0 use=1       (in one line)
 * </pre>
 *
 * <p>Each is a {@code struct nf_conn} of Linux 6.18 on x86-64 in native memory, which programs may read by the kernel's
 * types, and whose mark they may write:
 *
 * <pre>
 *   0  use u32        8  timeout u32 (ticks of 4 ms)   12  zone id u16
 *  32  tuple of the first packet      88  tuple of the answers      128  status u64
 * 168  mark u32     172  secmark u32
 *
 *  tuple  0 source address, 16 bytes   16 port u16   18 family u16   20 destination address   36 port u16   38 protocol u8
 *        39 direction u8 (ports and addresses in network order)
 * </pre>
 *
 * <p>Any thread; look-ups allocate nothing. An entry that a program holds stays memory of the table when it expires.
 */
public final class ConntrackTable {
    static final int TIMEOUT = 8;
    static final int ZONE = 12;
    static final int ORIGINAL = 32;
    static final int REPLY = 88;
    static final int STATUS = 128;
    static final int MARK = 168;
    static final int CONN_BYTES = 248;

    static final int TUPLE_BYTES = 40;
    static final int TUPLE_PORT = 16;
    static final int TUPLE_FAMILY = 18;
    static final int TUPLE_DESTINATION = 20;
    static final int TUPLE_DESTINATION_PORT = 36;
    static final int TUPLE_PROTOCOL = 38;
    static final int TUPLE_DIRECTION = 39;

    static final int TCP = 6;
    static final int UDP = 17;
    static final int IPV4 = 2;
    static final int IPV6 = 10;

    static final long SEEN_REPLY = 1 << 1;
    static final long ASSURED = 1 << 2;
    static final long CONFIRMED = 1 << 3;
    static final long DYING = 1 << 9;
    static final long FIXED_TIMEOUT = 1 << 10;

    private static final int SLOT_BYTES = 256;

    /** In the slot, behind the structure: whether it is in the table, when it expires (nanoseconds). */
    private static final int EXPIRES = 248;

    private static final long NEVER = Long.MAX_VALUE;

    /** The kernel's nf_conntrack_max of a machine with enough memory. */
    private static final int MAX_ENTRIES = 65_536;

    private static final int BUCKETS = 1 << 17;
    private static final int NONE = -1;
    private static final long TICK_NANOS = 4_000_000L;

    private final Arena arena = Arena.ofAuto();

    /** Of the slots; 0 until one is needed. */
    private long memory;

    /** By bucket: the first of a chain of tuples, slot * 2 + direction. */
    private int[] heads = {};

    private int[] nexts = {};
    private boolean[] inserted = {};
    private int[] references = {};
    private int[] free = {};
    private int freeCount;
    private int top;

    /** Creates an empty table. */
    public ConntrackTable() {}

    // --- what programs do

    /** A connection that nobody else sees yet, with its tuple and the reverse; 0 when there is no room. */
    synchronized long allocate(long tuple, int zone) {
        if (memory == 0) {
            memory = Memory.allocate(arena, (long) MAX_ENTRIES * SLOT_BYTES, 64);
            heads = new int[BUCKETS];
            Arrays.fill(heads, NONE);
            nexts = new int[2 * MAX_ENTRIES];
            inserted = new boolean[MAX_ENTRIES];
            references = new int[MAX_ENTRIES];
            free = new int[MAX_ENTRIES];
        }
        if (freeCount == 0 && top == MAX_ENTRIES) {
            return 0;
        }
        int slot = freeCount > 0 ? free[--freeCount] : top++;
        long conn = address(slot);
        Memory.fill(conn, SLOT_BYTES, (byte) 0);
        references[slot] = 1;
        Memory.putInt(conn, 1);
        Memory.putShort(conn + ZONE, (short) zone);
        Memory.copy(tuple, conn + ORIGINAL, TUPLE_BYTES);
        Memory.putByte(conn + ORIGINAL + TUPLE_DIRECTION, (byte) 0);
        reverse(conn);
        return conn;
    }

    private static void reverse(long conn) {
        long from = conn + ORIGINAL;
        long to = conn + REPLY;
        Memory.copy(from + TUPLE_DESTINATION, to, 16);
        Memory.putShort(to + TUPLE_PORT, Memory.getShort(from + TUPLE_DESTINATION_PORT));
        Memory.putShort(to + TUPLE_FAMILY, Memory.getShort(from + TUPLE_FAMILY));
        Memory.copy(from, to + TUPLE_DESTINATION, 16);
        Memory.putShort(to + TUPLE_DESTINATION_PORT, Memory.getShort(from + TUPLE_PORT));
        Memory.putByte(to + TUPLE_PROTOCOL, Memory.getByte(from + TUPLE_PROTOCOL));
        Memory.putByte(to + TUPLE_DIRECTION, (byte) 1);
    }

    /** Puts a connection into the table: false, and it is gone, when one of its tuples is there already. */
    synchronized boolean insert(long conn, long now) {
        int zone = Memory.getShort(conn + ZONE) & 0xffff;
        if (find(conn + ORIGINAL, zone, now) != NONE || find(conn + REPLY, zone, now) != NONE) {
            drop(conn);
            return false;
        }
        int slot = slotOf(conn);
        Memory.putLong(conn + STATUS, Memory.getLong(conn + STATUS) | CONFIRMED);
        Memory.putLong(conn + EXPIRES, now + Integer.toUnsignedLong(Memory.getInt(conn + TIMEOUT)) * TICK_NANOS);
        inserted[slot] = true;
        link(conn + ORIGINAL, 2 * slot);
        link(conn + REPLY, 2 * slot + 1);
        return true;
    }

    /** Takes a reference to the connection of a tuple, as the packets of either direction have it: 0 for none. */
    synchronized long lookup(long tuple, int zone, long now) {
        int found = memory == 0 ? NONE : find(tuple, zone, now);
        if (found == NONE) {
            return 0;
        }
        long conn = address(found >> 1);
        Memory.putInt(conn, ++references[found >> 1]);
        Memory.putByte(tuple + TUPLE_DIRECTION, (byte) (found & 1));
        return conn;
    }

    /** Gives a reference back. */
    synchronized void release(long conn) {
        drop(conn);
    }

    private void drop(long conn) {
        int slot = slotOf(conn);
        Memory.putInt(conn, --references[slot]);
        recycle(slot);
    }

    private void recycle(int slot) {
        if (references[slot] <= 0 && !inserted[slot]) {
            references[slot] = 0;
            free[freeCount++] = slot;
        }
    }

    /** Sets when a connection that is in the table expires: 0, or EPERM for one whose time is fixed. */
    synchronized int changeTimeout(long conn, int ticks, long now) {
        long status = Memory.getLong(conn + STATUS);
        if ((status & FIXED_TIMEOUT) != 0) {
            return Errno.EPERM.negative();
        }
        Memory.putInt(conn + TIMEOUT, ticks);
        Memory.putLong(conn + EXPIRES, now + Integer.toUnsignedLong(ticks) * TICK_NANOS);
        return 0;
    }

    // --- the hash table

    private long address(int slot) {
        return memory + (long) slot * SLOT_BYTES;
    }

    private int slotOf(long conn) {
        return (int) ((conn - memory) / SLOT_BYTES);
    }

    /** Everything of a tuple but its direction. */
    private static int bucketOf(long tuple) {
        long hash = 0;
        for (int at = 0; at < TUPLE_BYTES; at += Long.BYTES) {
            hash = (hash ^ word(tuple, at)) * 0x9e37_79b9_7f4a_7c15L;
            hash ^= hash >>> 29;
        }
        return (int) (hash >>> 40) & BUCKETS - 1;
    }

    private static long word(long tuple, int at) {
        long word = Memory.getLong(tuple + at);
        return at == TUPLE_BYTES - Long.BYTES ? word & 0x00ff_ffff_ffff_ffffL : word;
    }

    private static boolean same(long a, long b) {
        for (int at = 0; at < TUPLE_BYTES; at += Long.BYTES) {
            if (word(a, at) != word(b, at)) {
                return false;
            }
        }
        return true;
    }

    private void link(long tuple, int node) {
        int bucket = bucketOf(tuple);
        nexts[node] = heads[bucket];
        heads[bucket] = node;
    }

    private void unlink(long tuple, int node) {
        int bucket = bucketOf(tuple);
        if (heads[bucket] == node) {
            heads[bucket] = nexts[node];
            return;
        }
        int before = heads[bucket];
        while (nexts[before] != node) {
            before = nexts[before];
        }
        nexts[before] = nexts[node];
    }

    private int find(long tuple, int zone, long now) {
        int node = heads[bucketOf(tuple)];
        while (node != NONE) {
            int next = nexts[node];
            long conn = address(node >> 1);
            if (Memory.getLong(conn + EXPIRES) <= now) {
                remove(node >> 1);
                return find(tuple, zone, now); // the chain is another one now
            }
            long own = conn + ((node & 1) == 0 ? ORIGINAL : REPLY);
            if (same(own, tuple) && (Memory.getShort(conn + ZONE) & 0xffff) == zone) {
                return node;
            }
            node = next;
        }
        return NONE;
    }

    private void remove(int slot) {
        long conn = address(slot);
        unlink(conn + ORIGINAL, 2 * slot);
        unlink(conn + REPLY, 2 * slot + 1);
        inserted[slot] = false;
        Memory.putLong(conn + STATUS, Memory.getLong(conn + STATUS) | DYING);
        recycle(slot);
    }

    // --- for warm-ups

    /** Keeps what the table holds now: the result puts it back, free places included. Neither may be done while programs run. */
    public synchronized Runnable snapshot() {
        long memoryThen = memory;
        byte[] slots = memory == 0 ? new byte[0] : Memory.bytes(memory, top * SLOT_BYTES);
        int[] headsThen = heads.clone();
        int[] nextsThen = nexts.clone();
        boolean[] insertedThen = inserted.clone();
        int[] referencesThen = references.clone();
        int[] freeThen = free.clone();
        int freeCountThen = freeCount;
        int topThen = top;
        return () -> {
            synchronized (this) {
                memory = memoryThen;
                if (memoryThen != 0) {
                    Memory.copy(slots, 0, memoryThen, slots.length);
                }
                heads = headsThen.clone();
                nexts = nextsThen.clone();
                inserted = insertedThen.clone();
                references = referencesThen.clone();
                free = freeThen.clone();
                freeCount = freeCountThen;
                top = topThen;
            }
        };
    }

    // --- for engines

    /** Whether an address is that of a connection that a program may hold, in the table or not. */
    public synchronized boolean isConnection(long address, boolean confirmed) {
        if (memory == 0 || address < memory || address >= address(top) || (address - memory) % SLOT_BYTES != 0) {
            return false;
        }
        int slot = slotOf(address);
        return references[slot] > 0 && (Memory.getLong(address + STATUS) & CONFIRMED) != 0 == confirmed;
    }

    /** Whether programs may read bytes, or write them, which they may the mark alone. */
    public boolean allows(long address, long bytes, boolean write) {
        long start = memory;
        if (start == 0 || address < start || address > start + (long) MAX_ENTRIES * SLOT_BYTES - bytes) {
            return false;
        }
        long offset = (address - start) % SLOT_BYTES;
        return write ? offset == MARK && bytes == Integer.BYTES : offset + bytes <= CONN_BYTES;
    }

    // --- for people

    /**
     * Adds the connections of a text; the remaining seconds that it gives do not run: they stay.
     *
     * @throws NetworkException naming the first line that it cannot read
     */
    public void parse(String text) {
        int number = 0;
        try (Arena scratch = Arena.ofConfined()) {
            long tuple = Memory.allocate(scratch, TUPLE_BYTES, 8);
            for (String line : text.lines().toList()) {
                number++;
                if (!line.isBlank() && !line.startsWith("#") && !line.startsWith("conntrack v")) {
                    add(line, number, tuple);
                }
            }
        }
    }

    private void add(String line, int number, long tuple) {
        List<Map<String, String>> tuples = new ArrayList<>(List.of(new HashMap<>(), new HashMap<>()));
        Map<String, String> rest = new HashMap<>();
        for (String word : line.strip().split("\\s+", -1)) {
            int equals = word.indexOf('=');
            if (equals > 0) {
                String key = word.substring(0, equals);
                String value = word.substring(equals + 1);
                boolean ofTuple = key.equals("src") || key.equals("dst") || key.equals("sport") || key.equals("dport");
                if (!ofTuple) {
                    rest.put(key, value);
                } else if (tuples.getFirst().putIfAbsent(key, value) != null) {
                    tuples.getLast().put(key, value);
                }
            }
        }
        String padded = " " + line.strip() + " ";
        int protocol = padded.contains(" tcp ") ? TCP : padded.contains(" udp ") ? UDP : 0;
        if (protocol == 0 || !write(tuple, tuples.getFirst(), protocol)) {
            throw expected(number, line);
        }
        long conn = allocate(tuple, number(rest.get("zone"), number, line));
        if (conn == 0) {
            throw new NetworkException("conntrack", number, "expected at most " + MAX_ENTRIES + " connections");
        }
        if (!tuples.getLast().isEmpty()) {
            if (!write(tuple, tuples.getLast(), protocol)) {
                throw expected(number, line);
            }
            Memory.copy(tuple, conn + REPLY, TUPLE_BYTES);
            Memory.putByte(conn + REPLY + TUPLE_DIRECTION, (byte) 1);
        }
        long status = padded.contains("[UNREPLIED]") ? 0 : SEEN_REPLY;
        Memory.putLong(conn + STATUS, padded.contains("[ASSURED]") ? status | ASSURED : status);
        Memory.putInt(conn + MARK, number(rest.get("mark"), number, line));
        synchronized (this) {
            if (insert(conn, 0)) {
                Memory.putLong(conn + EXPIRES, NEVER);
                drop(conn);
            }
        }
    }

    private static NetworkException expected(int number, String line) {
        return new NetworkException(
                "conntrack",
                number,
                "expected tcp or udp, src=ADDRESS dst=ADDRESS sport=PORT dport=PORT, twice, found " + line);
    }

    private static int number(@Nullable String text, int number, String line) {
        try {
            return text == null ? 0 : Integer.parseUnsignedInt(text);
        } catch (NumberFormatException e) {
            throw expected(number, line);
        }
    }

    private static boolean write(long tuple, Map<String, String> fields, int protocol) {
        Address source = address(fields.get("src"));
        Address destination = address(fields.get("dst"));
        int from = port(fields.get("sport"));
        int to = port(fields.get("dport"));
        if (source == null || destination == null || source.ipv6() != destination.ipv6() || from < 0 || to < 0) {
            return false;
        }
        Memory.fill(tuple, TUPLE_BYTES, (byte) 0);
        writeAddress(tuple, source);
        writeAddress(tuple + TUPLE_DESTINATION, destination);
        Memory.putShort(tuple + TUPLE_PORT, Short.reverseBytes((short) from));
        Memory.putShort(tuple + TUPLE_FAMILY, (short) (source.ipv6() ? IPV6 : IPV4));
        Memory.putShort(tuple + TUPLE_DESTINATION_PORT, Short.reverseBytes((short) to));
        Memory.putByte(tuple + TUPLE_PROTOCOL, (byte) protocol);
        return true;
    }

    private static @Nullable Address address(@Nullable String text) {
        return text == null ? null : Address.parse(text);
    }

    private static int port(@Nullable String text) {
        return text != null && text.matches("\\d{1,5}") && Integer.parseInt(text) <= 0xffff
                ? Integer.parseInt(text)
                : -1;
    }

    private static void writeAddress(long at, Address address) {
        if (address.ipv6()) {
            Memory.putLong(at, Long.reverseBytes(address.high()));
            Memory.putLong(at + 8, Long.reverseBytes(address.low()));
        } else {
            Memory.putInt(at, (int) Long.reverseBytes(address.high()));
        }
    }

    /** How many connections there are, those that have expired and were not met since included. */
    public synchronized int size() {
        int count = 0;
        for (int slot = 0; slot < top; slot++) {
            count += inserted[slot] ? 1 : 0;
        }
        return count;
    }
}
