package dev.sluice.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.core.util.Separators;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import picocli.CommandLine.Option;

/** {@code -j} and {@code -p}, as bpftool has them. */
final class JsonOptions {
    /** Leaves what it writes to open: standard output is not the generator's to close. */
    static final JsonFactory FACTORY = JsonFactory.builder()
            .disable(com.fasterxml.jackson.core.StreamWriteFeature.AUTO_CLOSE_TARGET)
            .build();

    @Option(
            names = {"-j", "--json"},
            description = "Print JSON.")
    boolean json;

    @Option(
            names = {"-p", "--pretty"},
            description = "Print JSON for people: indented. Implies -j.")
    boolean pretty;

    boolean wanted() {
        return json || pretty;
    }

    /** Writes a document. */
    @FunctionalInterface
    interface Body {
        void write(JsonGenerator json) throws IOException;
    }

    /** Prints one JSON document and a line end, as one: others that print to the stream hold its lock as well. */
    void print(PrintStream out, Body body) {
        print(out, pretty, body);
    }

    static void print(PrintStream out, boolean pretty, Body body) {
        synchronized (out) {
            try (JsonGenerator json = FACTORY.createGenerator(out)) {
                if (pretty) {
                    // "name": value, and short arrays on one line
                    DefaultPrettyPrinter printer = new DefaultPrettyPrinter(
                            Separators.createDefaultInstance().withObjectFieldValueSpacing(Separators.Spacing.AFTER));
                    printer.indentObjectsWith(new DefaultIndenter("    ", "\n"));
                    json.setPrettyPrinter(printer);
                }
                body.write(json);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            out.println();
        }
    }
}
