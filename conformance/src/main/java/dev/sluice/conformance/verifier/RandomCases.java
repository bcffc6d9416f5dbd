package dev.sluice.conformance.verifier;

import dev.sluice.isa.Assembler;
import dev.sluice.isa.MalformedCodeException;
import java.util.Random;

/**
 * Random programs for verifiers: nearly valid ones that do what real programs and their mistakes do (bounds checks that are
 * one off, pointers with variable parts, spills of all sizes, loops, calls, references, nullable pointers). They need not
 * run. The maps are those of {@link Bed}.
 */
final class RandomCases {
    private final Random random;
    private final StringBuilder text = new StringBuilder();
    private final int functions;
    private int labels;

    private RandomCases(long seed) {
        random = new Random(seed);
        functions = random.nextInt(3);
    }

    /** The encoding of a program. */
    static byte[] of(long seed) {
        for (long attempt = seed; ; attempt += 1L << 40) {
            String text = text(attempt);
            try {
                return Assembler.assemble(text).toBytes();
            } catch (MalformedCodeException | IllegalArgumentException e) {
                throw new AssertionError("seed=" + attempt + ": " + e.getMessage() + "\n" + text, e);
            }
        }
    }

    static String text(long seed) {
        RandomCases cases = new RandomCases(seed);
        cases.program();
        return cases.text.toString();
    }

    private void line(String format, Object... args) {
        text.append(args.length == 0 ? format : format.formatted(args).replace("+ -", "- "))
                .append('\n');
    }

    private int pick(int... numbers) {
        return numbers[random.nextInt(numbers.length)];
    }

    private String pick(String... texts) {
        return texts[random.nextInt(texts.length)];
    }

    private boolean chance(int percent) {
        return random.nextInt(100) < percent;
    }

    private String label() {
        return "L" + labels++;
    }

    // --- registers: r6 context, r7 packet or another pointer, r8 and r9 numbers, r0 to r5 anything

    private void program() {
        line("r6 = r1");
        line("r8 = *(u32 *)(r1 + %d)", pick(12, 16));
        line("r9 = %d", pick(0, 1, 7, 100, -1));
        line("r7 = 0");
        line("r0 = 0");
        int statements = 2 + random.nextInt(10);
        for (int i = 0; i < statements; i++) {
            statement(0);
        }
        line("r0 = %d", pick(0, 1, 2));
        line("exit");
        for (int f = 0; f < functions; f++) {
            line("f%d:", f);
            line("r6 = r1");
            line("r8 = r2");
            line("r9 = 3");
            line("r7 = 0");
            line("r0 = 0");
            int inner = 1 + random.nextInt(4);
            for (int i = 0; i < inner; i++) {
                statement(1 + f);
            }
            line("r0 = %s", pick("r8", "r9", "1", "r7"));
            line("exit");
        }
    }

    private void statement(int depth) {
        switch (random.nextInt(depth > 0 ? 15 : 19)) {
            case 0, 1 -> arithmetic();
            case 2 -> branch(depth);
            case 3 -> spillAndFill();
            case 4 -> variableStack();
            case 5 -> mapValue();
            case 6 -> lookup();
            case 7 -> loop(depth);
            case 8 -> call(depth);
            case 9 -> reference();
            case 10 -> helperMemory();
            case 11 -> atomic();
            case 12 -> linked();
            case 13 -> narrow();
            case 14 -> pointerMath();
            case 15 -> packet();
            case 16 -> packetVariable();
            case 17 -> meta();
            default -> movePacket();
        }
    }

    private String scalar() {
        return pick("r8", "r9");
    }

    private String half(String register) {
        return "w" + register.substring(1);
    }

    private void arithmetic() {
        String dst = scalar();
        boolean wide = chance(60);
        String name = wide ? dst : half(dst);
        String op = pick("+=", "-=", "*=", "&=", "|=", "^=", "<<=", ">>=", "s>>=", "/=", "%=", "s/=", "s%=", "=");
        boolean shift = op.contains("<<") || op.contains(">>");
        switch (random.nextInt(5)) {
            case 0 -> line("%s %s %s", name, op, wide ? scalar() : half(scalar()));
            case 1 -> line("%s = -%s", name, name);
            case 2 -> line("%s = %s %s", name, pick("be16", "be32", "be64", "le16", "le32"), name);
            default -> {
                int limit = wide ? 64 : 32;
                line(
                        "%s %s %d",
                        name,
                        op,
                        shift
                                ? random.nextInt(limit)
                                : pick(
                                        1,
                                        2,
                                        3,
                                        7,
                                        8,
                                        15,
                                        63,
                                        64,
                                        255,
                                        256,
                                        4095,
                                        -1,
                                        -8,
                                        0x7fffffff,
                                        -0x80000000,
                                        1000));
            }
        }
        if (text.toString().endsWith("le64 " + name + "\n")) {
            line("r0 = 0");
        }
    }

    private String condition(String a) {
        boolean wide = chance(60);
        String left = wide ? a : half(a);
        String op = pick(">", ">=", "<", "<=", "==", "!=", "s>", "s>=", "s<", "s<=", "&");
        if (chance(25)) {
            String b = scalar();
            return "if " + left + " " + op + " " + (wide ? b : half(b));
        }
        return "if " + left + " " + op + " "
                + pick(0, 1, 2, 5, 8, 16, 63, 64, 100, 255, 256, -1, -5, 0x7fffffff, -0x80000000, 65535);
    }

    private void branch(int depth) {
        String over = label();
        line("%s goto %s", condition(scalar()), over);
        if (chance(50)) {
            arithmetic();
        } else {
            statement(depth);
        }
        if (chance(30)) {
            String end = label();
            line("goto %s", end);
            line("%s:", over);
            statement(depth);
            line("%s:", end);
        } else {
            line("%s:", over);
        }
    }

    private void spillAndFill() {
        int slot = -8 * (1 + random.nextInt(6));
        String size = pick("u64", "u64", "u32", "u16", "u8");
        int off = slot + (size.equals("u64") ? 0 : pick(0, 0, 4, 1, 2));
        String from = size.equals("u64") ? pick("r8", "r9", "r6", "r10", "r7") : scalar();
        if (chance(20)) {
            line("*(%s *)(r10 + %d) = %d", size, off, pick(0, 0, 1, -1, 77));
        } else {
            line("*(%s *)(r10 + %d) = %s", size, off, from);
        }
        if (chance(40)) {
            arithmetic();
        }
        if (chance(30)) {
            branchSmall();
        }
        String back = pick("u64", "u32", "u16", "u8", "s32", "s8");
        line(
                "%s = *(%s *)(r10 + %d)",
                from.equals("r8") || from.equals("r9") ? scalar() : "r0",
                back,
                slot + (back.equals("u64") ? 0 : pick(0, 0, 0, 4, 1, 2)));
    }

    private void branchSmall() {
        line("%s goto +1", condition(scalar()));
        line("r0 = 1");
    }

    private void bound(String register) {
        switch (random.nextInt(7)) {
            case 0 -> line("%s &= %d", register, pick(7, 15, 63, 255));
            case 1 -> {
                line("if %s > %d goto +1", register, pick(7, 8, 55, 56, 57));
                line("goto +1");
                line("%s = 0", register);
            }
            case 2 -> {
                line("if %s s< 0 goto +1", register);
                line("if %s s<= %d goto +1", register, pick(7, 8, 200));
                line("%s = 1", register);
            }
            case 3 -> line("%s >>= 56", register);
            case 4 -> line("%s %%= 16", register);
            case 5 -> {
                line("if %s > 100 goto +1", half(register));
                line("if %s == 0 goto +1", register);
                line("%s = 3", register);
            }
            default -> line("%s = %d", register, pick(0, 4, 8, 16));
        }
    }

    private void variableStack() {
        String index = scalar();
        bound(index);
        line("r2 = r10");
        line("r2 += %d", pick(-64, -72, -256, -512, -8, -16));
        line("r2 %s %s", chance(90) ? "+=" : "-=", index);
        switch (random.nextInt(4)) {
            case 0 -> line("*(u8 *)(r2 + %d) = %s", pick(0, 0, -1, 1), scalar());
            case 1 -> line("r0 = *(u8 *)(r2 + %d)", pick(0, 0, -1, 7));
            case 2 -> line("*(u64 *)(r2 + 0) = %s", pick("r9", "r6", "r8"));
            default -> line("r0 = *(u64 *)(r2 + 0)");
        }
    }

    private void mapValue() {
        String index = scalar();
        line("r3 = map[fd:0][0]+%d", pick(0, 0, 8, 200, 255));
        if (chance(80)) {
            bound(index);
            line("r3 %s %s", chance(85) ? "+=" : "-=", index);
        }
        switch (random.nextInt(3)) {
            case 0 -> line("r0 = *(u8 *)(r3 + %d)", pick(0, 1, 255, -1, 240));
            case 1 -> line("*(u32 *)(r3 + %d) = %s", pick(0, 4, 252, -4), scalar());
            default -> line("%s = *(u64 *)(r3 + %d)", scalar(), pick(0, 248, 1));
        }
    }

    private void key() {
        if (chance(50)) {
            line("*(u32 *)(r10 - 4) = %s", pick("r8", "r9"));
        } else {
            line("*(u32 *)(r10 - 4) = %d", pick(0, 1, 2, 3, 100));
        }
        line("r2 = r10");
        line("r2 += %d", pick(-4, -4, -4, -4, -8, -3));
    }

    private void lookup() {
        key();
        int map = pick(0, 1, 1, 5, 3, 4);
        line("r1 = map[fd:%d]", map);
        line("call %d", pick(1, 1, 1, 1, 195));
        if (chance(30)) {
            line("r7 = r0");
        }
        if (chance(20)) {
            line("*(u64 *)(r10 - 16) = r0");
        }
        String skip = label();
        switch (random.nextInt(5)) {
            case 0, 1 -> line("if r0 == 0 goto %s", skip);
            case 2 -> {
                line("if r0 != 0 goto +1");
                line("goto %s", skip);
            }
            case 3 -> line("if r8 == 0 goto %s", skip);
            default -> {}
        }
        switch (random.nextInt(4)) {
            case 0 -> line("r0 = *(u64 *)(r0 + %d)", pick(0, 0, 4, 8, -8));
            case 1 -> line("*(u32 *)(r0 + %d) = %s", pick(0, 4, 8), scalar());
            case 2 -> {
                bound("r8");
                line("r0 += r8");
                line("r1 = *(u8 *)(r0 + 0)");
            }
            default -> {
                line("r1 = r7");
                line("r2 = *(u8 *)(r1 + 0)");
            }
        }
        line("%s:", skip);
        if (chance(20)) {
            line("r0 = *(u64 *)(r10 - 16)");
            line("r1 = *(u8 *)(r0 + 0)");
        }
        line("r7 = 0");
    }

    private void loop(int depth) {
        String top = label();
        String out = label();
        int rounds = pick(1, 2, 3, 5, 8, 20, 33);
        boolean counter = chance(70);
        String index = counter ? "r9" : "r8";
        line("%s = 0", index);
        line("%s:", top);
        if (chance(60)) {
            line("if %s %s %d goto %s", index, pick(">", ">=", "s>", "s>=", "=="), rounds, out);
        }
        int body = random.nextInt(3);
        for (int i = 0; i < body; i++) {
            switch (random.nextInt(6)) {
                case 0 -> spillAndFillOther(index);
                case 1 -> {
                    line("r3 = map[fd:0][0]+0");
                    line("r3 += %s", index);
                    line("r0 = *(u8 *)(r3 + 0)");
                }
                case 2 -> {
                    line("r2 = r10");
                    line("r2 += -40");
                    line("r2 += %s", index);
                    line("*(u8 *)(r2 + 0) = 1");
                }
                case 3 -> {
                    line("if r0 == %d goto %s", pick(0, 3), out);
                    line("r0 += 1");
                }
                case 4 -> line("r0 += %s", index);
                default -> {
                    if (depth == 0 && chance(30)) {
                        line("call 7");
                    } else {
                        line("r0 ^= 1");
                    }
                }
            }
        }
        line("%s += %d", index, pick(1, 1, 1, 2));
        line("if %s %s %d goto %s", index, pick("<", "<", "!=", "s<", "<="), rounds, top);
        line("%s:", out);
    }

    private void spillAndFillOther(String index) {
        line("*(u64 *)(r10 - 24) = %s", index);
        line("r4 = *(u64 *)(r10 - 24)");
        if (chance(50)) {
            line("r4 += 1");
        }
        if (chance(50)) {
            line("if r4 > %d goto +1", pick(3, 50));
            line("r0 = r4");
        }
    }

    private void call(int depth) {
        int next = depth; // function f0 may call f1
        if (next >= functions) {
            line("r0 = 3");
            return;
        }
        line("r1 = %s", pick("r6", "r6", "r10", "r8"));
        if (chance(30)) {
            line("r1 = r10");
            line("r1 += -32");
        }
        line("r2 = %s", pick("r8", "r9", "5"));
        line("call f%d", next);
        switch (random.nextInt(3)) {
            case 0 -> line("r9 = r0");
            case 1 -> {
                line("if r0 > 10 goto +1");
                line("r8 = r0");
            }
            default -> {}
        }
    }

    private void reference() {
        if (chance(60)) {
            line("r1 = map[fd:2]");
            line("r2 = %d", pick(8, 16, 32));
            line("r3 = 0");
            line("call 131");
            String none = label();
            if (chance(90)) {
                line("if r0 == 0 goto %s", none);
            }
            if (chance(50)) {
                line("*(u64 *)(r0 + %d) = %s", pick(0, 0, 8, 24, 32), pick("r8", "r6"));
            }
            if (chance(20)) {
                line("r0 += %d", pick(0, 8));
            }
            if (chance(20)) {
                line("r7 = r0");
            }
            if (chance(90)) {
                line("r1 = r0");
                line("r2 = 0");
                line("call %d", pick(132, 133));
            }
            line("%s:", none);
            if (chance(10)) {
                line("r0 = *(u8 *)(r7 + 0)");
            }
            line("r7 = 0");
        } else {
            line("r1 = r6");
            line("r2 = r10");
            line("r2 += -48");
            line("r3 = %d", pick(12, 36, 13, 48));
            line("r4 = -1");
            line("r5 = 0");
            line("call %d", pick(84, 85, 99));
            String none = label();
            if (chance(90)) {
                line("if r0 == 0 goto %s", none);
            }
            if (chance(40)) {
                line(
                        "r3 = *(%s *)(r0 + %d)",
                        pick("u32", "u32", "u16", "u8"), pick(0, 4, 8, 12, 16, 24, 28, 44, 48, 72, 76, 80));
            }
            if (chance(90)) {
                line("r1 = r0");
                line("call 86");
            }
            line("%s:", none);
        }
    }

    private void helperMemory() {
        String size = scalar();
        int at = pick(-8, -16, -32, -64);
        if (chance(50)) {
            bound(size);
        }
        switch (random.nextInt(6)) {
            case 0 -> { // csum_diff
                line("r1 = r10");
                line("r1 += %d", at);
                line("r2 = %s", chance(50) ? size : Integer.toString(pick(4, 8, 16, 7, 0)));
                line("r3 = 0");
                line("r4 = 0");
                line("r5 = 0");
                line("call 28");
            }
            case 1 -> { // perf_event_output
                line("r1 = r6");
                line("r2 = map[fd:6]");
                line("r3 = 0");
                line("r4 = r10");
                line("r4 += %d", at);
                line("r5 = %s", size);
                line("call 25");
            }
            case 2 -> { // xdp_load_bytes
                line("r1 = r6");
                line("r2 = %d", pick(0, 14));
                line("r3 = r10");
                line("r3 += %d", at);
                line("r4 = %s", chance(50) ? size : Integer.toString(pick(4, 8, 16, 7, 0)));
                line("call %d", pick(189, 190));
            }
            case 3 -> { // update
                key();
                line("r1 = map[fd:%d]", pick(0, 1, 5, 1));
                line("r3 = r10");
                line("r3 += %d", pick(-8, -16, -32, -256));
                line("r4 = 0");
                line("call 2");
            }
            case 4 -> { // ringbuf_output
                line("r1 = map[fd:2]");
                line("r2 = map[fd:0][0]+%d", pick(0, 200, 250));
                line("r3 = %s", size);
                line("r4 = 0");
                line("call 130");
            }
            default -> { // queue
                line("r1 = map[fd:7]");
                line("r2 = r10");
                line("r2 += %d", at);
                line("r3 = 0");
                line("call %d", pick(87, 88, 89));
            }
        }
        if (chance(40)) {
            line("%s = *(u64 *)(r10 + %d)", scalar(), pick(-8, -16, -32));
        }
        if (chance(40)) {
            line("r8 = r0");
        }
    }

    private void atomic() {
        String size = pick("u64", "u64", "u32");
        if (chance(50)) {
            line("r3 = r10");
            line("*(u64 *)(r10 - 8) = %s", scalar());
            line("r3 += -8");
        } else {
            line("r3 = map[fd:0][0]+%d", pick(0, 8, 4));
        }
        String w = size.equals("u64") ? "r" : "w";
        switch (random.nextInt(5)) {
            case 0 -> line("lock *(%s *)(r3 + 0) %s %s8", size, pick("+=", "&=", "|=", "^="), w);
            case 1 -> {
                String value = pick("8", "9");
                line(
                        "%s%s = atomic%s_fetch_add((%s *)(r3 + 0), %s%s)",
                        w, value, size.equals("u64") ? "64" : "", size, w, value);
            }
            case 2 -> {
                String value = pick("8", "9");
                line("%s%s = xchg%s(r3 + 0, %s%s)", w, value, size.equals("u64") ? "_64" : "32_32", w, value);
            }
            case 3 -> line("r8 = load_acquire((u64 *)(r3 + 0))");
            default -> line("store_release((u64 *)(r3 + 0), r9)");
        }
    }

    /** Numbers that are known to be the same, or a constant apart. */
    private void linked() {
        line("r1 = %s", "r8");
        if (chance(60)) {
            line("%s += %d", chance(70) ? "r1" : "w1", pick(1, 5, -3, 100));
        }
        line("r2 = r1");
        if (chance(40)) {
            line("*(u64 *)(r10 - 56) = r8");
        }
        line("%s goto +%d", condition(pick("r1", "r2", "r8")), 1);
        line("goto +%d", 0);
        if (chance(50)) {
            line("r8 = *(u64 *)(r10 - 56)");
        }
        line("if r8 > %d goto +4", pick(10, 63, 247));
        line("r3 = map[fd:0][0]+0");
        line("r3 += %s", pick("r8", "r1", "r2"));
        line("r4 = *(u8 *)(r3 + 0)");
    }

    private void narrow() {
        String register = scalar();
        switch (random.nextInt(5)) {
            case 0 -> line("%s = (%s)%s", register, pick("s8", "s16", "s32"), register);
            case 1 -> line("%s = (%s)%s", half(register), pick("s8", "s16"), half(register));
            case 2 -> line("%s = %s", half(register), half(scalar()));
            case 3 -> line("%s = bswap%d %s", register, pick(16, 32, 64), register);
            default -> {
                line("%s <<= %d", register, pick(32, 48, 56));
                line("%s %s %d", register, pick(">>=", "s>>="), pick(32, 48, 56));
            }
        }
    }

    private void pointerMath() {
        line("r2 = %s", pick("r10", "r10", "r6"));
        line("r2 %s %s", pick("+=", "+=", "-="), pick("-16", "-8", "8", "r9", "r8", "-600"));
        if (chance(30)) {
            line("r2 += %d", pick(8, -8));
        }
        switch (random.nextInt(4)) {
            case 0 -> line("*(u64 *)(r2 + 0) = 0");
            case 1 -> line("r3 = r2");
            case 2 -> line("r3 = *(u32 *)(r2 + 0)");
            default -> {
                line("r3 = r2");
                line("r3 -= r10");
            }
        }
    }

    private void packetPointers() {
        line("r2 = *(u32 *)(r6 + 0)");
        line("r3 = *(u32 *)(r6 + 4)");
    }

    private void packet() {
        packetPointers();
        line("r4 = r2");
        int size = pick(8, 14, 20, 34, 1, 0, 54);
        line("r4 += %d", size);
        String out = label();
        String check = pick(
                "if r4 > r3", "if r4 >= r3", "if r3 < r4", "if r3 <= r4", "if r4 > r3", "if r4 > r3", "if r4 == r3");
        line("%s goto %s", check, out);
        for (int i = 1 + random.nextInt(2); i > 0; i--) {
            int bytes = pick(1, 2, 4, 8);
            int at = chance(80) ? Math.max(0, size - bytes) : pick(size, size - 1, -1, 0);
            if (chance(70)) {
                line("%s = *(u%d *)(r2 + %d)", pick("r8", "r9", "r5"), 8 * bytes, at);
            } else {
                line("*(u%d *)(r2 + %d) = %s", 8 * bytes, at, scalar());
            }
        }
        if (chance(30)) {
            line("r7 = r2");
            line("*(u64 *)(r10 - 64) = r4");
        }
        if (chance(30)) {
            // the next header
            line("r5 = r4");
            line("r5 += %d", pick(4, 8, 20));
            line("if r5 > r3 goto %s", out);
            line("r8 = *(u16 *)(r4 + %d)", pick(0, 2, 6));
        }
        line("%s:", out);
        if (chance(15)) {
            line("r0 = *(u8 *)(r2 + 0)");
        }
    }

    private void packetVariable() {
        String index = scalar();
        packetPointers();
        bound(index);
        if (chance(40)) {
            line("%s <<= %d", index, pick(1, 2));
        }
        String order = pick("a", "b", "c");
        String out = label();
        if (order.equals("a")) {
            line("r2 += %s", index);
            line("r4 = r2");
            line("r4 += %d", pick(4, 8, 20));
            line("if r4 > r3 goto %s", out);
            line("r5 = *(u%d *)(r2 + %d)", pick(8, 16, 32), pick(0, 4, 7, -1));
        } else if (order.equals("b")) {
            line("r4 = r2");
            line("r4 += %s", index);
            line("r4 += %d", pick(4, 8, 20));
            line("if r4 > r3 goto %s", out);
            line("r2 += %s", index);
            line("r5 = *(u8 *)(r2 + 0)");
        } else {
            line("r4 = r2");
            line("r4 += %d", pick(14, 34));
            line("if r4 > r3 goto %s", out);
            line("r4 += %s", index);
            line("r5 = r4");
            line("r5 += %d", pick(2, 8));
            line("if r5 > r3 goto %s", out);
            line("r9 = *(u16 *)(r4 + %d)", pick(0, 6, -2, 8));
            line("r5 = *(u8 *)(r2 + %d)", pick(0, 13, 33));
        }
        line("%s:", out);
    }

    private void meta() {
        line("r2 = *(u32 *)(r6 + 8)");
        line("r3 = *(u32 *)(r6 + %d)", pick(0, 0, 4));
        line("r4 = r2");
        line("r4 += %d", pick(4, 8));
        String out = label();
        line("if r4 %s r3 goto %s", pick(">", ">", ">=", "<"), out);
        line("r5 = *(u32 *)(r2 + %d)", pick(0, 0, 4));
        line("%s:", out);
    }

    private void movePacket() {
        if (chance(50)) {
            line("r7 = *(u32 *)(r6 + 0)");
        }
        line("r1 = r6");
        line("r2 = %s", pick("4", "-4", "r8"));
        line("call %d", pick(44, 65, 54));
        if (chance(15)) {
            line("r0 = *(u8 *)(r7 + 0)");
        } else if (chance(50)) {
            packet();
        }
        line("r7 = 0");
    }
}
