package dev.sluice.jit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.isa.Assembler;
import dev.sluice.isa.Code;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.map.BpfMap;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapType;
import dev.sluice.program.Verified;
import dev.sluice.verifier.KnownMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Bytes that are moved one by one are moved together, and arrive where they would have arrived alone. */
class ByteFlowTest {
    /** Repeats a run: {@code -Dsluice.seed=N}. */
    private static final long SEED = Long.getLong("sluice.seed", System.nanoTime());

    private static final int PROGRAMS = 300;
    private static final String BEGIN = """
            r9 = *(u32 *)(r1 + 4)
            r6 = *(u32 *)(r1 + 0)
            r8 = r6
            r8 += 64
            r0 = 0
            if r8 > r9 goto out
            """;
    private static final String END = """
            out:
            exit
            """;

    private final Bed bed = new Bed(3);

    @AfterEach
    void close() {
        bed.close();
    }

    private void becomes(String body, String... accesses) {
        Verified verified = Proved.of(Assembler.assemble(BEGIN + body + END));
        assertThat(Proved.accesses(verified)).containsExactly(accesses);
        Proved.runsAlike(verified, bed, body);
    }

    @Test
    void bytesThatAreExchanged() {
        becomes(
                """
                r2 = *(u8 *)(r6 + 0)
                r3 = *(u8 *)(r6 + 4)
                *(u8 *)(r6 + 4) = r2
                *(u8 *)(r6 + 0) = r3
                r2 = *(u8 *)(r6 + 1)
                r3 = *(u8 *)(r6 + 5)
                *(u8 *)(r6 + 1) = r3
                *(u8 *)(r6 + 5) = r2
                """,
                "get short",
                "get byte",
                "get short",
                "get byte",
                "get byte",
                "get byte",
                "put short",
                "put short");
    }

    @Test
    void aNumberFromBytes() {
        becomes("""
                r2 = *(u8 *)(r6 + 7)
                r2 <<= 8
                r3 = *(u8 *)(r6 + 6)
                r2 |= r3
                r4 = *(u8 *)(r6 + 8)
                r4 <<= 8
                r5 = *(u8 *)(r6 + 9)
                r4 |= r5
                w0 = w2
                w0 ^= w4
                """, "get short", "get byte", "get byte", "get short", "get byte", "get byte");
    }

    @Test
    void aNumberAsBytes() {
        becomes("""
                r2 = *(u64 *)(r6 + 8)
                r2 *= 7
                *(u8 *)(r6 + 33) = r2
                r3 = r2
                r3 >>= 8
                *(u8 *)(r6 + 34) = r3
                w3 = w2
                w3 >>= 16
                *(u8 *)(r6 + 35) = r3
                r2 >>= 24
                *(u8 *)(r6 + 36) = r2
                """, "get long", "put int");
    }

    @Test
    void bytesOfANarrowerStore() {
        becomes("""
                r2 = *(u8 *)(r6 + 15)
                r2 ^= 4
                *(u8 *)(r6 + 15) = r2
                r0 = *(u16 *)(r6 + 14)
                *(u8 *)(r6 + 21) = 9
                r3 = *(u64 *)(r6 + 16)
                r3 >>= 20
                w0 ^= w3
                """, "get byte", "put byte", "get byte", "put byte", "get int", "get byte", "get short");
    }

    @Test
    void constantsAreOneStore() {
        becomes("""
                *(u16 *)(r6 + 16) = 5
                *(u8 *)(r6 + 14) = 69
                *(u32 *)(r6 + 18) = 0
                *(u8 *)(r6 + 15) = 255
                """, "put long");
    }

    @Test
    void aLoadOfAnotherPointerSeesWhatWasStoredBefore() {
        // r7 may be r6, so the stores in front of the load are not moved behind it
        becomes("""
                r7 = *(u8 *)(r6 + 63)
                r7 &= 1
                r7 += r6
                r8 = r7
                r8 += 16
                if r8 > r9 goto out
                *(u8 *)(r6 + 2) = 1
                r0 = *(u8 *)(r7 + 2)
                *(u8 *)(r6 + 3) = 2
                r2 = *(u8 *)(r7 + 3)
                r0 += r2
                """, "get byte", "put byte", "get byte", "put byte", "get byte");
    }

    @Test
    void aHelperSeesWhatWasStoredBefore() {
        // csum_diff(0, 0, r10 - 8, 8, 0)
        becomes("""
                *(u8 *)(r10 - 8) = 1
                *(u8 *)(r10 - 7) = 2
                *(u16 *)(r10 - 6) = 3
                *(u32 *)(r10 - 4) = 0x12345678
                r1 = 0
                r2 = 0
                r3 = r10
                r3 += -8
                r4 = 8
                r5 = 0
                call 28
                """, "put long");
    }

    @Test
    void aLoadWithItsSignSeesWhatWasStoredBefore() {
        becomes("""
                *(u8 *)(r6 + 0) = 200
                r0 = *(s8 *)(r6 + 0)
                *(u8 *)(r6 + 1) = 2
                """, "put byte", "get byte", "put byte");
    }

    @Test
    void nothingIsKeptOverALookUp() {
        // what the look-up's code needs by itself may lie where r7 was kept
        MapDef def = MapDef.of("hash", MapType.HASH, 16, 8, 4);
        BpfMap map = bed.map(def);
        Code code = Assembler.assemble(BEGIN + """
                r7 = *(u32 *)(r6 + 0)
                r7 *= 3
                *(u64 *)(r10 - 16) = 0
                *(u64 *)(r10 - 8) = r7
                r2 = r10
                r2 += -16
                r1 = map[fd:0]
                call 1
                *(u8 *)(r6 + 32) = r7
                r7 >>= 8
                *(u8 *)(r6 + 33) = r7
                r0 = r7
                """ + END);
        Map<Integer, Instruction> addresses = new HashMap<>();
        for (int slot = 0; slot < code.size(); slot++) {
            Instruction insn = code.at(slot);
            if (insn != null && insn.form() == Form.LDDW) {
                addresses.put(slot, insn.withImm(map.handle()));
            }
        }
        Proved.runsAlike(Proved.of(code, List.of(KnownMap.of(def)), code.with(addresses)), bed, "look-up");
        map.close();
    }

    @Test
    void aStoreOfWhatIsRead() {
        // the second byte is stored over before the copy reads it
        becomes("""
                r2 = *(u8 *)(r6 + 0)
                *(u8 *)(r6 + 1) = r2
                r3 = *(u8 *)(r6 + 1)
                *(u8 *)(r6 + 2) = r3
                """, "get byte", "get byte", "put byte", "put byte");
    }

    /** Straight code that moves bytes of few places between registers, packet and stack. */
    private static String random(Random random) {
        String[] widths = {"u8", "u8", "u8", "u16", "u32", "u64"};
        int[] bytes = {1, 1, 1, 2, 4, 8};
        StringBuilder text = new StringBuilder(BEGIN);
        // r7: into the packet, at one of few offsets that nobody knows
        text.append("""
                r7 = *(u8 *)(r6 + 63)
                r7 &= 3
                r7 += r6
                r8 = r7
                r8 += 56
                if r8 > r9 goto out
                r2 = 0
                r3 = 0x1234567
                r4 = -3
                r5 = 0
                *(u64 *)(r10 - 8) = r3
                *(u64 *)(r10 - 16) = r4
                *(u64 *)(r10 - 24) = r3
                """);
        int blocks = 1 + random.nextInt(3);
        for (int block = 0; block < blocks; block++) {
            int length = 3 + random.nextInt(40);
            for (int i = 0; i < length; i++) {
                int w = random.nextInt(widths.length);
                int r = new int[] {0, 2, 3, 4, 5}[random.nextInt(5)];
                int other = new int[] {0, 2, 3, 4, 5}[random.nextInt(5)];
                int where = random.nextInt(8);
                String base = where < 5 ? "r6" : where < 6 ? "r7" : "r10";
                int offset = base.equals("r10")
                        ? -24 + random.nextInt(24 / bytes[w]) * bytes[w]
                        : random.nextInt(16 - bytes[w] + 1);
                String place =
                        "*(" + widths[w] + " *)(" + base + " " + (offset < 0 ? "- " : "+ ") + Math.abs(offset) + ")";
                String line = switch (random.nextInt(14)) {
                    case 0, 1, 2 -> "r" + r + " = " + place;
                    case 3 -> "r" + r + " = " + (bytes[w] == 8 ? place : place.replace('u', 's'));
                    case 4, 5, 6, 7 -> place + " = r" + r;
                    case 8 -> place + " = " + random.nextInt(-300, 300);
                    case 9 -> "r" + r + (random.nextBoolean() ? " <<= " : " >>= ") + 8 * random.nextInt(8);
                    case 10 -> "w" + r + (random.nextBoolean() ? " <<= " : " >>= ") + 8 * random.nextInt(4);
                    case 11 ->
                        (random.nextBoolean() ? "r" + r + " |= r" : "w" + r + " |= w").replaceAll("$", "" + other);
                    case 12 -> random.nextBoolean() ? "r" + r + " = r" + other : "w" + r + " = w" + other;
                    default ->
                        switch (random.nextInt(6)) {
                            case 0 -> "r" + r + " = be16 r" + r;
                            case 1 -> "r" + r + " = be32 r" + r;
                            case 2 -> "r" + r + " = be64 r" + r;
                            case 3 -> "r" + r + " &= 0xff00";
                            case 4 -> "w" + r + " &= 255";
                            default -> "r" + r + " *= 5";
                        };
                };
                text.append(line).append('\n');
            }
            text.append("if r2 == ").append(block).append(" goto out\n");
        }
        return text.append("r0 ^= r2\nr0 ^= r3\nr0 ^= r4\nr0 ^= r5\n")
                .append(END)
                .toString();
    }

    @Test
    void randomMoves() {
        Random random = new Random(SEED);
        int changed = 0;
        for (int i = 0; i < PROGRAMS; i++) {
            String text = random(random);
            Verified verified = Proved.of(Assembler.assemble(text));
            Proved.runsAlike(verified, bed, "program " + i + " of -Dsluice.seed=" + SEED + "\n" + text);
            long stores = text.lines().filter(line -> line.startsWith("*(")).count();
            long puts = Proved.accesses(verified).stream()
                    .filter(access -> access.startsWith("put"))
                    .count();
            changed += puts < stores ? 1 : 0;
        }
        assertThat(changed).isGreaterThan(PROGRAMS / 4);
    }
}
