package dev.sluice;

import dev.sluice.exec.Executable;
import dev.sluice.object.LinkedProgram;
import java.util.List;

/**
 * A loaded program.
 *
 * @param linked what was linked, before addresses went in
 * @param executable the runnable
 * @param maps ids of the maps it uses, in order of first use
 * @param warnings what will not work, each a sentence for a person
 */
public record LoadedProgram(LinkedProgram linked, Executable executable, List<Integer> maps, List<String> warnings) {
    public String name() {
        return linked.name();
    }

    /** The program's id, above 0. */
    public int id() {
        return executable.programId();
    }
}
