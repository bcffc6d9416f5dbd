package dev.sluice.jit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.isa.Assembler;
import dev.sluice.program.Verified;
import java.lang.classfile.instruction.InvokeInstruction;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code bpf_xdp_load_bytes} and {@code bpf_xdp_store_bytes} of few bytes are copies in place. */
class PacketCopyTest {
    /** r9 is the context, r7 a number from the packet, another for each packet. */
    private static final String BEGIN = """
            r9 = r1
            r2 = *(u32 *)(r1 + 0)
            r3 = *(u32 *)(r1 + 4)
            r4 = r2
            r4 += 14
            r0 = 0
            if r4 > r3 goto out
            r7 = *(u8 *)(r2 + 0)
            """;

    private static final String LOAD = """
            r1 = r9
            r2 = r7
            r3 = r10
            r3 += -160
            r4 = %d
            call 189
            r8 = r0
            """;

    private static final String STORE = """
            r6 = r0
            r1 = r9
            r2 = r7
            r2 += 3
            r3 = r10
            r3 += -160
            r4 = %d
            call 190
            r0 += r6
            """;

    private static final String END = """
            out:
            exit
            """;

    /** More packets than there are bytes in one: numbers and sizes are inside of it and outside. */
    private final Bed bed = new Bed(100);

    @AfterEach
    void close() {
        bed.close();
    }

    /** What is in the buffer, and the helper's result. */
    private static String sum(int bytes) {
        StringBuilder text = new StringBuilder("r0 = r8\n");
        for (int i = 0; i < bytes; i++) {
            text.append("r2 = *(u8 *)(r10 - %d)\nr0 *= 31\nr0 += r2\n".formatted(160 - i));
        }
        return text.toString();
    }

    private void runsAlike(String body) {
        Proved.runsAlike(Proved.of(Assembler.assemble(BEGIN + body + END)), bed, body);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 7, 8, 13, 16, 31, 64, 65, 127, 128, 129, 160})
    void anyNumberOfBytes(int bytes) {
        // what is read after a failure is zero, whatever the packet before has left there
        runsAlike(LOAD.formatted(bytes) + sum(bytes) + STORE.formatted(bytes));
    }

    @ParameterizedTest
    @CsvSource({"0x10000", "0xffff0000", "-1", "0x7fffffff"})
    void placesFarOutside(String offset) {
        runsAlike(LOAD.replace("r2 = r7", "r2 = " + Long.decode(offset).intValue())
                        .formatted(8)
                + sum(8));
        runsAlike(
                LOAD.replace("r2 = r7", "r2 = r7\nr3 = 1\nr3 <<= 40\nr2 |= r3").formatted(8) + sum(8));
    }

    @ParameterizedTest
    @ValueSource(ints = {8, 24})
    void whatWasWrittenBeforeStaysWhenACopyFails(int bytes) {
        runsAlike("*(u64 *)(r10 - 160) = 77\n" + LOAD.formatted(bytes) + sum(bytes));
        String twice = LOAD + "r7 <<= 1\n" + LOAD;
        runsAlike(twice.formatted(bytes, bytes) + sum(bytes));
        String loop = "r6 = 0\nmore:\n" + LOAD + "r7 += 30\nr6 += 1\nif r6 < 3 goto more\n";
        runsAlike(loop.formatted(bytes) + sum(bytes));
        String sometimes = "if r7 & 1 goto odd\n*(u64 *)(r10 - 160) = 5\nodd:\n";
        runsAlike(sometimes + LOAD.formatted(bytes) + sum(bytes));
    }

    private static long accesses(String body) {
        Verified verified = Proved.of(Assembler.assemble(BEGIN + body + END));
        return Proved.packetLoop(verified)
                .filter(element -> element instanceof InvokeInstruction call
                        && call.name().stringValue().matches("(get|put|set).*")
                        && !call.owner().asInternalName().contains("sluice"))
                .count();
    }

    @ParameterizedTest
    @CsvSource({"8,1", "7,3", "128,16", "129,0"})
    void aCopyIsAccessesInPlace(int bytes, int each) {
        String result = "r0 = r8\n";
        // and one that finds out, where the packet is too short, whether it has fragments
        assertThat(accesses(LOAD.formatted(bytes) + result) - accesses(LOAD.formatted(129) + result))
                .isEqualTo(each == 0 ? 0 : 2L * each + 1);
    }
}
