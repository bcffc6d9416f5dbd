package dev.sluice.object;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;
import static org.junit.jupiter.api.Assertions.assertTimeout;

import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever a file contains, reading and linking it gives an object, or an {@link ObjectException} that says why not. */
class DamagedObjectTest {
    private static final long SEED = Long.getLong("sluice.seed", System.nanoTime());
    private static final Duration LIMIT = Duration.ofSeconds(240);

    /** Reads and links; returns whether that worked. */
    private static boolean use(byte[] bytes, String what) {
        try {
            ObjectSpec object = ObjectSpec.read("damaged.bpf.o", bytes);
            for (ProgramSpec program : object.programs()) {
                try {
                    object.link(program).tag();
                } catch (ObjectException e) {
                    checkMessage(e);
                }
            }
            return true;
        } catch (ObjectException e) {
            checkMessage(e);
            return false;
        } catch (RuntimeException | Error e) {
            return fail("expected an ObjectException: " + what, e);
        }
    }

    private static void checkMessage(ObjectException e) {
        assertThat(e.getMessage()).isNotBlank();
    }

    @ParameterizedTest
    @ValueSource(strings = {"hello", "features/core", "features/map_types", "legacy/iproute2"})
    void cutOffAtEveryOffset(String name) {
        byte[] whole = Objects.bytes(name);
        assertThat(use(whole, name)).isTrue();
        assertTimeout(LIMIT, () -> {
            for (int length = 0; length < whole.length; length++) {
                use(Arrays.copyOf(whole, length), name + " length=" + length);
            }
        });
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "hello",
                "tail_calls",
                "calls",
                "features/core",
                "features/map_types",
                "features/externs",
                "features/callback",
                "features/linked",
                "features/newer_libbpf",
                "legacy/iproute2",
                "legacy/old_maps-untyped"
            })
    void flippedBytes(String name) {
        byte[] whole = Objects.bytes(name);
        Random random = new Random(SEED + name.hashCode());
        int survived = 0;
        int runs = 3_000;
        for (int run = 0; run < runs; run++) {
            byte[] damaged = whole.clone();
            int flips = 1 + random.nextInt(8);
            StringBuilder what = new StringBuilder(name + " -Dsluice.seed=" + SEED + " run=" + run);
            for (int i = 0; i < flips; i++) {
                int at = random.nextInt(damaged.length);
                damaged[at] = interesting(random, damaged[at]);
                what.append(" [").append(at).append("]=").append(damaged[at]);
            }
            if (use(damaged, what.toString())) {
                survived++;
            }
        }
        // most single bytes do not matter (debug information), and some must
        assertThat(survived).isBetween(1, runs - 1);
    }

    /** Every byte of the headers and tables in turn, with the values that hurt most. */
    @Test
    void everyByteOfASmallObject() {
        byte[] whole = Objects.bytes("legacy/old_maps-20");
        for (int at = 0; at < whole.length; at++) {
            for (int value : new int[] {0, 1, 0x7f, 0x80, 0xff}) {
                byte[] damaged = whole.clone();
                damaged[at] = (byte) value;
                use(damaged, "old_maps-20 [" + at + "]=" + value);
            }
        }
    }

    private static byte interesting(Random random, byte old) {
        return switch (random.nextInt(4)) {
            case 0 -> (byte) (old ^ 1 << random.nextInt(8));
            case 1 -> (byte) 0xff;
            case 2 -> (byte) 0;
            default -> (byte) random.nextInt();
        };
    }
}
