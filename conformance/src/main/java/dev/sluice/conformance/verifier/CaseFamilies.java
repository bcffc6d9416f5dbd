package dev.sluice.conformance.verifier;

import dev.sluice.helper.Kfunc;
import dev.sluice.isa.Assembler;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * The cases: programs in assembly, maps by their index in {@link Bed}. Some are written by hand ({@code
 * verifier-cases.txt}, {@code verifier-cases-kfuncs.txt}: a line {@code == name}, then the program; {@code call
 * bpf_rcu_read_lock#kfunc} is a function of the kernel), most come from families that vary one thing.
 */
final class CaseFamilies {
    private static final List<String> COMPARISONS = List.of(">", ">=", "<", "<=", "==", "!=", "s>", "s<", "&");
    private static final List<String> OPERATIONS =
            List.of("+=", "-=", "*=", "/=", "s/=", "%=", "s%=", "|=", "&=", "^=", "<<=", ">>=", "s>>=");
    private static final int HELPERS = 215;

    private final Map<String, byte[]> cases = new LinkedHashMap<>();

    private CaseFamilies() {}

    /** All cases by name. */
    static Map<String, byte[]> all() {
        CaseFamilies families = new CaseFamilies();
        families.written("/verifier-cases.txt");
        families.written("/verifier-cases-kfuncs.txt");
        families.packetComparisons();
        families.contextAccesses();
        families.stackAccesses();
        families.pointerArithmetic();
        families.helperArguments();
        families.ranges();
        families.mapAccesses();
        families.mapTypes();
        families.encodings();
        families.loops();
        return families.cases;
    }

    private static final Pattern KFUNC = Pattern.compile("call (bpf_\\w+)#kfunc");

    private void add(String name, String source) {
        String text = KFUNC.matcher(source).replaceAll(call -> "call kfunc:" + Kfunc.numberOf(call.group(1)));
        if (cases.put(name, Assembler.assemble(text.replace("+ -", "- ")).toBytes()) != null) {
            throw new IllegalStateException("two cases have one name: " + name);
        }
    }

    private void written(String resource) {
        try (InputStream file = CaseFamilies.class.getResourceAsStream(resource)) {
            if (file == null) {
                throw new IllegalStateException("no " + resource);
            }
            String text = new String(file.readAllBytes(), StandardCharsets.UTF_8);
            for (String part : text.split("(?m)^== ")) {
                int end = part.indexOf('\n');
                if (end > 0) {
                    add(part.substring(0, end).strip(), part.substring(end));
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Each comparison of a packet pointer with the end, in both orders, then an access at either edge. */
    private void packetComparisons() {
        for (String comparison : COMPARISONS.subList(0, 6)) {
            for (boolean swapped : new boolean[] {false, true}) {
                for (boolean onTaken : new boolean[] {false, true}) {
                    for (int last : new int[] {7, 8}) {
                        String condition = swapped ? "r3 " + comparison + " r4" : "r4 " + comparison + " r3";
                        String load = "r0 = *(u8 *)(r2 + " + last + ")\n";
                        add(
                                "packet " + condition + (onTaken ? " taken" : " not taken") + " byte " + last,
                                """
                                r2 = *(u32 *)(r1 + 0)
                                r3 = *(u32 *)(r1 + 4)
                                r4 = r2
                                r4 += 8
                                if %s goto taken
                                %sr0 = 1
                                exit
                                taken:
                                %sr0 = 2
                                exit
                                """.formatted(condition, onTaken ? "" : load, onTaken ? load : ""));
                    }
                }
            }
        }
    }

    private void contextAccesses() {
        for (int off : new int[] {0, 2, 4, 8, 12, 16, 20, 24, -4}) {
            for (String size : List.of("u8", "u16", "u32", "u64", "s32", "s16")) {
                add("context load " + size + " at " + off, "r0 = *(" + size + " *)(r1 + " + off + ")\nr0 = 0\nexit");
            }
            add("context store at " + off, "*(u32 *)(r1 + " + off + ") = 0\nr0 = 0\nexit");
        }
    }

    private void stackAccesses() {
        for (int off : new int[] {-520, -516, -513, -512, -510, -508, -505, -12, -8, -7, -6, -4, -3, -2, -1, 0, 8}) {
            for (String size : List.of("u8", "u16", "u32", "u64")) {
                add("stack load " + size + " at " + off, "r0 = *(" + size + " *)(r10 + " + off + ")\nexit");
                add("stack store " + size + " at " + off, "*(" + size + " *)(r10 + " + off + ") = 7\nr0 = 0\nexit");
            }
        }
        for (String size : List.of("u8", "u16", "u32", "u64")) {
            for (int off : new int[] {-8, -7, -6, -4}) {
                add(
                        "fill " + size + " at " + off + " of a spilled pointer",
                        "*(u64 *)(r10 - 8) = r1\nr0 = *(" + size + " *)(r10 + " + off + ")\nexit");
                add(
                        "fill " + size + " at " + off + " of a spilled scalar",
                        "r2 = 5\n*(u64 *)(r10 - 8) = r2\nr0 = *(" + size + " *)(r10 + " + off + ")\nr3 = r10\n"
                                + "r3 -= 5\nr0 = 0\nexit");
            }
            add("spill of a pointer as " + size, "*(" + size + " *)(r10 - 8) = r1\nr0 = 0\nexit");
        }
    }

    private void pointerArithmetic() {
        Map<String, String> pointers = Map.of(
                "ctx", "r6 = r1",
                "fp", "r6 = r10",
                "pkt", "r6 = *(u32 *)(r1 + 0)",
                "pkt_end", "r6 = *(u32 *)(r1 + 4)",
                "pkt_meta", "r6 = *(u32 *)(r1 + 8)",
                "map", "r6 = map[fd:1]",
                "value", "r6 = map[fd:0][0]+0");
        pointers.forEach((name, get) -> {
            for (String operation : OPERATIONS) {
                boolean shift = operation.contains("<<") || operation.contains(">>");
                add(
                        name + " " + operation + " constant",
                        get + "\nr6 " + operation + (shift ? " 3" : " 8") + "\nr0 = 0\nexit");
                add(
                        name + " " + operation + " unknown",
                        get + "\nr7 = *(u32 *)(r1 + 12)\nr6 " + operation + " r7\nr0 = 0\nexit");
                add(
                        "unknown " + operation + " " + name,
                        get + "\nr7 = *(u32 *)(r1 + 12)\nr7 " + operation + " r6\nr0 = 0\nexit");
            }
            add(name + " += 32 bits", get + "\nw6 += 8\nr0 = 0\nexit");
            add(name + " -= 32 bits", get + "\nw6 -= 8\nr0 = 0\nexit");
            add(name + " negated", get + "\nr6 = -r6\nr0 = 0\nexit");
            add(name + " loaded from", get + "\nr0 = *(u8 *)(r6 + 0)\nexit");
            add(name + " stored to", get + "\n*(u64 *)(r6 + 0) = 1\nr0 = 0\nexit");
            add(name + " added to atomically", get + "\nr2 = 1\nlock *(u64 *)(r6 + 0) += r2\nr0 = 0\nexit");
            add(name + " spilled and filled", get + "\n*(u64 *)(r10 - 8) = r6\nr0 = *(u64 *)(r10 - 8)\nr0 &= 1\nexit");
            add(name + " compared with 0", get + "\nif r6 == 0 goto +1\nr6 = 5\nr0 = *(u8 *)(r6 + 0)\nexit");
            add(name + " returned", get + "\nr0 = r6\nexit");
            add(name + " plus 2 to the 29", get + "\nr6 += 0x20000000\nr0 = 0\nexit");
            add(name + " plus two halves", get + "\nr6 += 0x1fffffff\nr6 += 0x1fffffff\nr0 = 0\nexit");
            add(name + " plus signed", get + "\nr7 = *(u64 *)(r10 - 8)\nr6 += r7\nr0 = 0\nexit");
        });
    }

    private void helperArguments() {
        for (int helper = 0; helper < HELPERS; helper++) {
            // those that need BTF or are not supported are left out of the families
            if (helper == 153
                    || helper == 154
                    || helper == 136
                    || helper >= 137 && helper <= 141
                    || helper == 178
                    || helper == 180
                    || helper == 149
                    || helper == 93
                    || helper == 94
                    || helper >= 169 && helper <= 172
                    || helper == 175
                    || helper == 194
                    || helper >= 196 && helper <= 203
                    || helper >= 209
                    || helper == 156
                    || helper == 157
                    || helper == 158) {
                continue;
            }
            add(
                    "helper " + helper + " with context",
                    "r2 = r1\nr3 = r1\nr4 = r1\nr5 = r1\ncall " + helper + "\nr0 = 0\nexit");
            add(
                    "helper " + helper + " with context and scalars",
                    "r2 = 4\nr3 = 4\nr4 = 4\nr5 = 4\ncall " + helper + "\nr0 = 0\nexit");
            add("helper " + helper + " without arguments", "call " + helper + "\nr0 = 0\nexit");
            add(
                    "helper " + helper + " with map and stack",
                    "r2 = r10\nr2 += -16\nr3 = r10\nr3 += -32\nr4 = 8\nr5 = 0\nr1 = map[fd:1]\ncall " + helper
                            + "\nr0 = 0\nexit");
        }
    }

    /** An index made in different ways, into the 256 bytes of an array's value. */
    private void ranges() {
        List<String> bounds = List.of(
                "r2 &= 255",
                "r2 &= 127",
                "w2 &= 255",
                "r2 &= 256",
                "r2 >>= 24",
                "r2 >>= 23",
                "r2 s>>= 24",
                "w2 >>= 24",
                "w2 >>= 23",
                "r2 %= 256",
                "r2 /= 0x1000000",
                "r2 = (s8)r2",
                "if r2 > 255 goto out",
                "if r2 >= 257 goto out",
                "if r2 s> 255 goto out",
                "if w2 > 255 goto out",
                "if w2 s> 255 goto out",
                "if r2 & -256 goto out",
                "r2 &= 15\nr2 *= 17",
                "r2 &= 15\nr2 <<= 4",
                "r2 &= 15\nr2 <<= 5",
                "r2 &= 15\nr2 |= 240",
                "r2 &= 15\nr2 ^= 240",
                "r2 &= 255\nr2 -= 1",
                "r2 &= 255\nr2 += -1",
                "r3 = r2\nif r3 > 255 goto out",
                "r3 = r2\nr3 += 5\nif r3 > 260 goto out",
                "w3 = w2\nif w3 > 255 goto out",
                "r3 = 256\nif r2 >= r3 goto out",
                "if r2 != 17 goto out",
                "r2 = be16 r2\nr2 &= 255",
                "*(u64 *)(r10 - 8) = r2\nif r2 > 255 goto out\nr2 = *(u64 *)(r10 - 8)",
                "r2 = -r2\nif r2 > 255 goto out");
        for (int i = 0; i < bounds.size(); i++) {
            for (String source : List.of("r2 = *(u32 *)(r1 + 12)", "r2 = *(u64 *)(r10 - 8)")) {
                add(
                        "index " + i + " of " + source,
                        source + "\n" + bounds.get(i)
                                + "\nr6 = map[fd:0][0]+0\nr6 += r2\nr0 = *(u8 *)(r6 + 0)\nout:\nr0 = 0\nexit");
            }
        }
        for (String comparison : COMPARISONS) {
            for (String width : List.of("r", "w")) {
                for (int bound : new int[] {-1, 0, 255, 256}) {
                    String condition = "if " + width + "2 " + comparison + " " + bound + " goto ";
                    for (boolean taken : new boolean[] {true, false}) {
                        add(
                                "index where " + width + "2 " + comparison + " " + bound + " is " + taken,
                                "r2 = *(u64 *)(r10 - 8)\n" + condition + (taken ? "in\ngoto out\n" : "out\n")
                                        + "in:\nr6 = map[fd:0][0]+0\nr6 += r2\nr0 = *(u8 *)(r6 + 0)\nout:\nr0 = 0\nexit");
                    }
                }
            }
        }
    }

    private void mapAccesses() {
        for (int off : new int[] {-1, 0, 1, 7, 8, 9}) {
            for (String size : List.of("u8", "u64")) {
                for (boolean checked : new boolean[] {true, false}) {
                    add("value of 8 bytes " + size + " at " + off + (checked ? "" : " unchecked"), """
                            *(u32 *)(r10 - 4) = 1
                            r2 = r10
                            r2 += -4
                            r1 = map[fd:1]
                            call 1
                            %s
                            r0 = *(%s *)(r0 + %d)
                            out:
                            r0 = 0
                            exit
                            """.formatted(
                                    checked ? "if r0 == 0 goto out" : "", size, off));
                }
            }
        }
        for (int key = 0; key < 5; key++) {
            add(
                    "element " + key + " of an array of 3",
                    "*(u32 *)(r10 - 4) = " + key
                            + "\nr2 = r10\nr2 += -4\nr1 = map[fd:5]\ncall 1\nr0 = *(u64 *)(r0 + 8)\nexit");
        }
    }

    private void mapTypes() {
        for (int map = 0; map < Bed.DEFS.size(); map++) {
            for (int helper : new int[] {1, 2, 3, 12, 51, 87, 88, 89, 130, 134, 195}) {
                String registers = switch (helper) {
                    case 12 -> "r2 = map[fd:" + map + "]\nr3 = 0";
                    case 51 -> "r1 = map[fd:" + map + "]\nr2 = 0\nr3 = 0";
                    default -> "r1 = map[fd:" + map + "]\nr2 = r10\nr2 += -16\nr3 = r10\nr3 += -300\nr4 = 0";
                };
                if (helper == 130 || helper == 195) {
                    registers += "\nr3 = 8";
                } else if (helper == 87 || helper == 134) {
                    registers += "\nr3 = 0";
                }
                add("map " + map + " in helper " + helper, registers + "\ncall " + helper + "\nr0 = 0\nexit");
            }
        }
    }

    /** Every opcode byte, with and without reserved fields, on a path and beside it. */
    private void encodings() {
        for (int code = 0; code < 256; code++) {
            if (code == 0x18) {
                continue;
            }
            byte[] insns =
                    Assembler.assemble("r0 = 1\nr2 = 1\nr0 = 1\nr0 = 0\nexit").toBytes();
            insns[16] = (byte) code;
            insns[17] = 0x20;
            insns[20] = 0;
            cases.put(String.format("opcode %02x", code), insns);
            byte[] dead = Assembler.assemble("r0 = 1\nif r0 == 1 goto +1\nr0 = 1\nr0 = 0\nexit")
                    .toBytes();
            dead[16] = (byte) code;
            dead[18] = 3;
            dead[20] = 9;
            cases.put(String.format("opcode %02x beside the path", code), dead);
        }
    }

    private void loops() {
        for (int rounds : new int[] {1, 10, 1000, 300_000}) {
            add("loop of " + rounds, "r0 = 0\nl:\nr0 += 1\nif r0 < " + rounds + " goto l\nexit");
        }
        for (String step : List.of("r0 += 1", "r0 -= 1", "r0 *= 2", "r0 += r1", "r0 = r0")) {
            add("loop by " + step, "r1 = 0\nr0 = 5\nl:\n" + step + "\nif r0 != 100 goto l\nexit");
        }
        add("loop over the packet", """
                r2 = *(u32 *)(r1 + 0)
                r3 = *(u32 *)(r1 + 4)
                r4 = 0
                l:
                r5 = r2
                r5 += 1
                if r5 > r3 goto out
                r0 = *(u8 *)(r2 + 0)
                r2 += 1
                r4 += 1
                if r4 < 50 goto l
                out:
                r0 = 2
                exit
                """);
    }
}
