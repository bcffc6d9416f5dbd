package dev.sluice.kernel;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;

/**
 * The running Linux kernel: where maps, BTF and programs are made. Holds no descriptor itself, so there is nothing to
 * close. Thread-safe; {@link #open} gives the same value to everyone in this process.
 */
public final class Kernel {
    private final String release;
    private final int possibleCpus;

    private Kernel(String release, int possibleCpus) {
        this.release = release;
        this.possibleCpus = possibleCpus;
    }

    private static final class Holder {
        static final KernelAccess ACCESS = probe();
    }

    /** The kernel of this machine, or why it cannot be used. Asked once; never throws for a lack of rights. */
    public static KernelAccess open() {
        return Holder.ACCESS;
    }

    private static KernelAccess probe() {
        String system = System.getProperty("os.name", "");
        if (!system.equals("Linux")) {
            return new KernelAccess.Unavailable("bpf(2) needs Linux, this is " + system);
        }
        if (!Machine.isKnown()) {
            return new KernelAccess.Unavailable(
                    "the number of the system call bpf is known for x86-64 and aarch64, this is " + Machine.name());
        }
        try {
            Kernel kernel = new Kernel(
                    read("/proc/sys/kernel/osrelease"), parsePossibleCpus(read("/sys/devices/system/cpu/possible")));
            return kernel.tryOut();
        } catch (IOException e) {
            return new KernelAccess.Unavailable("the kernel's release or CPUs cannot be read: " + e.getMessage());
        } catch (ExceptionInInitializerError e) {
            // Call.Native, where the JVM lets us call the C library or does not
            Throwable cause = e.getCause() != null ? e.getCause() : e;
            return new KernelAccess.Unavailable(
                    cause instanceof IllegalCallerException
                            ? "this JVM forbids native access: expected --enable-native-access=dev.sluice.kernel (or"
                                    + " ALL-UNNAMED on the class path)"
                            : "system calls cannot be made from this JVM: " + cause);
        }
    }

    /** Makes a map, loads a program and runs it: what needs rights, in the order of what we use. */
    private KernelAccess tryOut() {
        try (KernelMap map = createMap(MapAttributes.of(Uapi.MAP_TYPE_ARRAY, 4, 4, 1))) {
            map.fd();
        } catch (BpfException e) {
            return new KernelAccess.Unavailable(reason("create maps", e.errno()));
        }
        // r0 = 2; exit
        byte[] pass = {(byte) 0xb7, 0, 0, 0, 2, 0, 0, 0, (byte) 0x95, 0, 0, 0, 0, 0, 0, 0};
        return switch (load(ProgramAttributes.of(Uapi.PROG_TYPE_XDP, pass))) {
            case LoadResult.Rejected rejected ->
                new KernelAccess.Unavailable(reason("load XDP programs", rejected.errno()));
            case LoadResult.Loaded loaded -> {
                try (KernelProgram program = loaded.program();
                        TestRun run = program.testRun()) {
                    run.run(new byte[64]);
                    yield new KernelAccess.Available(this);
                } catch (BpfException e) {
                    yield new KernelAccess.Unavailable(reason("test-run XDP programs", e.errno()));
                }
            }
        };
    }

    private String reason(String what, int errno) {
        return switch (errno) {
            case Errno.EPERM, Errno.EACCES ->
                "this process may not " + what + " with bpf(2): " + Errno.name(errno)
                        + " (it takes root, or the capabilities BPF, NET_ADMIN and PERFMON, and no seccomp filter)";
            case Errno.ENOSYS -> "Linux " + release + " was built without bpf(2)";
            default -> "Linux " + release + " cannot " + what + " with bpf(2): " + Errno.name(errno);
        };
    }

    private static String read(String path) throws IOException {
        return Files.readString(Path.of(path), StandardCharsets.US_ASCII).strip();
    }

    /** The kernel's format of CPU lists, such as {@code 0-3,8}; per-CPU values exist for 0 to the greatest. */
    static int parsePossibleCpus(String list) {
        int greatest = 0;
        for (String range : list.split(",")) {
            String last = range.substring(range.indexOf('-') + 1).strip();
            greatest = Math.max(greatest, Integer.parseInt(last));
        }
        return greatest + 1;
    }

    /** The release, as {@code uname -r} prints it. */
    public String release() {
        return release;
    }

    /** The number of CPUs that a per-CPU map has values for; at least the number of CPUs that run. */
    public int possibleCpus() {
        return possibleCpus;
    }

    /**
     * Creates a map.
     *
     * @throws BpfException as the kernel says: EINVAL for attributes that the type does not allow, E2BIG, ENOMEM, EPERM
     */
    public KernelMap createMap(MapAttributes attributes) {
        return KernelMap.create(this, attributes);
    }

    /**
     * Loads a program through the verifier. A program that is refused is a result, not an exception. Takes microseconds
     * to seconds.
     */
    public LoadResult load(ProgramAttributes attributes) {
        return KernelProgram.load(attributes);
    }

    /**
     * Loads BTF.
     *
     * @param btf a whole .BTF section
     * @throws BpfException with the kernel's log, where it is refused
     */
    public KernelBtf loadBtf(byte[] btf) {
        return KernelBtf.load(btf);
    }

    /** A map by its id; the descriptor is a new one. ENOENT where there is none. */
    public KernelMap mapById(int id) {
        return KernelMap.of(this, fdById(Uapi.MAP_GET_FD_BY_ID, "MAP_GET_FD_BY_ID", id));
    }

    /** A program by its id; the descriptor is a new one. ENOENT where there is none. */
    public KernelProgram programById(int id) {
        return new KernelProgram(fdById(Uapi.PROG_GET_FD_BY_ID, "PROG_GET_FD_BY_ID", id), "");
    }

    /** The id of the first map after that id; empty after the last. Begin with 0. */
    public OptionalInt nextMapId(int id) {
        return nextId(Uapi.MAP_GET_NEXT_ID, "MAP_GET_NEXT_ID", id);
    }

    /** The id of the first program after that id; empty after the last. Begin with 0. */
    public OptionalInt nextProgramId(int id) {
        return nextId(Uapi.PROG_GET_NEXT_ID, "PROG_GET_NEXT_ID", id);
    }

    /** The ids of all maps of this machine, ascending. */
    public List<Integer> mapIds() {
        List<Integer> ids = new ArrayList<>();
        for (OptionalInt id = nextMapId(0); id.isPresent(); id = nextMapId(id.getAsInt())) {
            ids.add(id.getAsInt());
        }
        return ids;
    }

    /** The ids of all programs of this machine, ascending. */
    public List<Integer> programIds() {
        List<Integer> ids = new ArrayList<>();
        for (OptionalInt id = nextProgramId(0); id.isPresent(); id = nextProgramId(id.getAsInt())) {
            ids.add(id.getAsInt());
        }
        return ids;
    }

    /**
     * Switches the run-time statistics of all programs on until closed ({@code run_time_ns}, {@code run_cnt}). Costs
     * every program some nanoseconds a run.
     */
    public Statistics enableStatistics() {
        try (Call call = Call.begin()) {
            call.set(0, 0); // BPF_STATS_RUN_TIME
            int fd = call.bpf(Uapi.ENABLE_STATS, 4);
            if (fd < 0) {
                throw new BpfException("bpf(ENABLE_STATS)", -fd);
            }
            return new Statistics(new Fd(fd));
        }
    }

    /** Run-time statistics are on as long as this is open. */
    public static final class Statistics implements AutoCloseable {
        private final Fd fd;

        private Statistics(Fd fd) {
            this.fd = fd;
        }

        @Override
        public void close() {
            fd.close();
        }
    }

    private static Fd fdById(int command, String name, int id) {
        try (Call call = Call.begin()) {
            call.set(0, id);
            int fd = call.bpf(command, 12);
            if (fd < 0) {
                throw new BpfException("bpf(" + name + ") id=" + Integer.toUnsignedString(id), -fd);
            }
            return new Fd(fd);
        }
    }

    private static OptionalInt nextId(int command, String name, int id) {
        try (Call call = Call.begin()) {
            call.set(0, id);
            int result = call.bpf(command, 12);
            if (result == -Errno.ENOENT) {
                return OptionalInt.empty();
            }
            if (result < 0) {
                throw new BpfException("bpf(" + name + ") id=" + Integer.toUnsignedString(id), -result);
            }
            return OptionalInt.of(call.get(4));
        }
    }

    @Override
    public String toString() {
        return "Linux " + release;
    }
}
