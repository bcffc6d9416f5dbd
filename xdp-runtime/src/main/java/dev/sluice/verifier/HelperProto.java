package dev.sluice.verifier;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The prototypes of the helpers that Linux 6.18 lets XDP programs call, also of those that Sluice has no implementation of:
 * what the verifier says of a program must not depend on that.
 *
 * @param returns what r0 is afterwards
 * @param gplOnly whether only GPL-compatible programs may call it
 * @param takesPacket whether its memory may lie in the packet
 * @param args kinds of its arguments, r1 first
 */
record HelperProto(int number, Returns returns, boolean gplOnly, boolean takesPacket, List<Arg> args) {
    static final int MAP_LOOKUP = 1;
    static final int MAP_UPDATE = 2;
    static final int MAP_DELETE = 3;
    static final int TAIL_CALL = 12;
    static final int REDIRECT_MAP = 51;
    static final int SPIN_LOCK = 93;
    static final int SPIN_UNLOCK = 94;
    static final int RINGBUF_RESERVE = 131;
    static final int FOR_EACH_MAP_ELEM = 164;
    static final int TIMER_SET_CALLBACK = 170;
    static final int LOOP = 181;
    static final int USER_RINGBUF_DRAIN = 209;
    static final int FIND_VMA = 180;

    enum Returns {
        INTEGER,
        VOID,
        MAP_VALUE_OR_NULL,
        SOCKET_OR_NULL,
        SOCK_COMMON_OR_NULL,
        RINGBUF_MEM_OR_NULL
    }

    /** What an argument has to be. Kinds with a size in their name are memory of that size. */
    enum Arg {
        ANYTHING,
        CTX,
        MAP_PTR,
        MAP_KEY,
        MAP_VALUE,
        MAP_VALUE_OUT,
        MEM,
        MEM_OR_NULL,
        MEM_OUT,
        MEM_OUT_OR_NULL,
        MEM_IN_OUT,
        SIZE,
        SIZE_OR_ZERO,
        ALLOC_SIZE,
        CONST_STR,
        FUNC,
        STACK_OR_NULL,
        OUT_4,
        OUT_8,
        IN_20,
        IN_40,
        SOCK_COMMON,
        RELEASED_SOCK,
        RINGBUF_MEM,
        LOCK,
        OTHER;

        boolean isMemory() {
            return switch (this) {
                case MAP_KEY,
                        MAP_VALUE,
                        MAP_VALUE_OUT,
                        MEM,
                        MEM_OR_NULL,
                        MEM_OUT,
                        MEM_OUT_OR_NULL,
                        MEM_IN_OUT,
                        OUT_4,
                        OUT_8,
                        IN_20,
                        IN_40 -> true;
                case ANYTHING,
                        CTX,
                        MAP_PTR,
                        SIZE,
                        SIZE_OR_ZERO,
                        ALLOC_SIZE,
                        CONST_STR,
                        FUNC,
                        STACK_OR_NULL,
                        SOCK_COMMON,
                        RELEASED_SOCK,
                        RINGBUF_MEM,
                        LOCK,
                        OTHER -> false;
            };
        }

        boolean mayBeNull() {
            return this == MEM_OR_NULL || this == MEM_OUT_OR_NULL || this == STACK_OR_NULL;
        }

        /** Whether the helper writes to the memory. */
        boolean isWritten() {
            return switch (this) {
                case MAP_VALUE_OUT, MEM_OUT, MEM_OUT_OR_NULL, MEM_IN_OUT, OUT_4, OUT_8 -> true;
                case ANYTHING,
                        CTX,
                        MAP_PTR,
                        MAP_KEY,
                        MAP_VALUE,
                        MEM,
                        MEM_OR_NULL,
                        SIZE,
                        SIZE_OR_ZERO,
                        ALLOC_SIZE,
                        CONST_STR,
                        FUNC,
                        STACK_OR_NULL,
                        IN_20,
                        IN_40,
                        SOCK_COMMON,
                        RELEASED_SOCK,
                        RINGBUF_MEM,
                        LOCK,
                        OTHER -> false;
            };
        }
    }

    private static final Map<Integer, HelperProto> ROWS = new HashMap<>();

    private static void row(int number, Returns returns, Arg... args) {
        ROWS.put(number, new HelperProto(number, returns, false, false, List.of(args)));
    }

    private static void gpl(int number, Returns returns, Arg... args) {
        ROWS.put(number, new HelperProto(number, returns, true, false, List.of(args)));
    }

    private static void packet(int number, Returns returns, Arg... args) {
        ROWS.put(number, new HelperProto(number, returns, false, true, List.of(args)));
    }

    static {
        packet(1, Returns.MAP_VALUE_OR_NULL, Arg.MAP_PTR, Arg.MAP_KEY);
        packet(2, Returns.INTEGER, Arg.MAP_PTR, Arg.MAP_KEY, Arg.MAP_VALUE, Arg.ANYTHING);
        packet(3, Returns.INTEGER, Arg.MAP_PTR, Arg.MAP_KEY);
        row(5, Returns.INTEGER);
        gpl(6, Returns.INTEGER, Arg.MEM, Arg.SIZE);
        row(7, Returns.INTEGER);
        row(8, Returns.INTEGER);
        row(12, Returns.VOID, Arg.CTX, Arg.MAP_PTR, Arg.ANYTHING);
        row(14, Returns.INTEGER);
        row(15, Returns.INTEGER);
        row(16, Returns.INTEGER, Arg.MEM_OUT, Arg.SIZE);
        row(17, Returns.INTEGER);
        gpl(22, Returns.INTEGER, Arg.MAP_PTR, Arg.ANYTHING);
        row(23, Returns.INTEGER, Arg.ANYTHING, Arg.ANYTHING);
        gpl(25, Returns.INTEGER, Arg.CTX, Arg.MAP_PTR, Arg.ANYTHING, Arg.MEM, Arg.SIZE_OR_ZERO);
        packet(28, Returns.INTEGER, Arg.MEM_OR_NULL, Arg.SIZE_OR_ZERO, Arg.MEM_OR_NULL, Arg.SIZE_OR_ZERO, Arg.ANYTHING);
        gpl(35, Returns.INTEGER);
        row(37, Returns.INTEGER, Arg.MAP_PTR, Arg.ANYTHING);
        row(42, Returns.INTEGER);
        row(44, Returns.INTEGER, Arg.CTX, Arg.ANYTHING);
        row(51, Returns.INTEGER, Arg.MAP_PTR, Arg.ANYTHING, Arg.ANYTHING);
        row(54, Returns.INTEGER, Arg.CTX, Arg.ANYTHING);
        gpl(55, Returns.INTEGER, Arg.MAP_PTR, Arg.ANYTHING, Arg.MEM_OUT, Arg.SIZE);
        row(65, Returns.INTEGER, Arg.CTX, Arg.ANYTHING);
        gpl(69, Returns.INTEGER, Arg.CTX, Arg.MEM_IN_OUT, Arg.SIZE, Arg.ANYTHING);
        row(80, Returns.INTEGER);
        packet(84, Returns.SOCKET_OR_NULL, Arg.CTX, Arg.MEM, Arg.SIZE, Arg.ANYTHING, Arg.ANYTHING);
        packet(85, Returns.SOCKET_OR_NULL, Arg.CTX, Arg.MEM, Arg.SIZE, Arg.ANYTHING, Arg.ANYTHING);
        row(86, Returns.INTEGER, Arg.RELEASED_SOCK);
        packet(87, Returns.INTEGER, Arg.MAP_PTR, Arg.MAP_VALUE, Arg.ANYTHING);
        row(88, Returns.INTEGER, Arg.MAP_PTR, Arg.MAP_VALUE_OUT);
        row(89, Returns.INTEGER, Arg.MAP_PTR, Arg.MAP_VALUE_OUT);
        row(93, Returns.VOID, Arg.LOCK);
        row(94, Returns.VOID, Arg.LOCK);
        packet(99, Returns.SOCK_COMMON_OR_NULL, Arg.CTX, Arg.MEM, Arg.SIZE, Arg.ANYTHING, Arg.ANYTHING);
        packet(100, Returns.INTEGER, Arg.SOCK_COMMON, Arg.MEM, Arg.SIZE, Arg.MEM, Arg.SIZE);
        row(105, Returns.INTEGER, Arg.MEM, Arg.SIZE, Arg.ANYTHING, Arg.OUT_8);
        row(106, Returns.INTEGER, Arg.MEM, Arg.SIZE, Arg.ANYTHING, Arg.OUT_8);
        row(109, Returns.INTEGER, Arg.ANYTHING);
        packet(110, Returns.INTEGER, Arg.SOCK_COMMON, Arg.MEM, Arg.SIZE, Arg.MEM, Arg.SIZE);
        gpl(112, Returns.INTEGER, Arg.MEM_OUT, Arg.SIZE_OR_ZERO, Arg.ANYTHING);
        gpl(113, Returns.INTEGER, Arg.MEM_OUT, Arg.SIZE_OR_ZERO, Arg.ANYTHING);
        gpl(114, Returns.INTEGER, Arg.MEM_OUT, Arg.SIZE_OR_ZERO, Arg.ANYTHING);
        gpl(115, Returns.INTEGER, Arg.MEM_OUT, Arg.SIZE_OR_ZERO, Arg.ANYTHING);
        row(117, Returns.INTEGER, Arg.ANYTHING);
        row(118, Returns.INTEGER);
        row(120, Returns.INTEGER, Arg.ANYTHING, Arg.ANYTHING, Arg.MEM_OUT, Arg.SIZE);
        row(123, Returns.INTEGER, Arg.ANYTHING);
        row(125, Returns.INTEGER);
        row(130, Returns.INTEGER, Arg.MAP_PTR, Arg.MEM, Arg.SIZE_OR_ZERO, Arg.ANYTHING);
        row(131, Returns.RINGBUF_MEM_OR_NULL, Arg.MAP_PTR, Arg.ALLOC_SIZE, Arg.ANYTHING);
        row(132, Returns.VOID, Arg.RINGBUF_MEM, Arg.ANYTHING);
        row(133, Returns.VOID, Arg.RINGBUF_MEM, Arg.ANYTHING);
        row(134, Returns.INTEGER, Arg.MAP_PTR, Arg.ANYTHING);
        row(160, Returns.INTEGER);
        packet(163, Returns.INTEGER, Arg.CTX, Arg.ANYTHING, Arg.OUT_4, Arg.ANYTHING, Arg.ANYTHING);
        row(164, Returns.INTEGER, Arg.MAP_PTR, Arg.FUNC, Arg.STACK_OR_NULL, Arg.ANYTHING);
        gpl(
                165,
                Returns.INTEGER,
                Arg.MEM_OUT_OR_NULL,
                Arg.SIZE_OR_ZERO,
                Arg.CONST_STR,
                Arg.MEM_OR_NULL,
                Arg.SIZE_OR_ZERO);
        gpl(176, Returns.INTEGER, Arg.MEM_OUT, Arg.SIZE_OR_ZERO, Arg.ANYTHING);
        gpl(177, Returns.INTEGER, Arg.MEM, Arg.SIZE, Arg.MEM_OR_NULL, Arg.SIZE_OR_ZERO);
        row(181, Returns.INTEGER, Arg.ANYTHING, Arg.FUNC, Arg.STACK_OR_NULL, Arg.ANYTHING);
        row(182, Returns.INTEGER, Arg.MEM, Arg.SIZE, Arg.CONST_STR);
        row(188, Returns.INTEGER, Arg.CTX);
        row(189, Returns.INTEGER, Arg.CTX, Arg.ANYTHING, Arg.MEM_OUT, Arg.SIZE);
        row(190, Returns.INTEGER, Arg.CTX, Arg.ANYTHING, Arg.MEM, Arg.SIZE);
        packet(195, Returns.MAP_VALUE_OR_NULL, Arg.MAP_PTR, Arg.MAP_KEY, Arg.ANYTHING);
        packet(204, Returns.INTEGER, Arg.IN_20, Arg.MEM, Arg.SIZE_OR_ZERO);
        packet(205, Returns.INTEGER, Arg.IN_40, Arg.MEM, Arg.SIZE_OR_ZERO);
        packet(206, Returns.INTEGER, Arg.IN_20, Arg.IN_20);
        packet(207, Returns.INTEGER, Arg.IN_40, Arg.IN_20);
        row(208, Returns.INTEGER);
        // known by name alone: programs that call them are refused as not supported
        int[] others = {
            136, 137, 138, 139, 140, 141, 149, 153, 154, 156, 157, 158, 169, 170, 171, 172, 175, 178, 180, 194, 196,
            197, 198, 199, 200, 201, 202, 203, 209, 210, 211
        };
        for (int number : others) {
            row(number, Returns.INTEGER, Arg.OTHER, Arg.ANYTHING, Arg.ANYTHING, Arg.ANYTHING, Arg.ANYTHING);
        }
    }

    /** The prototype of a helper that XDP may call, or null. */
    static HelperProto of(int number) {
        return ROWS.get(number);
    }

    String cname() {
        return HelperNames.of(number);
    }

    /** Registers that a call reads, bit by bit. */
    static int argumentMask(int number) {
        HelperProto proto = of(number);
        return proto == null ? 0 : (1 << proto.args.size() + 1) - 2;
    }

    static boolean isCallbackCaller(int number) {
        return number == FOR_EACH_MAP_ELEM || number == LOOP || number == USER_RINGBUF_DRAIN || number == FIND_VMA;
    }

    /** Whether pointers into the packet are stale after a call. */
    static boolean movesPacket(int number) {
        return number == 44 || number == 54 || number == 65;
    }
}
