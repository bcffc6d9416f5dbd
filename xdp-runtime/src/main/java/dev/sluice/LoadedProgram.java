package dev.sluice;

import dev.sluice.exec.Executable;
import dev.sluice.object.LinkedProgram;
import dev.sluice.program.Verified;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A loaded program.
 *
 * @param linked what was linked, before addresses went in
 * @param executable the runnable
 * @param verified what was proved of it; null where it runs checked
 * @param maps ids of the maps it uses, in order of first use
 * @param warnings what will not work, each a sentence for a person
 */
public record LoadedProgram(
        LinkedProgram linked,
        Executable executable,
        @Nullable Verified verified,
        List<Integer> maps,
        List<String> warnings) {
    /** Several programs as one; what is said of a single program is said of the first one. */
    public static LoadedProgram of(ProgramChain chain) {
        List<Integer> maps = new ArrayList<>();
        List<String> warnings = new ArrayList<>();
        for (ProgramChain.Link link : chain.links()) {
            link.program().maps().stream().filter(map -> !maps.contains(map)).forEach(maps::add);
            warnings.addAll(link.program().warnings());
        }
        return new LoadedProgram(
                chain.links().getFirst().program().linked(), chain, null, List.copyOf(maps), List.copyOf(warnings));
    }

    public String name() {
        return linked.name();
    }

    /** The slot that an instruction of {@code executable.program()} had when it was linked. */
    public int originOf(int slot) {
        return verified == null ? slot : verified.originOf(slot);
    }

    /** The program's id, above 0. */
    public int id() {
        return executable.programId();
    }
}
