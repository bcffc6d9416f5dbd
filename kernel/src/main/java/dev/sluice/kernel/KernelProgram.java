package dev.sluice.kernel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/** A program in the kernel, accepted by its verifier. Thread-safe. */
public final class KernelProgram implements AutoCloseable {
    // struct bpf_prog_info: 0 type 4 id 8 tag[8] 16 jited_prog_len 20 xlated_prog_len 24 jited_prog_insns
    // 32 xlated_prog_insns 40 load_time 48 created_by_uid 52 nr_map_ids 56 map_ids 64 name[16] 80 ifindex
    // 84 gpl_compatible:1 88 netns_dev 96 netns_ino 104 nr_jited_ksyms 108 nr_jited_func_lens 112 jited_ksyms
    // 120 jited_func_lens 128 btf_id 132 func_info_rec_size 136 func_info 144 nr_func_info 148 nr_line_info
    // 152 line_info 160 jited_line_info 168 nr_jited_line_info 172 line_info_rec_size
    // 176 jited_line_info_rec_size 180 nr_prog_tags 184 prog_tags 192 run_time_ns 200 run_cnt
    // 208 recursion_misses 216 verified_insns 220 attach_btf_obj_id 224 attach_btf_id
    private static final int INFO_BYTES = 232;
    private static final int FUNC_INFO_BYTES = 8;
    private static final int LINE_INFO_BYTES = 16;
    private static final int MAP_ID_BYTES = 4;

    private static final int LOAD_BYTES = 152;
    private static final int FIRST_LOG_BYTES = 256 << 10;
    /** The verifier says EAGAIN when a signal comes in the middle; libbpf tries as often. */
    private static final int LOAD_ATTEMPTS = 5;

    private final Fd fd;
    private final String name;

    KernelProgram(Fd fd, String name) {
        this.fd = fd;
        this.name = name;
    }

    static LoadResult load(ProgramAttributes attributes) {
        if (attributes.logLevel != ProgramAttributes.LOG_ON_REJECTION) {
            return load(attributes, attributes.logLevel);
        }
        LoadResult quiet = load(attributes, 0);
        if (quiet instanceof LoadResult.Loaded) {
            return quiet;
        }
        return load(attributes, Uapi.BPF_LOG_LEVEL1);
    }

    private static LoadResult load(ProgramAttributes a, int logLevel) {
        int logBytes = logLevel == 0 ? 0 : Math.min(FIRST_LOG_BYTES, a.logCapacity);
        while (true) {
            try (Call call = Call.begin()) {
                MemorySegment log = logBytes == 0 ? MemorySegment.NULL : call.allocate(logBytes);
                int result = load(call, a, logLevel, log, logBytes);
                if (result >= 0) {
                    return new LoadResult.Loaded(new KernelProgram(new Fd(result), a.name), text(log), false);
                }
                if (result != -Errno.ENOSPC || logLevel == 0) {
                    return new LoadResult.Rejected(-result, text(log), false);
                }
                // The log did not fit; since Linux 6.4 the buffer holds its end, and we hear how long it is.
                long wanted = Math.max(Integer.toUnsignedLong(call.get(140)), 4L * logBytes);
                if (logBytes >= a.logCapacity) {
                    return loadTruncated(a, text(log));
                }
                logBytes = (int) Math.min(wanted, a.logCapacity);
            }
        }
    }

    /** ENOSPC stood for the log only, and hid what the verifier thinks: ask without a log. */
    private static LoadResult loadTruncated(ProgramAttributes a, String log) {
        return switch (load(a, 0)) {
            case LoadResult.Loaded loaded -> new LoadResult.Loaded(loaded.program(), log, true);
            case LoadResult.Rejected rejected -> new LoadResult.Rejected(rejected.errno(), log, true);
        };
    }

    private static String text(MemorySegment log) {
        return log.equals(MemorySegment.NULL)
                ? ""
                : log.getString(0, StandardCharsets.UTF_8).stripTrailing();
    }

    private static int load(Call call, ProgramAttributes a, int logLevel, MemorySegment log, int logBytes) {
        call.set(0, a.type);
        call.set(4, a.instructions.length / 8);
        call.set(8, call.copy(a.instructions));
        call.set(16, call.string(a.license));
        call.set(24, logLevel);
        call.set(28, logBytes);
        call.set(32, log);
        call.set(44, a.flags);
        MemorySegment.copy(Uapi.objectName(a.name), 0, call.attr(), ValueLayout.JAVA_BYTE, 48, Uapi.OBJ_NAME_BYTES);
        call.set(64, a.ifindex);
        call.set(68, a.expectedAttachType);
        if (a.btf != null) {
            call.set(72, a.btf.fd());
            if (a.funcInfo.length != 0) {
                call.set(76, a.funcInfoRecordBytes);
                call.set(80, call.copy(a.funcInfo));
                call.set(88, a.funcInfo.length / a.funcInfoRecordBytes);
            }
            if (a.lineInfo.length != 0) {
                call.set(92, a.lineInfoRecordBytes);
                call.set(96, call.copy(a.lineInfo));
                call.set(104, a.lineInfo.length / a.lineInfoRecordBytes);
            }
        }
        if (a.fdArray.length != 0) {
            MemorySegment fds = call.allocate(4L * a.fdArray.length);
            MemorySegment.copy(a.fdArray, 0, fds, ValueLayout.JAVA_INT, 0, a.fdArray.length);
            call.set(120, fds);
        }
        int result = call.bpf(Uapi.PROG_LOAD, LOAD_BYTES);
        for (int attempt = 1; result == -Errno.EAGAIN && attempt < LOAD_ATTEMPTS; attempt++) {
            result = call.bpf(Uapi.PROG_LOAD, LOAD_BYTES);
        }
        return result;
    }

    /** The descriptor's number, to put into a program array; valid until {@link #close}. */
    public int fd() {
        return fd.number();
    }

    /** The name it was loaded with. */
    public String name() {
        return name;
    }

    /** What the kernel says of the program now. */
    public ProgramInfo info() {
        try (Call call = Call.begin()) {
            MemorySegment info = call.allocate(INFO_BYTES);
            query(call, info);
            return new ProgramInfo(
                    info.get(ValueLayout.JAVA_INT, 0),
                    info.get(ValueLayout.JAVA_INT, 4),
                    HexFormat.of().formatHex(info.asSlice(8, 8).toArray(ValueLayout.JAVA_BYTE)),
                    info.asSlice(64, Uapi.OBJ_NAME_BYTES).getString(0),
                    info.get(ValueLayout.JAVA_INT, 16),
                    info.get(ValueLayout.JAVA_INT, 20),
                    info.get(ValueLayout.JAVA_LONG, 40),
                    info.get(ValueLayout.JAVA_INT, 52),
                    info.get(ValueLayout.JAVA_INT, 80),
                    (info.get(ValueLayout.JAVA_INT, 84) & 1) != 0,
                    info.get(ValueLayout.JAVA_INT, 128),
                    info.get(ValueLayout.JAVA_INT, 144),
                    info.get(ValueLayout.JAVA_INT, 148),
                    info.get(ValueLayout.JAVA_LONG, 192),
                    info.get(ValueLayout.JAVA_LONG, 200),
                    info.get(ValueLayout.JAVA_LONG, 208),
                    info.get(ValueLayout.JAVA_INT, 216));
        }
    }

    /** The instructions after the verifier's rewriting, 8 bytes each. Empty where they are hidden from this process. */
    public byte[] xlated() {
        return array(20, 32, 1, -1);
    }

    /** The machine code of all functions, one after the other. Empty where it is hidden from this process. */
    public byte[] jited() {
        return array(16, 24, 1, -1);
    }

    /** The ids of the maps that the program uses. */
    public List<Integer> mapIds() {
        byte[] bytes = array(52, 56, MAP_ID_BYTES, -1);
        List<Integer> ids = new ArrayList<>();
        MemorySegment segment = MemorySegment.ofArray(bytes);
        for (int i = 0; i < bytes.length; i += MAP_ID_BYTES) {
            ids.add(segment.get(ValueLayout.JAVA_INT_UNALIGNED, i));
        }
        return ids;
    }

    /** {@code struct bpf_func_info[]}, 8 bytes each, of the rewritten instructions. */
    public byte[] funcInfo() {
        return array(144, 136, FUNC_INFO_BYTES, 132);
    }

    /** {@code struct bpf_line_info[]}, 16 bytes each, of the rewritten instructions. */
    public byte[] lineInfo() {
        return array(148, 152, LINE_INFO_BYTES, 172);
    }

    /** Asks how many there are, then for so many. The number may change in between only by becoming hidden: 0. */
    private byte[] array(int countOffset, int pointerOffset, int recordBytes, int recordBytesOffset) {
        try (Call call = Call.begin()) {
            MemorySegment info = call.allocate(INFO_BYTES);
            query(call, info);
            int count = info.get(ValueLayout.JAVA_INT, countOffset);
            if (count == 0) {
                return new byte[0];
            }
            MemorySegment records = call.allocate((long) count * recordBytes);
            info.fill((byte) 0);
            info.set(ValueLayout.JAVA_INT, countOffset, count);
            info.set(ValueLayout.JAVA_LONG, pointerOffset, records.address());
            if (recordBytesOffset >= 0) {
                info.set(ValueLayout.JAVA_INT, recordBytesOffset, recordBytes);
            }
            query(call, info);
            boolean hidden = info.get(ValueLayout.JAVA_LONG, pointerOffset) == 0;
            return hidden ? new byte[0] : records.toArray(ValueLayout.JAVA_BYTE);
        }
    }

    private void query(Call call, MemorySegment info) {
        call.set(0, fd.number());
        call.set(4, INFO_BYTES);
        call.set(8, info);
        int result = call.bpf(Uapi.OBJ_GET_INFO_BY_FD, 16);
        if (result < 0) {
            throw new BpfException("bpf(OBJ_GET_INFO_BY_FD) program=" + name, -result);
        }
    }

    /**
     * The program keeps the map alive and names it among its maps, though it does not use it: how loaders attach what a
     * person may read ({@code .rodata}).
     */
    public void bind(KernelMap map) {
        try (Call call = Call.begin()) {
            call.set(0, fd.number());
            call.set(4, map.fd());
            int result = call.bpf(Uapi.PROG_BIND_MAP, 12);
            if (result < 0) {
                throw new BpfException("bpf(PROG_BIND_MAP) program=" + name + " map=" + map.name(), -result);
            }
        }
    }

    /**
     * Attaches this program to an interface of the calling thread's network namespace, until the link is closed: natively
     * where its driver can, else generically.
     *
     * @throws BpfException ENODEV where there is no such interface, EBUSY where it has a program, EPERM without permission
     */
    public KernelLink attachXdp(int ifindex) {
        try (Call call = Call.begin()) {
            call.set(0, fd.number());
            call.set(4, ifindex);
            call.set(8, Uapi.ATTACH_TYPE_XDP);
            int result = call.bpf(Uapi.LINK_CREATE, 16);
            if (result < 0) {
                throw new BpfException("bpf(LINK_CREATE) program=" + name + " ifindex=" + ifindex, -result);
            }
            return new KernelLink(new Fd(result));
        }
    }

    /** Runs this program on packets given; close it when done, before or after the program. */
    public TestRun testRun() {
        return testRun(TestRun.MAX_DATA_BYTES);
    }

    /**
     * As {@link #testRun()}, keeping less of the output.
     *
     * @param outputCapacity bytes of a packet to keep at most; a longer one is cut off, and says so
     */
    public TestRun testRun(int outputCapacity) {
        return new TestRun(this, outputCapacity);
    }

    @Override
    public void close() {
        fd.close();
    }

    @Override
    public String toString() {
        return "program " + name;
    }
}
