package dev.sluice.exec;

import dev.sluice.helper.Callee;
import dev.sluice.helper.Helper;
import dev.sluice.helper.RunContext;
import dev.sluice.map.BpfMap;
import dev.sluice.memory.Memory;
import java.lang.invoke.VarHandle;

/**
 * Checked access to memory for programs that nobody has verified, called by the interpreter and by checked compiled
 * code: packet first, then stack, then everything else. What is not allowed is a {@link ProgramFault} that names the
 * slot. On the queue's thread; allocates only for a fault.
 *
 * <p>Loads give the value zero-extended. A load of four aligned bytes at {@link RunContext#xdpMd} is a read of a context
 * field and gives it as the kernel's verifier rewrites it: whole pointers for {@code data}, {@code data_end} and {@code
 * data_meta}. Any other access to the context faults.
 */
public final class Checks {
    private static final int DATA = 0;
    private static final int DATA_END = 4;
    private static final int DATA_META = 8;
    private static final int INGRESS_IFINDEX = 12;
    private static final int RX_QUEUE_INDEX = 16;
    private static final int EGRESS_IFINDEX = 20;

    /** How far from the packet or the stack an address may be to be called one of it. */
    private static final long NEAR = 256;

    private static final long NULL_PAGE = 4096;

    private Checks() {}

    // --- plain loads

    public static long load8(RunContext context, long address, int pc) {
        if ((address < context.dataMeta || address >= context.dataEnd)
                && (address < context.stackLow || address >= context.stackTop)) {
            other(context, address, 1, false, pc);
        }
        return Memory.getByte(address) & 0xffL;
    }

    public static long load16(RunContext context, long address, int pc) {
        if ((address < context.dataMeta || address > context.dataEnd - 2)
                && (address < context.stackLow || address > context.stackTop - 2)) {
            other(context, address, 2, false, pc);
        }
        return Memory.getShort(address) & 0xffffL;
    }

    public static long load32(RunContext context, long address, int pc) {
        if ((address < context.dataMeta || address > context.dataEnd - 4)
                && (address < context.stackLow || address > context.stackTop - 4)) {
            long field = address - context.xdpMd;
            if (field >= 0 && field < RunContext.XDP_MD_BYTES) {
                return contextField(context, (int) field, pc);
            }
            other(context, address, 4, false, pc);
        }
        return Memory.getInt(address) & 0xffff_ffffL;
    }

    public static long load64(RunContext context, long address, int pc) {
        if ((address < context.dataMeta || address > context.dataEnd - 8)
                && (address < context.stackLow || address > context.stackTop - 8)) {
            other(context, address, 8, false, pc);
        }
        return Memory.getLong(address);
    }

    /** A sign-extending load of 4 bytes, which the kernel does not allow on the context. */
    public static long loadSigned32(RunContext context, long address, int pc) {
        check(context, address, 4, false, pc);
        return Memory.getInt(address);
    }

    /** The field of the context at an offset, as a load of four bytes gives it. */
    static long contextField(RunContext context, int offset, int pc) {
        return switch (offset) {
            case DATA -> context.data;
            case DATA_END -> context.dataEnd;
            case DATA_META -> context.dataMeta;
            case INGRESS_IFINDEX -> context.ingressIfindex & 0xffff_ffffL;
            case RX_QUEUE_INDEX -> context.rxQueueIndex & 0xffff_ffffL;
            case EGRESS_IFINDEX -> context.egressIfindex & 0xffff_ffffL;
            default -> throw badContextAccess(context, context.xdpMd + offset, 4, false, pc);
        };
    }

    // --- plain stores

    public static void store8(RunContext context, long address, long value, int pc) {
        if (address < context.dataMeta || address >= context.dataEnd) {
            if (address < context.stackLow || address >= context.stackTop) {
                other(context, address, 1, true, pc);
            } else {
                context.soil(address, 1);
            }
        }
        Memory.putByte(address, (byte) value);
    }

    public static void store16(RunContext context, long address, long value, int pc) {
        if (address < context.dataMeta || address > context.dataEnd - 2) {
            if (address < context.stackLow || address > context.stackTop - 2) {
                other(context, address, 2, true, pc);
            } else {
                context.soil(address, 2);
            }
        }
        Memory.putShort(address, (short) value);
    }

    public static void store32(RunContext context, long address, long value, int pc) {
        if (address < context.dataMeta || address > context.dataEnd - 4) {
            if (address < context.stackLow || address > context.stackTop - 4) {
                other(context, address, 4, true, pc);
            } else {
                context.soil(address, 4);
            }
        }
        Memory.putInt(address, (int) value);
    }

    public static void store64(RunContext context, long address, long value, int pc) {
        if (address < context.dataMeta || address > context.dataEnd - 8) {
            if (address < context.stackLow || address > context.stackTop - 8) {
                other(context, address, 8, true, pc);
            } else {
                context.soil(address, 8);
            }
        }
        Memory.putLong(address, value);
    }

    // --- atomic operations: each gives the old value, zero-extended, and is fully ordered, as in the kernel those are
    // that fetch

    private static long ordered(long old) {
        if (!Memory.ATOMICS_ORDER_ALL) {
            VarHandle.fullFence();
        }
        return old;
    }

    public static long atomicAdd32(RunContext context, long address, long value, int pc) {
        aligned(context, address, 4, true, pc);
        return ordered((int) Memory.ATOMIC_INT.getAndAdd(Memory.ALL, address, (int) value) & 0xffff_ffffL);
    }

    public static long atomicAdd64(RunContext context, long address, long value, int pc) {
        aligned(context, address, 8, true, pc);
        return ordered((long) Memory.ATOMIC_LONG.getAndAdd(Memory.ALL, address, value));
    }

    public static long atomicOr32(RunContext context, long address, long value, int pc) {
        aligned(context, address, 4, true, pc);
        return ordered((int) Memory.ATOMIC_INT.getAndBitwiseOr(Memory.ALL, address, (int) value) & 0xffff_ffffL);
    }

    public static long atomicOr64(RunContext context, long address, long value, int pc) {
        aligned(context, address, 8, true, pc);
        return ordered((long) Memory.ATOMIC_LONG.getAndBitwiseOr(Memory.ALL, address, value));
    }

    public static long atomicAnd32(RunContext context, long address, long value, int pc) {
        aligned(context, address, 4, true, pc);
        return ordered((int) Memory.ATOMIC_INT.getAndBitwiseAnd(Memory.ALL, address, (int) value) & 0xffff_ffffL);
    }

    public static long atomicAnd64(RunContext context, long address, long value, int pc) {
        aligned(context, address, 8, true, pc);
        return ordered((long) Memory.ATOMIC_LONG.getAndBitwiseAnd(Memory.ALL, address, value));
    }

    public static long atomicXor32(RunContext context, long address, long value, int pc) {
        aligned(context, address, 4, true, pc);
        return ordered((int) Memory.ATOMIC_INT.getAndBitwiseXor(Memory.ALL, address, (int) value) & 0xffff_ffffL);
    }

    public static long atomicXor64(RunContext context, long address, long value, int pc) {
        aligned(context, address, 8, true, pc);
        return ordered((long) Memory.ATOMIC_LONG.getAndBitwiseXor(Memory.ALL, address, value));
    }

    public static long atomicXchg32(RunContext context, long address, long value, int pc) {
        aligned(context, address, 4, true, pc);
        return ordered((int) Memory.ATOMIC_INT.getAndSet(Memory.ALL, address, (int) value) & 0xffff_ffffL);
    }

    public static long atomicXchg64(RunContext context, long address, long value, int pc) {
        aligned(context, address, 8, true, pc);
        return ordered((long) Memory.ATOMIC_LONG.getAndSet(Memory.ALL, address, value));
    }

    public static long atomicCmpxchg32(RunContext context, long address, long expected, long value, int pc) {
        aligned(context, address, 4, true, pc);
        return ordered((int) Memory.ATOMIC_INT.compareAndExchange(Memory.ALL, address, (int) expected, (int) value)
                & 0xffff_ffffL);
    }

    public static long atomicCmpxchg64(RunContext context, long address, long expected, long value, int pc) {
        aligned(context, address, 8, true, pc);
        return ordered((long) Memory.ATOMIC_LONG.compareAndExchange(Memory.ALL, address, expected, value));
    }

    // --- ordered loads and stores

    public static long loadAcquire8(RunContext context, long address, int pc) {
        check(context, address, 1, false, pc);
        return (byte) Memory.ATOMIC_BYTE.getAcquire(Memory.ALL, address) & 0xffL;
    }

    public static long loadAcquire16(RunContext context, long address, int pc) {
        aligned(context, address, 2, false, pc);
        return (short) Memory.ATOMIC_SHORT.getAcquire(Memory.ALL, address) & 0xffffL;
    }

    public static long loadAcquire32(RunContext context, long address, int pc) {
        aligned(context, address, 4, false, pc);
        return (int) Memory.ATOMIC_INT.getAcquire(Memory.ALL, address) & 0xffff_ffffL;
    }

    public static long loadAcquire64(RunContext context, long address, int pc) {
        aligned(context, address, 8, false, pc);
        return (long) Memory.ATOMIC_LONG.getAcquire(Memory.ALL, address);
    }

    public static void storeRelease8(RunContext context, long address, long value, int pc) {
        check(context, address, 1, true, pc);
        Memory.ATOMIC_BYTE.setRelease(Memory.ALL, address, (byte) value);
    }

    public static void storeRelease16(RunContext context, long address, long value, int pc) {
        aligned(context, address, 2, true, pc);
        Memory.ATOMIC_SHORT.setRelease(Memory.ALL, address, (short) value);
    }

    public static void storeRelease32(RunContext context, long address, long value, int pc) {
        aligned(context, address, 4, true, pc);
        Memory.ATOMIC_INT.setRelease(Memory.ALL, address, (int) value);
    }

    public static void storeRelease64(RunContext context, long address, long value, int pc) {
        aligned(context, address, 8, true, pc);
        Memory.ATOMIC_LONG.setRelease(Memory.ALL, address, value);
    }

    // --- calls

    /**
     * Checks the arguments of a helper as its prototype says, and calls it. After {@link Helper#TAIL_CALL} the caller
     * looks at {@link RunContext#tailTarget}.
     */
    public static long helper(RunContext context, Callee callee, long r1, long r2, long r3, long r4, long r5, int pc) {
        HelperArguments.check(context, callee, r1, r2, r3, r4, r5, pc);
        return callee.call(context, r1, r2, r3, r4, r5);
    }

    // --- the checks

    /**
     * Checks an access.
     *
     * @param size 1 or more
     */
    public static void check(RunContext context, long address, int size, boolean write, int pc) {
        if (address < context.dataMeta || address > context.dataEnd - size) {
            if (address < context.stackLow || address > context.stackTop - size) {
                other(context, address, size, write, pc);
            } else if (write) {
                context.soil(address, size);
            }
        }
    }

    private static void aligned(RunContext context, long address, int size, boolean write, int pc) {
        check(context, address, size, write, pc);
        if ((address & size - 1) != 0) {
            throw new ProgramFault(
                    ProgramFault.Kind.ALIGNMENT,
                    pc,
                    "misaligned atomic access: expected a multiple of " + size + ", address=" + hex(address));
        }
    }

    /**
     * Everything that is neither packet nor stack. An instruction mostly finds what it found last time, the values of one
     * map, so each remembers the region it was in.
     */
    private static void other(RunContext context, long address, int size, boolean write, int pc) {
        long[] known = context.knownRegions;
        int at = (pc & RunContext.KNOWN_REGIONS - 1) * RunContext.KNOWN_REGION_LONGS;
        if (address >= known[at]
                && address <= known[at + 1] - size
                && (!write || known[at + 2] != 0)
                && context.knownRegionsVersion == context.regions.version()) {
            return;
        }
        search(context, address, size, write, pc, at);
    }

    private static void search(RunContext context, long address, int size, boolean write, int pc, int at) {
        if (address >= context.extraStart && address <= context.extraEnd - size) {
            return;
        }
        if (!context.regions.allows(address, size, write)) {
            if (context.allows(address, size, write)) {
                return; // no region: a callback's key, a socket
            }
            throw badAccess(context, address, size, write, pc);
        }
        context.regions.area(address, context.knownRegions(), at);
    }

    private static ProgramFault badAccess(RunContext context, long address, int size, boolean write, int pc) {
        if (address > context.xdpMd - size && address < context.xdpMd + RunContext.XDP_MD_BYTES) {
            return badContextAccess(context, address, size, write, pc);
        }
        StringBuilder text = new StringBuilder("invalid ")
                .append(write ? "write to" : "read of")
                .append(" memory: expected packet, stack or map value, address=")
                .append(hex(address))
                .append(" size=")
                .append(size);
        long packet = context.dataEnd - context.data;
        long offset = address - context.data;
        BpfMap map = context.map(address);
        if (write && context.regions.allows(address, size, false)) {
            text.append(" (read-only)");
        } else if (context.dataEnd != 0 && offset >= -NEAR && offset < packet + NEAR) {
            text.append(" packet_offset=")
                    .append(offset)
                    .append(" packet_size=")
                    .append(packet);
        } else if (address >= context.stacks - NEAR && address < context.stackTop + NEAR) {
            text.append(" stack_offset=").append(address - context.stackTop);
        } else if (address >= 0 && address < NULL_PAGE) {
            text.append(" (a null pointer)");
        } else if (map != null) {
            text.append(" (the map ").append(map.def().name()).append(" itself)");
        }
        return new ProgramFault(ProgramFault.Kind.MEMORY, pc, text.toString());
    }

    private static ProgramFault badContextAccess(RunContext context, long address, int size, boolean write, int pc) {
        return new ProgramFault(
                ProgramFault.Kind.MEMORY,
                pc,
                "invalid bpf_context access: expected a read of 4 aligned bytes, off=" + (address - context.xdpMd)
                        + " size=" + size + (write ? " write" : ""));
    }

    static String hex(long value) {
        return "0x" + Long.toHexString(value);
    }
}
