package dev.sluice.conformance.agreement;

import dev.sluice.conformance.verifier.VerifierSuite;
import dev.sluice.exec.Engine;
import dev.sluice.helper.Helper;
import dev.sluice.isa.Opcode;
import dev.sluice.kernel.Kernel;
import dev.sluice.kernel.diff.DiffReport;
import dev.sluice.kernel.diff.Difference;
import dev.sluice.kernel.diff.Rule;
import dev.sluice.map.MapType;
import dev.sluice.map.Maps;
import dev.sluice.packet.nic.XdpAction;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** The text of {@code docs/FIDELITY.md}. Only what comes out the same on every run of the same kernel is a number in it. */
final class FidelityPage {
    private final Kernel kernel;
    private final List<Engine> engines;
    private final long seed;
    private final Corpus corpus;
    private final Map<Corpus.Subject, DiffReport> programs;
    private final Map<Corpus.Subject, String> notCompared;
    private final Tally isa;
    private final Tally maps;
    private final HelperSuite.Result helpers;
    private final Map<String, VerifierSuite.Row> verifier;
    private final StringBuilder out = new StringBuilder();

    FidelityPage(
            Kernel kernel,
            List<Engine> engines,
            long seed,
            Corpus corpus,
            Map<Corpus.Subject, DiffReport> programs,
            Map<Corpus.Subject, String> notCompared,
            Tally isa,
            Tally maps,
            HelperSuite.Result helpers,
            Map<String, VerifierSuite.Row> verifier) {
        this.kernel = kernel;
        this.engines = engines;
        this.seed = seed;
        this.corpus = corpus;
        this.programs = programs;
        this.notCompared = notCompared;
        this.isa = isa;
        this.maps = maps;
        this.helpers = helpers;
        this.verifier = verifier;
    }

    boolean isEqual() {
        return differingPrograms() == 0
                && isa.totalDifferent()
                                + maps.totalDifferent()
                                + helpers.tally().totalDifferent()
                        == 0;
    }

    private long differingPrograms() {
        return programs.values().stream().filter(report -> !report.isEqual()).count();
    }

    String summary() {
        return programs.size() + " programs, " + differingPrograms() + " of them different; "
                + (isa.total() + maps.total() + helpers.tally().total()) + " comparisons of opcodes, maps and helpers, "
                + (isa.totalDifferent()
                        + maps.totalDifferent()
                        + helpers.tally().totalDifferent()) + " different";
    }

    /** The first ones, a line each. */
    List<String> differences() {
        List<String> all = new ArrayList<>();
        programs.forEach((subject, report) -> report.differences().stream()
                .limit(2)
                .map(Difference::toString)
                .forEach(difference -> all.add(subject + ": " + difference)));
        all.addAll(isa.differences());
        all.addAll(maps.differences());
        all.addAll(helpers.tally().differences());
        return all;
    }

    String text() {
        out.setLength(0);
        introduction();
        results();
        rules();
        limits();
        actions();
        programs();
        helpers();
        mapTypes();
        opcodes();
        return out.toString();
    }

    private void line(String text) {
        out.append(text).append('\n');
    }

    private void row(Object... cells) {
        line("| " + List.of(cells).stream().map(Object::toString).collect(Collectors.joining(" | ")) + " |");
    }

    private static String count(long number) {
        return String.format(Locale.ROOT, "%,d", number);
    }

    private static String blankIfNone(long number) {
        return number == 0 ? "" : count(number);
    }

    private static String different(long number) {
        return number == 0 ? "none" : "**" + count(number) + "**";
    }

    private void introduction() {
        String version = kernel.release().replaceAll("[^0-9.].*", "");
        line("# Fidelity");
        line("");
        line(
                "What Sluice emulates, how that was compared with Linux, and what differs on purpose. This page is written by");
        line("`conformance/fidelity`, which runs all of these comparisons; every number in it comes from that run.");
        line("");
        line("Compared with Linux " + version + " on " + System.getProperty("os.arch") + ", engines "
                + engines.stream().map(Engine::name).collect(Collectors.joining(" and ")) + ", seed " + seed + ".");
        line(
                "The kernel's answer is always the right one. Your own program and captures: `./sluice diff OBJ CAPTURE…`.");
        line("");
    }

    private void results() {
        long packets =
                programs.values().stream().mapToLong(DiffReport::compared).sum();
        line("## Results");
        line("");
        row("suite", "what is compared", "comparisons", "different");
        row("---", "---", "---:", "---:");
        row(
                "programs on captures",
                programs.size() + " programs of `pcaps/` on "
                        + count(corpus.packets().size()) + " packets of " + corpus.captures()
                        + " captures: return value, packet, metadata, maps at the end",
                count(packets * engines.size()) + " runs",
                different(programs.values().stream()
                        .flatMap(report -> report.engines().stream())
                        .mapToLong(engine -> engine.differentPackets() + engine.differentEntries())
                        .sum()));
        row(
                "opcodes",
                isa.compared().size()
                        + " opcodes on operands at and around the borders of all widths and signs, and random"
                        + " ones: the registers after it, or memory",
                count(isa.total()),
                different(isa.totalDifferent()));
        row(
                "maps",
                "random operations of user space and programs on maps of "
                        + mapTypesCompared().size()
                        + " types: values, error numbers, contents; and which definitions are taken",
                count(maps.total()),
                different(maps.totalDifferent()));
        row(
                "helpers",
                helpers.called().size() + " helpers with arguments at and around their limits: return value, packet,"
                        + " metadata",
                count(helpers.tally().total()),
                different(helpers.tally().totalDifferent()));
        line("");
        line("The verifiers, ours and Linux's, on the same programs:");
        line("");
        row(
                "programs",
                "compared",
                "both accept",
                "both reject",
                "only Sluice accepts",
                "only Linux accepts",
                "undecided",
                "same instructions processed",
                "same last line");
        row("---", "---:", "---:", "---:", "---:", "---:", "---:", "---:", "---:");
        verifier.forEach((what, n) -> row(
                what,
                count(n.programs()),
                count(n.accepted()),
                count(n.rejected()),
                different(n.falseAccepts()),
                different(n.falseRejects()),
                blankIfNone(n.unsupported()),
                count(n.sameCount()),
                count(n.sameMessage())));
        line("");
        line("More of them: `./sluice-verify`.");
        line("");
        line("Random programs are compared by `./sluice-fuzz`, for as long as one likes.");
        line("");
        List<String> first = differences();
        if (!first.isEmpty()) {
            line("Known differences, to be mended:");
            line("");
            first.stream()
                    .limit(20)
                    .forEach(text -> line("- " + text.lines().findFirst().orElse("")));
            line("");
        }
    }

    private void rules() {
        Map<Rule, Long> applied = new EnumMap<>(Rule.class);
        Map<Rule, Integer> inPrograms = new EnumMap<>(Rule.class);
        programs.values()
                .forEach(report -> report.rules().forEach((rule, times) -> {
                    applied.merge(rule, times, Long::sum);
                    inPrograms.merge(rule, 1, Integer::sum);
                }));
        line("## What differs on purpose, or cannot be seen");
        line("");
        line(
                "A comparison that one of these rules excuses is counted, here and by `sluice diff`, and not judged. Where two");
        line("runs differ of themselves (time, random numbers) there is no number of times.");
        line("");
        row("rule", "what is not judged", "in this run");
        row("---", "---", "---");
        for (Rule rule : Rule.values()) {
            boolean varies = rule.unit() == Rule.Unit.PACKETS_AND_ENTRIES;
            String times = applied.containsKey(rule)
                    ? programs(inPrograms.getOrDefault(rule, 0))
                            + (varies
                                    ? ""
                                    : ", " + count(applied.get(rule)) + " "
                                            + rule.unit().name().toLowerCase(Locale.ROOT))
                    : "not applied";
            row("`" + rule.label() + "`", rule.text(), times);
        }
        line("");
    }

    private static String programs(int number) {
        return number + (number == 1 ? " program" : " programs");
    }

    private void limits() {
        line("## Limits");
        line("");
        line("- Of packets longer than 73,152 bytes, which a test run refuses, the first 73,152 are compared.");
        line("- A test run has its packets from the loopback interface, queue 0, on CPU 0, and sends them nowhere.");
        line("- What a program prints is not compared here; the golden results of `pcaps/` hold it to the kernel's.");
        line("- Programs of device map and CPU map entries cannot be run by a test run.");
        if (!notCompared.isEmpty()) {
            line("- Not compared, because one side does not take them:");
            notCompared.forEach((subject, why) ->
                    line("  `" + subject + "` (" + why.lines().findFirst().orElse("") + ")"));
        }
        line("");
    }

    private void actions() {
        Map<Integer, Long> verdicts = new TreeMap<>();
        programs.values()
                .forEach(
                        report -> report.verdicts().forEach((value, times) -> verdicts.merge(value, times, Long::sum)));
        line("## Actions");
        line("");
        line(
                "What programs returned in the kernel on these captures. A value is compared as it is, also one that is no action.");
        line("");
        row("value", "action", "packets");
        row("---:", "---", "---:");
        verdicts.forEach((value, times) -> {
            XdpAction action = XdpAction.of(value);
            // what depends on time or random numbers varies by run: those programs only ever pass and drop
            row(value, action == XdpAction.OTHER ? "none" : action.label(), varies(value) ? "yes" : count(times));
        });
        line("");
    }

    /** Whether a program that asks for time or random numbers returned it: then its number is another one each time. */
    private boolean varies(int verdict) {
        return programs.values().stream()
                .anyMatch(report ->
                        (report.rules().containsKey(Rule.TIME) || report.rules().containsKey(Rule.RANDOM))
                                && report.verdicts().containsKey(verdict));
    }

    private void programs() {
        line("## Programs on captures");
        line("");
        row("object", "program", "packets", "result", "rules");
        row("---", "---", "---:", "---", "---");
        programs.forEach((subject, report) -> row(
                "`" + subject.object() + "`",
                "`" + report.program() + "`",
                count(report.compared()),
                result(report),
                report.rules().keySet().stream()
                        .filter(rule -> rule != Rule.SHORT_PACKET && rule != Rule.LONG_PACKET)
                        .map(Rule::label)
                        .collect(Collectors.joining(", "))));
        line("");
        line("Of the rules `long-packet` and, where there are such packets, `short-packet` apply to all of them.");
        line("");
    }

    private static String result(DiffReport report) {
        if (!report.isEqual()) {
            return report.unsupported().isEmpty()
                    ? "**different**"
                    : "**different**: " + String.join("; ", report.unsupported());
        }
        boolean excused =
                report.engines().stream().anyMatch(engine -> engine.excusedPackets() + engine.excusedEntries() > 0);
        return excused ? "equal, as far as it was judged" : "equal";
    }

    private void helpers() {
        Map<Integer, Integer> inPrograms = new HashMap<>();
        programs.keySet()
                .forEach(subject ->
                        Corpus.helpersOf(subject).forEach(number -> inPrograms.merge(number, 1, Integer::sum)));
        line("## Helpers");
        line("");
        line(
                "All that Linux lets XDP programs call. *Suite*: called with arguments at and around its limits. *Programs*: how");
        line("many of the programs above call it.");
        line("");
        row("number", "helper", "Sluice has it", "suite", "programs");
        row("---:", "---", "---", "---", "---:");
        for (Helper helper : Helper.values()) {
            row(
                    helper.number(),
                    "`" + helper.cname() + "`",
                    helper.isImplemented() ? "yes" : "no: " + helper.whyMissing(),
                    compared(helper) ? "yes" : "",
                    blankIfNone(inPrograms.getOrDefault(helper.number(), 0)));
        }
        line("");
    }

    private boolean compared(Helper helper) {
        return helpers.called().contains(helper.number())
                || switch (helper) {
                    // by the suite of maps
                    case MAP_LOOKUP_ELEM, MAP_UPDATE_ELEM, MAP_DELETE_ELEM -> true;
                    default -> false;
                };
    }

    private Set<String> mapTypesCompared() {
        return maps.compared().keySet().stream()
                .map(subject -> subject.substring(0, subject.indexOf(',')))
                .collect(Collectors.toSet());
    }

    private void mapTypes() {
        Map<Integer, Integer> inPrograms = new HashMap<>();
        programs.values()
                .forEach(report -> report.maps().stream()
                        .filter(map -> map.notCompared() == null)
                        .forEach(map -> inPrograms.merge(map.type(), 1, Integer::sum)));
        line("## Map types");
        line("");
        line(
                "*Suite*: comparisons by the suite of maps. *Programs*: maps of the programs above whose contents were compared.");
        line("");
        row("number", "type", "Sluice has it", "suite", "programs");
        row("---:", "---", "---", "---:", "---:");
        for (MapType type : MapType.values()) {
            if (type == MapType.UNSPEC) {
                continue;
            }
            long compared = maps.compared().entrySet().stream()
                    .filter(entry -> entry.getKey().startsWith(type.bpftoolName() + ","))
                    .mapToLong(Map.Entry::getValue)
                    .sum();
            row(
                    type.number(),
                    type.bpftoolName(),
                    !Maps.supports(type) ? "no" : MapSuite.staysEmpty(type) ? "it can be made, and stays empty" : "yes",
                    blankIfNone(compared),
                    blankIfNone(inPrograms.getOrDefault(type.number(), 0)));
        }
        line("");
        line("By operation:");
        line("");
        row("type", "operation", "comparisons", "different");
        row("---", "---", "---:", "---:");
        maps.compared().forEach((subject, times) -> {
            int comma = subject.indexOf(',');
            row(
                    subject.substring(0, comma),
                    subject.substring(comma + 2),
                    count(times),
                    different(maps.different().getOrDefault(subject, 0L)));
        });
        line("");
    }

    private void opcodes() {
        line("## Opcodes");
        line("");
        line("By the version of `clang -mcpu` that brought them.");
        line("");
        row("opcode", "byte", "version", "comparisons", "different");
        row("---", "---", "---:", "---:", "---:");
        for (Opcode opcode : Opcode.values()) {
            boolean used = IsaSuite.isForXdp(opcode);
            row(
                    opcode.name(),
                    String.format(Locale.ROOT, "0x%02x", opcode.code()),
                    "v" + opcode.cpuVersion(),
                    used ? count(isa.compared().getOrDefault(opcode.name(), 0L)) : "not for XDP programs",
                    used ? different(isa.different().getOrDefault(opcode.name(), 0L)) : "");
        }
    }
}
