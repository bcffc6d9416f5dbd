package dev.sluice.conformance.verifier;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
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
            Map<String, Bed.Answer> answers = new LinkedHashMap<>();
            new String(file.readAllBytes(), StandardCharsets.UTF_8).lines().forEach(line -> {
                String[] fields = line.split("\t", -1);
                boolean accepted = fields[1].equals("ACCEPT");
                answers.put(
                        fields[0],
                        new Bed.Answer(
                                accepted,
                                false,
                                accepted ? Integer.parseInt(fields[2]) : 0,
                                accepted ? "" : fields[2]));
            });
            return answers;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
