package dev.sluice.conformance.fuzz;

import dev.sluice.isa.Code;
import dev.sluice.kernel.Kernel;
import dev.sluice.kernel.KernelMap;
import dev.sluice.kernel.KernelProgram;
import dev.sluice.kernel.LoadResult;
import dev.sluice.kernel.MapAttributes;
import dev.sluice.kernel.MapEntry;
import dev.sluice.kernel.ProgramAttributes;
import dev.sluice.kernel.TestRun;
import dev.sluice.map.MapType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** The running kernel. */
final class KernelSide implements Side {
    private static final int PROGRAM_TYPE_XDP = 6;

    private final Kernel kernel;
    private final KernelMap array;
    private final KernelMap hash;
    private @Nullable KernelProgram program;
    private @Nullable TestRun testRun;

    KernelSide(Kernel kernel) {
        this.kernel = kernel;
        array = kernel.createMap(MapAttributes.of(MapType.ARRAY.number(), 4, TestBed.VALUE_BYTES, 1));
        hash = kernel.createMap(MapAttributes.of(MapType.HASH.number(), 4, 8, TestBed.HASH_ENTRIES));
    }

    @Override
    public String name() {
        return "kernel";
    }

    @Override
    public @Nullable String load(Code code) {
        if (program != null) {
            program.close();
            program = null;
        }
        byte[] bytes = Side.withMaps(code, array.fd(), hash.fd()).toBytes();
        return switch (kernel.load(ProgramAttributes.of(PROGRAM_TYPE_XDP, bytes))) {
            case LoadResult.Loaded loaded -> {
                program = loaded.program();
                testRun = testRun == null ? loaded.program().testRun() : testRun.bind(loaded.program());
                yield null;
            }
            case LoadResult.Rejected rejected -> rejected.errnoName() + ": " + lastLine(rejected.log());
        };
    }

    private static String lastLine(String log) {
        String last = "";
        for (String line : log.lines().toList()) {
            if (!line.startsWith("processed ") && !line.isBlank()) {
                last = line;
            }
        }
        return last;
    }

    @Override
    public Result run(byte[] packet) {
        TestRun run = testRun;
        if (run == null) {
            throw new AssertionError("nothing is loaded");
        }
        run.run(packet);
        return new Result(run.retval(), run.outputBytes());
    }

    @Override
    public void reset(byte[] value, boolean withHash) {
        array.update(new byte[4], value);
        if (withHash) {
            for (MapEntry entry : hash.entries()) {
                hash.delete(entry.key());
            }
        }
    }

    @Override
    public byte[] arrayValue() {
        return array.lookup(new byte[4]).orElseThrow();
    }

    @Override
    public SortedMap<Integer, Long> hashEntries() {
        SortedMap<Integer, Long> entries = new TreeMap<>();
        for (MapEntry entry : hash.entries()) {
            entries.put(
                    ByteBuffer.wrap(entry.key()).order(ByteOrder.LITTLE_ENDIAN).getInt(),
                    ByteBuffer.wrap(entry.value())
                            .order(ByteOrder.LITTLE_ENDIAN)
                            .getLong());
        }
        return entries;
    }

    @Override
    public void close() {
        if (testRun != null) {
            testRun.close();
        }
        if (program != null) {
            program.close();
        }
        array.close();
        hash.close();
    }
}
