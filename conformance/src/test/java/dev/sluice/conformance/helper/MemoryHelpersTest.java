package dev.sluice.conformance.helper;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.map.BpfMap;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapType;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Helpers on strings and on memory that may not exist; results are copied into the packet. */
class MemoryHelpersTest {
    private static final int STRING_BYTES = 80;

    private final HelperBench bench = new HelperBench();

    @AfterEach
    void close() {
        bench.close();
    }

    /** Value 0 of an array map with a string, zeroes behind it. */
    private void string(String text) {
        byte[] value = Arrays.copyOf(text.getBytes(StandardCharsets.ISO_8859_1), STRING_BYTES);
        bench.map(MapDef.of("text", MapType.ARRAY, 4, STRING_BYTES, 1));
        bench.put(0, new byte[4], value);
    }

    private static final String LOOK_UP = """
            r9 = r1
            *(u32 *)(r10 - 4) = 0
            r1 = map[fd:0]
            r2 = r10
            r2 += -4
            call bpf_map_lookup_elem
            if r0 != 0 goto found
            exit
            found:
            r8 = r0
            """;

    /** Copies 8 bytes at r10 - 16 to the front of the packet and leaves with r6. */
    private static final String STORE = """
            r1 = r9
            r2 = 0
            r3 = r10
            r3 += -16
            r4 = 8
            call bpf_xdp_store_bytes
            r0 = r6
            exit
            """;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "0",
                "42",
                "-42",
                "  7x",
                "\t\n-9223372036854775808",
                "-9223372036854775809",
                "9223372036854775807",
                "9223372036854775808",
                "18446744073709551615",
                "18446744073709551616",
                "99999999999999999999999999",
                "0x1f",
                "0X1F",
                "0x",
                "0xg",
                "017",
                "08",
                "-0x10",
                "--1",
                "-",
                "+1",
                "",
                "   ",
                "abc",
                "ffffffffffffffff",
                "fffffffffffffffff",
                "0000000000000000000000000000000000000000000000000000000000000000000000001",
                "\u00a05",
                "12:34",
                "1 2"
            })
    void numbersAreReadAsTheKernelReadsThem(String text) {
        string(text);
        for (String helper : new String[] {"strtol", "strtoul"}) {
            for (int flags : new int[] {0, 8, 10, 16, 2, 1, 32, 36}) {
                for (int size : new int[] {1, 2, Math.max(1, text.length()), STRING_BYTES}) {
                    bench.run(new byte[64], LOOK_UP + """
                                    *(u64 *)(r10 - 16) = 99
                                    r1 = r8
                                    r2 = %d
                                    r3 = %d
                                    r4 = r10
                                    r4 += -16
                                    call bpf_%s
                                    r6 = r0
                                    """.formatted(size, flags, helper) + STORE);
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "plain",
                "%d|%u|%x",
                "%ld %lld %llu %lx",
                "%5d|%-5d|%05d|",
                "%s",
                "%s and %d",
                "%pI4 %pi4",
                "%pI6",
                "%c%c",
                "%%",
                "a long text with a number in its end: %lu, and some more",
                "%px",
                "%70d"
            })
    void snprintf(String format) {
        byte[] value = Arrays.copyOf(format.getBytes(StandardCharsets.US_ASCII), STRING_BYTES);
        MapDef readOnly = new MapDef("format", MapType.ARRAY, 4, STRING_BYTES, 1, BpfMap.RDONLY_PROG, 0, null);
        bench.map(readOnly).put(0, new byte[4], value);
        bench.sides.forEach(side -> side.maps.getFirst().freeze());
        if (bench.kernel != null) {
            bench.kernelMaps.getFirst().freeze();
        }
        int args = (int) format.replace("%%", "").chars().filter(c -> c == '%').count();
        boolean pointer = format.contains("%s") || format.contains("%pI") || format.contains("%pi");
        for (int size : new int[] {0, 1, 5, 8, 40}) {
            HelperBench.Result result = bench.run(
                    new byte[64],
                    """
                    r9 = r1
                    *(u64 *)(r10 - 80) = 0x6261
                    *(u64 *)(r10 - 72) = 0x0504
                    """
                            + (pointer ? "r1 = r10\nr1 += -80\n*(u64 *)(r10 - 64) = r1\n" : "*(u64 *)(r10 - 64) = -5\n")
                            + (pointer && format.contains("%pi4")
                                    ? "*(u64 *)(r10 - 56) = r1\n"
                                    : "*(u64 *)(r10 - 56) = 65\n")
                            + """
                            *(u64 *)(r10 - 48) = 123456789
                            r1 = 0x123456789abcdef ll
                            *(u64 *)(r10 - 40) = r1
                            *(u64 *)(r10 - 32) = 0
                            *(u64 *)(r10 - 24) = 0
                            *(u64 *)(r10 - 16) = 0
                            *(u64 *)(r10 - 8) = 0
                            *(u64 *)(r10 - 120) = -1
                            *(u64 *)(r10 - 112) = -1
                            *(u64 *)(r10 - 104) = -1
                            *(u64 *)(r10 - 96) = -1
                            *(u64 *)(r10 - 88) = -1
                            r1 = r10
                            r1 += -120
                            r2 = %d
                            r3 = mapvalue
                            r4 = r10
                            r4 += -64
                            r5 = %d
                            call bpf_snprintf
                            r6 = r0
                            r1 = r9
                            r2 = 0
                            r3 = r10
                            r3 += -120
                            r4 = 40
                            call bpf_xdp_store_bytes
                            r0 = r6
                            exit
                            """.formatted(size, 8 * args).replace("r3 = mapvalue", "r3 = map[fd:0][0]+0"));
            assertThat(result.returned()).isNotEqualTo(-22);
        }
    }

    @Test
    void memoryThatDoesNotExist() {
        for (String helper : new String[] {"kernel", "kernel_str", "user", "user_str"}) {
            for (int size : new int[] {0, 1, 8}) {
                for (String from : new String[] {"0", "8", "0xffff888fffffff00 ll"}) {
                    bench.run(new byte[64], """
                            r9 = r1
                            *(u64 *)(r10 - 16) = -1
                            r1 = r10
                            r1 += -16
                            r2 = %d
                            r3 = %s
                            call bpf_probe_read_%s
                            r6 = r0
                            """.formatted(size, from, helper) + STORE);
                }
            }
        }
    }

    @Test
    void memoryThatExists() {
        string("hello, world");
        for (String helper : new String[] {"kernel", "kernel_str"}) {
            for (int offset : new int[] {0, 7, 11, 12, 40}) {
                for (int size : new int[] {0, 1, 3, 8}) {
                    bench.run(new byte[64], LOOK_UP + """
                                    *(u64 *)(r10 - 16) = -1
                                    r1 = r10
                                    r1 += -16
                                    r2 = %d
                                    r3 = r8
                                    r3 += %d
                                    call bpf_probe_read_%s
                                    r6 = r0
                                    """.formatted(size, offset, helper) + STORE);
                }
            }
        }
    }
}
