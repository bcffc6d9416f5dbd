package dev.sluice.kernel.diff;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a comparison came to. Immutable.
 *
 * @param program name of the program
 * @param tag of the program as we linked it
 * @param kernel release of the kernel
 * @param cpu the CPU that the kernel ran it on
 * @param packets packets given, compared or not
 * @param compared packets that ran on all sides
 * @param verdicts how often the kernel's program returned what, by return value
 * @param engines what each engine came to
 * @param maps what was compared at the end
 * @param differences the first ones
 * @param rules how often each rule was applied; only those that were
 * @param unsupported what the program asks for that Sluice does not have, a sentence each: packets that get there differ
 * @param remarks what a person should know beside that, a sentence each
 */
public record DiffReport(
        String program,
        String tag,
        String kernel,
        int cpu,
        long packets,
        long compared,
        Map<Integer, Long> verdicts,
        List<EngineResult> engines,
        List<MapResult> maps,
        List<Difference> differences,
        Map<Rule, Long> rules,
        List<String> unsupported,
        List<String> remarks) {

    /**
     * What an engine came to.
     *
     * @param equalPackets the same as in the kernel in all that is compared
     * @param excusedPackets different, and not judged by a rule
     * @param differentPackets different
     * @param equalEntries entries of maps, likewise
     */
    public record EngineResult(
            String engine,
            long equalPackets,
            long excusedPackets,
            long differentPackets,
            long equalEntries,
            long excusedEntries,
            long differentEntries) {
        public boolean isEqual() {
            return differentPackets == 0 && differentEntries == 0;
        }
    }

    /**
     * A map at the end.
     *
     * @param type number in {@code enum bpf_map_type}
     * @param entries in the kernel's map, or events that came from it; 0 where it was not compared
     * @param notCompared why it was not compared; null where it was
     */
    public record MapResult(
            String name, int type, long entries, @Nullable String notCompared) {}

    /** Whether every engine did what the kernel did, as far as it was judged. */
    public boolean isEqual() {
        return engines.stream().allMatch(EngineResult::isEqual);
    }
}
