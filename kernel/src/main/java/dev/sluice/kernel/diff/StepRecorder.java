package dev.sluice.kernel.diff;

import dev.sluice.LoadedProgram;
import dev.sluice.helper.Helper;
import dev.sluice.helper.StepSink;
import dev.sluice.isa.Code;
import dev.sluice.isa.Disassembler;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.Symbols;
import dev.sluice.isa.Syntax;
import dev.sluice.program.Program;
import dev.sluice.program.SourceLine;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the last {@link #CAPACITY} steps of the packet at hand, and notices calls that bring a {@link Rule} into play.
 *
 * <pre>
 * step: 0 programId u32 | depth u8 | pc u24,  1..11 r0 to r10 before the instruction
 * </pre>
 */
final class StepRecorder implements StepSink {
    private static final int CAPACITY = 1 << 14;
    private static final int REGISTERS = 11;
    private static final int STRIDE = 1 + REGISTERS;
    private static final int FIRST_SAVED = 6;
    private static final int PC_BITS = 24;

    private static final Disassembler DISASSEMBLER = new Disassembler(Syntax.KERNEL, new Symbols() {
        @Override
        public String helperName(int number) {
            Helper helper = Helper.of(number);
            return helper == null ? Symbols.super.helperName(number) : helper.cname();
        }
    });

    private final long[] steps = new long[CAPACITY * STRIDE];
    private final Map<Integer, Program> programs = new HashMap<>();
    /** By program id and slot, the rule that a call brings into play. */
    private final @Nullable Rule[][] rules;

    private final Set<Rule> met = EnumSet.noneOf(Rule.class);
    private long count;

    StepRecorder(List<LoadedProgram> loaded, boolean onCpuZero) {
        int greatest = loaded.stream().mapToInt(LoadedProgram::id).max().orElse(0);
        rules = new Rule[greatest + 1][];
        for (LoadedProgram program : loaded) {
            Code code = program.executable().program().code();
            programs.put(program.id(), program.executable().program());
            rules[program.id()] = new Rule[code.size()];
            for (int slot = 0; slot < code.size(); slot++) {
                Instruction insn = code.at(slot);
                if (insn != null && insn.form() == Form.CALL_HELPER) {
                    rules[program.id()][slot] = Rule.ofHelper(insn.imm32(), onCpuZero);
                }
            }
        }
    }

    /** Forgets the packet before. */
    void begin() {
        count = 0;
        met.clear();
    }

    @Override
    public void step(int programId, int pc, int depth, long[] registers) {
        int at = (int) (count++ & CAPACITY - 1) * STRIDE;
        steps[at] = (long) programId << 32 | (long) depth << PC_BITS | pc;
        System.arraycopy(registers, 0, steps, at + 1, REGISTERS);
        Rule rule = rules[programId][pc];
        if (rule != null) {
            met.add(rule);
        }
    }

    /** The rules that the packet at hand has brought into play. */
    Set<Rule> met() {
        return met;
    }

    /** Instructions that were run for the packet at hand. */
    long count() {
        return count;
    }

    /**
     * What was run.
     *
     * @param show a register's value for a person
     */
    List<TraceStep> trace(LongFunction<String> show) {
        List<TraceStep> trace = new ArrayList<>();
        SourceLine last = null;
        for (long number = Math.max(0, count - CAPACITY); number < count; number++) {
            int at = (int) (number & CAPACITY - 1) * STRIDE;
            int programId = (int) (steps[at] >>> 32);
            int depth = (int) (steps[at] >>> PC_BITS) & 0xff;
            int pc = (int) steps[at] & (1 << PC_BITS) - 1;
            Program program = programs.get(programId);
            Instruction insn = program == null ? null : program.code().at(pc);
            if (program == null || insn == null) {
                throw new AssertionError("a step outside of all programs: program=" + programId + " pc=" + pc);
            }
            SourceLine line = program.lineAt(pc);
            trace.add(new TraceStep(
                    program.name(),
                    pc,
                    depth,
                    DISASSEMBLER.text(insn),
                    line != null && !isSameLine(line, last) ? line : null,
                    number + 1 < count ? changes(number, insn, show) : ""));
            last = line;
        }
        return trace;
    }

    /** The compiler gives a record for each column. */
    private static boolean isSameLine(SourceLine line, @Nullable SourceLine last) {
        return last != null && line.line() == last.line() && line.file().equals(last.file());
    }

    private String changes(long number, Instruction insn, LongFunction<String> show) {
        int before = (int) (number & CAPACITY - 1) * STRIDE + 1;
        int after = (int) (number + 1 & CAPACITY - 1) * STRIDE + 1;
        boolean call = insn.form() == Form.CALL_HELPER || insn.form() == Form.CALL_KFUNC;
        StringBuilder text = new StringBuilder();
        for (int r = 0; r < REGISTERS; r++) {
            // what a helper leaves in its argument registers means nothing
            boolean clobbered = call && r > 0 && r < FIRST_SAVED;
            if (steps[before + r] != steps[after + r] && !clobbered) {
                text.append(text.isEmpty() ? "" : " ").append('r').append(r).append('=');
                text.append(show.apply(steps[after + r]));
            }
        }
        return text.toString();
    }
}
