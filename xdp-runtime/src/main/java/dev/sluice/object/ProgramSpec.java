package dev.sluice.object;

/**
 * A program of an object: a function that can be loaded by itself. Immutable.
 *
 * @param name of its function
 * @param section name of its section, which says the type
 * @param type what the name of the section says
 * @param function index into the object's functions
 */
public record ProgramSpec(String name, String section, SectionName type, int function) {
    /** Whether the section's name says that it is an XDP program. */
    public boolean isXdp() {
        return type.type() == ProgramType.XDP;
    }

    /** The same program, taken for an XDP program where the section's name does not say. */
    public ProgramSpec asXdp() {
        return new ProgramSpec(name, section, type.orXdp(), function);
    }
}
