package dev.sluice.conformance.verifier;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** What Linux 6.18 said of each case, on a machine of two CPUs. */
final class RecordedCases {
    /** CPUs of the machine. */
    static final int CPUS = 2;

    private RecordedCases() {}

    static Map<String, Bed.Answer> all() {
        try (InputStream file = RecordedCases.class.getResourceAsStream("/verifier-cases.tsv")) {
            if (file == null) {
                throw new IllegalStateException("no verifier-cases.tsv");
            }
            return parse(new String(file.readAllBytes(), StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Of the programs of an object, by name. */
    static Map<String, Bed.Answer> of(Path object) {
        try {
            return parse(Files.readString(beside(object)));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static Path beside(Path object) {
        return object.resolveSibling(object.getFileName().toString().replace(".bpf.o", ".tsv"));
    }

    static String text(Bed.Answer answer) {
        return answer.accepted() ? "ACCEPT\t" + answer.processed() : "REJECT\t" + answer.message();
    }

    private static Map<String, Bed.Answer> parse(String text) {
        Map<String, Bed.Answer> answers = new LinkedHashMap<>();
        text.lines().forEach(line -> {
            String[] fields = line.split("\t", -1);
            boolean accepted = fields[1].equals("ACCEPT");
            answers.put(
                    fields[0],
                    new Bed.Answer(
                            accepted, false, accepted ? Integer.parseInt(fields[2]) : 0, accepted ? "" : fields[2]));
        });
        return answers;
    }
}
