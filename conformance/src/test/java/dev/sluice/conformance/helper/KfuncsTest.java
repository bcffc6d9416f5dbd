package dev.sluice.conformance.helper;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.map.MapDef;
import dev.sluice.map.MapType;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Functions of the kernel: engines and, where permitted, the kernel give the same, all 64 bits of it. */
class KfuncsTest {
    private static final int TEXT_BYTES = 40;

    private final HelperBench bench = new HelperBench();

    @AfterEach
    void close() {
        bench.close();
    }

    private static byte[] packet(int bytes) {
        byte[] packet = new byte[bytes];
        for (int i = 0; i < bytes; i++) {
            packet[i] = (byte) (i * 7 + 1);
        }
        return packet;
    }

    // --- dynptrs

    private static final String FROM_XDP = """
            r1 = r9
            r2 = %d
            r3 = r10
            r3 += -16
            call bpf_dynptr_from_xdp#kfunc
            r6 = r0
            """;

    private static final String DYNPTR = """
            r1 = r10
            r1 += -16
            """;

    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void aDynptrOverThePacketHasItsLength(int flags) {
        HelperBench.Result result = bench.runAndStore(
                packet(80),
                FROM_XDP.formatted(flags) + DYNPTR + "call bpf_dynptr_size#kfunc\nr7 = r0\n" + DYNPTR
                        + "call bpf_dynptr_is_null#kfunc\nr8 = r0\nr8 &= 255\n");
        assertThat(result.number(8)).isEqualTo(flags == 0 ? 80 : 0xffff_ffeaL);
    }

    @ParameterizedTest
    @CsvSource({"0,80", "10,20", "10,10", "0,0", "20,10", "0,81", "81,81", "80,80", "-1,-1", "0,-1"})
    void aDynptrIsCut(int start, int end) {
        bench.runAndStore(
                packet(80),
                FROM_XDP.formatted(0) + DYNPTR
                        + "r2 = %d\nr3 = %d\ncall bpf_dynptr_adjust#kfunc\nr6 = r0\n".formatted(start, end) + DYNPTR
                        + """
                        call bpf_dynptr_size#kfunc
                        r7 = r0
                        r1 = r10
                        r1 += -16
                        r2 = 1
                        r3 = r10
                        r3 += -32
                        r4 = 4
                        call bpf_dynptr_slice#kfunc
                        if r0 == 0 goto none
                        r8 = *(u32 *)(r0 + 0)
                        none:
                        """);
    }

    @ParameterizedTest
    @CsvSource({"0,14", "66,14", "67,14", "80,1", "79,1", "-1,8", "0,80", "0,96"})
    void slicesReadAndWriteThePacket(int offset, int size) {
        for (String buffer : List.of("r3 = 0", "r3 = r10\nr3 += -128")) {
            for (String suffix : List.of("", "_rdwr")) {
                String write = suffix.isEmpty() ? "" : "*(u8 *)(r0 + 0) = 0x55\n";
                bench.runAndStore(
                        packet(80),
                        FROM_XDP.formatted(0) + DYNPTR + "r2 = " + offset + "\n" + buffer + "\nr4 = " + size
                                + "\ncall bpf_dynptr_slice" + suffix + "#kfunc\nif r0 == 0 goto none\nr7 = 1\n"
                                + "r8 = *(u8 *)(r0 + 0)\n" + write + "none:\n");
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"0,8,0", "72,8,0", "73,8,0", "0,8,1", "-1,8,0", "80,0,0", "81,0,0"})
    void bytesAreCopiedOutAndIn(int offset, int size, int flags) {
        bench.runAndStore(packet(80), FROM_XDP.formatted(0) + """
                        *(u64 *)(r10 - 32) = 0
                        r1 = r10
                        r1 += -32
                        r2 = %2$d
                        r3 = r10
                        r3 += -16
                        r4 = %1$d
                        r5 = %3$d
                        call bpf_dynptr_read
                        r6 = r0
                        r8 = *(u64 *)(r10 - 32)
                        r1 = 0x1122334455667788 ll
                        *(u64 *)(r10 - 32) = r1
                        r1 = r10
                        r1 += -16
                        r2 = %1$d
                        r3 = r10
                        r3 += -32
                        r4 = %2$d
                        r5 = %3$d
                        call bpf_dynptr_write
                        r7 = r0
                        """.formatted(offset, size, flags));
    }

    @Test
    void aDynptrOverAValueIsReadWrittenAndPointedInto() {
        bench.map(MapDef.of("text", MapType.ARRAY, 4, 64, 1));
        for (int size : new int[] {64, 8, 0}) {
            for (int flags : new int[] {0, 2}) {
                bench.runAndStore(packet(80), """
                        r1 = map[fd:0][0]+0
                        r2 = %d
                        r3 = %d
                        r4 = r10
                        r4 += -16
                        call bpf_dynptr_from_mem
                        r6 = r0
                        r1 = r10
                        r1 += -16
                        r2 = 4
                        r3 = 4
                        call bpf_dynptr_data
                        if r0 == 0 goto none
                        *(u32 *)(r0 + 0) = 77
                        r7 = 1
                        none:
                        r1 = r10
                        r1 += -16
                        r2 = 0
                        r3 = 0
                        r4 = 8
                        call bpf_dynptr_slice#kfunc
                        if r0 == 0 goto nothing
                        r8 = *(u64 *)(r0 + 0)
                        nothing:
                        """.formatted(size, flags));
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"0,0,8", "8,0,16", "0,8,16", "72,0,8", "73,0,8", "0,73,8", "0,0,0", "81,0,0"})
    void bytesAreCopiedBetweenDynptrs(int to, int from, int size) {
        bench.runAndStore(packet(80), FROM_XDP.formatted(0) + """
                        r1 = r10
                        r1 += -16
                        r2 = r10
                        r2 += -32
                        call bpf_dynptr_clone#kfunc
                        r7 = r0
                        r1 = r10
                        r1 += -32
                        r2 = %d
                        r3 = r10
                        r3 += -16
                        r4 = %d
                        r5 = %d
                        call bpf_dynptr_copy#kfunc
                        r8 = r0
                        """.formatted(to, from, size));
    }

    @ParameterizedTest
    @CsvSource({"0,8,0", "72,8,0", "73,8,0", "0,0,0", "30,50,0", "0,8,1"})
    void bytesOfADynptrAreSet(int offset, int size, int flags) {
        bench.runAndStore(
                packet(80),
                FROM_XDP.formatted(flags)
                        + DYNPTR
                        + "r2 = %d\nr3 = %d\nr4 = 0x1ab\ncall bpf_dynptr_memset#kfunc\nr7 = r0\n"
                                .formatted(offset, size));
    }

    @Test
    void anEmptyDynptrIsOfNoUse() {
        bench.runAndStore(
                packet(80),
                FROM_XDP.formatted(1) + DYNPTR + "call bpf_dynptr_is_rdonly#kfunc\nr7 = r0\nr7 &= 255\n" + DYNPTR
                        + "r2 = 0\nr3 = 0\ncall bpf_dynptr_adjust#kfunc\nr8 = r0\n" + DYNPTR
                        + "r2 = r10\nr2 += -32\ncall bpf_dynptr_clone#kfunc\nr8 <<= 32\nr8 |= r0\n");
    }

    @ParameterizedTest
    @CsvSource({"16,0", "16,1", "5000,0", "0,0", "0x1000000,0"})
    void aRecordIsReservedByDynptr(String size, int flags) {
        bench.map(MapDef.of("ring", MapType.RINGBUF, 0, 0, 4096));
        bench.runAndStore(packet(80), """
                r1 = map[fd:0]
                r2 = %s
                r3 = %d
                r4 = r10
                r4 += -16
                call bpf_ringbuf_reserve_dynptr
                r6 = r0
                r1 = r10
                r1 += -16
                r2 = 0
                r3 = 8
                call bpf_dynptr_data
                if r0 == 0 goto none
                *(u64 *)(r0 + 0) = 5
                r7 = 1
                none:
                r1 = r10
                r1 += -16
                r2 = 0
                call bpf_ringbuf_submit_dynptr
                r1 = map[fd:0]
                r2 = 0
                call bpf_ringbuf_query
                r8 = r0
                """.formatted(size, flags));
    }

    @Test
    void aDynptrShrinksNotWithThePacket() {
        bench.runAndStore(packet(80), FROM_XDP.formatted(0) + """
                r1 = r9
                r2 = -40
                call bpf_xdp_adjust_tail
                r1 = r10
                r1 += -16
                call bpf_dynptr_size#kfunc
                r7 = r0
                r1 = r10
                r1 += -16
                r2 = 36
                r3 = 0
                r4 = 8
                call bpf_dynptr_slice#kfunc
                if r0 == 0 goto none
                r8 = 1
                none:
                r1 = r10
                r1 += -32
                r2 = 8
                r3 = r10
                r3 += -16
                r4 = 36
                r5 = 0
                call bpf_dynptr_read
                r6 = r0
                """);
    }

    // --- iterators

    @ParameterizedTest
    @CsvSource({
        "0,10",
        "5,5",
        "6,5",
        "-3,3",
        "0,8388608",
        "0,8388609",
        "-2147483648,2147483647",
        "2147483640,2147483647"
    })
    void numbersAreIterated(int start, int end) {
        bench.runAndStore(packet(80), """
                r1 = r10
                r1 += -8
                r2 = %d
                r3 = %d
                call bpf_iter_num_new#kfunc
                r6 = r0
                next:
                r1 = r10
                r1 += -8
                call bpf_iter_num_next#kfunc
                if r0 == 0 goto done
                r1 = *(u32 *)(r0 + 0)
                r7 += r1
                r8 += 1
                if r8 > 1000 goto done
                goto next
                done:
                r1 = r10
                r1 += -8
                call bpf_iter_num_destroy#kfunc
                """.formatted(start, end));
    }

    // --- strings

    private void strings(String one, String other) {
        bench.map(MapDef.of("text", MapType.ARRAY, 4, 2 * TEXT_BYTES, 1));
        byte[] value = Arrays.copyOf(one.getBytes(StandardCharsets.ISO_8859_1), 2 * TEXT_BYTES);
        byte[] second = other.getBytes(StandardCharsets.ISO_8859_1);
        System.arraycopy(second, 0, value, TEXT_BYTES, second.length);
        bench.put(0, new byte[4], value);
    }

    @ParameterizedTest
    @CsvSource({
        "abc,abc",
        "abc,abd",
        "abd,abc",
        "abc,ABC",
        "abc,ab",
        "ab,abc",
        "'',''",
        "'',a",
        "hello world,o w",
        "aaab,ab",
        "x\u00e9,x\u00c9",
        "x\u00e9,xa",
        "aabbcc,ab",
        "needle,needles",
        "ab,b"
    })
    void stringsAreLookedAt(String one, String other) {
        strings(one, other);
        for (String call : List.of("strcmp", "strcasecmp", "strstr", "strspn", "strcspn")) {
            bench.runAndStore(packet(80), """
                    r1 = map[fd:0][0]+0
                    r2 = map[fd:0][0]+%d
                    call bpf_%s#kfunc
                    r6 = r0
                    """.formatted(TEXT_BYTES, call));
        }
        for (int length : new int[] {0, 1, 2, 3, 5, 100, -1}) {
            bench.runAndStore(packet(80), """
                    r1 = map[fd:0][0]+0
                    r2 = map[fd:0][0]+%d
                    r3 = %d
                    call bpf_strnstr#kfunc
                    r6 = r0
                    r1 = map[fd:0][0]+0
                    r2 = %d
                    call bpf_strnlen#kfunc
                    r7 = r0
                    """.formatted(TEXT_BYTES, length, length));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {'a', 'b', 'z', 0, 0x161, -1, 0xe9})
    void charactersAreFound(int c) {
        strings("abcab\u00e9", "");
        for (String call : List.of("strchr", "strchrnul", "strrchr")) {
            bench.runAndStore(packet(80), """
                    r1 = map[fd:0][0]+0
                    r2 = %d
                    call bpf_%s#kfunc
                    r6 = r0
                    """.formatted(c, call));
        }
        for (int count : new int[] {0, 1, 2, 6, 7, 100}) {
            bench.runAndStore(packet(80), """
                    r1 = map[fd:0][0]+0
                    r2 = %d
                    r3 = %d
                    call bpf_strnchr#kfunc
                    r6 = r0
                    """.formatted(count, c));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"0", "16", "4096", "-1", "-4096"})
    void memoryThatDoesNotExistIsAnError(String address) {
        bench.runAndStore(packet(80), """
                r1 = %1$s
                call bpf_strlen#kfunc
                r6 = r0
                r1 = %1$s
                r2 = %1$s
                call bpf_strcmp#kfunc
                r7 = r0
                r1 = %1$s
                r2 = 5
                call bpf_strrchr#kfunc
                r8 = r0
                """.formatted(address));
    }

    // --- the packet and regions

    @ParameterizedTest
    @ValueSource(ints = {0, 14, 80, 81, -1})
    void thePacketIsInOnePiece(int length) {
        bench.runAndStore(packet(80), "r1 = r9\nr2 = " + length + "\ncall bpf_xdp_pull_data#kfunc\nr6 = r0\n");
    }

    @Test
    void regionsAreEnteredAndLeft() {
        bench.runAndStore(packet(80), """
                call bpf_rcu_read_lock#kfunc
                r6 = 1
                call bpf_rcu_read_unlock#kfunc
                call bpf_preempt_disable#kfunc
                r7 = 2
                call bpf_preempt_enable#kfunc
                """);
    }
}
