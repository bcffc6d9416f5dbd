package dev.sluice.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.sluice.LoadedMap;
import dev.sluice.LoadedProgram;
import dev.sluice.ProgramChain;
import dev.sluice.TraceLog;
import dev.sluice.map.BpfMap;
import dev.sluice.object.ObjectSpec;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * {@code sluice prog}: the programs of a running process, in bpftool's words.
 *
 * <pre>
 *   show | list [PROG]                                 tracelog
 *   load OBJ[:PROGRAM[+PROGRAM …]] [map name NAME MAP] …
 *   dump xlated PROG [opcodes] [linum]
 *
 *   PROG := id N | name NAME | tag TAG
 * </pre>
 */
final class LivePrograms {
    private static final DateTimeFormatter TIME =
            DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ssZ", Locale.ROOT).withZone(ZoneId.systemDefault());

    /** Lines of the trace that wait for a client; more are left out, and counted. */
    private static final int LINES_WAITING = 10_000;

    /** A program with where it comes from. */
    record Known(Path file, ObjectSpec spec, LoadedProgram program, Instant at) {}

    private final DatapathSession session;

    LivePrograms(DatapathSession session) {
        this.session = session;
    }

    int run(Words words, ControlServer.Request request, LiveMaps maps, PrintStream out) throws IOException {
        String command = words.next("show, load, dump or tracelog");
        return switch (command) {
            case "show", "list" -> show(words, request, out);
            case "load" -> load(words, request, maps, out);
            case "dump" -> dump(words, request, out);
            case "tracelog" -> traceLog(words, request, out);
            default ->
                throw Words.usage(
                        "unknown command, expected one of show, list, load, dump, tracelog, found " + command);
        };
    }

    // --- which program

    /** All programs by id, chains among them. */
    private Map<Integer, Known> all() {
        Map<Integer, Known> all = new TreeMap<>();
        Map<Path, DatapathSession.Loaded> byFile = new LinkedHashMap<>();
        for (DatapathSession.Loaded loaded : session.objects()) {
            byFile.put(loaded.file(), loaded);
            loaded.programs()
                    .forEach(program -> all.put(
                            program.id(),
                            new Known(loaded.file(), loaded.object().spec(), program, loaded.at())));
        }
        for (DatapathSession.Attached one : session.attached()) {
            DatapathSession.Loaded loaded = byFile.get(one.file());
            if (loaded != null) {
                all.putIfAbsent(
                        one.program().id(),
                        new Known(one.file(), loaded.object().spec(), one.program(), loaded.at()));
            }
        }
        return all;
    }

    /** Programs of a chain have a plus sign between them. */
    static String name(LoadedProgram program) {
        return program.executable() instanceof ProgramChain chain
                ? chain.links().stream().map(link -> link.program().name()).collect(Collectors.joining("+"))
                : program.name();
    }

    private List<Known> select(Words words) {
        Map<Integer, Known> all = all();
        String kind = words.next("id, name or tag");
        String value = words.next("its " + kind);
        List<Known> found = all.values().stream()
                .filter(known -> switch (kind) {
                    case "id" -> Integer.toString(known.program.id()).equals(value);
                    case "name" -> name(known.program).equals(value);
                    case "tag" -> known.program.linked().tag().equals(value);
                    case "pinned" ->
                        throw Words.usage(
                                "programs of a running sluice are not pinned, expected 'id', 'name' or 'tag'");
                    default -> throw Words.usage("expected 'id', 'name' or 'tag', found " + kind);
                })
                .toList();
        if (found.isEmpty()) {
            throw new CommandFailure("no such program: expected one of "
                    + all.values().stream()
                            .map(known -> known.program.id() + " (" + name(known.program) + ")")
                            .collect(Collectors.joining(", "))
                    + ", " + kind + "=" + value);
        }
        return found;
    }

    /** The one program that a handle means. */
    Known one(Words words) {
        List<Known> found = select(words);
        if (found.size() > 1) {
            throw new CommandFailure("several programs, choose one by its id: "
                    + found.stream()
                            .map(known -> Integer.toString(known.program.id()))
                            .collect(Collectors.joining(", ")));
        }
        return found.getFirst();
    }

    // --- show

    private int show(Words words, ControlServer.Request request, PrintStream out) throws IOException {
        boolean single = !words.isEmpty();
        List<Known> shown = single ? select(words) : List.copyOf(all().values());
        words.end();
        print(shown, single, request, out);
        return ExitCode.OK;
    }

    private static void print(List<Known> shown, boolean single, ControlServer.Request request, PrintStream out)
            throws IOException {
        int uid = ControlSockets.uid();
        if (!request.json().wanted()) {
            shown.forEach(known -> print(known, uid, out));
            return;
        }
        request.json().print(out, json -> {
            if (!single || shown.size() > 1) {
                json.writeStartArray();
            }
            for (Known known : shown) {
                write(known, uid, json);
            }
            if (!single || shown.size() > 1) {
                json.writeEndArray();
            }
        });
    }

    private static boolean isCompiled(Known known) {
        return known.program.executable().engine().startsWith("jit");
    }

    private static int bytes(Known known) {
        return known.program.executable().program().code().size() * Long.BYTES;
    }

    private static void print(Known known, int uid, PrintStream out) {
        out.println(known.program.id() + ": xdp  name " + name(known.program) + "  tag "
                + known.program.linked().tag() + (known.spec.isGplCompatible() ? "  gpl" : ""));
        out.println("\tloaded_at " + TIME.format(known.at) + "  uid " + uid);
        List<Integer> maps = known.program.maps();
        out.println("\txlated " + bytes(known) + "B  " + (isCompiled(known) ? "jited" : "not jited")
                + (maps.isEmpty()
                        ? ""
                        : "  map_ids "
                                + maps.stream().map(id -> Integer.toString(id)).collect(Collectors.joining(","))));
        out.println("\tengine " + known.program.executable().engine() + "  object " + known.file);
    }

    private static void write(Known known, int uid, JsonGenerator json) throws IOException {
        json.writeStartObject();
        json.writeNumberField("id", known.program.id());
        json.writeStringField("type", "xdp");
        json.writeStringField("name", name(known.program));
        json.writeStringField("tag", known.program.linked().tag());
        json.writeBooleanField("gpl_compatible", known.spec.isGplCompatible());
        json.writeNumberField("loaded_at", known.at.getEpochSecond());
        json.writeNumberField("uid", uid);
        json.writeNumberField("bytes_xlated", bytes(known));
        json.writeBooleanField("jited", isCompiled(known));
        json.writeArrayFieldStart("map_ids");
        for (int id : known.program.maps()) {
            json.writeNumber(id);
        }
        json.writeEndArray();
        json.writeStringField("engine", known.program.executable().engine());
        json.writeStringField("object", known.file.toString());
        json.writeEndObject();
    }

    // --- load

    private int load(Words words, ControlServer.Request request, LiveMaps maps, PrintStream out) throws IOException {
        String text = words.next("OBJ[:PROGRAM]");
        Path whole = request.folder().resolve(text);
        int colon = text.lastIndexOf(':');
        boolean named = colon > 0 && !Files.exists(whole);
        Path file = named ? request.folder().resolve(text.substring(0, colon)) : whole;
        Map<String, BpfMap> reused = new LinkedHashMap<>();
        while (words.take("map")) {
            if (!words.take("name")) {
                throw Words.usage("expected map name NAME MAP, found map " + words.peek());
            }
            String name = words.next("the name of a map of the object");
            if (ObjectOptions.read(file).map(name).isEmpty()) {
                throw new CommandFailure(file + ": no such map, name=" + name);
            }
            LoadedMap map = maps.one(words);
            reused.put(name, map.map());
        }
        words.end();
        List<Known> made = new ArrayList<>();
        synchronized (session) {
            DatapathSession.Loaded loaded = session.load(file, named ? text.substring(colon + 1) : null, reused);
            loaded.programs()
                    .forEach(program -> made.add(new Known(file, loaded.object().spec(), program, loaded.at())));
        }
        print(made, true, request, out);
        return ExitCode.OK;
    }

    // --- dump

    private int dump(Words words, ControlServer.Request request, PrintStream out) {
        String form = words.next("xlated");
        if (!form.equals("xlated")) {
            throw Words.usage(
                    "expected xlated, found " + form + "; jited is there for objects: sluice prog dump jited OBJ");
        }
        Known known = one(words);
        boolean opcodes = words.take("opcodes");
        boolean linum = words.take("linum");
        words.end();
        List<Listing.Line> lines = Listing.of(known.spec, known.program);
        if (request.json().wanted()) {
            request.json().print(out, json -> ProgDumpCommand.write(lines, opcodes, linum, json));
        } else {
            ProgDumpCommand.print(lines, opcodes, linum, out);
        }
        return ExitCode.OK;
    }

    // --- tracelog

    private int traceLog(Words words, ControlServer.Request request, PrintStream out) {
        words.end();
        BlockingQueue<TraceLog.Line> waiting = new ArrayBlockingQueue<>(LINES_WAITING);
        AtomicLong lost = new AtomicLong();
        Consumer<TraceLog.Line> follower = line -> {
            if (!waiting.offer(line)) {
                lost.incrementAndGet();
            }
        };
        List<TraceLog.Line> before = session.trace().follow(follower);
        try {
            before.forEach(line -> print(line, request, out));
            out.flush();
            long told = 0;
            while (request.connected().yes() && !out.checkError()) {
                TraceLog.Line line = poll(waiting);
                while (line != null) {
                    print(line, request, out);
                    line = waiting.poll();
                }
                if (lost.get() != told && !request.json().wanted()) {
                    out.println("[LOST " + (lost.get() - told) + " EVENTS]");
                    told = lost.get();
                }
                out.flush();
            }
            return ExitCode.OK;
        } finally {
            session.trace().unfollow(follower);
        }
    }

    private static TraceLog.@Nullable Line poll(BlockingQueue<TraceLog.Line> waiting) {
        try {
            return waiting.poll(100, TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return null;
        }
    }

    /** A line as the kernel's trace_pipe has it: task, CPU, flags, time, function. */
    private static void print(TraceLog.Line line, ControlServer.Request request, PrintStream out) {
        if (request.json().wanted()) {
            JsonOptions.print(out, false, json -> {
                json.writeStartObject();
                json.writeNumberField("cpu", line.cpu());
                json.writeNumberField("time_ns", line.nanos());
                json.writeStringField("text", line.text());
                json.writeEndObject();
            });
            return;
        }
        long micros = line.nanos() / 1000;
        out.println("%16s-%-7d [%03d] ..s2. %5d.%06d: bpf_trace_printk: %s"
                .formatted(
                        "sluice",
                        ProcessHandle.current().pid(),
                        line.cpu(),
                        micros / 1_000_000,
                        micros % 1_000_000,
                        line.text()));
    }
}
