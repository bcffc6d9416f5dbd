package dev.sluice.kernel.diff;

import java.util.Locale;

/** What is known to differ between the kernel's test run and an engine, or cannot be seen there, and is not judged. */
public enum Rule {
    /** A difference after the program asked for the time: two machines do not ask at the same nanosecond. */
    TIME(
            Unit.PACKETS_AND_ENTRIES,
            true,
            "differs after the program asked for the time, which is another one on each side"),

    /** A difference after the program asked for a random number. */
    RANDOM(Unit.PACKETS_AND_ENTRIES, true, "differs after the program asked for a random number"),

    /** A difference after the program asked for its CPU, where this process may not use CPU 0. */
    CPU(
            Unit.PACKETS_AND_ENTRIES,
            true,
            "differs after the program asked for its CPU, which is 0 here and could not be 0 in the kernel"),

    /** A difference after the program asked for what is the machine's: routes, neighbours, sockets, connections. */
    MACHINE(
            Unit.PACKETS_AND_ENTRIES,
            true,
            "differs after the program asked for the machine's routes or sockets, which exist in the kernel only"),

    /** A difference after the program asked for a SYN cookie, which the kernel makes with a key of its own. */
    SYN_COOKIE(
            Unit.PACKETS_AND_ENTRIES,
            true,
            "differs after the program asked for a SYN cookie, whose key nobody knows but the kernel"),

    /** A difference of an LRU map that had to evict: which entry goes is not specified. */
    EVICTION(Unit.ENTRIES, false, "which entries a full LRU map evicts is not specified"),

    /** Programs and maps in maps are compared by their names: each side gives its own ids. */
    IDS(Unit.ENTRIES, false, "programs and maps in maps are compared by name: each side numbers its own"),

    /** Packets that a test run refuses: less than an Ethernet header. */
    SHORT_PACKET(Unit.PACKETS, false, "shorter than 14 bytes: the kernel's test run refuses them; not run"),

    /** Packets that do not fit into a test run. */
    LONG_PACKET(
            Unit.PACKETS,
            false,
            "longer than 73,152 bytes, the most that the kernel's test run takes: cut to that on both sides"),

    /** A test run gives the verdict XDP_REDIRECT, and does not say where to. */
    REDIRECT_TARGET(
            Unit.PACKETS, false, "XDP_REDIRECT: the verdict is compared, where to is not: a test run does not tell"),

    /** Hash maps are compared by key. */
    HASH_ORDER(Unit.MAPS, false, "hash maps list their entries in an order of their own; compared by key"),

    /** Maps whose contents the kernel does not give to user space, or that only one side can make. */
    UNREADABLE_MAP(Unit.MAPS, false, "contents that cannot be read from both sides; not compared"),

    /** Lines of bpf_printk: the kernel has one trace for the whole machine. */
    TRACE(Unit.PACKETS, false, "printed to the trace, which is the whole machine's in the kernel; lines not compared");

    /** What the counter of a rule counts. */
    public enum Unit {
        PACKETS,
        ENTRIES,
        MAPS,
        PACKETS_AND_ENTRIES
    }

    private final Unit unit;
    private final boolean taints;
    private final String text;

    Rule(Unit unit, boolean taints, String text) {
        this.unit = unit;
        this.taints = taints;
        this.text = text;
    }

    /** As it is written: {@code short-packet}. */
    public String label() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** What {@link DiffReport#rules} counts for it. */
    public Unit unit() {
        return unit;
    }

    /** What is not judged, and why: a phrase for a person. */
    public String text() {
        return text;
    }

    /** Whether what a program does after it is excused: all that follows may depend on it. */
    boolean taints() {
        return taints;
    }

    /** The rule that a call of a helper brings into play, or null. */
    static @org.jspecify.annotations.Nullable Rule ofHelper(int number, boolean onCpuZero) {
        return switch (number) {
            // bpf_ktime_get_ns, bpf_jiffies64, bpf_ktime_get_boot_ns, _coarse_ns, _tai_ns
            case 5, 118, 125, 160, 208 -> TIME;
            case 7 -> RANDOM;
            case 8 -> onCpuZero ? null : CPU;
            // bpf_fib_lookup, bpf_sk_lookup_tcp, _udp, bpf_skc_lookup_tcp, bpf_tcp_*_syncookie, bpf_get_numa_node_id
            case 69, 84, 85, 99, 100, 110, 42 -> MACHINE;
            // bpf_tcp_raw_gen_syncookie_ipv4, _ipv6, bpf_tcp_raw_check_syncookie_ipv4, _ipv6
            case 204, 205, 206, 207 -> SYN_COOKIE;
            case 6, 177 -> TRACE;
            default -> null;
        };
    }
}
