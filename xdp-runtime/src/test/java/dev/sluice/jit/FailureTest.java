package dev.sluice.jit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.sluice.exec.Executable;
import dev.sluice.exec.Interpreter;
import dev.sluice.isa.Assembler;
import dev.sluice.isa.Code;
import dev.sluice.map.BpfMap;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapType;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import dev.sluice.program.Facts;
import dev.sluice.program.Program;
import dev.sluice.program.RegisterFact;
import dev.sluice.program.Verified;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Java code under a program fails, here the clock, and the report has program, pc, registers and packet: in loops, functions,
 * callbacks and parts, of code with checks and without, the registers those of the interpreter at that instruction.
 */
class FailureTest {
    private final Bed bed = new Bed(1);

    /** Calls of the clock that go well. */
    private int good;

    private Supplier<Throwable> broken = () -> new IllegalStateException("the clock is broken");

    FailureTest() {
        bed.context.clock = () -> {
            if (good-- > 0) {
                return 42;
            }
            throw FailureTest.<RuntimeException>sneaky(broken.get());
        };
    }

    @SuppressWarnings("unchecked")
    private static <T extends Throwable> T sneaky(Throwable thrown) throws T {
        throw (T) thrown;
    }

    @AfterEach
    void close() {
        bed.close();
    }

    /** Programs, and how often the clock is asked before it fails. */
    private static final List<Arguments> PROGRAMS = List.of(
            Arguments.of("in the packet loop", 1, """
                    r6 = 0x66
                    call 5
                    r7 = r0
                    r2 = 0x22
                    call 5
                    r0 = 1
                    r0 += r7
                    exit
                    """),
            Arguments.of("in a function", 0, """
                    r6 = 0x66
                    r1 = 0x11
                    r2 = 0x22
                    call sub
                    r0 += r6
                    exit
                    sub:
                    r6 = r1
                    r6 += r2
                    call 5
                    r0 += r6
                    exit
                    """),
            Arguments.of("in a function of a function", 2, """
                    r1 = 3
                    call sub
                    exit
                    sub:
                    r6 = r1
                    r6 += 5
                    r1 = r6
                    call leaf
                    r1 = r0
                    call leaf
                    r0 += r6
                    exit
                    leaf:
                    r8 = r1
                    call 5
                    r0 = r8
                    if r0 != 8 goto out
                    call 5
                    r0 = 9
                    out:
                    exit
                    """),
            Arguments.of("in a loop", 3, """
                    r6 = 0
                    r7 = 100
                    again:
                    r6 += 1
                    r7 -= r6
                    call 5
                    if r6 != 10 goto again
                    r0 = r7
                    exit
                    """),
            Arguments.of("in a callback", 2, """
                    r6 = 7
                    r1 = 10
                    r2 = subprog[+6]
                    r3 = 0
                    r4 = 0
                    call 181
                    r0 = r6
                    exit
                    r6 = r1
                    r6 *= 3
                    call 5
                    r0 = 0
                    r0 *= r6
                    exit
                    """));

    static Stream<Arguments> programs() {
        return PROGRAMS.stream();
    }

    /** The verifier has no types of functions here. */
    private static Verified assumed(Code code) {
        BitSet all = new BitSet();
        all.set(0, code.size());
        return new Facts(code.toBytes(), true, all, all, all, new RegisterFact[code.size()][])
                .verified(Program.ofCode("test", code))
                .orElseThrow();
    }

    private record Report(String text, int pc, List<String> registers) {}

    private static final Pattern REPORT = Pattern.compile("bug of sluice in (test\\.\\w+_pc\\d+_\\d+) pc (\\d+): "
            + "java.lang.IllegalStateException: the clock is broken,((?: r\\d+=(?:\\?|0x[0-9a-f]+)){11}), "
            + "packet=00010203[0-9a-f]{120} bytes=64");

    private Report report(Executable executable, int before) {
        good = before;
        bed.reset();
        Throwable thrown = catchThrowable(() -> bed.run(executable));
        assertThat(thrown).isInstanceOf(AssertionError.class).hasCauseInstanceOf(IllegalStateException.class);
        Matcher matcher = REPORT.matcher(thrown.getMessage());
        assertThat(thrown.getMessage()).matches(REPORT);
        assertThat(matcher.matches()).isTrue();
        assertThat(bed.faults).isEmpty();
        return new Report(
                matcher.group(1),
                Integer.parseInt(matcher.group(2)),
                List.of(matcher.group(3).strip().split(" ")));
    }

    /** The interpreter's pc and registers where the clock is asked for the last time. */
    private Report expected(Code code, int before) {
        good = before;
        bed.reset();
        List<String> registers = new ArrayList<>();
        int[] at = new int[1];
        bed.context.steps = (id, pc, depth, values) -> {
            at[0] = pc;
            registers.clear();
            for (int r = 0; r < 11; r++) {
                registers.add("r" + r + "=0x" + Long.toHexString(values[r]));
            }
        };
        Executable interpreted = new Interpreter().load(Program.ofCode("test", code), 1);
        assertThatThrownBy(() -> bed.run(interpreted)).hasMessage("the clock is broken");
        bed.context.steps = null;
        return new Report("", at[0], List.copyOf(registers));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("programs")
    void isReportedByCheckedCode(String where, int before, String text) {
        Code code = Assembler.assemble(text);
        Report expected = expected(code, before);
        Executable whole = JitEngine.checked().load(Program.ofCode("test", code), 1);
        Report found = report(whole, before);
        assertThat(found.pc).isEqualTo(expected.pc);
        assertThat(found.registers).isEqualTo(expected.registers);
        // parts know what they need
        Executable parts = JitEngine.checked().withMethodBytes(500).load(Program.ofCode("test", code), 1);
        found = report(parts, before);
        assertThat(found.pc).isEqualTo(expected.pc);
        assertAgree(found, expected, 4);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("programs")
    void isReportedByCodeWithoutChecks(String where, int before, String text) {
        Code code = Assembler.assemble(text);
        Report expected = expected(code, before);
        for (int bytes : new int[] {Settings.HUGE_METHOD_BYTES, 300}) {
            Verified verified = assumed(code);
            Executable unchecked = new JitExecutable(verified.program(), 1, new Settings(verified.facts(), bytes));
            assertThat(unchecked.engine()).isEqualTo("jit");
            Report found = report(unchecked, before);
            assertThat(found.pc).isEqualTo(expected.pc);
            assertThat(found.registers.getFirst()).isEqualTo("r0=?");
            assertAgree(found, expected, 2);
        }
    }

    /** @param least registers that are known: r10 and those that are wanted later */
    private static void assertAgree(Report found, Report expected, int least) {
        int known = 0;
        for (int r = 0; r < 11; r++) {
            if (!found.registers.get(r).endsWith("=?")) {
                assertThat(found.registers.get(r)).isEqualTo(expected.registers.get(r));
                known++;
            }
        }
        assertThat(known).isGreaterThanOrEqualTo(least);
    }

    /** Helpers' places do not need a stack trace, which HotSpot leaves out of exceptions that come often. */
    @Test
    void withoutAStackTrace() {
        broken = () -> {
            Throwable made = new IllegalStateException("the clock is broken");
            made.setStackTrace(new StackTraceElement[0]);
            return made;
        };
        Executable executable = JitEngine.checked().load(Programs.of("call 5\nexit"), 1);
        assertThatThrownBy(() -> bed.run(executable)).hasMessageStartingWith("bug of sluice in test pc 0: ");
    }

    @Test
    void theEndOfTheHeap() {
        broken = () -> new OutOfMemoryError("Java heap space");
        Code code = Assembler.assemble("r6 = 0x66\ncall 5\nr0 = r6\nexit");
        Executable unchecked = JitEngine.trusting().load(assumed(code), 1);
        assertThatThrownBy(() -> bed.run(unchecked))
                .hasCauseInstanceOf(OutOfMemoryError.class)
                .hasMessageMatching(
                        "out of memory in test\\.\\w+_loop_pc0_4 pc 1: java.lang.OutOfMemoryError: Java heap space, "
                                + "r0=\\? .* r6=0x66 .*, packet=0001.* bytes=64");
    }

    /** HotSpot's word for pages of a mapped capture that are no longer in its file: whoever runs the program says so. */
    @Test
    void theEndOfAMappedFileStaysWhatItIs() {
        Error gone =
                new InternalError("a fault occurred in a recent unsafe memory access operation in compiled Java code");
        broken = () -> gone;
        Executable executable = JitEngine.checked().load(Programs.of("call 5\nexit"), 1);
        assertThatThrownBy(() -> bed.run(executable)).isSameAs(gone);
    }

    @Test
    void theEndOfTheStack() {
        bed.context.clock = this::overflow;
        Executable executable = JitEngine.checked().load(Programs.of("r7 = 0x77\ncall 5\nexit"), 1);
        assertThatThrownBy(() -> bed.run(executable))
                .hasCauseInstanceOf(StackOverflowError.class)
                .hasMessageMatching(
                        "bug of sluice in test(\\.\\w+_loop_pc0_3)? pc 1: .*StackOverflowError, .* r7=0x77 .*, packet=0001.* bytes=64");
    }

    @SuppressWarnings("InfiniteRecursion")
    private long overflow() {
        good++;
        return overflow() + 1;
    }

    /** Operations on maps that code knows are in place, or calls of the map. */
    @ParameterizedTest
    @EnumSource(
            value = MapType.class,
            names = {"PERCPU_ARRAY", "PERCPU_HASH"})
    void aMapThatFails(MapType type) {
        BpfMap map = bed.map(MapDef.of("map", type, 4, 8, 4));
        map.put(new byte[4], new byte[4 * 8], BpfMap.ANY);
        Executable executable = JitEngine.checked().load(Programs.of("""
                r6 = 0x66
                *(u32 *)(r10 - 4) = 0
                r1 = %d ll
                r2 = r10
                r2 += -4
                call 1
                r0 = 1
                exit
                """.formatted(map.handle())), 1);
        bed.run(executable);
        Memory.putInt(bed.descriptor(0) + FrameDescriptor.RX_QUEUE, 77); // there are 4 CPUs
        assertThatThrownBy(() -> bed.run(executable))
                .isInstanceOf(AssertionError.class)
                .hasMessageMatching(
                        "bug of sluice in test\\.\\w+_loop_pc0_9 pc 6: .* r6=0x66 .* packet=0001.* bytes=64");
    }
}
