package dev.sluice.kernel;

import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What a program is to be: the arguments of PROG_LOAD. Immutable; the {@code with} methods give a changed copy. Arrays
 * are taken as they are, not copied: do not change them before the load. Maps named by descriptor in the instructions,
 * and BTF, must stay open until the program has been loaded; it then keeps what it needs.
 */
public final class ProgramAttributes {
    /** A log level of ours: none at first; where the program is refused, once more with level 1. As libbpf does. */
    public static final int LOG_ON_REJECTION = -1;

    private static final int INSTRUCTION_BYTES = 8;

    final int type;
    final byte[] instructions;
    String license = "GPL";
    String name = "";
    int expectedAttachType;
    int flags;
    int ifindex;

    @Nullable
    KernelBtf btf;

    byte[] funcInfo = {};
    int funcInfoRecordBytes;
    byte[] lineInfo = {};
    int lineInfoRecordBytes;
    int[] fdArray = {};
    int logLevel = LOG_ON_REJECTION;
    int logCapacity = 64 << 20;

    private ProgramAttributes(int type, byte[] instructions) {
        if (instructions.length % INSTRUCTION_BYTES != 0) {
            throw new IllegalArgumentException("instructions have 8 bytes each, found bytes=" + instructions.length);
        }
        this.type = type;
        this.instructions = instructions;
    }

    private ProgramAttributes with(Consumer<ProgramAttributes> change) {
        ProgramAttributes copy = new ProgramAttributes(type, instructions);
        copy.license = license;
        copy.name = name;
        copy.expectedAttachType = expectedAttachType;
        copy.flags = flags;
        copy.ifindex = ifindex;
        copy.btf = btf;
        copy.funcInfo = funcInfo;
        copy.funcInfoRecordBytes = funcInfoRecordBytes;
        copy.lineInfo = lineInfo;
        copy.lineInfoRecordBytes = lineInfoRecordBytes;
        copy.fdArray = fdArray;
        copy.logLevel = logLevel;
        copy.logCapacity = logCapacity;
        change.accept(copy);
        return copy;
    }

    /**
     * A program of that type ({@code enum bpf_prog_type}), under the licence "GPL", with nothing else.
     *
     * @param instructions {@code struct bpf_insn[]}, 8 bytes each; maps are named by pseudo instructions with their
     *     descriptors
     */
    public static ProgramAttributes of(int type, byte[] instructions) {
        return new ProgramAttributes(type, instructions);
    }

    /** What the program says of its licence; "GPL" and its kin may call all helpers. */
    public ProgramAttributes withLicense(String license) {
        return with(copy -> copy.license = license);
    }

    /** At most 15 characters reach the kernel. */
    public ProgramAttributes withName(String name) {
        return with(copy -> copy.name = name);
    }

    /** {@code enum bpf_attach_type}; for XDP 0 or {@link Uapi#ATTACH_TYPE_XDP} and its kin. */
    public ProgramAttributes withExpectedAttachType(int expectedAttachType) {
        return with(copy -> copy.expectedAttachType = expectedAttachType);
    }

    /** {@code prog_flags}, such as {@link Uapi#BPF_F_XDP_HAS_FRAGS}. */
    public ProgramAttributes withFlags(int flags) {
        return with(copy -> copy.flags = flags);
    }

    /** The device that the program is made for; 0 for none. */
    public ProgramAttributes withIfindex(int ifindex) {
        return with(copy -> copy.ifindex = ifindex);
    }

    /**
     * Types, functions and source lines. Instruction offsets count in instructions of this program, not in bytes.
     *
     * @param funcInfo {@code struct bpf_func_info[]}: insn_off, type_id; may be empty
     * @param funcInfoRecordBytes bytes of one, at least 8
     * @param lineInfo {@code struct bpf_line_info[]}: insn_off, file_name_off, line_off, line_col; may be empty
     * @param lineInfoRecordBytes bytes of one, at least 16
     */
    public ProgramAttributes withBtf(
            KernelBtf btf, byte[] funcInfo, int funcInfoRecordBytes, byte[] lineInfo, int lineInfoRecordBytes) {
        if (funcInfo.length != 0 && funcInfo.length % funcInfoRecordBytes != 0
                || lineInfo.length != 0 && lineInfo.length % lineInfoRecordBytes != 0) {
            throw new IllegalArgumentException("not a whole number of records: func_info=" + funcInfo.length
                    + " func_info_rec_size=" + funcInfoRecordBytes + " line_info=" + lineInfo.length
                    + " line_info_rec_size=" + lineInfoRecordBytes);
        }
        return with(copy -> {
            copy.btf = btf;
            copy.funcInfo = funcInfo;
            copy.funcInfoRecordBytes = funcInfoRecordBytes;
            copy.lineInfo = lineInfo;
            copy.lineInfoRecordBytes = lineInfoRecordBytes;
        });
    }

    /** Descriptors that instructions name by index (BPF_PSEUDO_MAP_IDX, module kfuncs). */
    public ProgramAttributes withFdArray(int... fds) {
        return with(copy -> copy.fdArray = fds.clone());
    }

    /** A set of {@link Uapi#BPF_LOG_LEVEL1} and its kin, 0 for none, or {@link #LOG_ON_REJECTION} (the default). */
    public ProgramAttributes withLogLevel(int logLevel) {
        return with(copy -> copy.logLevel = logLevel);
    }

    /** Bytes of log to keep at most, 64 MiB if not said; of a longer one the end is kept. */
    public ProgramAttributes withLogCapacity(int bytes) {
        return with(copy -> copy.logCapacity = Math.max(bytes, 128));
    }

    @Override
    public String toString() {
        return "program " + name + " type=" + type + " insn_cnt=" + instructions.length / INSTRUCTION_BYTES;
    }
}
