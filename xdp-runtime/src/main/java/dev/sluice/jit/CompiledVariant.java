package dev.sluice.jit;

import dev.sluice.helper.RunContext;
import dev.sluice.map.BpfMap;
import dev.sluice.map.MapTable;
import dev.sluice.memory.Regions;
import dev.sluice.program.Program;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The code of one way into a program, made when it is first wanted. Accesses at constant addresses are compiled on the
 * assumption that the runtime's regions allow them, and operations on maps on the assumption that a map's pointer stays
 * that map's; both are asked anew whenever regions or maps have changed; where one is wrong, code that asks at each access
 * and each call takes over. Thread-safe; a hit allocates nothing.
 */
final class CompiledVariant {
    private final Program program;
    private final Settings settings;
    private final Variant.Entry entry;
    private final boolean counted;

    /** Code and what it assumes. */
    private record Made(JitCode code, MapTable table, List<Assumption> assumptions, List<BpfMap> maps) {
        boolean holds(RunContext context) {
            for (Assumption assumption : assumptions) {
                if (!assumption.holds(context.regions)) {
                    return false;
                }
            }
            for (BpfMap map : maps) {
                if (!map.equals(table.byHandle(map.handle()))) {
                    return false;
                }
            }
            return true;
        }
    }

    /** The code that runs as long as regions and maps stay as they are. */
    private record Decision(Regions regions, long version, MapTable maps, long mapsVersion, JitCode code) {}

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
    JitCode code(RunContext context) {
        Decision decision = last;
        if (decision != null
                && decision.regions == context.regions
                && decision.version == context.regions.version()
                && decision.maps == context.maps
                && decision.mapsVersion == context.maps.version()) {
            return decision.code;
        }
        return decide(context);
    }

    private synchronized JitCode decide(RunContext context) {
        Regions regions = context.regions;
        MapTable maps = context.maps;
        Made made = assuming;
        if (made == null) {
            Surroundings known = new Surroundings(maps, regions);
            Compiler.Image image = Compiler.compile(program, variant(true), settings, known, Lines.Mode.SOURCE);
            made = new Made(ProgramLoader.load(image), maps, image.assumptions(), image.maps());
            assuming = made;
        }
        long version = regions.version();
        long mapsVersion = maps.version();
        JitCode code = made.table == maps && made.holds(context) ? made.code : asking();
        last = new Decision(regions, version, maps, mapsVersion, code);
        return code;
    }

    private JitCode asking() {
        JitCode code = asking;
        if (code == null) {
            code = ProgramLoader.load(Compiler.compile(program, variant(false), settings, null, Lines.Mode.SOURCE));
            asking = code;
        }
        return code;
    }

    /** What is made when assumptions hold. */
    Variant variant(boolean assumes) {
        return new Variant(entry, counted, assumes);
    }
}
