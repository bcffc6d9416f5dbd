package dev.sluice.cli;

import dev.sluice.object.ObjectSpec;
import dev.sluice.object.ProgramSpec;
import org.jspecify.annotations.Nullable;

/** Sluice's own verifier, for {@link CheckCommand}: the one place that asks it. */
final class OwnVerifier {
    /** What stands in its column as long as there is none. */
    static final String ABSENT = "no verifier of ours yet";

    private OwnVerifier() {}

    /** What it says of a program, or null where there is no verifier. */
    @SuppressWarnings("unused") // what a verifier will need
    static CheckCommand.@Nullable Verdict verdict(ObjectSpec spec, ProgramSpec program) {
        return null;
    }
}
