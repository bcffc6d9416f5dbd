package dev.sluice.cli;

import dev.sluice.LoadedMap;
import dev.sluice.LoadedObject;
import dev.sluice.LoadedProgram;
import dev.sluice.TraceLog;
import dev.sluice.XdpRuntime;
import dev.sluice.exec.Executable;
import dev.sluice.helper.Clock;
import dev.sluice.helper.RunContext;
import dev.sluice.map.BpfMap;
import dev.sluice.map.XskMap;
import dev.sluice.object.ProgramSpec;
import dev.sluice.packet.Datapath;
import dev.sluice.packet.RunTotals;
import dev.sluice.packet.frame.FrameBatch;
import dev.sluice.packet.nic.VerdictCounters;
import dev.sluice.packet.nic.VirtualNic;
import dev.sluice.packet.nic.XdpAttachment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;

/** The programs of several NICs, loaded once an object so that they share its maps, with their counters and their trace. */
final class DatapathSession implements AutoCloseable {
    private static final int EXCEPTIONS_KEPT = 20;

    /** A program on a NIC. */
    record Attached(String nic, Path file, LoadedProgram program, LoadedMap counters) {}

    /**
     * An object with programs that were loaded from it.
     *
     * @param programs all of them, and several as one if that was asked for
     */
    record Loaded(Path file, LoadedObject object, List<LoadedProgram> programs, Instant at) {}

    private final RunOptions options;
    private final XdpRuntime runtime;
    private final TraceLog trace;
    private final List<NicOption> nics;
    private final List<Loaded> objects = new CopyOnWriteArrayList<>();
    private volatile List<Attached> attached = List.of();
    private final List<String> exceptions = new ArrayList<>();
    private long exceptionCount;
    private List<EventLog> events = List.of();
    private @Nullable PinFolder pins;

    private DatapathSession(List<NicOption> nics, RunOptions options, XdpRuntime runtime) {
        this.nics = nics;
        this.options = options;
        this.runtime = runtime;
        trace = new TraceLog(options.traceLimit());
    }

    /**
     * @param object of the NICs that name none; null when every NIC does
     * @param cpus how many CPUs programs see
     * @param inOrder whether one thread runs everything in capture time: then events are read in order too, and none is lost
     */
    static DatapathSession open(
            List<NicOption> nics,
            @Nullable Path object,
            ObjectOptions objects,
            RunOptions options,
            int cpus,
            boolean inOrder) {
        Map<NicOption, Wanted> wanted = new LinkedHashMap<>();
        for (NicOption nic : nics) {
            Wanted one = wanted(nic, object, objects);
            if (one != null) {
                wanted.put(nic, one);
            }
        }
        Map<Path, Optional<String>> first = new LinkedHashMap<>();
        if (object != null && wanted.values().stream().anyMatch(one -> one.file.equals(object))) {
            first.put(object, Optional.empty()); // what the options change
        }
        wanted.values().forEach(one -> first.merge(one.file, one.program, (old, now) -> old.isPresent() ? old : now));
        Map<Path, ObjectOptions.Choice> choices = objects.choose(first);
        XdpRuntime runtime = new XdpRuntime(options.engine().engine(), cpus, options.seed());
        boolean opened = false;
        try {
            options.network().apply(runtime);
            DatapathSession session = new DatapathSession(nics, options, runtime);
            session.load(wanted, choices);
            List<LoadedObject> loaded =
                    session.objects.stream().map(Loaded::object).toList();
            session.events = options.events().open(runtime, loaded, inOrder);
            session.pins = options.pins(runtime, loaded);
            opened = true;
            return session;
        } finally {
            if (!opened) {
                runtime.close();
            }
        }
    }

    /** A program of an object; without a name the only one. */
    private record Wanted(Path file, Optional<String> program) {}

    private static @Nullable Wanted wanted(NicOption nic, @Nullable Path object, ObjectOptions objects) {
        String named = nic.program();
        if (named == null) {
            return object == null ? null : new Wanted(object, objects.program());
        }
        if (named.equals("none")) {
            return null;
        }
        Path whole = Path.of(named);
        int colon = named.lastIndexOf(':');
        return colon > 0 && !Files.exists(whole)
                ? new Wanted(Path.of(named.substring(0, colon)), Optional.of(named.substring(colon + 1)))
                : new Wanted(whole, Optional.empty());
    }

    private void load(Map<NicOption, Wanted> wanted, Map<Path, ObjectOptions.Choice> choices) {
        Map<NicOption, List<ProgramSpec>> programs = new LinkedHashMap<>();
        Map<Path, LoadedObject> byFile = new LinkedHashMap<>();
        choices.forEach((file, choice) -> {
            List<ProgramSpec> of = new ArrayList<>();
            wanted.forEach((nic, one) -> {
                if (one.file.equals(file)) {
                    List<ProgramSpec> chosen = ObjectOptions.choose(file, choice.spec(), one.program.orElse(null));
                    programs.put(nic, chosen);
                    chosen.stream().filter(program -> !of.contains(program)).forEach(of::add);
                }
            });
            byFile.put(file, add(file, choice.load(runtime, of)));
        });
        List<Attached> all = new ArrayList<>();
        programs.forEach((nic, chosen) -> {
            Path file = Objects.requireNonNull(wanted.get(nic)).file;
            all.add(new Attached(
                    nic.name(),
                    file,
                    ObjectOptions.program(runtime, Objects.requireNonNull(byFile.get(file)), chosen),
                    VerdictMap.create(runtime)));
        });
        attached = List.copyOf(all);
    }

    private LoadedObject add(Path file, LoadedObject object) {
        objects.add(new Loaded(file, object, object.programs(), Instant.now()));
        return object;
    }

    // --- while it runs; one thread at a time

    XdpRuntime runtime() {
        return runtime;
    }

    TraceLog trace() {
        return trace;
    }

    /** What was loaded, oldest first. */
    List<Loaded> objects() {
        return objects;
    }

    /** Which programs are on NICs. */
    List<Attached> attached() {
        return attached;
    }

    /**
     * Loads programs of another object, or of the same file as it is now.
     *
     * @param programs names with a plus sign between them; null for the only XDP program
     * @param reused maps to use in place of the object's own, by name
     * @throws CommandFailure when that is not possible; nothing is changed then
     */
    Loaded load(Path file, @Nullable String programs, Map<String, BpfMap> reused) {
        ObjectOptions.Choice choice = ObjectOptions.plain(file, programs);
        LoadedObject object = choice.load(runtime, choice.programs(), reused);
        List<LoadedProgram> all = new ArrayList<>(object.programs());
        LoadedProgram main = choice.program(runtime, object);
        if (!all.contains(main)) {
            all.add(main);
        }
        objects.add(new Loaded(file, object, List.copyOf(all), Instant.now()));
        return objects.getLast();
    }

    /** Puts a program on a NIC, in place of the one that may be there, with counters of its own. */
    Attached attach(VirtualNic nic, Path file, LoadedProgram program) {
        Attached one = new Attached(nic.name(), file, program, VerdictMap.create(runtime));
        nic.hook().attach(program.executable(), new VerdictCounters(one.counters.map(), nic.queues()));
        attached = with(nic, one);
        return one;
    }

    /** Takes the program off a NIC: all its packets pass. */
    void detach(VirtualNic nic) {
        nic.hook().detach();
        attached = with(nic, null);
    }

    /** What is attached when something else is on a NIC. */
    private List<Attached> with(VirtualNic nic, @Nullable Attached one) {
        List<Attached> all = new ArrayList<>(attached);
        all.removeIf(other -> other.nic.equals(nic.name()));
        if (one != null) {
            all.add(one);
        }
        return List.copyOf(all);
    }

    // ---

    /** Files that are read while it runs. */
    List<String> files() {
        List<String> files = new ArrayList<>();
        objects.forEach(loaded -> files.add(loaded.file.toString()));
        for (NicOption nic : nics) {
            for (NicOption.EndText end : nic.host() == null ? List.of(nic.wire()) : List.of(nic.wire(), nic.host())) {
                if (end.kind.equals("pcap") && !end.argument.equals("-")) {
                    files.add(end.argument);
                }
            }
        }
        return files;
    }

    /** Puts a NIC's program on it, and sockets into its xskmaps. */
    void attach(NicOption option, Datapath.Nic nic, EndFactory ends) {
        for (Attached one : attached) {
            if (one.nic.equals(option.name())) {
                nic.program(one.program.executable()).counters(one.counters.map());
            }
        }
        for (NicOption.Setting socket : option.sockets()) {
            XskMap map = objects.stream()
                    .flatMap(loaded -> loaded.object.map(socket.key()).stream())
                    .map(LoadedMap::map)
                    .filter(XskMap.class::isInstance)
                    .map(XskMap.class::cast)
                    .findFirst()
                    .orElseThrow(() -> option.usage("xsk: no xskmap of this name, name=" + socket.key()));
            nic.sockets(map, ends.makeSocket(option, socket.value()));
        }
    }

    /** A packet with XDP_ABORTED or no action: what the kernel's trace point xdp:xdp_exception says. */
    void exception(VirtualNic nic, FrameBatch batch, int i) {
        int action = batch.action(i);
        XdpAttachment on = nic.hook().attachment();
        synchronized (exceptions) {
            exceptionCount++;
            if (exceptions.size() < EXCEPTIONS_KEPT) {
                exceptions.add("prog_id=" + (on == null ? 0 : on.program().programId())
                        + " action=" + (action == 0 ? "ABORTED" : Integer.toUnsignedString(action)) + " ifindex="
                        + nic.ifindex() + " queue=" + batch.rxQueue(i) + " packet=" + batch.number(i));
            }
        }
    }

    /** A program that an entry of a devmap or cpumap refers to. */
    @Nullable
    Executable program(int id) {
        return runtime.program(id);
    }

    /** What a queue runs programs with. */
    RunContext context(int cpu, Clock clock) {
        RunContext context = runtime.newContext(clock, cpu);
        context.trace = trace;
        events.forEach(log -> log.clock(clock));
        context.instructionLimit = options.maxInsns();
        return context;
    }

    /**
     * Reads the last events and keeps pinned maps, when no program runs any more.
     *
     * @return what could not be written
     */
    List<String> finish() {
        List<String> failures = new ArrayList<>();
        events.forEach(log -> failures.addAll(log.finish()));
        PinFolder folder = pins;
        if (folder != null) {
            failures.addAll(folder.save());
        }
        return failures;
    }

    DatapathReport report(RunTotals totals) {
        synchronized (exceptions) {
            return new DatapathReport(
                    nics,
                    List.copyOf(attached),
                    objects,
                    totals,
                    trace,
                    events,
                    List.copyOf(exceptions),
                    exceptionCount);
        }
    }

    @Override
    public void close() {
        events.forEach(EventLog::close);
        PinFolder folder = pins;
        if (folder != null) {
            folder.close();
        }
        runtime.close();
    }
}
