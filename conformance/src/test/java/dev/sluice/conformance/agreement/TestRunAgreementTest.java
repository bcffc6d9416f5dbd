package dev.sluice.conformance.agreement;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.Engines;
import dev.sluice.LoadedObject;
import dev.sluice.LoadedProgram;
import dev.sluice.TestRun;
import dev.sluice.TestRunException;
import dev.sluice.XdpRuntime;
import dev.sluice.conformance.Pcaps;
import dev.sluice.exec.Engine;
import dev.sluice.kernel.Kernel;
import dev.sluice.kernel.KernelLoader;
import dev.sluice.kernel.KernelObject;
import dev.sluice.object.ObjectSpec;
import dev.sluice.object.ProgramSpec;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Test runs here and in the kernel: the same input gives the same output, or is refused with the same error. */
class TestRunAgreementTest {
    private static final int RUNS = 120;
    private static final int MOST_OUTPUT = 100_000;

    static Stream<Arguments> programs() {
        List<String> objects = List.of("meta", "trim", "vlan", "ipip", "nat", "features/multi_buffer", "actions");
        return objects.stream()
                .flatMap(object -> Stream.of(Engines.interpreter(), Engines.jit())
                        .map(engine -> Arguments.of(object, engine.name(), engine)));
    }

    @ParameterizedTest(name = "{0} {1}")
    @MethodSource("programs")
    void randomInputs(String object, String name, Engine engine) {
        Kernel kernel = Kernels.kernel();
        long seed = Long.getLong("sluice.seed", System.nanoTime());
        Random random = new Random(seed);
        ObjectSpec spec = Pcaps.read(Pcaps.object(object)).withKconfig(KernelLoader.kconfig(kernel));
        List<ProgramSpec> programs = spec.xdpPrograms();
        int equal = 0;
        int refused = 0;
        try (XdpRuntime runtime = new XdpRuntime(engine, 1, 0);
                KernelObject there = KernelLoader.load(kernel, spec)) {
            LoadedObject here = runtime.load(spec, programs, KernelLoader.targetTypes(spec));
            for (ProgramSpec program : programs) {
                LoadedProgram loaded = here.program(program.name()).orElseThrow();
                try (TestRun own = runtime.testRun(loaded);
                        dev.sluice.kernel.TestRun kernels =
                                there.program(program.name()).testRun()) {
                    for (int i = 0; i < RUNS; i++) {
                        String found = describe(random, own, kernels);
                        assertThat(found).as("seed=%d run=%d", seed, i).isEmpty();
                        if (last.startsWith("E")) {
                            refused++;
                        } else {
                            equal++;
                        }
                    }
                }
            }
        }
        assertThat(equal).isGreaterThan(RUNS / 4);
        assertThat(refused).isGreaterThan(RUNS / 20);
    }

    private String last = "";

    /** Runs one input on both sides; empty when they agree. */
    private String describe(Random random, TestRun own, dev.sluice.kernel.TestRun kernels) {
        int length = switch (random.nextInt(8)) {
            case 0 -> random.nextInt(20);
            case 1 -> 3400 + random.nextInt(400);
            case 2 -> random.nextInt(60_000);
            default -> 14 + random.nextInt(200);
        };
        int metadata = random.nextInt(4) == 0 ? random.nextInt(240) : 4 * random.nextInt(3);
        int linear = random.nextInt(3) == 0 ? random.nextInt(length + 8) : -1;
        int repeat = random.nextInt(3) == 0 ? random.nextInt(5) : 1;
        int ifindex = random.nextInt(6) == 0 ? random.nextInt(2) * 4_000_000 : 1;
        int queue = random.nextInt(8) == 0 ? random.nextInt(3) : 0;
        byte[] data = new byte[length];
        random.nextBytes(data);
        if (length > 34 && random.nextBoolean()) {
            data[12] = 8;
            data[13] = 0;
            data[14] = 0x45;
        }
        String expected;
        kernels.metadata(metadata).linear(linear).repeat(repeat).receivedOn(ifindex, queue);
        int error = kernels.tryRun(copy(kernels, data));
        if (error < 0) {
            expected = dev.sluice.map.Errno.nameOf(error);
        } else {
            expected = kernels.retval() + " metadata " + kernels.outputMetadataBytes() + " linear "
                    + kernels.outputLinearBytes() + " of " + kernels.outputLength() + ": "
                    + HexFormat.of().formatHex(kernels.outputBytes());
        }
        String found;
        own.metadata(metadata)
                .linear(linear)
                .repeat(repeat)
                .receivedOn(ifindex, queue)
                .output(MOST_OUTPUT);
        try {
            TestRun.Result result = own.run(data);
            found = result.action() + " metadata " + result.metadataBytes() + " linear " + result.linearBytes() + " of "
                    + result.fullLength() + ": " + HexFormat.of().formatHex(result.data());
        } catch (TestRunException e) {
            found = e.errno().name();
        }
        last = expected;
        return found.equals(expected)
                ? ""
                : "length=" + length + " metadata=" + metadata + " linear=" + linear + " repeat=" + repeat + " ifindex="
                        + ifindex + " queue=" + queue + ": kernel " + expected + ", sluice " + found;
    }

    private static int copy(dev.sluice.kernel.TestRun run, byte[] data) {
        java.lang.foreign.MemorySegment.copy(
                data, 0, run.input(), java.lang.foreign.ValueLayout.JAVA_BYTE, 0, data.length);
        return data.length;
    }
}
