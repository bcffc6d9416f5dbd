package dev.sluice.conformance.object;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import dev.sluice.LoadException;
import dev.sluice.LoadedObject;
import dev.sluice.LoadedProgram;
import dev.sluice.XdpRuntime;
import dev.sluice.conformance.Pcaps;
import dev.sluice.conformance.TestEngines;
import dev.sluice.exec.Engine;
import dev.sluice.helper.RunContext;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import dev.sluice.object.ObjectException;
import dev.sluice.object.ObjectSpec;
import dev.sluice.object.ProgramSpec;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Whatever a file contains, it can be read, linked, loaded and run, or there is one of the two exceptions that say why not;
 * no program of it faults other than as a program. What reading and linking alone do with damage is tested where they are.
 */
class DamagedObjectLoadTest {
    private static final long SEED = Long.getLong("sluice.seed", System.nanoTime());
    private static final int PACKET = 128;

    private int loaded;
    private int refused;
    private int faulted;

    static Stream<Arguments> objects() {
        List<String> names = List.of(
                "hello",
                "firewall",
                "calls",
                "tail_calls",
                "flows",
                "globals",
                "trace",
                "percpu_stats",
                "features/core",
                "features/callback",
                "features/asm_v4",
                "legacy/iproute2",
                "legacy/old_maps-untyped");
        return TestEngines.all().stream().flatMap(engine -> names.stream().map(name -> Arguments.of(engine, name)));
    }

    @ParameterizedTest(name = "{1} {0}")
    @MethodSource("objects")
    void flippedBytes(Engine engine, String name) {
        byte[] whole = Pcaps.bytes(Pcaps.object(name));
        use(engine, whole, name);
        assertThat(loaded).isPositive();
        Random random = new Random(SEED + name.hashCode());
        for (int run = 0; run < 250; run++) {
            byte[] damaged = whole.clone();
            StringBuilder what = new StringBuilder(name + " -Dsluice.seed=" + SEED + " run=" + run);
            for (int flips = 1 + random.nextInt(3); flips > 0; flips--) {
                int at = random.nextInt(damaged.length);
                damaged[at] = (byte) (random.nextBoolean() ? damaged[at] ^ 1 << random.nextInt(8) : random.nextInt());
                what.append(" [").append(at).append("]=").append(damaged[at]);
            }
            use(engine, damaged, what.toString());
        }
        assertThat(refused).as("refused").isPositive();
    }

    @ParameterizedTest(name = "{1} {0}")
    @MethodSource("objects")
    void cutOff(Engine engine, String name) {
        byte[] whole = Pcaps.bytes(Pcaps.object(name));
        for (int length = 0; length < whole.length; length += 7) {
            use(engine, Arrays.copyOf(whole, length), name + " length=" + length);
        }
        assertThat(refused).as("refused").isPositive();
    }

    private void use(Engine engine, byte[] bytes, String what) {
        try {
            ObjectSpec spec = ObjectSpec.read("damaged.bpf.o", bytes);
            for (ProgramSpec program : spec.programs()) {
                try (XdpRuntime runtime = new XdpRuntime(engine, 2, 0)) {
                    run(runtime, runtime.load(spec, List.of(program.asXdp())));
                    loaded++;
                } catch (ObjectException | LoadException e) {
                    refused(e);
                }
            }
        } catch (ObjectException e) {
            refused(e);
        } catch (RuntimeException | Error e) {
            fail("expected an ObjectException or a LoadException: " + what, e);
        }
    }

    private void refused(RuntimeException e) {
        assertThat(e.getMessage()).isNotBlank().doesNotContain("Exception");
        refused++;
    }

    private void run(XdpRuntime runtime, LoadedObject object) {
        try (Arena arena = Arena.ofConfined();
                RunContext context = runtime.newContext(() -> 1, 0)) {
            context.instructionLimit = 10_000;
            long frame = Memory.allocate(arena, 4096, 64);
            long descriptor = Memory.allocate(arena, FrameDescriptor.BYTES, 64);
            for (LoadedProgram program : object.programs()) {
                Memory.putLong(descriptor + FrameDescriptor.DATA, frame + 256);
                Memory.putLong(descriptor + FrameDescriptor.DATA_END, frame + 256 + PACKET);
                Memory.putLong(descriptor + FrameDescriptor.DATA_META, frame + 256);
                Memory.putLong(descriptor + FrameDescriptor.HARD_START, frame);
                Memory.putInt(descriptor + FrameDescriptor.FRAME_SIZE, 4096);
                program.executable().run(context, descriptor, 1, (i, fault) -> {
                    assertThat(fault.getMessage()).startsWith("pc ");
                    faulted++;
                });
            }
        }
    }
}
