package dev.sluice.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.util.MinimalPrettyPrinter;
import dev.sluice.EventReader;
import dev.sluice.LoadedMap;
import dev.sluice.XdpRuntime;
import dev.sluice.btf.Btf;
import dev.sluice.btf.BtfWalker;
import dev.sluice.helper.Clock;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The events of one map, written as they come, one JSON object a line:
 *
 * <pre>
 * {"map":"events","cpu":0,"time_ns":1700000000000000000,"size":32,"data":"0100…","event":{"number":1,…}}
 * </pre>
 *
 * <p>{@code cpu} for perf event arrays only; {@code event} where there is a type, of the data's first bytes; {@code
 * time_ns} is the time that programs see while it is read.
 */
final class EventLog implements AutoCloseable {
    private static final Duration WAIT = Duration.ofMillis(100);
    private static final int BUFFER = 8192;
    private static final JsonFactory JSON = new JsonFactory();

    private final LoadedMap map;
    private final int type;
    private final int typeBytes;
    private final String destination;
    private final OutputStream out;

    /** Whole lines that have not been written yet. */
    private final ByteArrayOutputStream lines = new ByteArrayOutputStream();

    private final JsonGenerator json;
    private final @Nullable EventReader reader;
    private volatile Clock clock = System::nanoTime;
    private volatile boolean stopped;
    private volatile boolean muted;
    private @Nullable Thread thread;
    private @Nullable IOException failure;
    private long read;
    private long lost;

    private EventLog(XdpRuntime runtime, LoadedMap map, int type, String destination, boolean atOnce)
            throws IOException {
        this.map = map;
        this.type = type;
        this.destination = destination;
        Btf btf = map.btf();
        typeBytes = type == 0 || btf == null ? 0 : btf.sizeOf(type);
        out = destination.equals("-") ? System.out : Files.newOutputStream(Path.of(destination));
        json = JSON.createGenerator(lines);
        json.setPrettyPrinter(new MinimalPrettyPrinter("")); // lines end with the event, not before the next one
        reader = atOnce ? runtime.events(map, this::write) : runtime.events(map);
    }

    /**
     * Starts reading.
     *
     * @param type of the events, 0 if unknown
     * @param destination a file, - for standard output
     * @param atOnce whether each event is read before its program goes on; else by a thread beside the programs
     */
    static EventLog open(XdpRuntime runtime, LoadedMap map, int type, String destination, boolean atOnce) {
        EventLog log;
        try {
            log = new EventLog(runtime, map, type, destination, atOnce);
        } catch (IOException e) {
            throw new CommandFailure(destination + ": cannot be written: " + ObjectOptions.reason(e));
        }
        if (!atOnce) {
            log.start();
        }
        return log;
    }

    private void start() {
        Thread made = new Thread(this::pollAll, "sluice-events-" + map.name());
        made.setDaemon(true);
        thread = made;
        made.start();
    }

    private void pollAll() {
        EventReader events = reader;
        if (events == null) {
            throw new AssertionError("a thread has something to read");
        }
        while (!stopped) {
            if (events.poll(WAIT, this::write) == 0) {
                flush();
            }
        }
        events.poll(this::write);
    }

    /** The clock of the programs. */
    void clock(Clock seen) {
        clock = seen;
    }

    /** Events that were read so far. */
    private synchronized long read() {
        return read;
    }

    /** Events that there was no room for. */
    private synchronized long lost() {
        return reader == null || stopped ? lost : reader.lost();
    }

    /** Counts of all, for a report. */
    static void print(List<EventLog> logs, PrintStream out) {
        if (!logs.isEmpty()) {
            out.println();
        }
        for (EventLog log : logs) {
            out.println("events of " + log.map.name() + ": " + Quantity.count(log.read()) + " read"
                    + (log.destination.equals("-") ? "" : " into " + log.destination) + ", "
                    + Quantity.count(log.lost()) + " lost");
        }
    }

    /** The same as a member of an object. */
    static void write(List<EventLog> logs, JsonGenerator json) throws IOException {
        if (logs.isEmpty()) {
            return;
        }
        json.writeObjectFieldStart("events");
        for (EventLog log : logs) {
            json.writeObjectFieldStart(log.map.name());
            json.writeNumberField("read", log.read());
            json.writeNumberField("lost", log.lost());
            json.writeEndObject();
        }
        json.writeEndObject();
    }

    /** From now on events are dropped, or written again. */
    void mute(boolean silent) {
        muted = silent;
    }

    private synchronized void write(EventReader.Event event) {
        if (muted) {
            return;
        }
        read++;
        if (failure != null) {
            return;
        }
        try {
            json.writeStartObject();
            json.writeStringField("map", map.name());
            if (event.cpu() >= 0) {
                json.writeNumberField("cpu", event.cpu());
            }
            json.writeNumberField("time_ns", clock.nanos());
            json.writeNumberField("size", event.data().length);
            json.writeStringField("data", HexFormat.of().formatHex(event.data()));
            Btf btf = map.btf();
            if (btf != null && typeBytes > 0 && event.data().length >= typeBytes) {
                json.writeFieldName("event");
                BtfWalker.walk(btf, type, Arrays.copyOf(event.data(), typeBytes), new JsonVisitor(json));
            }
            json.writeEndObject();
            json.writeRaw('\n');
            json.flush();
            if (lines.size() >= BUFFER) {
                writeLines();
            }
        } catch (UncheckedIOException e) {
            failure = e.getCause();
        } catch (IOException e) {
            failure = e;
        }
    }

    private synchronized void flush() {
        try {
            writeLines();
            out.flush();
        } catch (IOException e) {
            failure = failure == null ? e : failure;
        }
    }

    private void writeLines() throws IOException {
        synchronized (out) { // others print lines to standard output
            lines.writeTo(out);
        }
        lines.reset();
    }

    /**
     * Reads the last events, and completes the file.
     *
     * @return what could not be written
     */
    List<String> finish() {
        close();
        return failure == null
                ? List.of()
                : List.of(destination + ": cannot be written: " + ObjectOptions.reason(failure));
    }

    @Override
    public void close() {
        if (stopped) {
            return;
        }
        stopped = true;
        Thread polling = thread;
        if (polling != null) {
            boolean interrupted = false;
            while (polling.isAlive()) {
                try {
                    polling.join();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
        synchronized (this) {
            if (reader != null) {
                lost = reader.lost();
                reader.close();
            }
            try {
                writeLines();
                out.flush();
                if (!destination.equals("-")) {
                    out.close();
                }
            } catch (IOException e) {
                failure = failure == null ? e : failure;
            }
        }
    }
}
