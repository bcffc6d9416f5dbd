package dev.sluice.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.sluice.packet.Datapath;
import dev.sluice.packet.nic.NicCounter;
import dev.sluice.packet.nic.VirtualNic;
import java.io.IOException;
import java.io.PrintStream;
import java.time.Instant;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/** What {@code --stats} prints: each NIC's rates, once an interval, as a table or as lines of JSON. */
final class RateReport implements AutoCloseable {
    /** Rows of a table between two headers. */
    private static final int ROWS = 20;

    /** The columns: a heading, and the counters whose sum is shown. */
    private static final Map<String, NicCounter[]> COLUMNS = new LinkedHashMap<>();

    static {
        COLUMNS.put("rx/s", new NicCounter[] {NicCounter.RX_PACKETS});
        COLUMNS.put("pass/s", new NicCounter[] {NicCounter.RX_XDP_PASS});
        COLUMNS.put("drop/s", new NicCounter[] {NicCounter.RX_XDP_DROP});
        COLUMNS.put("xdp_tx/s", new NicCounter[] {NicCounter.RX_XDP_TX});
        COLUMNS.put("redirect/s", new NicCounter[] {NicCounter.RX_XDP_REDIRECT});
        COLUMNS.put("aborted/s", new NicCounter[] {NicCounter.RX_XDP_ABORTED, NicCounter.RX_XDP_INVALID});
        COLUMNS.put("tx/s", new NicCounter[] {NicCounter.TX_PACKETS});
        COLUMNS.put("lost/s", new NicCounter[] {
            NicCounter.RX_LENGTH_ERRORS,
            NicCounter.RX_TOO_LARGE,
            NicCounter.RX_NO_BUFFER,
            NicCounter.RX_XDP_TX_ERRORS,
            NicCounter.RX_XDP_REDIRECT_ERRORS,
            NicCounter.TX_ERRORS
        });
    }

    private final Datapath datapath;
    private final boolean json;
    private final PrintStream out;
    private final ScheduledExecutorService timer;
    private final Map<String, Map<NicCounter, Long>> before = new HashMap<>();
    private long beforeNanos = System.nanoTime();
    private int rows;

    /** @param intervalNanos 0 for no report */
    RateReport(Datapath datapath, long intervalNanos, boolean json, PrintStream out) {
        this.datapath = datapath;
        this.json = json;
        this.out = out;
        timer = Executors.newSingleThreadScheduledExecutor(task -> {
            Thread thread = new Thread(task, "sluice-stats");
            thread.setDaemon(true);
            return thread;
        });
        if (intervalNanos != 0) {
            for (VirtualNic nic : datapath.nics().all()) {
                before.put(nic.name(), read(nic));
            }
            timer.scheduleAtFixedRate(this::print, intervalNanos, intervalNanos, TimeUnit.NANOSECONDS);
        }
    }

    /** Nanoseconds of {@code 500ms}, {@code 1s}, {@code 2m}, or of a number of seconds. */
    static long interval(String name, String text) {
        long unit = 1_000_000_000L;
        String digits = text;
        if (text.endsWith("ms")) {
            unit = 1_000_000L;
            digits = text.substring(0, text.length() - 2);
        } else if (text.endsWith("s")) {
            digits = text.substring(0, text.length() - 1);
        } else if (text.endsWith("m") || text.endsWith("h")) {
            unit *= text.endsWith("m") ? 60 : 3600;
            digits = text.substring(0, text.length() - 1);
        }
        try {
            double number = Double.parseDouble(digits);
            if (number * unit >= 1_000_000 && number * unit < 1e17) {
                return (long) (number * unit);
            }
        } catch (NumberFormatException e) {
            // said below
        }
        throw RunOptions.usage(name + ": expected 500ms, 1s, 10m or 1h, 1 ms at least, found " + text);
    }

    private static Map<NicCounter, Long> read(VirtualNic nic) {
        Map<NicCounter, Long> counters = new EnumMap<>(NicCounter.class);
        for (NicCounter counter : NicCounter.values()) {
            counters.put(counter, nic.total(counter));
        }
        return counters;
    }

    private synchronized void print() {
        long now = System.nanoTime();
        double seconds = (now - beforeNanos) / 1e9;
        beforeNanos = now;
        Map<String, Map<NicCounter, Long>> current = new LinkedHashMap<>();
        for (VirtualNic nic : datapath.nics().all()) {
            current.put(nic.name(), read(nic));
        }
        synchronized (out) {
            if (json) {
                JsonOptions.print(out, false, generator -> write(generator, current, seconds));
            } else {
                printTable(current, seconds);
            }
            out.flush();
        }
        before.putAll(current);
    }

    private double rate(String nic, Map<NicCounter, Long> now, double seconds, NicCounter... counters) {
        Map<NicCounter, Long> then = before.getOrDefault(nic, Map.of());
        long sum = 0;
        for (NicCounter counter : counters) {
            sum += now.getOrDefault(counter, 0L) - then.getOrDefault(counter, 0L);
        }
        return sum / seconds;
    }

    private void printTable(Map<String, Map<NicCounter, Long>> current, double seconds) {
        StringBuilder line = new StringBuilder();
        if (rows % ROWS == 0) {
            line.append(String.format("%-12s", "nic"));
            COLUMNS.keySet().forEach(column -> line.append(String.format("%12s", column)));
            line.append(String.format("%13s%n", "rx bit/s"));
        }
        rows++;
        current.forEach((nic, counters) -> {
            line.append(String.format("%-12s", nic));
            COLUMNS.values()
                    .forEach(of -> line.append(
                            String.format("%12s", Quantity.count(Math.round(rate(nic, counters, seconds, of))))));
            line.append(String.format(
                    "%13s%n",
                    Quantity.scaled(8 * rate(nic, counters, seconds, NicCounter.RX_BYTES))
                            .strip()));
        });
        out.print(line);
    }

    private void write(JsonGenerator generator, Map<String, Map<NicCounter, Long>> current, double seconds)
            throws IOException {
        generator.writeStartObject();
        generator.writeStringField("type", "stats");
        generator.writeStringField("time", Instant.now().toString());
        generator.writeNumberField("interval_s", seconds);
        generator.writeObjectFieldStart("nics");
        for (Map.Entry<String, Map<NicCounter, Long>> nic : current.entrySet()) {
            generator.writeObjectFieldStart(nic.getKey());
            for (NicCounter counter : NicCounter.values()) {
                generator.writeNumberField(counter.label(), nic.getValue().getOrDefault(counter, 0L));
            }
            generator.writeObjectFieldStart("per_second");
            for (NicCounter counter : NicCounter.values()) {
                generator.writeNumberField(
                        counter.label(), Math.round(rate(nic.getKey(), nic.getValue(), seconds, counter)));
            }
            generator.writeEndObject();
            generator.writeEndObject();
        }
        generator.writeEndObject();
        generator.writeEndObject();
    }

    /** No line comes any more, not even one that has begun. */
    @Override
    public void close() {
        timer.shutdownNow();
        timer.close();
    }
}
