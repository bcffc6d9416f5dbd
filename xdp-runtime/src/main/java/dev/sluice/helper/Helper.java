package dev.sluice.helper;

import static dev.sluice.helper.ArgKind.ANYTHING;
import static dev.sluice.helper.ArgKind.CONST_MAP_PTR;
import static dev.sluice.helper.ArgKind.MAP_KEY;
import static dev.sluice.helper.ArgKind.MAP_VALUE;

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
    GET_PRANDOM_U32(7, "getPrandomU32", ReturnKind.INTEGER, false, Helpers::getPrandomU32),
    GET_SMP_PROCESSOR_ID(8, "getSmpProcessorId", ReturnKind.INTEGER, false, Helpers::getSmpProcessorId);

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
            case MAP_LOOKUP_ELEM, MAP_UPDATE_ELEM, MAP_DELETE_ELEM -> type != MapType.PROG_ARRAY;
            case KTIME_GET_NS, GET_PRANDOM_U32, GET_SMP_PROCESSOR_ID -> false;
        };
    }

    /** Whether it changes the map that it takes, which read-only maps forbid. */
    public boolean writesMap() {
        return this == MAP_UPDATE_ELEM || this == MAP_DELETE_ELEM;
    }

    public long call(RunContext context, long r1, long r2, long r3, long r4, long r5) {
        return function.call(context, r1, r2, r3, r4, r5);
    }
}
