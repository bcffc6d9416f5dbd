package dev.sluice.conformance.fuzz;

import dev.sluice.isa.Code;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.Pseudo;
import java.util.Arrays;
import java.util.SortedMap;
import org.jspecify.annotations.Nullable;

/** One of those that are compared: an engine or the kernel, with maps of its own. Used by one thread. */
interface Side extends AutoCloseable {
    /**
     * What one packet made of a program.
     *
     * @param returned the low 32 bits of r0
     * @param output from data_meta to data_end
     */
    record Result(int returned, byte[] output) {
        @Override
        public boolean equals(@Nullable Object other) {
            return other instanceof Result(int otherReturned, byte[] otherOutput)
                    && returned == otherReturned
                    && Arrays.equals(output, otherOutput);
        }

        @Override
        public int hashCode() {
            return 31 * returned + Arrays.hashCode(output);
        }
    }

    String name();

    /**
     * Takes a program whose maps are indices of {@link TestBed}.
     *
     * @return null, or why it is refused
     */
    @Nullable
    String load(Code code);

    /** Runs the program that was loaded last. */
    Result run(byte[] packet);

    /** Sets the array's value, and empties the hash map if the program uses it. */
    void reset(byte[] value, boolean withHash);

    byte[] arrayValue();

    /** The entries of the hash map, key and value as little-endian numbers. */
    SortedMap<Integer, Long> hashEntries();

    @Override
    void close();

    /** The same code with the numbers of this side's maps in place of their indices. */
    static Code withMaps(Code code, long array, long hash) {
        Code linked = code;
        for (int slot = 0; slot < code.size(); slot++) {
            Instruction insn = code.at(slot);
            if (insn != null && insn.form() == Form.LDDW && insn.pseudo() == Pseudo.MAP_FD) {
                linked = linked.with(slot, insn.withImm(insn.imm() == TestBed.ARRAY ? array : hash));
            }
        }
        return linked;
    }
}
