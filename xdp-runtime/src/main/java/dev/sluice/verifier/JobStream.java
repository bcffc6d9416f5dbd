package dev.sluice.verifier;

import dev.sluice.btf.Btf;
import dev.sluice.object.ObjectException;
import dev.sluice.object.ObjectSpec;
import dev.sluice.object.ProgramSpec;
import dev.sluice.object.SectionName;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Optional;

/**
 * Verifies one program a line, for fuzzers, editors and comparisons. Fields are separated by tabs:
 *
 * <pre>
 *   ID raw HEX                  bytecode of an XDP program, 16 digits an instruction
 *   ID object PATH PROGRAM      a program of an object file
 *
 *   ID ACCEPT INSNS_PROCESSED
 *   ID REJECT LAST_LOG_LINE
 *   ID UNSUPPORTED WHY
 * </pre>
 *
 * <p>Answers come in order, each flushed. Owned by one thread; keeps the object read last.
 */
public final class JobStream {
    private final Verifier verifier;
    private final Btf target;
    private String lastPath = "";
    private ObjectSpec lastObject;

    /**
     * A stream.
     *
     * @param target types of the kernel, for CO-RE relocations; null: those of each object
     */
    public JobStream(Verifier verifier, Btf target) {
        this.verifier = verifier;
        this.target = target;
    }

    /** Answers all lines until the end, or until nobody reads the answers any more. */
    public void run(BufferedReader jobs, PrintWriter answers) throws IOException {
        String line;
        while (!answers.checkError() && (line = jobs.readLine()) != null) {
            if (!line.isBlank()) {
                answers.write(answer(line));
                answers.write('\n');
                answers.flush();
            }
        }
    }

    /** The answer to one job, without a line end. */
    public String answer(String job) {
        String[] fields = job.split("\t", -1);
        String id = fields[0];
        try {
            return id + "\t" + verdict(fields);
        } catch (NoSuchFileException e) {
            return id + "\tUNSUPPORTED\t" + oneLine(fields[2]) + ": no such file";
        } catch (ObjectException | IOException | IllegalArgumentException e) {
            return id + "\tUNSUPPORTED\t" + oneLine(String.valueOf(e.getMessage()));
        } catch (RuntimeException | AssertionError | StackOverflowError | OutOfMemoryError e) {
            // a bug of ours must not take the jobs behind it away, and is not the program's fault
            return id + "\tUNSUPPORTED\ta bug of sluice's verifier: " + oneLine(e.toString());
        }
    }

    private String verdict(String[] fields) throws IOException {
        if (fields.length == 3 && fields[1].equals("raw")) {
            return words(verifier.verify(Subjects.raw(HexFormat.of().parseHex(fields[2].strip()), target)));
        }
        if (fields.length == 4 && fields[1].equals("object")) {
            ObjectSpec object = read(fields[2]);
            Optional<ProgramSpec> program = object.program(fields[3]);
            if (program.isEmpty()) {
                throw new IllegalArgumentException("no such program in the object, name=" + fields[3]);
            }
            ProgramSpec found = program.get();
            if (!found.asXdp().isXdp()
                    || !SectionName.otherType(found.section()).isEmpty()) {
                throw new IllegalArgumentException("not an XDP program, section=" + found.section());
            }
            boolean relocated = object.functions().stream()
                    .anyMatch(function -> !function.relocations().isEmpty());
            return words(verifier.verify(Subjects.of(object, program.get(), relocated ? target : null)));
        }
        throw new IllegalArgumentException(
                "expected ID, raw and HEX, or ID, object, PATH and PROGRAM, fields=" + fields.length);
    }

    private ObjectSpec read(String path) throws IOException {
        ObjectSpec object = lastObject;
        if (object == null || !path.equals(lastPath)) {
            Path file = Path.of(path);
            object = ObjectSpec.read(String.valueOf(file.getFileName()), Files.readAllBytes(file));
            lastObject = object;
            lastPath = path;
        }
        return object;
    }

    private static String words(Verdict verdict) {
        return switch (verdict) {
            case Verdict.Verified verified -> "ACCEPT\t" + verified.statistics().processed();
            case Verdict.Rejected rejected -> "REJECT\t" + oneLine(rejected.message());
            case Verdict.Unsupported unsupported -> "UNSUPPORTED\t" + oneLine(unsupported.why());
        };
    }

    private static String oneLine(String text) {
        return text.replace('\n', ' ').replace('\t', ' ');
    }
}
