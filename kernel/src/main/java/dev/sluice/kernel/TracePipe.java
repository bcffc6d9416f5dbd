package dev.sluice.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The lines that programs printed ({@code bpf_printk}): the kernel's {@code trace_pipe}. There is one for the whole
 * machine, and what is read is gone, for everyone. Where tracefs is not mounted a mount of its own is used, which nobody
 * else sees.
 *
 * <p>Owner thread: one at a time.
 */
public final class TracePipe implements AutoCloseable {
    private static final int AT_FDCWD = -100;
    private static final int O_NONBLOCK = 0x800;
    private static final int O_CLOEXEC = 0x80000;
    private static final int FSOPEN_CLOEXEC = 1;
    private static final int FSMOUNT_CLOEXEC = 1;
    private static final int FSCONFIG_CMD_CREATE = 6;
    private static final int BUFFER_BYTES = 64 << 10;

    private final Fd fd;
    private final StringBuilder rest = new StringBuilder();

    private TracePipe(Fd fd) {
        this.fd = fd;
    }

    /** Opens it; empty where this kernel has no tracing, or this process may not read it. */
    public static Optional<TracePipe> open() {
        for (String path : List.of("/sys/kernel/tracing/trace_pipe", "/sys/kernel/debug/tracing/trace_pipe")) {
            int fd = open(AT_FDCWD, path);
            if (fd >= 0) {
                return Optional.of(new TracePipe(new Fd(fd)));
            }
        }
        int mount = mountTracefs();
        if (mount < 0) {
            return Optional.empty();
        }
        try (Fd root = new Fd(mount)) {
            int fd = open(root.number(), "trace_pipe");
            return fd < 0 ? Optional.empty() : Optional.of(new TracePipe(new Fd(fd)));
        }
    }

    private static int open(int directory, String path) {
        try (Call call = Call.begin()) {
            return (int)
                    call.system(Machine.OPENAT, directory, call.string(path).address(), O_NONBLOCK | O_CLOEXEC, 0, 0);
        }
    }

    /** A mount that is in no directory: it lives as long as its descriptor. */
    private static int mountTracefs() {
        try (Call call = Call.begin()) {
            int context =
                    (int) call.system(Machine.FSOPEN, call.string("tracefs").address(), FSOPEN_CLOEXEC, 0, 0, 0);
            if (context < 0) {
                return context;
            }
            try (Fd open = new Fd(context)) {
                long created = call.system(Machine.FSCONFIG, open.number(), FSCONFIG_CMD_CREATE, 0, 0, 0);
                return (int)
                        (created < 0 ? created : call.system(Machine.FSMOUNT, open.number(), FSMOUNT_CLOEXEC, 0, 0, 0));
            }
        }
    }

    /**
     * All whole lines that have been printed up to now and not read before, without their ends. Does not wait.
     *
     * @throws BpfException EBUSY and the like
     */
    public List<String> lines() {
        try (Arena arena = Arena.ofConfined();
                Call call = Call.begin()) {
            MemorySegment buffer = arena.allocate(BUFFER_BYTES);
            while (true) {
                long read = call.system(Machine.READ, fd.number(), buffer.address(), BUFFER_BYTES, 0, 0);
                if (read == -Errno.EINTR) {
                    continue;
                }
                if (read < 0 && read != -Errno.EAGAIN) {
                    throw new BpfException("read trace_pipe", (int) -read);
                }
                if (read <= 0) {
                    return takeLines();
                }
                rest.append(new String(buffer.asSlice(0, read).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8));
            }
        }
    }

    private List<String> takeLines() {
        List<String> lines = new ArrayList<>();
        int start = 0;
        for (int end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n", start)) {
            lines.add(rest.substring(start, end));
            start = end + 1;
        }
        rest.delete(0, start);
        return lines;
    }

    @Override
    public void close() {
        fd.close();
    }
}
