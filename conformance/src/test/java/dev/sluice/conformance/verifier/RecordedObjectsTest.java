package dev.sluice.conformance.verifier;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.conformance.Pcaps;
import dev.sluice.object.ObjectSpec;
import dev.sluice.object.ProgramSpec;
import dev.sluice.verifier.Explanation;
import dev.sluice.verifier.Subjects;
import dev.sluice.verifier.Verifier;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Each program of the objects in {@code pcaps/verifier} gets the answer that Linux 6.18 gave. */
class RecordedObjectsTest {
    static List<Path> objects() throws IOException {
        try (Stream<Path> files = Files.list(Pcaps.FOLDER.resolve("verifier"))) {
            return files.filter(file -> file.toString().endsWith(".bpf.o"))
                    .sorted()
                    .toList();
        }
    }

    @ParameterizedTest
    @MethodSource("objects")
    void saysWhatLinuxSaid(Path file) throws IOException {
        Map<String, Bed.Answer> recorded = RecordedCases.of(file);
        ObjectSpec object = ObjectSpec.read(String.valueOf(file.getFileName()), Files.readAllBytes(file));
        Verifier verifier = Verifier.create().withCpus(RecordedCases.CPUS);
        ConfusionMatrix matrix = new ConfusionMatrix();
        for (ProgramSpec program : object.programs()) {
            matrix.add(
                    program.name(),
                    recorded.get(program.name()),
                    VerifierComparison.answer(verifier.verify(Subjects.of(object, program, null))));
        }
        assertThat(recorded).hasSameSizeAs(object.programs());
        assertThat(matrix.differences()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"spin_lock", "timer"})
    void explainsWhatItRefuses(String name) {
        Path file = Pcaps.FOLDER.resolve("verifier").resolve(name + ".bpf.o");
        assertThat(RecordedCases.of(file).values())
                .filteredOn(answer -> !answer.accepted())
                .hasSizeGreaterThan(20)
                .allSatisfy(answer -> assertThat(Explanation.of(answer.message()))
                        .as(answer.message())
                        .isPresent());
    }
}
