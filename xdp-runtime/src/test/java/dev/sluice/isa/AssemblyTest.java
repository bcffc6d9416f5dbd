package dev.sluice.isa;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Text to bytes and back, for every row of the table and in both syntaxes. */
class AssemblyTest {
    @ParameterizedTest
    @EnumSource(Syntax.class)
    void everyRowSurvivesTheRoundTrip(Syntax syntax) {
        long seed = 20_261_121L;
        Random random = new Random(seed);
        Disassembler disassembler = new Disassembler(syntax, Symbols.NONE);
        for (Opcode opcode : Opcode.values()) {
            for (int round = 0; round < 50; round++) {
                Instruction insn = RandomInstructions.next(opcode, random);
                Code code = Code.of(List.of(insn));
                assertThat(Code.decode(code.toBytes())).as("decode of %s", insn).isEqualTo(code);
                String text = disassembler.text(code);
                assertThat(Assembler.assemble(text))
                        .as("seed=%d %s %s", seed, insn, text)
                        .isEqualTo(code);
            }
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "r0 = *(u8 *)(r2 +12)              | 71 20 0c 00 00 00 00 00",
                "r0 = *(u8 *)(r2 + 0xc)            | 71 20 0c 00 00 00 00 00",
                "if r1 > r2 goto +5                | 2d 21 05 00 00 00 00 00",
                "if r1 > r2 goto pc+5              | 2d 21 05 00 00 00 00 00",
                "if w1 s<= -1 goto -3              | d6 01 fd ff ff ff ff ff",
                "lock *(u64 *)(r0 +0) += r1        | db 10 00 00 00 00 00 00",
                "w0 = xchg32_32(r1 + 0x4, w0)      | c3 01 04 00 e1 00 00 00",
                "r0 = atomic64_cmpxchg((u64 *)(r1 +0), r0, r2) | db 21 00 00 f1 00 00 00",
                "r3 = atomic_fetch_xor((u32 *)(r1 -4), r3)     | c3 31 fc ff a1 00 00 00",
                "r1 = 0x1122334455667788 ll        | 18 01 00 00 88 77 66 55 00 00 00 00 44 33 22 11",
                "r1 = map[fd:7]                    | 18 11 00 00 07 00 00 00 00 00 00 00 00 00 00 00",
                "r1 = map[fd:7][0]+16              | 18 21 00 00 07 00 00 00 00 00 00 00 10 00 00 00",
                "3: (18) r1 = 0x5                  | 18 01 00 00 05 00 00 00 00 00 00 00 00 00 00 00",
                "3: (b7) r1 = 5                    | b7 01 00 00 05 00 00 00",
                "r1 = (s16)r2                      | bf 21 10 00 00 00 00 00",
                "w1 s/= w2                         | 3c 21 01 00 00 00 00 00",
                "r4 = be16 r4                      | dc 04 00 00 10 00 00 00",
                "r4 = bswap64 r4                   | d7 04 00 00 40 00 00 00",
                "w4 = -w4                          | 84 04 00 00 00 00 00 00",
                "call bpf_map_lookup_elem#1        | 85 00 00 00 01 00 00 00",
                "call pc+3                         | 85 10 00 00 03 00 00 00",
                "call bpf_dynptr_from_xdp#kfunc:91 | 85 20 00 00 5b 00 00 00",
                "gotol +70000                      | 06 00 00 00 70 11 01 00",
                "may_goto +2                       | e5 00 02 00 00 00 00 00",
                "r1 = load_acquire((u16 *)(r2 +2)) | cb 21 02 00 00 01 00 00",
                "store_release((u8 *)(r1 -1), r2)  | d3 21 ff ff 10 01 00 00",
                "r0 = *(u16 *)skb[r3 + 14]         | 48 30 00 00 0e 00 00 00",
                "*(u64 *)(r10 -8) = 0              | 7a 0a f8 ff 00 00 00 00",
                "exit ; the end                    | 95 00 00 00 00 00 00 00"
            })
    void knownEncodings(String text, String hex) {
        byte[] expected = java.util.HexFormat.ofDelimiter(" ").parseHex(hex);
        assertThat(Assembler.assemble(text).toBytes()).isEqualTo(expected);
    }

    @Test
    void labelsAndComments() {
        Code code = Assembler.assemble("""
                // a loop
                  r1 = 3
                again:
                  r1 += -1
                  if r1 != 0 goto again   ; back
                  call twice
                  goto out
                  r0 = 9
                out: exit
                twice:
                  exit
                """);
        assertThat(code.at(2).target(2)).isEqualTo(1);
        assertThat(code.at(3).target(3)).isEqualTo(7);
        assertThat(code.at(4).target(4)).isEqualTo(6);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "r11 = 1            | expected r0 to r10",
                "r1 = w2            | two registers of one width",
                "frobnicate         | not an instruction: frobnicate",
                "goto nowhere       | unknown jump target: nowhere",
                "r1 = 0x100000000   | does not fit into 32 bits",
                "if r1 ~ 2 goto +1  | not a condition: ~",
                "goto +40000        | does not fit into 16 bits"
            })
    void errorsSayWhatAndWhere(String text, String message) {
        assertThatThrownBy(() -> Assembler.assemble("exit\n" + text))
                .isInstanceOf(MalformedCodeException.class)
                .hasMessageContaining(message)
                .hasMessageContaining("line=2");
    }

    @Test
    void damagedBytesAreRejectedOrDecodeToThemselves() {
        long seed = 7;
        Random random = new Random(seed);
        int rejected = 0;
        for (int round = 0; round < 200_000; round++) {
            byte[] bytes = new byte[16];
            random.nextBytes(bytes);
            if (random.nextBoolean()) { // mostly plausible
                bytes[1] &= 0x77;
                java.util.Arrays.fill(bytes, 2, 8, (byte) 0);
                bytes[8] = (byte) 0x95;
                java.util.Arrays.fill(bytes, 9, 16, (byte) 0);
            }
            try {
                assertThat(Code.decode(bytes).toBytes()).as("seed=%d", seed).isEqualTo(bytes);
            } catch (MalformedCodeException e) {
                rejected++;
            }
        }
        assertThat(rejected).isBetween(1, 199_999);
    }

    @Test
    void reservedFieldsAreRejected() {
        List<String> hex = new ArrayList<>(List.of(
                "95 00 00 00 01 00 00 00", // exit with imm
                "95 00 01 00 00 00 00 00", // exit with off
                "0f 10 02 00 00 00 00 00", // add with off
                "07 10 00 00 01 00 00 00", // add imm with src
                "bf 10 04 00 00 00 00 00", // mov with an offset that is no width
                "dc 00 00 00 11 00 00 00", // be17
                "db 10 00 00 02 00 00 00", // atomic without an operation
                "85 30 00 00 01 00 00 00", // call with src 3
                "61 bc 00 00 00 00 00 00", // r11
                "18 70 00 00 00 00 00 00 00 00 00 00 00 00 00 00", // lddw src 7
                "18 00 00 00 00 00 00 00 00 01 00 00 00 00 00 00", // second slot with dst
                "18 00 00 00 00 00 00 00", // half an lddw
                "95 00 00 00"));
        for (String bytes : hex) {
            assertThatThrownBy(() ->
                            Code.decode(java.util.HexFormat.ofDelimiter(" ").parseHex(bytes)))
                    .as(bytes)
                    .isInstanceOf(MalformedCodeException.class);
        }
    }
}
