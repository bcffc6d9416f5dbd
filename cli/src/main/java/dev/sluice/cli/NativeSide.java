package dev.sluice.cli;

import dev.sluice.kernel.MapEntry;
import dev.sluice.map.MapType;
import dev.sluice.memory.Memory;
import dev.sluice.object.MapSpec;
import dev.sluice.packet.measure.CpuClock;
import dev.sluice.packet.measure.PacketSet;
import dev.sluice.packet.measure.Repeater;
import java.io.File;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * What {@code clang -O2} makes of a program's C source for this machine, in this process: a shared object of the source and of
 * {@code pcaps/bench/native}, which stands in for the kernel's headers and has arrays and hashes. It shows what the work costs,
 * not what can be had: nothing is checked there.
 */
final class NativeSide implements Repeater, AutoCloseable {
    private static final int COMPILE_SECONDS = 60;
    private static final List<String> COMPILERS = List.of("clang", "clang-19", "clang-18", "clang-17", "clang-16");
    private static final List<String> HEADERS = List.of(
            "programs/packet.h",
            "bench/native/linux/bpf.h",
            "bench/native/bpf/bpf_endian.h",
            "bench/native/bpf/bpf_helpers.h");

    private final Arena arena = Arena.ofConfined();
    private final SymbolLookup symbols;
    private final MethodHandle run;
    private final MemorySegment program;
    private final long packet = Memory.allocate(arena, PacketSet.MAX_BYTES, 64);

    /** There is no native code of it; the message says why. */
    static final class Unavailable extends Exception {
        private static final long serialVersionUID = 1L;

        Unavailable(String message) {
            super(message, null, false, false);
        }
    }

    private NativeSide(Path library, String name) throws Unavailable {
        symbols = SymbolLookup.libraryLookup(library, arena);
        run = function(
                "native_run",
                FunctionDescriptor.of(
                        ValueLayout.JAVA_INT,
                        ValueLayout.ADDRESS,
                        ValueLayout.JAVA_LONG,
                        ValueLayout.JAVA_LONG,
                        ValueLayout.JAVA_LONG));
        program = symbol(name);
    }

    /**
     * Compiles and loads.
     *
     * @param sources below {@code pcaps}, the one to compile first, then what it includes
     * @param entries what maps start with, by name
     */
    static NativeSide open(ObjectOptions.Choice choice, List<String> sources, Map<String, List<MapEntry>> entries)
            throws Unavailable {
        Path folder = null;
        try {
            folder = Files.createTempDirectory("sluice-native-");
            NativeSide side =
                    new NativeSide(compile(folder, sources), choice.program().name());
            boolean opened = false;
            try {
                for (MapSpec map : choice.spec().maps()) {
                    side.create(map, entries.getOrDefault(map.name(), List.of()));
                }
                opened = true;
                return side;
            } finally {
                if (!opened) {
                    side.close();
                }
            }
        } catch (IOException e) {
            throw new Unavailable("cannot compile: " + e.getMessage());
        } finally {
            delete(folder);
        }
    }

    private static Path compile(Path folder, List<String> sources) throws IOException, Unavailable {
        List<String> files = new ArrayList<>(sources);
        files.addAll(HEADERS);
        files.add("bench/native/driver.c");
        for (String file : files) {
            Path target = folder.resolve(file);
            Files.createDirectories(target.getParent());
            Files.write(target, BenchPrograms.resource(file));
        }
        Path library = folder.resolve("program.so");
        Process clang = new ProcessBuilder(
                        compiler(),
                        "-O2",
                        "-fno-strict-aliasing",
                        "-shared",
                        "-fPIC",
                        "-Ibench/native",
                        sources.getFirst(),
                        "bench/native/driver.c",
                        "-o",
                        library.toString())
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .start();
        String output = new String(clang.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        try {
            if (!clang.waitFor(COMPILE_SECONDS, TimeUnit.SECONDS) || clang.exitValue() != 0) {
                clang.destroyForcibly();
                throw new Unavailable("clang does not compile it natively: "
                        + output.lines().findFirst().orElse("no message"));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new Unavailable("interrupted");
        }
        return library;
    }

    private static String compiler() throws Unavailable {
        String path = System.getenv().getOrDefault("PATH", "");
        for (String compiler : COMPILERS) {
            for (String folder : path.split(File.pathSeparator)) {
                if (!folder.isEmpty() && Files.isExecutable(Path.of(folder, compiler))) {
                    return Path.of(folder, compiler).toString();
                }
            }
        }
        throw new Unavailable("no clang in $PATH, expected one of " + String.join(", ", COMPILERS));
    }

    private static void delete(@org.jspecify.annotations.Nullable Path folder) {
        if (folder == null) {
            return;
        }
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        } catch (IOException e) {
            // a temporary folder that the system will remove
        }
    }

    private MemorySegment symbol(String name) throws Unavailable {
        return symbols.find(name).orElseThrow(() -> new Unavailable("the native code has no symbol " + name));
    }

    private MethodHandle function(String name, FunctionDescriptor type) throws Unavailable {
        return Linker.nativeLinker().downcallHandle(symbol(name), type);
    }

    private void create(MapSpec map, List<MapEntry> entries) throws Unavailable {
        if (map.kind() != MapSpec.Kind.USER) {
            return; // global variables are just that
        }
        boolean hash = map.type() == MapType.HASH.number();
        if (!hash && map.type() != MapType.ARRAY.number()) {
            throw new Unavailable("map " + map.name() + ": native code has arrays and hashes only, type=" + map.type());
        }
        MethodHandle create = function(
                "native_create",
                FunctionDescriptor.of(
                        ValueLayout.JAVA_INT,
                        ValueLayout.ADDRESS,
                        ValueLayout.JAVA_INT,
                        ValueLayout.JAVA_INT,
                        ValueLayout.JAVA_INT));
        MethodHandle add = function(
                "native_add",
                FunctionDescriptor.of(
                        ValueLayout.JAVA_INT,
                        ValueLayout.ADDRESS,
                        ValueLayout.JAVA_INT,
                        ValueLayout.JAVA_INT,
                        ValueLayout.JAVA_INT,
                        ValueLayout.ADDRESS,
                        ValueLayout.ADDRESS));
        MemorySegment symbol = symbol(map.name());
        try (Arena scratch = Arena.ofConfined()) {
            int made = (int) create.invokeExact(symbol, hash ? 1 : 0, map.maxEntries(), map.valueSize());
            for (MapEntry entry : entries) {
                made &= (int) add.invokeExact(
                        symbol,
                        map.maxEntries(),
                        map.keySize(),
                        map.valueSize(),
                        scratch.allocateFrom(ValueLayout.JAVA_BYTE, entry.key()),
                        scratch.allocateFrom(ValueLayout.JAVA_BYTE, entry.value()));
            }
            if (made == 0) {
                throw new Unavailable("map " + map.name() + ": no memory");
            }
        } catch (Unavailable e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError("a native function threw", e);
        }
    }

    @Override
    public long run(long from, int length, int repeat) {
        Memory.copy(from, packet, length);
        try {
            long start = CpuClock.nanos();
            int unused = (int) run.invokeExact(program, packet, (long) length, (long) repeat);
            return CpuClock.nanos() - start;
        } catch (Throwable e) {
            throw new AssertionError("a native function threw", e);
        }
    }

    @Override
    public void close() {
        arena.close();
    }
}
