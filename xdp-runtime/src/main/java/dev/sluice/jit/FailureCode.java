package dev.sluice.jit;

import static dev.sluice.jit.Descriptors.RUNTIME;
import static java.lang.constant.ConstantDescs.CD_Throwable;
import static java.lang.constant.ConstantDescs.CD_int;
import static java.lang.constant.ConstantDescs.CD_long;

import dev.sluice.exec.ProgramFault;
import dev.sluice.isa.Instruction;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Emits what reports of failures need: where helpers and maps are called, the slot is put into a local first, and a handler
 * behind the method's code adds it and what the registers hold to whatever comes out of the call. HotSpot's second compiler
 * leaves out handlers that never ran. What remains is that the registers are kept while the call lasts, as most are anyway.
 */
final class FailureCode {
    private static final MethodTypeDesc WITH_REGISTERS = MethodTypeDesc.of(
            CD_Throwable,
            Stream.concat(Stream.of(CD_Throwable, CD_int), Collections.nCopies(Instruction.FP + 1, CD_long).stream())
                    .toArray(ClassDesc[]::new));

    private static final int ALL = (1 << Instruction.FP) - 1;
    private static final int CALLEE_SAVED = 0b11_1100_0000;

    private record Range(Label start, Label end) {}

    private final CodeBuilder b;
    private final Unit unit;
    private final Locals locals;
    private final Lines lines;

    /** By registers that their handler shows, as bits: the calls. */
    private final Map<Integer, List<Range>> calls = new TreeMap<>();

    /** By slot: the registers that handlers of operations on maps show. */
    private final Map<Integer, Integer> kept = new HashMap<>();

    FailureCode(CodeBuilder b, Unit unit, Locals locals, Lines lines) {
        this.b = b;
        this.unit = unit;
        this.locals = locals;
        this.lines = lines;
    }

    /**
     * Begins an instruction that calls a helper.
     *
     * @param state the values of {@link Kinds} before it
     * @param liveAfter registers that are wanted behind it
     */
    void begin(int slot, int[] state, int liveAfter) {
        int registers = liveAfter & CALLEE_SAVED;
        for (int r = 1; r <= 5; r++) {
            int value = unit.kinds.register(state, r);
            if (Kinds.isConstant(value) || Kinds.kind(value) == Kinds.STACK) {
                registers |= 1 << r;
            }
        }
        kept.put(slot, registers);
    }

    /** Emits a call of a helper: nothing but that, so that registers are kept no longer. What r0 was nobody needs. */
    void ofHelper(Runnable call) {
        around(ALL & ~1, call);
    }

    /**
     * Emits a call of a map, or what else may fail of an operation that is in place. Most often it is not reached at all, and
     * registers that are wanted for a report alone would be kept for it all the way there.
     */
    void ofMap(Runnable call) {
        around(kept.getOrDefault(lines.current(), 0), call);
    }

    private void around(int registers, Runnable call) {
        b.loadConstant(lines.current()).istore(locals.failing);
        Label start = b.newBoundLabel();
        call.run();
        calls.computeIfAbsent(unit.checked ? ALL : registers, key -> new ArrayList<>())
                .add(new Range(start, b.newBoundLabel()));
    }

    /**
     * Emits the handlers.
     *
     * @param begin where the code begins that is to have a handler as a whole, up to here; null for the calls alone
     */
    void emit(@Nullable Label begin) {
        Label end = b.newBoundLabel();
        calls.forEach((registers, ranges) -> {
            Label handler = b.newBoundLabel();
            ranges.forEach(range -> b.exceptionCatchAll(range.start, range.end, handler));
            b.iload(locals.failing);
            addRegisters(registers);
            b.athrow();
        });
        if (begin != null) {
            b.exceptionCatchAll(begin, end, b.newBoundLabel());
            b.iconst_m1();
            addRegisters(ALL);
            b.athrow();
        }
    }

    /** Adds what the registers hold to the exception on the stack, below the slot; leaves a {@code Throwable} there. */
    void addRegisters() {
        addRegisters(ALL);
    }

    private void addRegisters(int registers) {
        for (int r = 0; r < Instruction.FP; r++) {
            if ((registers >>> r & 1) != 0) {
                b.lload(locals.register[r]);
            } else {
                b.loadConstant(ProgramFault.UNKNOWN);
            }
        }
        b.lload(locals.register[Instruction.FP]);
        b.invokestatic(RUNTIME, "withRegisters", WITH_REGISTERS);
    }
}
