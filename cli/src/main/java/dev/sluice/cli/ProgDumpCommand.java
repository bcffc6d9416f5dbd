package dev.sluice.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.sluice.LoadedProgram;
import dev.sluice.XdpRuntime;
import dev.sluice.isa.Code;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.MalformedCodeException;
import dev.sluice.jit.JitEngine;
import dev.sluice.jit.JitListing;
import dev.sluice.object.LinkedProgram;
import dev.sluice.object.ObjectException;
import dev.sluice.verifier.Subject;
import dev.sluice.verifier.Subjects;
import dev.sluice.verifier.Verdict;
import dev.sluice.verifier.Verifier;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** The instructions of a program: BPF, or what the JIT made of them. */
@Command(
        name = "dump",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Prints a program's instructions with its C source: as BPF (xlated), or as the JVM bytecode that "
                + "the JIT makes of them (jited).")
final class ProgDumpCommand implements Callable<Integer> {
    /** What a program of a running sluice begins with. */
    private static final Set<String> PROGRAM_KEYWORDS = Set.of("id", "name", "tag");

    /** What to print. */
    enum Form {
        XLATED,
        JITED
    }

    @Spec
    private CommandSpec spec;

    @Parameters(index = "0", paramLabel = "xlated|jited", description = "What to print.")
    private Form form = Form.XLATED;

    @Parameters(
            index = "1..*",
            arity = "1..*",
            paramLabel = "OBJ",
            description =
                    "Compiled object (.bpf.o); or, of a running sluice run, id N, name NAME or tag TAG. Behind it, "
                            + "as in bpftool: opcodes, linum, file FILE.")
    private List<String> words = List.of();

    @Mixin
    private ControlOptions control = new ControlOptions();

    @Mixin
    private ObjectOptions objects = new ObjectOptions();

    @Mixin
    private JsonOptions json = new JsonOptions();

    @Option(names = "--opcodes", description = "Print the encoding of each instruction too; jited: of the JVM's.")
    private boolean opcodes;

    @Option(names = "--linum", description = "Print file, line and column of each source line too.")
    private boolean linum;

    @Option(
            names = "--file",
            paramLabel = "FILE",
            description =
                    "Write the instructions there, and print nothing: the bytes (xlated), the class files as a jar, for "
                            + "javap (jited).")
    private @Nullable Path file;

    @Option(
            names = "--engine",
            paramLabel = "ENGINE",
            description =
                    "jited: jit (the default) verifies the program and shows code without checks, jit-checked shows "
                            + "code with checks.")
    private EngineChoice engine = EngineChoice.JIT;

    @Option(
            names = "--c2",
            paramLabel = "CAPTURE",
            description =
                    "jited: run the program on these packets until HotSpot's C2 has compiled it, and print what C2 "
                            + "made of it: sizes, and calls that were not inlined. May be repeated.")
    private List<String> c2 = List.of();

    @Option(
            names = "--machine-code",
            description =
                    "with --c2: also the machine code of the methods, by hsdis where the JVM finds it, else by objdump, "
                            + "else as bytes.")
    private boolean machineCode;

    @Override
    public Integer call() {
        List<String> of = readWords();
        if (form == Form.XLATED && !c2.isEmpty()) {
            throw RunOptions.usage("--c2: expected with jited, found xlated");
        }
        if (machineCode && c2.isEmpty()) {
            throw RunOptions.usage("--machine-code: expected with --c2 CAPTURE");
        }
        if (file != null && (opcodes || linum || json.wanted() || !c2.isEmpty())) {
            throw RunOptions.usage("--file: expected by itself, as nothing is printed");
        }
        if (of.size() > 1) {
            return ofRunning(of);
        }
        ObjectOptions.Choice choice = objects.choose(Path.of(of.getFirst()));
        if (form == Form.JITED) {
            if (engine == EngineChoice.INTERPRETER) {
                throw RunOptions.usage("--engine: expected jit or jit-checked, found interpreter");
            }
            try (XdpRuntime runtime = new XdpRuntime(engine.engine(), 1, 0)) {
                LoadedProgram program = choice.program(runtime, choice.load(runtime));
                List<Listing.Line> lines = Listing.of(choice.spec(), program);
                JitListing listing = JitEngine.listing(program.executable(), runtime.maps(), runtime.regions());
                if (file != null) {
                    writeClasses(listing, file);
                    return ExitCode.OK;
                }
                if (machineCode) {
                    return MachineCode.print(arguments(), listing, lines, opcodes, linum, json);
                }
                JitedListing jited = new JitedListing(
                        listing,
                        lines,
                        c2.isEmpty() ? null : C2Report.of(runtime, program.executable(), c2),
                        opcodes,
                        linum);
                if (json.wanted()) {
                    json.print(System.out, jited::write);
                } else {
                    jited.print(System.out);
                }
            }
            return ExitCode.OK;
        }
        List<Listing.Line> lines = listing(choice);
        if (file != null) {
            write(file, out -> {
                for (Listing.Line line : lines) {
                    out.write(Code.of(List.of(line.instruction())).toBytes());
                }
            });
        } else if (json.wanted()) {
            json.print(System.out, generator -> write(lines, opcodes, linum, generator));
        } else {
            print(lines, opcodes, linum, System.out);
        }
        return ExitCode.OK;
    }

    /** Takes bpftool's keywords from behind the program, and gives what is before them. */
    private List<String> readWords() {
        List<String> of = new ArrayList<>(words);
        while (of.size() > 1) {
            String last = of.getLast();
            if (last.equals("opcodes")) {
                opcodes = true;
            } else if (last.equals("linum")) {
                linum = true;
            } else if (of.size() > 2 && of.get(of.size() - 2).equals("file")) {
                file = Path.of(of.removeLast());
            } else {
                break;
            }
            of.removeLast();
        }
        int most = PROGRAM_KEYWORDS.contains(of.getFirst()) ? 2 : 1;
        if (of.size() > most) {
            throw RunOptions.usage("expected opcodes, linum or file FILE behind the program, found " + of.get(most));
        }
        return of;
    }

    /** The command line without what asks for machine code. */
    private List<String> arguments() {
        return spec.root().commandLine().getParseResult().originalArgs().stream()
                .filter(argument -> !argument.equals("--machine-code"))
                .toList();
    }

    private int ofRunning(List<String> of) {
        if (file != null) {
            throw RunOptions.usage("--file: expected an object, found a program of a running sluice");
        }
        List<String> sent = new ArrayList<>(List.of(form.name().toLowerCase(Locale.ROOT)));
        sent.addAll(of);
        if (opcodes) {
            sent.add("opcodes");
        }
        if (linum) {
            sent.add("linum");
        }
        return control.send(json, "prog dump", sent);
    }

    private interface Content {
        void writeTo(OutputStream out) throws IOException;
    }

    private static void write(Path file, Content content) {
        try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(file))) {
            content.writeTo(out);
        } catch (IOException e) {
            throw new CommandFailure(file + ": cannot be written: " + e.getMessage());
        }
    }

    private static void writeClasses(JitListing listing, Path file) {
        write(file, out -> {
            try (ZipOutputStream jar = new ZipOutputStream(out)) {
                for (Map.Entry<String, byte[]> each : listing.classes().entrySet()) {
                    ZipEntry entry = new ZipEntry(each.getKey().replace('.', '/') + ".class");
                    entry.setTimeLocal(LocalDateTime.of(1980, 1, 1, 0, 0)); // the same program, the same jar
                    jar.putNextEntry(entry);
                    jar.write(each.getValue());
                    jar.closeEntry();
                }
            }
        });
    }

    /**
     * Without the dead code, as the kernel shows it, if the verifier accepts the program; otherwise as it was linked. To
     * look at it, none of its maps need to exist here.
     */
    private static List<Listing.Line> listing(ObjectOptions.Choice choice) {
        try {
            LinkedProgram linked = choice.spec().link(choice.program(), choice.target());
            List<Listing.Line> asLinked = Listing.of(choice.spec(), linked);
            if (!choice.program().isXdp()) {
                return asLinked; // a function of another program is verified as a part of it
            }
            Subject subject = Subjects.of(choice.spec(), choice.program(), choice.target());
            if (Verifier.create().verify(subject) instanceof Verdict.Verified verified) {
                return Listing.of(choice.spec(), linked, verified.facts());
            }
            System.err.println("note: " + choice.program().name()
                    + ": not accepted by the verifier, this is the program as it was linked");
            return asLinked;
        } catch (ObjectException e) {
            throw new CommandFailure(choice.file() + ": " + e.getMessage());
        } catch (MalformedCodeException e) {
            throw new CommandFailure(
                    choice.file() + ": program " + choice.program().name() + ": " + e.getMessage());
        }
    }

    static void print(List<Listing.Line> lines, boolean opcodes, boolean linum, PrintStream out) {
        for (Listing.Line line : lines) {
            line.print(linum, out);
            if (opcodes) {
                out.println("       " + encoding(line.instruction()));
            }
        }
    }

    private static String encoding(Instruction instruction) {
        return HexFormat.ofDelimiter(" ")
                .formatHex(Code.of(List.of(instruction)).toBytes());
    }

    static void write(List<Listing.Line> lines, boolean opcodes, boolean linum, JsonGenerator json) throws IOException {
        json.writeStartArray();
        for (Listing.Line line : lines) {
            json.writeStartObject();
            line.write(linum, json);
            if (opcodes) {
                json.writeStringField("encoding", encoding(line.instruction()));
            }
            json.writeEndObject();
        }
        json.writeEndArray();
    }
}
