package dev.sluice.helper;

import dev.sluice.map.Errno;
import dev.sluice.memory.Memory;

/** {@code bpf_xdp_ct_*} and {@code bpf_ct_*}: looking up, adding and changing connections of a {@link ConntrackTable}. */
@SuppressWarnings("UnusedVariable") // all have the common shape
public final class Conntracks {
    // struct bpf_ct_opts: 0 netns_id s32, 4 error s32, 8 l4proto u8, 9 dir u8, 10 ct_zone_id u16, 12 ct_zone_dir, 13
    // reserved
    private static final int ERROR = 4;
    private static final int PROTOCOL = 8;
    private static final int DIRECTION = 9;
    private static final int ZONE = 10;
    private static final int ZONE_DIRECTION = 12;
    private static final int LONG_OPTIONS = 16;
    private static final int SHORT_OPTIONS = 12;

    private static final int CURRENT_NAMESPACE = -1;
    private static final int IPV4_TUPLE = 12;
    private static final int IPV6_TUPLE = 36;

    /** Bits of a status that programs cannot change, or only set. */
    private static final long FIXED = 1 | ConntrackTable.CONFIRMED | ConntrackTable.DYING;

    private static final long UNCHANGEABLE = FIXED | 0x1f0 | 0xf800;
    private static final long LOW = 0xffff_ffffL;
    private static final int MILLIS_PER_TICK = 4;

    private static final int ENONET = 64;
    private static final int EPROTO = 71;

    private Conntracks() {}

    /** The connection of a tuple, or 0 and the reason in the options. */
    public static long xdpCtLookup(RunContext context, long ctx, long tuple, long tupleSize, long options, long size) {
        int error = read(context, tuple, (int) tupleSize, options, (int) size);
        if (error != 0) {
            return fail(options, size, error);
        }
        long conn = context.network.connections().lookup(context.scratch, zone(options, size), context.clock.nanos());
        if (conn == 0) {
            return fail(options, size, Errno.ENOENT.negative());
        }
        Memory.putByte(options + DIRECTION, Memory.getByte(context.scratch + ConntrackTable.TUPLE_DIRECTION));
        return conn;
    }

    /** A new connection that is to be inserted, or 0 and the reason in the options. */
    public static long xdpCtAlloc(RunContext context, long ctx, long tuple, long tupleSize, long options, long size) {
        int error = read(context, tuple, (int) tupleSize, options, (int) size);
        if (error != 0) {
            return fail(options, size, error);
        }
        long conn = context.network.connections().allocate(context.scratch, zone(options, size));
        return conn == 0 ? fail(options, size, Errno.ENOMEM.negative()) : conn;
    }

    /** The reason goes into options that are long enough; the kernel does not look, and writes behind them. */
    private static long fail(long options, long size, int error) {
        if (options != 0 && size >= ERROR + Integer.BYTES) {
            Memory.putInt(options + ERROR, error);
        }
        return 0;
    }

    private static int zone(long options, long size) {
        return size == LONG_OPTIONS ? Memory.getShort(options + ZONE) & 0xffff : 0;
    }

    /** Leaves the tuple in the scratch memory, in the form of the table: 0, or a negative error number. */
    private static int read(RunContext context, long tuple, int tupleSize, long options, int size) {
        if (tuple == 0 || options == 0 || size != LONG_OPTIONS && size != SHORT_OPTIONS) {
            return Errno.EINVAL.negative();
        }
        boolean reserved = size == LONG_OPTIONS
                ? (Memory.getInt(options + ZONE_DIRECTION) & 0xffff_ff00) != 0
                : Memory.getShort(options + ZONE) != 0;
        int protocol = Memory.getByte(options + PROTOCOL) & 0xff;
        int namespace = Memory.getInt(options);
        if (reserved) {
            return Errno.EINVAL.negative();
        }
        if (protocol != ConntrackTable.TCP && protocol != ConntrackTable.UDP) {
            return -EPROTO;
        }
        if (namespace < CURRENT_NAMESPACE) {
            return Errno.EINVAL.negative();
        }
        if (tupleSize != IPV4_TUPLE && tupleSize != IPV6_TUPLE) {
            return Errno.EAFNOSUPPORT.negative();
        }
        if (namespace != CURRENT_NAMESPACE) {
            return -ENONET;
        }
        int addressBytes = tupleSize == IPV4_TUPLE ? 4 : 16;
        long to = context.scratch;
        Memory.fill(to, ConntrackTable.TUPLE_BYTES, (byte) 0);
        Memory.copy(tuple, to, addressBytes);
        Memory.copy(tuple + addressBytes, to + ConntrackTable.TUPLE_DESTINATION, addressBytes);
        Memory.putShort(to + ConntrackTable.TUPLE_PORT, Memory.getShort(tuple + 2L * addressBytes));
        Memory.putShort(to + ConntrackTable.TUPLE_DESTINATION_PORT, Memory.getShort(tuple + 2L * addressBytes + 2));
        Memory.putShort(to + ConntrackTable.TUPLE_FAMILY, (short)
                (tupleSize == IPV4_TUPLE ? ConntrackTable.IPV4 : ConntrackTable.IPV6));
        Memory.putByte(to + ConntrackTable.TUPLE_PROTOCOL, (byte) protocol);
        return 0;
    }

    /** Puts a connection into the table: the connection, or 0 when it is there already. */
    public static long ctInsertEntry(RunContext context, long conn, long r2, long r3, long r4, long r5) {
        return context.network.connections().insert(conn, context.clock.nanos()) ? conn : 0;
    }

    public static long ctRelease(RunContext context, long conn, long r2, long r3, long r4, long r5) {
        context.network.connections().release(conn);
        return 0;
    }

    private static int ticks(long millis) {
        return (int) Math.min(((millis & LOW) + MILLIS_PER_TICK - 1) / MILLIS_PER_TICK, Integer.MAX_VALUE);
    }

    /** Milliseconds that a connection will live in the table. */
    public static long ctSetTimeout(RunContext context, long conn, long millis, long r3, long r4, long r5) {
        Memory.putInt(conn + ConntrackTable.TIMEOUT, ticks(millis));
        return 0;
    }

    /** Milliseconds from now that a connection lives: 0, or EPERM. */
    public static long ctChangeTimeout(RunContext context, long conn, long millis, long r3, long r4, long r5) {
        return context.network.connections().changeTimeout(conn, ticks(millis), context.clock.nanos()) & LOW;
    }

    /** Sets bits of the status: 0, or EBUSY where one is the kernel's own or would be cleared. */
    public static long ctSetStatus(RunContext context, long conn, long status, long r3, long r4, long r5) {
        long old = Memory.getLong(conn + ConntrackTable.STATUS);
        long wanted = status & LOW;
        long changed = old ^ wanted;
        long onlySet = ConntrackTable.SEEN_REPLY | ConntrackTable.ASSURED;
        if ((changed & FIXED) != 0 || (changed & onlySet & ~wanted) != 0) {
            return Errno.EBUSY.negative() & LOW;
        }
        Memory.putLong(conn + ConntrackTable.STATUS, old | wanted & ~UNCHANGEABLE);
        return 0;
    }

    /** The same of a connection in the table. */
    public static long ctChangeStatus(RunContext context, long conn, long status, long r3, long r4, long r5) {
        return ctSetStatus(context, conn, status, 0, 0, 0);
    }

    /** Lets answers come to another source (manip 0) or from another destination (1) than the packets say. */
    public static long ctSetNatInfo(RunContext context, long conn, long address, long port, long manip, long r5) {
        long reply = conn + ConntrackTable.REPLY;
        boolean source = (int) manip == 0;
        boolean ipv4 = Memory.getShort(reply + ConntrackTable.TUPLE_FAMILY) == ConntrackTable.IPV4;
        if (address != 0) {
            Memory.copy(address, reply + (source ? ConntrackTable.TUPLE_DESTINATION : 0), ipv4 ? 4 : 16);
        }
        if ((int) port != 0) {
            Memory.putShort(
                    reply + (source ? ConntrackTable.TUPLE_DESTINATION_PORT : ConntrackTable.TUPLE_PORT),
                    Short.reverseBytes((short) port));
        }
        return 0;
    }
}
