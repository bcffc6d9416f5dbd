package dev.sluice.jit;

import dev.sluice.isa.Instruction;
import java.lang.classfile.CodeBuilder;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Where a function's code has its values: numbers of the local variables of its method. Code in place of a call has those of
 * its caller for the packet, and its own behind all of the caller's.
 */
final class Locals {
    /** In place of a local's number: there is none. */
    static final int NONE = -1;

    /** Locals that a long takes. */
    static final int LONG_SLOTS = 2;

    private static final int FP = Instruction.FP;

    /** The {@link dev.sluice.helper.RunContext}. */
    final int context;

    /** By number of the register. */
    final int[] register = new int[FP + 1];

    final int data;
    final int dataEnd;
    final int dataMeta;

    /** Whether the packet has been made the one at hand, in a loop that does so where a helper wants it. */
    final int taken;

    /** In the packet loop: slots of the frame that stores at known places have written for this packet. */
    final int dirty;

    /** The address of the packet's descriptor in a loop that reads it itself, else {@link #NONE}. */
    final int descriptor;

    /** What is left of the instructions. */
    final int left;

    /** What is left of the function's {@code may_goto}. */
    final int loops;

    /** An address, within an instruction. */
    final int address;

    /** An offset, within a test. */
    final int within;

    /** The number of an entry of another part, on the way there. */
    final int entry;

    /** The slot of the instruction whose call may fail: see {@link FailureCode}. */
    final int failing;

    /** A map, within a look-up. */
    final int map;

    /** Of an iterator, while it goes on. */
    final int number;

    /** Look-ups whose values are remembered. */
    final int lookups;

    /** Pairs of locals: where the value of a look-up begins and ends; empty before it. */
    private final int values;

    /** By number: the local of a variable on the stack. */
    final int[] variables;

    /** Variables on the stack that have a local, as bits. */
    final long used;

    /** Loads from the packet that are made once. */
    final PacketLoads loads;

    /** The first of their locals. */
    private final int loaded;

    /** The first local behind all of these; what is there nobody keeps over a call. */
    final int next;

    /** The r10 of the function whose frame is the lowest that is alive; {@link #NONE} where only the context knows. */
    final int lowestFrame;

    /** In the method of the packet loop: the entry function's r10; else {@link #NONE}. */
    final int loopFrame;

    /**
     * Where a method finds what it is given.
     *
     * @param registers by register: the local that it comes in, or 0 when it gets a new one
     * @param variables by variable on the stack, the same
     * @param loops what is left of {@code may_goto}, the same
     * @param left of the instructions, the same
     * @param entry the number of the entry, or 0
     * @param descriptor the address of the packet's descriptor, or {@link #NONE}
     * @param free the first local that nobody uses
     */
    record Given(int[] registers, int[] variables, int loops, int left, int entry, int descriptor, int free) {
        /** Nothing but the context. */
        static Given nothing(int free) {
            return ofLoop(NONE, free);
        }

        /** What the packet loop has. */
        static Given ofLoop(int descriptor, int free) {
            return new Given(new int[FP + 1], new int[0], 0, 0, 0, descriptor, free);
        }

        /** The parameters of a {@link MethodRef#FUNCTION_TYPE}. */
        static Given ofFunction(CodeBuilder b) {
            int[] registers = new int[FP + 1];
            for (int r = 1; r <= 5; r++) {
                registers[r] = b.parameterSlot(r);
            }
            registers[FP] = b.parameterSlot(6);
            return new Given(registers, new int[0], 0, 0, 0, NONE, b.parameterSlot(6) + LONG_SLOTS);
        }

        /** The parameters of a {@link Part#type}. */
        static Given ofPart(CodeBuilder b, Unit unit, Part part) {
            int[] registers = new int[FP + 1];
            registers[FP] = b.parameterSlot(1);
            int next = b.parameterSlot(1) + LONG_SLOTS;
            for (int r = 0; r < FP; r++) {
                if (part.takes(r)) {
                    registers[r] = next;
                    next += LONG_SLOTS;
                }
            }
            int[] variables = new int[Long.SIZE];
            for (long left = part.variablesIn; left != 0; left &= left - 1) {
                variables[Long.numberOfTrailingZeros(left)] = next;
                next += LONG_SLOTS;
            }
            int loops = unit.hasMayGoto(part.function) ? next++ : 0;
            int left = unit.counted ? next++ : 0;
            int entry = part.entries.size() > 1 ? next++ : 0;
            return new Given(registers, variables, loops, left, entry, NONE, next);
        }
    }

    /** @param caller of the function that this one is emitted into, or null */
    Locals(Unit unit, Part part, Shape shape, int context, Given given, @Nullable Locals caller) {
        this.context = context;
        int next = given.free;
        for (int r = 0; r <= FP; r++) {
            if (given.registers[r] != 0) {
                register[r] = given.registers[r];
            } else {
                register[r] = next;
                next += LONG_SLOTS;
            }
        }
        if (caller == null) {
            data = next;
            next += 3 * LONG_SLOTS;
            taken = next++;
            dirty = next;
            next += LONG_SLOTS;
            descriptor = unit.wholeRun ? NONE : given.descriptor;
            loopFrame = shape == Shape.LOOP ? register[FP] : NONE;
        } else {
            data = caller.data;
            taken = caller.taken;
            dirty = NONE;
            descriptor = caller.descriptor;
            loopFrame = caller.loopFrame;
        }
        dataEnd = data + LONG_SLOTS;
        dataMeta = dataEnd + LONG_SLOTS;
        address = next;
        within = address + LONG_SLOTS;
        next = within + LONG_SLOTS;
        left = given.left != 0 ? given.left : next++;
        loops = given.loops != 0 ? given.loops : next++;
        entry = given.entry != 0 ? given.entry : next++;
        map = next++;
        number = next++;
        failing = next++;
        values = next;
        lookups = unit.checked ? unit.kinds.lookups(part.function) : 0;
        next += lookups * 2 * LONG_SLOTS;
        variables = Arrays.copyOf(given.variables, Long.SIZE);
        used = usedVariables(unit, part);
        for (long more = used; more != 0; more &= more - 1) {
            int variable = Long.numberOfTrailingZeros(more);
            if (variables[variable] == 0) {
                variables[variable] = next;
                next += LONG_SLOTS;
            }
        }
        loads = PacketLoads.of(unit, part);
        loaded = next;
        this.next = next + loads.size() * LONG_SLOTS;
        boolean isLowest = shape == Shape.LOOP || unit.kinds.hasFrame(part.function);
        lowestFrame = isLowest ? register[FP] : caller == null ? NONE : caller.lowestFrame;
    }

    /** Variables on the stack that have a local: that are accessed, or given to another part. */
    private static long usedVariables(Unit unit, Part part) {
        if (!unit.hasVariables()) {
            return 0;
        }
        long variables = part.variablesIn | Variables.accessed(part, unit.stack());
        Partition partition = unit.partition(part.function);
        for (Block block : part.blocks) {
            for (int next : new int[] {block.next, block.target}) {
                if (next != Block.NONE && !part.contains(next)) {
                    variables |= partition.partOf(next).variablesIn;
                }
            }
        }
        return variables;
    }

    /** Whether the method is a packet loop that reads descriptors itself. */
    boolean hasDescriptor() {
        return descriptor != NONE;
    }

    /** The local of a load from the packet that is made once. */
    int loaded(int load) {
        return loaded + load * LONG_SLOTS;
    }

    /** Where the value of a look-up begins. */
    int valueStart(int lookup) {
        return values + lookup * 2 * LONG_SLOTS;
    }

    /** Where it ends. */
    int valueEnd(int lookup) {
        return valueStart(lookup) + LONG_SLOTS;
    }
}
