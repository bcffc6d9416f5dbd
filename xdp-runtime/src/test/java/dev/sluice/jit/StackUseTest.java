package dev.sluice.jit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.isa.Assembler;
import dev.sluice.program.Facts;
import dev.sluice.program.Program;
import dev.sluice.program.Range;
import dev.sluice.program.RegisterFact;
import java.lang.constant.ClassDesc;
import java.util.BitSet;
import org.junit.jupiter.api.Test;

class StackUseTest {
    private static RegisterFact pointer(RegisterFact.Kind kind, boolean own, long offset) {
        return new RegisterFact(kind, true, -1, own, offset, offset, Range.ANY);
    }

    /**
     * A function gets a variable of its caller, and has memory of its own, as of a ring buffer. It calls a helper, which takes
     * no registers: so what r2 to r5 hold at its beginning, of which nothing is known, does not matter.
     */
    @Test
    void aFunctionThatHasMemoryReadsItsArgumentsOnly() {
        Program program = Program.ofCode("test", Assembler.assemble("""
                *(u64 *)(r10 - 16) = 7
                *(u64 *)(r10 - 8) = 1
                r1 = r10
                r1 += -8
                call pc+2
                r0 = *(u64 *)(r10 - 16)
                exit
                r6 = r1
                call 5
                r0 = *(u64 *)(r0 + 0)
                r1 = *(u64 *)(r6 + 0)
                r0 += r1
                exit
                """));
        int size = program.code().size();
        RegisterFact[][] registers = new RegisterFact[size][];
        for (int slot : new int[] {4, 9, 10}) {
            registers[slot] = new RegisterFact[10];
        }
        registers[4][1] = pointer(RegisterFact.Kind.STACK, true, -8);
        registers[9][0] = pointer(RegisterFact.Kind.MEMORY, false, 0);
        registers[10][6] = pointer(RegisterFact.Kind.STACK, false, -8);
        BitSet all = new BitSet();
        all.set(0, size);
        Facts facts = new Facts(program.code().toBytes(), true, all, all, all, registers);
        Unit unit = new Unit(
                facts.verified(program).orElseThrow().program(),
                new Variant(Variant.Entry.LOOP, false, true),
                new Settings(facts, Settings.HUGE_METHOD_BYTES),
                null,
                new Lines(program, Lines.Mode.SOURCE),
                ClassDesc.of("test.Test"));
        assertThat(unit.stack().isUnknown()).isFalse();
        assertThat(unit.stack().variables(0)).containsKey(new StackUse.Variable(-16, 8));
        assertThat(unit.zeroed(1)).isEmpty();
    }
}
