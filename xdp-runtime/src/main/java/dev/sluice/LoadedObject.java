package dev.sluice;

import dev.sluice.object.ObjectSpec;
import java.util.List;
import java.util.Optional;

/**
 * An object whose maps exist and whose programs can run, until its runtime is closed.
 *
 * @param spec what it was made from
 * @param maps in the object's order
 * @param programs those that were asked for and those that their prog arrays start with
 */
public record LoadedObject(ObjectSpec spec, List<LoadedMap> maps, List<LoadedProgram> programs) {
    /** The map of a name. */
    public Optional<LoadedMap> map(String name) {
        return maps.stream().filter(map -> map.name().equals(name)).findFirst();
    }

    /** The program of a name. */
    public Optional<LoadedProgram> program(String name) {
        return programs.stream().filter(program -> program.name().equals(name)).findFirst();
    }
}
