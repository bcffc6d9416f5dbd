package dev.sluice.verifier;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.helper.Kfunc;
import dev.sluice.isa.Assembler;
import dev.sluice.isa.Symbols;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapType;
import dev.sluice.program.Facts;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringReader;
import java.io.StringWriter;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;

class VerifierTest {
    private static final KnownMap HASH = KnownMap.of(MapDef.of("hash", MapType.HASH, 4, 8, 16));

    private static final Symbols SYMBOLS = new Symbols() {
        @Override
        public int kfuncNumber(String name) {
            return Kfunc.numberOf(name);
        }
    };

    private static byte[] assemble(String text) {
        return Assembler.assemble(text, SYMBOLS).toBytes();
    }

    private static Verdict verify(int logLevel, String text, KnownMap... maps) {
        return Verifier.create().withLogLevel(logLevel).verify(Subject.of(assemble(text), List.of(maps)));
    }

    @Test
    void theLogIsTheKernels() {
        Verdict verdict = verify(1, """
                r2 = *(u32 *)(r1 + 0)
                r3 = *(u32 *)(r1 + 4)
                r4 = r2
                r4 += 14
                if r4 > r3 goto out
                r0 = *(u8 *)(r2 + 14)
                out:
                r0 = 2
                exit
                """);
        assertThat(verdict).isInstanceOf(Verdict.Rejected.class);
        assertThat(((Verdict.Rejected) verdict).insn()).isEqualTo(5);
        assertThat(verdict.log()).isEqualTo("""
                        0: R1=ctx() R10=fp0
                        0: (61) r2 = *(u32 *)(r1 +0)          ; R1=ctx() R2=pkt(r=0)
                        1: (61) r3 = *(u32 *)(r1 +4)          ; R1=ctx() R3=pkt_end()
                        2: (bf) r4 = r2                       ; R2=pkt(r=0) R4=pkt(r=0)
                        3: (07) r4 += 14                      ; R4=pkt(off=14,r=0)
                        4: (2d) if r4 > r3 goto pc+1          ; R3=pkt_end() R4=pkt(off=14,r=14)
                        5: (71) r0 = *(u8 *)(r2 +14)
                        invalid access to packet, off=14 size=1, R2(id=0,off=14,r=14)
                        R2 offset is outside of the packet
                        processed 6 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0""");
    }

    @Test
    void aLookupMustBeChecked() {
        String lookup = "*(u32 *)(r10 - 4) = 0\nr2 = r10\nr2 += -4\nr1 = map[fd:0]\ncall 1\n";
        Verdict unchecked = verify(0, lookup + "r0 = *(u64 *)(r0 + 0)\nexit", HASH);
        assertThat(((Verdict.Rejected) unchecked).message()).isEqualTo("R0 invalid mem access 'map_value_or_null'");
        Verdict checked = verify(0, lookup + "if r0 == 0 goto +1\nr0 = *(u64 *)(r0 + 0)\nexit", HASH);
        assertThat(checked).isInstanceOf(Verdict.Verified.class);
    }

    @Test
    void whatIsKnownOfReadOnlyDataDecidesBranches() {
        KnownMap rodata = KnownMap.constant(
                new MapDef("rodata", MapType.ARRAY, 4, 4, 1, KnownMap.RDONLY_PROG, 0, null), new byte[] {7, 0, 0, 0});
        Verdict verdict = verify(
                0,
                "r1 = map[fd:0][0]+0\nr0 = *(u32 *)(r1 + 0)\nif r0 == 7 goto +1\nr0 = *(u64 *)(r9 + 0)\nexit",
                rodata);
        assertThat(verdict).isInstanceOf(Verdict.Verified.class);
        Facts facts = ((Verdict.Verified) verdict).facts();
        assertThat(facts.isReached(3)).isTrue();
        assertThat(facts.isReached(4)).isFalse();
        assertThat(facts.isProof()).isTrue();
    }

    @Test
    void aStackPointerTakenForAnotherFramesIsNoProof() {
        Verdict verdict = verify(
                0,
                "r0 = 0\n*(u64 *)(r10 - 8) = 0\ncall f\nr0 = 0\nexit\nf:\nr1 = 0\nr1 += r10\nr0 = *(u64 *)(r1 - 8)\nexit");
        assertThat(((Verdict.Verified) verdict).facts().isProof()).isFalse();
    }

    /** A program that gets a slice of the packet, or a copy of it on the stack, in r0, and what it does with it. */
    private static boolean isProofWithSlice(String before, String after) {
        Verdict verdict = verify(0, """
                r2 = 0
                r3 = r10
                r3 += -16
                call bpf_dynptr_from_xdp#kfunc
                r6 = 0
                *(u64 *)(r10 - 24) = r6
                %s
                r1 = r10
                r1 += -16
                r2 = 0
                r3 = r10
                r3 += -48
                r4 = 16
                call bpf_dynptr_slice_rdwr#kfunc
                if r0 == 0 goto out
                %s
                out:
                r0 = 2
                exit
                """.formatted(before, after));
        assertThat(verdict).isInstanceOf(Verdict.Verified.class);
        return ((Verdict.Verified) verdict).facts().isProof();
    }

    @Test
    void whatASliceMayChangeOnTheStackIsOnlyBytes() {
        String change = "*(u64 *)(r0 + 0) = r6\n";
        String value = "r7 = r10\nr7 += -24\n*(u64 *)(r10 - 48) = r7\n";
        String follow = "r7 = *(u64 *)(r10 - 48)\nr7 = *(u64 *)(r7 + 0)";
        assertThat(isProofWithSlice("", change)).isTrue();
        assertThat(isProofWithSlice("*(u64 *)(r10 - 48) = 0", change + "r7 = *(u64 *)(r10 - 48)"))
                .isTrue();
        assertThat(isProofWithSlice("", value + change + follow))
                .as("a pointer is there, and the slice changes it")
                .isFalse();
        assertThat(isProofWithSlice("", value.replace("48", "56") + change + follow.replace("48", "56")))
                .as("a pointer beside the buffer")
                .isTrue();
        assertThat(isProofWithSlice(
                        "", "*(u32 *)(r10 - 40) = 1\n*(u64 *)(r0 + 8) = r6\nr7 = *(u32 *)(r10 - 40)\nr6 = 8\nr6 /= r7"))
                .as("a number is there")
                .isFalse();
        assertThat(isProofWithSlice(
                        "", change + "r1 = r10\nr1 += -16\nr2 = r10\nr2 += -48\ncall bpf_dynptr_clone#kfunc"))
                .as("a dynptr is there")
                .isFalse();
    }

    @Test
    void aSliceOutlivesTheFrameThatItIsIn() {
        String text = """
                r2 = 0
                r3 = r10
                r3 += -16
                call bpf_dynptr_from_xdp#kfunc
                r1 = r10
                r1 += -16
                call slice
                if r0 == 0 goto out
                r1 = r0
                call change
                out:
                r0 = 2
                exit
                slice:
                r2 = 0
                r3 = r10
                r3 += -48
                r4 = 16
                call bpf_dynptr_slice_rdwr#kfunc
                exit
                change:
                *(u64 *)(r10 - 8) = 0
                r7 = r10
                r7 += -8
                *(u64 *)(r10 - %1$d) = r7
                *(u64 *)(r1 + 0) = 1
                r7 = *(u64 *)(r10 - %1$d)
                r0 = *(u64 *)(r7 + 0)
                exit
                """;
        for (int at : new int[] {48, 64}) {
            Verdict verdict = verify(0, text.formatted(at));
            assertThat(verdict).as("%s", verdict).isInstanceOf(Verdict.Verified.class);
            assertThat(((Verdict.Verified) verdict).facts().isProof()).isEqualTo(at == 64);
        }
    }

    @Test
    void theStreamAnswersInOrder() throws IOException {
        String good = HexFormat.of().formatHex(assemble("r0 = 2\nexit"));
        String bad = HexFormat.of().formatHex(assemble("exit"));
        StringWriter answers = new StringWriter();
        new JobStream(Verifier.create(), null)
                .run(
                        new BufferedReader(new StringReader(
                                "a\traw\t" + good + "\nb\traw\t" + bad + "\nc\traw\tzz\nd\tobject\t/none.o\tp\n")),
                        new PrintWriter(answers));
        assertThat(answers.toString().lines().limit(2)).containsExactly("a\tACCEPT\t2", "b\tREJECT\tR0 !read_ok");
        assertThat(answers.toString().lines().skip(2))
                .allSatisfy(line -> assertThat(line).containsPattern("^[cd]\tUNSUPPORTED\t.+"));
    }

    @Test
    void explainsInWords() {
        assertThat(Explanation.of("R2 offset is outside of the packet")
                        .orElseThrow()
                        .fix())
                .contains("data + offset + size <= data_end");
        assertThat(Explanation.of("no such message")).isEmpty();
    }

    @Test
    void saysWhichBranchesLeadToARejection() {
        Verdict verdict = verify(1, """
                r2 = *(u32 *)(r1 + 0)
                r3 = *(u32 *)(r1 + 4)
                r6 = *(u32 *)(r1 + 12)
                r4 = r2
                r4 += 14
                if r4 > r3 goto out
                if r6 > 40 goto out
                r0 = *(u8 *)(r2 + 20)
                out:
                r0 = 2
                exit
                """);
        assertThat(Explanation.text((Verdict.Rejected) verdict)).isEqualTo("""
                why: on this path 14 bytes from the pointer's origin on are known to be there, but the access needs the bytes up to 21
                path:
                  5: (2d) if r4 > r3 goto pc+2  [5: goes on, 14 bytes of the packet are there]
                  6: (25) if r6 > 0x28 goto pc+1  [6: goes on, r6 is 0 to 40]
                fix: return early unless data + 21 <= data_end, on every path to this access, and access through the pointer that was compared""");
    }

    @Test
    void aRangeIsLostWhenANumberIsAdded() {
        Verdict verdict = verify(1, """
                r2 = *(u32 *)(r1 + 0)
                r3 = *(u32 *)(r1 + 4)
                r6 = *(u32 *)(r1 + 12)
                r4 = r2
                r4 += 64
                if r4 > r3 goto out
                r6 &= 7
                r2 += r6
                r0 = *(u8 *)(r2 + 3)
                out:
                r0 = 2
                exit
                """);
        assertThat(Explanation.text((Verdict.Rejected) verdict))
                .contains("since a number was added to the pointer")
                .contains("fix: compare again after the addition: if (ptr + 4 > data_end) return");
    }

    @Test
    void aTimeLimitIsNotTheProgramsFault() {
        Verdict verdict = Verifier.create()
                .withTimeLimit(0)
                .verify(Subject.of(
                        assemble("r1 = 0\nagain:\nr1 += 1\nif r1 != 0 goto again\nr0 = 2\nexit"), List.of()));
        assertThat(verdict).isInstanceOf(Verdict.Unsupported.class);
    }
}
