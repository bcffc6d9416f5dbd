package dev.sluice.map;

import java.util.Locale;

/** Linux's map types by number (enum bpf_map_type, linux/bpf.h). */
public enum MapType {
    UNSPEC(0),
    HASH(1),
    ARRAY(2),
    PROG_ARRAY(3),
    PERF_EVENT_ARRAY(4),
    PERCPU_HASH(5),
    PERCPU_ARRAY(6),
    STACK_TRACE(7),
    CGROUP_ARRAY(8),
    LRU_HASH(9),
    LRU_PERCPU_HASH(10),
    LPM_TRIE(11),
    ARRAY_OF_MAPS(12),
    HASH_OF_MAPS(13),
    DEVMAP(14),
    SOCKMAP(15),
    CPUMAP(16),
    XSKMAP(17),
    SOCKHASH(18),
    CGROUP_STORAGE(19),
    REUSEPORT_SOCKARRAY(20),
    PERCPU_CGROUP_STORAGE(21),
    QUEUE(22),
    STACK(23),
    SK_STORAGE(24),
    DEVMAP_HASH(25),
    STRUCT_OPS(26),
    RINGBUF(27),
    INODE_STORAGE(28),
    TASK_STORAGE(29),
    BLOOM_FILTER(30),
    USER_RINGBUF(31),
    CGRP_STORAGE(32),
    ARENA(33),
    INSN_ARRAY(34);

    private static final MapType[] VALUES = values();
    private final int number;

    MapType(int number) {
        this.number = number;
    }

    /** The number in {@code enum bpf_map_type}. */
    public int number() {
        return number;
    }

    /** bpftool's name, such as {@code percpu_array}. */
    public String bpftoolName() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** Whether each CPU has its own value. */
    public boolean isPerCpu() {
        return this == PERCPU_HASH || this == PERCPU_ARRAY || this == LRU_PERCPU_HASH || this == PERCPU_CGROUP_STORAGE;
    }

    /** The type of a number, or null where Linux 6.18 has none. */
    public static MapType of(int number) {
        return number >= 0 && number < VALUES.length ? VALUES[number] : null;
    }
}
