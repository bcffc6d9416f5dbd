package dev.sluice.kernel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;

/** BTF in the kernel: the types that maps, functions and lines of programs refer to. Thread-safe. */
public final class KernelBtf implements AutoCloseable {
    private static final int LOG_BYTES = 1 << 20;

    private final Fd fd;

    private KernelBtf(Fd fd) {
        this.fd = fd;
    }

    static KernelBtf load(byte[] btf) {
        int fd = load(btf, 0);
        return new KernelBtf(new Fd(fd));
    }

    /** The log costs time and is empty for good BTF: ask for it only once the BTF has been refused. */
    private static int load(byte[] btf, int logLevel) {
        try (Call call = Call.begin()) {
            call.set(0, call.copy(btf));
            call.set(16, btf.length);
            MemorySegment log = MemorySegment.NULL;
            if (logLevel != 0) {
                log = call.allocate(LOG_BYTES);
                call.set(8, log);
                call.set(20, LOG_BYTES);
                call.set(24, logLevel);
            }
            int result = call.bpf(Uapi.BTF_LOAD, 28);
            if (result >= 0) {
                return result;
            }
            if (logLevel == 0 && result != -Errno.EPERM) {
                return load(btf, 1);
            }
            String text = logLevel == 0 ? "" : log.getString(0, StandardCharsets.UTF_8);
            throw new BpfException("bpf(BTF_LOAD) btf_size=" + btf.length, -result, text.stripTrailing());
        }
    }

    /** The descriptor's number; valid until {@link #close}. */
    public int fd() {
        return fd.number();
    }

    /** The kernel's id of it. */
    public int id() {
        try (Call call = Call.begin()) {
            // struct bpf_btf_info: 0 btf 8 btf_size 12 id 16 name 24 name_len 28 kernel_btf
            MemorySegment info = call.allocate(32);
            call.set(0, fd.number());
            call.set(4, 32);
            call.set(8, info);
            int result = call.bpf(Uapi.OBJ_GET_INFO_BY_FD, 16);
            if (result < 0) {
                throw new BpfException("bpf(OBJ_GET_INFO_BY_FD) btf", -result);
            }
            return info.get(ValueLayout.JAVA_INT, 12);
        }
    }

    @Override
    public void close() {
        fd.close();
    }
}
