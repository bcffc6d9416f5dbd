package dev.sluice.helper;

import static dev.sluice.helper.ArgKind.ANYTHING;
import static dev.sluice.helper.ArgKind.CONST_MAP_PTR;
import static dev.sluice.helper.ArgKind.CONST_SIZE;
import static dev.sluice.helper.ArgKind.CONST_SIZE_OR_ZERO;
import static dev.sluice.helper.ArgKind.CONST_STR;
import static dev.sluice.helper.ArgKind.CTX;
import static dev.sluice.helper.ArgKind.MAP_KEY;
import static dev.sluice.helper.ArgKind.MAP_VALUE;
import static dev.sluice.helper.ArgKind.MEM_READ;
import static dev.sluice.helper.ArgKind.MEM_READ_OR_NULL;
import static dev.sluice.helper.ArgKind.MEM_WRITE;

import dev.sluice.map.MapType;
import java.util.List;

/** Linux's helpers that XDP programs may call, one row each, by number (enum bpf_func_id, linux/bpf.h). */
public enum Helper {
    MAP_LOOKUP_ELEM(
            1, "mapLookupElem", ReturnKind.MAP_VALUE_OR_NULL, false, Helpers::mapLookupElem, CONST_MAP_PTR, MAP_KEY),
    MAP_UPDATE_ELEM(
            2,
            "mapUpdateElem",
            ReturnKind.INTEGER,
            false,
            Helpers::mapUpdateElem,
            CONST_MAP_PTR,
            MAP_KEY,
            MAP_VALUE,
            ANYTHING),
    MAP_DELETE_ELEM(3, "mapDeleteElem", ReturnKind.INTEGER, false, Helpers::mapDeleteElem, CONST_MAP_PTR, MAP_KEY),
    KTIME_GET_NS(5, "ktimeGetNs", ReturnKind.INTEGER, false, Helpers::ktimeGetNs),
    TRACE_PRINTK(6, "tracePrintk", ReturnKind.INTEGER, true, Helpers::tracePrintk, MEM_READ, CONST_SIZE),
    GET_PRANDOM_U32(7, "getPrandomU32", ReturnKind.INTEGER, false, Helpers::getPrandomU32),
    GET_SMP_PROCESSOR_ID(8, "getSmpProcessorId", ReturnKind.INTEGER, false, Helpers::getSmpProcessorId),
    TAIL_CALL(12, "tailCall", ReturnKind.VOID, false, Helpers::tailCall, CTX, CONST_MAP_PTR, ANYTHING),
    REDIRECT(23, "redirect", ReturnKind.INTEGER, false, Helpers::redirect, ANYTHING, ANYTHING),
    CSUM_DIFF(
            28,
            "csumDiff",
            ReturnKind.INTEGER,
            false,
            Helpers::csumDiff,
            MEM_READ_OR_NULL,
            CONST_SIZE_OR_ZERO,
            MEM_READ_OR_NULL,
            CONST_SIZE_OR_ZERO,
            ANYTHING),
    GET_NUMA_NODE_ID(42, "getNumaNodeId", ReturnKind.INTEGER, false, Helpers::getNumaNodeId),
    XDP_ADJUST_HEAD(44, "xdpAdjustHead", ReturnKind.INTEGER, false, Helpers::xdpAdjustHead, CTX, ANYTHING),
    REDIRECT_MAP(51, "redirectMap", ReturnKind.INTEGER, false, Helpers::redirectMap, CONST_MAP_PTR, ANYTHING, ANYTHING),
    XDP_ADJUST_META(54, "xdpAdjustMeta", ReturnKind.INTEGER, false, Helpers::xdpAdjustMeta, CTX, ANYTHING),
    XDP_ADJUST_TAIL(65, "xdpAdjustTail", ReturnKind.INTEGER, false, Helpers::xdpAdjustTail, CTX, ANYTHING),
    JIFFIES64(118, "jiffies64", ReturnKind.INTEGER, false, Helpers::jiffies64),
    KTIME_GET_BOOT_NS(125, "ktimeGetBootNs", ReturnKind.INTEGER, false, Helpers::ktimeGetBootNs),
    KTIME_GET_COARSE_NS(160, "ktimeGetCoarseNs", ReturnKind.INTEGER, false, Helpers::ktimeGetCoarseNs),
    TRACE_VPRINTK(
            177,
            "traceVprintk",
            ReturnKind.INTEGER,
            true,
            Helpers::traceVprintk,
            MEM_READ,
            CONST_SIZE,
            MEM_READ_OR_NULL,
            CONST_SIZE_OR_ZERO),
    STRNCMP(182, "strncmp", ReturnKind.INTEGER, false, Helpers::strncmp, MEM_READ, CONST_SIZE, CONST_STR),
    XDP_GET_BUFF_LEN(188, "xdpGetBuffLen", ReturnKind.INTEGER, false, Helpers::xdpGetBuffLen, CTX),
    XDP_LOAD_BYTES(
            189,
            "xdpLoadBytes",
            ReturnKind.INTEGER,
            false,
            Helpers::xdpLoadBytes,
            CTX,
            ANYTHING,
            MEM_WRITE,
            CONST_SIZE),
    XDP_STORE_BYTES(
            190,
            "xdpStoreBytes",
            ReturnKind.INTEGER,
            false,
            Helpers::xdpStoreBytes,
            CTX,
            ANYTHING,
            MEM_READ,
            CONST_SIZE);

    /** The implementation of a helper. */
    @FunctionalInterface
    public interface Function {
        long call(RunContext context, long r1, long r2, long r3, long r4, long r5);
    }

    private static final Helper[] BY_NUMBER = new Helper[256];

    static {
        for (Helper helper : values()) {
            BY_NUMBER[helper.number] = helper;
        }
    }

    private final int number;
    private final String method;
    private final ReturnKind returns;
    private final boolean gplOnly;
    private final Function function;
    private final List<ArgKind> args;

    Helper(int number, String method, ReturnKind returns, boolean gplOnly, Function function, ArgKind... args) {
        this.number = number;
        this.method = method;
        this.returns = returns;
        this.gplOnly = gplOnly;
        this.function = function;
        this.args = List.of(args);
    }

    /** The helper of a number, or null where Sluice has none. */
    public static Helper of(int number) {
        return number > 0 && number < BY_NUMBER.length ? BY_NUMBER[number] : null;
    }

    /** The number in {@code enum bpf_func_id}. */
    public int number() {
        return number;
    }

    /** The C name, such as {@code bpf_map_lookup_elem}. */
    public String cname() {
        return "bpf_" + name().toLowerCase(java.util.Locale.ROOT);
    }

    /** The name of the static method of {@link Helpers} that implements it, for engines that emit calls. */
    public String method() {
        return method;
    }

    public ReturnKind returns() {
        return returns;
    }

    /** Whether the kernel lets only GPL-compatible programs call it. */
    public boolean gplOnly() {
        return gplOnly;
    }

    /** Number of arguments. */
    public int argCount() {
        return args.size();
    }

    /** The kind of an argument, 0 for r1. */
    public ArgKind arg(int index) {
        return args.get(index);
    }

    /** Kinds of its arguments, r1 first. */
    public List<ArgKind> args() {
        return args;
    }

    /** Whether maps of a type may be passed to it (the kernel's check_map_func_compatibility). */
    public boolean takes(MapType type) {
        return switch (this) {
            case MAP_LOOKUP_ELEM -> type != MapType.PROG_ARRAY;
            case MAP_UPDATE_ELEM, MAP_DELETE_ELEM ->
                type != MapType.PROG_ARRAY && type != MapType.DEVMAP && type != MapType.DEVMAP_HASH;
            case TAIL_CALL -> type == MapType.PROG_ARRAY;
            case REDIRECT_MAP ->
                type == MapType.DEVMAP
                        || type == MapType.DEVMAP_HASH
                        || type == MapType.CPUMAP
                        || type == MapType.XSKMAP;
            case KTIME_GET_NS,
                    TRACE_PRINTK,
                    GET_PRANDOM_U32,
                    GET_SMP_PROCESSOR_ID,
                    REDIRECT,
                    CSUM_DIFF,
                    GET_NUMA_NODE_ID,
                    XDP_ADJUST_HEAD,
                    XDP_ADJUST_META,
                    XDP_ADJUST_TAIL,
                    JIFFIES64,
                    KTIME_GET_BOOT_NS,
                    KTIME_GET_COARSE_NS,
                    TRACE_VPRINTK,
                    STRNCMP,
                    XDP_GET_BUFF_LEN,
                    XDP_LOAD_BYTES,
                    XDP_STORE_BYTES -> false;
        };
    }

    /** Whether it changes the map that it takes, which read-only maps forbid. */
    public boolean writesMap() {
        return this == MAP_UPDATE_ELEM || this == MAP_DELETE_ELEM;
    }

    /** Whether it may move the packet, so that pointers into it are stale afterwards. */
    public boolean movesPacket() {
        return this == XDP_ADJUST_HEAD || this == XDP_ADJUST_META || this == XDP_ADJUST_TAIL;
    }

    /** Whether the kernel lets its memory arguments point into the packet. */
    public boolean takesPacket() {
        return this == MAP_LOOKUP_ELEM || this == MAP_UPDATE_ELEM || this == MAP_DELETE_ELEM || this == CSUM_DIFF;
    }

    public long call(RunContext context, long r1, long r2, long r3, long r4, long r5) {
        return function.call(context, r1, r2, r3, r4, r5);
    }
}
