package dev.sluice.object;

import dev.sluice.btf.BtfExt;
import dev.sluice.btf.CoreRelocation;
import java.util.List;

/**
 * A function of an object: its instructions as the compiler left them, and what they refer to. Immutable.
 *
 * @param name of its symbol
 * @param section name of its section
 * @param sectionIndex of its section in the file
 * @param offset bytes from the start of the section
 * @param insns eight bytes a slot
 * @param global whether its symbol is visible outside of its source file
 * @param weak whether another definition may take its place
 * @param hidden whether a global symbol is hidden from other objects: the kernel then verifies it as a static function
 * @param btfType id of its {@link dev.sluice.btf.BtfType.Func}, 0 if unknown
 * @param references in order of their slots, which count from the start of the function
 * @param lines offsets in bytes from the start of the function
 * @param relocations CO-RE, offsets in bytes from the start of the function
 */
public record FunctionSpec(
        String name,
        String section,
        int sectionIndex,
        int offset,
        Blob insns,
        boolean global,
        boolean weak,
        boolean hidden,
        int btfType,
        List<CodeReference> references,
        List<BtfExt.LineInfo> lines,
        List<CoreRelocation> relocations) {
    /** Number of instruction slots. */
    public int slots() {
        return insns.size() / 8;
    }

    /** What an instruction of a function refers to, before it is linked. Slots count from the function's start. */
    public sealed interface CodeReference {
        int slot();

        /** Calls a function. */
        record Call(int slot, int sectionIndex, int offset) implements CodeReference {}

        /** Loads the address of a function. */
        record FunctionAddress(int slot, int sectionIndex, int offset) implements CodeReference {}

        /** Loads a map, {@code maps().get(map)} of the object. */
        record ToMap(int slot, int map) implements CodeReference {}

        /** Loads the address of byte {@code offset} of the only value of a map. */
        record ToValue(int slot, int map, int offset) implements CodeReference {}

        /** Calls, or loads the address of, what the object does not define; {@code externs().get(extern)}. */
        record ToExtern(int slot, int extern) implements CodeReference {}

        /** Cannot be linked; the message says why. */
        record Broken(int slot, String message) implements CodeReference {}
    }
}
