package dev.sluice.verifier;

import dev.sluice.btf.Btf;
import dev.sluice.object.SectionName;
import dev.sluice.program.SourceLine;
import java.util.List;

/**
 * What is to be verified: an XDP program as a loader would give it to the kernel. Immutable.
 *
 * @param name of the program
 * @param insns eight bytes a slot; where an {@code lddw} loads a map ({@code BPF_PSEUDO_MAP_FD}, {@code
 *     BPF_PSEUDO_MAP_VALUE}), its imm is an index of {@code maps}
 * @param maps the maps that the program may name
 * @param gplCompatible whether it may call GPL-only helpers
 * @param attach where it is to run
 * @param deviceBound whether it is loaded for one device, and may ask that for what it knows of packets
 * @param functions its functions in order of their starts, with their types; empty if not known
 * @param btf the types of functions; null if not known
 * @param lines source lines in order; empty if not known
 */
public record Subject(
        String name,
        byte[] insns,
        List<KnownMap> maps,
        boolean gplCompatible,
        SectionName.Attach attach,
        boolean deviceBound,
        List<Function> functions,
        Btf btf,
        List<SourceLine> lines) {

    /**
     * A function.
     *
     * @param start first slot
     * @param global whether it is verified by itself, for all arguments of its types
     * @param btfType id of its {@code FUNC}, 0 if not known
     */
    public record Function(String name, int start, boolean global, int btfType) {}

    /** In the imm of an {@code lddw} of a map: the rest is a descriptor that nobody opened, not an index. */
    static final int STRAY = 1 << 30;

    public Subject {
        maps = List.copyOf(maps);
        functions = List.copyOf(functions);
        lines = List.copyOf(lines);
    }

    /** The same with other instructions. */
    public Subject withInsns(byte[] changed) {
        return new Subject(name, changed, maps, gplCompatible, attach, deviceBound, functions, btf, lines);
    }

    /** The same, loaded for one device, or not. */
    public Subject withDeviceBound(boolean bound) {
        return new Subject(name, insns, maps, gplCompatible, attach, bound, functions, btf, lines);
    }

    /** Bare instructions with their maps, under a GPL-compatible license. */
    public static Subject of(byte[] insns, List<KnownMap> maps) {
        return new Subject("program", insns, maps, true, SectionName.Attach.DEVICE, false, List.of(), null, List.of());
    }
}
