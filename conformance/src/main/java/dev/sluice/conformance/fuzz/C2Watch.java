package dev.sluice.conformance.fuzz;

import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordedMethod;
import jdk.jfr.consumer.RecordingStream;

/** Learns from the JVM's flight recorder which generated classes C2 has compiled a method of. */
final class C2Watch implements AutoCloseable {
    private static final int C2_LEVEL = 4;

    private final String classPrefix;
    private final Set<String> compiled = ConcurrentHashMap.newKeySet();
    private final RecordingStream stream = new RecordingStream();

    /** @param classPrefix what the names of generated classes begin with */
    C2Watch(String classPrefix) {
        this.classPrefix = classPrefix;
        stream.enable("jdk.Compilation").withThreshold(Duration.ZERO);
        stream.onEvent("jdk.Compilation", this::compiled);
        stream.startAsync();
    }

    private void compiled(RecordedEvent event) {
        RecordedMethod method = event.getValue("method");
        if (event.getShort("compileLevel") == C2_LEVEL
                && event.getBoolean("succeded") // the event's field is spelt so
                && method != null
                && method.getType().getName().startsWith(classPrefix)) {
            compiled.add(method.getType().getName());
        }
    }

    /** Waits for the events of what has happened, and counts the classes. */
    int classes() {
        stream.stop();
        return compiled.size();
    }

    @Override
    public void close() {
        stream.close();
    }
}
