package dev.sluice.kernel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The numbers of {@code linux/bpf.h} that users of this package need. Any other number may be passed as well: the kernel
 * is the judge, not we.
 */
public final class Uapi {
    // enum bpf_map_type
    public static final int MAP_TYPE_HASH = 1;
    public static final int MAP_TYPE_ARRAY = 2;
    public static final int MAP_TYPE_PROG_ARRAY = 3;
    public static final int MAP_TYPE_PERF_EVENT_ARRAY = 4;
    public static final int MAP_TYPE_PERCPU_HASH = 5;
    public static final int MAP_TYPE_PERCPU_ARRAY = 6;
    public static final int MAP_TYPE_STACK_TRACE = 7;
    public static final int MAP_TYPE_CGROUP_ARRAY = 8;
    public static final int MAP_TYPE_LRU_HASH = 9;
    public static final int MAP_TYPE_LRU_PERCPU_HASH = 10;
    public static final int MAP_TYPE_LPM_TRIE = 11;
    public static final int MAP_TYPE_ARRAY_OF_MAPS = 12;
    public static final int MAP_TYPE_HASH_OF_MAPS = 13;
    public static final int MAP_TYPE_DEVMAP = 14;
    public static final int MAP_TYPE_SOCKMAP = 15;
    public static final int MAP_TYPE_CPUMAP = 16;
    public static final int MAP_TYPE_XSKMAP = 17;
    public static final int MAP_TYPE_SOCKHASH = 18;
    public static final int MAP_TYPE_CGROUP_STORAGE = 19;
    public static final int MAP_TYPE_REUSEPORT_SOCKARRAY = 20;
    public static final int MAP_TYPE_PERCPU_CGROUP_STORAGE = 21;
    public static final int MAP_TYPE_QUEUE = 22;
    public static final int MAP_TYPE_STACK = 23;
    public static final int MAP_TYPE_SK_STORAGE = 24;
    public static final int MAP_TYPE_DEVMAP_HASH = 25;
    public static final int MAP_TYPE_STRUCT_OPS = 26;
    public static final int MAP_TYPE_RINGBUF = 27;
    public static final int MAP_TYPE_INODE_STORAGE = 28;
    public static final int MAP_TYPE_TASK_STORAGE = 29;
    public static final int MAP_TYPE_BLOOM_FILTER = 30;
    public static final int MAP_TYPE_USER_RINGBUF = 31;
    public static final int MAP_TYPE_CGRP_STORAGE = 32;
    public static final int MAP_TYPE_ARENA = 33;

    // map_flags of MAP_CREATE
    public static final int BPF_F_NO_PREALLOC = 1;
    public static final int BPF_F_NO_COMMON_LRU = 1 << 1;
    public static final int BPF_F_NUMA_NODE = 1 << 2;
    public static final int BPF_F_RDONLY = 1 << 3;
    public static final int BPF_F_WRONLY = 1 << 4;
    public static final int BPF_F_ZERO_SEED = 1 << 6;
    public static final int BPF_F_RDONLY_PROG = 1 << 7;
    public static final int BPF_F_WRONLY_PROG = 1 << 8;
    public static final int BPF_F_MMAPABLE = 1 << 10;
    public static final int BPF_F_INNER_MAP = 1 << 12;

    // flags of MAP_UPDATE_ELEM and MAP_LOOKUP_ELEM
    public static final long BPF_ANY = 0;
    public static final long BPF_NOEXIST = 1;
    public static final long BPF_EXIST = 2;
    public static final long BPF_F_LOCK = 4;

    // enum bpf_prog_type, enum bpf_attach_type
    public static final int PROG_TYPE_SOCKET_FILTER = 1;
    public static final int PROG_TYPE_SCHED_CLS = 3;
    public static final int PROG_TYPE_XDP = 6;
    public static final int ATTACH_TYPE_XDP_DEVMAP = 33;
    public static final int ATTACH_TYPE_XDP_CPUMAP = 35;
    public static final int ATTACH_TYPE_XDP = 37;

    // prog_flags of PROG_LOAD
    public static final int BPF_F_STRICT_ALIGNMENT = 1;
    public static final int BPF_F_ANY_ALIGNMENT = 1 << 1;
    public static final int BPF_F_TEST_RND_HI32 = 1 << 2;
    public static final int BPF_F_TEST_STATE_FREQ = 1 << 3;
    public static final int BPF_F_SLEEPABLE = 1 << 4;
    public static final int BPF_F_XDP_HAS_FRAGS = 1 << 5;
    public static final int BPF_F_XDP_DEV_BOUND_ONLY = 1 << 6;
    public static final int BPF_F_TEST_REG_INVARIANTS = 1 << 7;

    // log_level of PROG_LOAD: a set
    /** The path that was refused. */
    public static final int BPF_LOG_LEVEL1 = 1;
    /** Every state of every instruction. */
    public static final int BPF_LOG_LEVEL2 = 2;
    /** Statistics at the end. */
    public static final int BPF_LOG_STATS = 4;

    private Uapi() {}

    /** A number as the 4 bytes that the kernel sees: keys of arrays, file descriptors as values. */
    public static byte[] u32(int value) {
        byte[] bytes = new byte[Integer.BYTES];
        MemorySegment.ofArray(bytes).set(ValueLayout.JAVA_INT_UNALIGNED, 0, value);
        return bytes;
    }

    /** A number as the 8 bytes that the kernel sees. */
    public static byte[] u64(long value) {
        byte[] bytes = new byte[Long.BYTES];
        MemorySegment.ofArray(bytes).set(ValueLayout.JAVA_LONG_UNALIGNED, 0, value);
        return bytes;
    }

    /** The first 4 bytes as a number. */
    public static int u32(byte[] bytes) {
        return MemorySegment.ofArray(bytes).get(ValueLayout.JAVA_INT_UNALIGNED, 0);
    }

    /** The first 8 bytes as a number. */
    public static long u64(byte[] bytes) {
        return MemorySegment.ofArray(bytes).get(ValueLayout.JAVA_LONG_UNALIGNED, 0);
    }

    // enum bpf_cmd
    static final int MAP_CREATE = 0;
    static final int MAP_LOOKUP_ELEM = 1;
    static final int MAP_UPDATE_ELEM = 2;
    static final int MAP_DELETE_ELEM = 3;
    static final int MAP_GET_NEXT_KEY = 4;
    static final int PROG_LOAD = 5;
    static final int PROG_TEST_RUN = 10;
    static final int PROG_GET_NEXT_ID = 11;
    static final int MAP_GET_NEXT_ID = 12;
    static final int PROG_GET_FD_BY_ID = 13;
    static final int MAP_GET_FD_BY_ID = 14;
    static final int OBJ_GET_INFO_BY_FD = 15;
    static final int BTF_LOAD = 18;
    static final int BTF_GET_FD_BY_ID = 19;
    static final int MAP_LOOKUP_AND_DELETE_ELEM = 21;
    static final int MAP_FREEZE = 22;
    static final int BTF_GET_NEXT_ID = 23;
    static final int MAP_LOOKUP_BATCH = 24;
    static final int MAP_LOOKUP_AND_DELETE_BATCH = 25;
    static final int MAP_UPDATE_BATCH = 26;
    static final int MAP_DELETE_BATCH = 27;
    static final int ENABLE_STATS = 32;
    static final int PROG_BIND_MAP = 35;
    static final int LINK_CREATE = 28;

    /** BPF_OBJ_NAME_LEN, with the terminating zero. */
    static final int OBJ_NAME_BYTES = 16;

    /**
     * A name that the kernel takes: at most 15 characters of letters, digits, '_' and '.'; others become '_', as the
     * rest of a long name is cut off.
     */
    static byte[] objectName(String name) {
        byte[] bytes = new byte[OBJ_NAME_BYTES];
        for (int i = 0; i < Math.min(name.length(), OBJ_NAME_BYTES - 1); i++) {
            char c = name.charAt(i);
            boolean allowed = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.';
            bytes[i] = (byte) (allowed ? c : '_');
        }
        return bytes;
    }
}
