package dev.sluice.jit;

import dev.sluice.memory.Regions;
import dev.sluice.program.Program;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The code of one way into a program, made when it is first wanted. Accesses at constant addresses are compiled on the
 * assumption that the runtime's regions allow them, which is asked anew whenever these have changed; where it is wrong,
 * code that asks at each access takes over. Thread-safe; a hit allocates nothing.
 */
final class CompiledVariant {
    private final Program program;
    private final Settings settings;
    private final Variant.Entry entry;
    private final boolean counted;

    /** Code and what it assumes. */
    private record Made(JitCode code, List<Assumption> assumptions) {}

    /** The code that runs as long as the regions stay as they are. */
    private record Decision(Regions regions, long version, JitCode code) {}

    private volatile @Nullable Made assuming;
    private volatile @Nullable JitCode asking;

    private volatile @Nullable Decision last;

    CompiledVariant(Program program, Settings settings, Variant.Entry entry, boolean counted) {
        this.program = program;
        this.settings = settings;
        this.entry = entry;
        this.counted = counted;
    }

    /** The code to run now. */
    JitCode code(Regions regions) {
        Decision decision = last;
        if (decision != null && decision.regions == regions && decision.version == regions.version()) {
            return decision.code;
        }
        return decide(regions);
    }

    private synchronized JitCode decide(Regions regions) {
        Made made = assuming;
        if (made == null) {
            Compiler.Image image = Compiler.compile(program, variant(true), settings, Lines.Mode.SOURCE);
            made = new Made(ProgramLoader.load(image), image.assumptions());
            assuming = made;
        }
        long version = regions.version();
        JitCode code = made.code;
        for (Assumption assumption : made.assumptions) {
            if (!assumption.holds(regions)) {
                code = asking();
                break;
            }
        }
        last = new Decision(regions, version, code);
        return code;
    }

    private JitCode asking() {
        JitCode code = asking;
        if (code == null) {
            code = ProgramLoader.load(Compiler.compile(program, variant(false), settings, Lines.Mode.SOURCE));
            asking = code;
        }
        return code;
    }

    /** What is made when assumptions hold. */
    Variant variant(boolean assumes) {
        return new Variant(entry, counted, assumes);
    }
}
