package dev.sluice.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.sluice.LoadedProgram;
import dev.sluice.XdpRuntime;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.MalformedCodeException;
import dev.sluice.jit.JitEngine;
import dev.sluice.object.LinkedProgram;
import dev.sluice.object.ObjectException;
import dev.sluice.verifier.Subject;
import dev.sluice.verifier.Subjects;
import dev.sluice.verifier.Verdict;
import dev.sluice.verifier.Verifier;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The instructions of a program: BPF, or what the JIT made of them. */
@Command(
        name = "dump",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Prints a program's instructions with its C source: as BPF (xlated), or as the JVM bytecode that "
                + "the JIT makes of them (jited).")
final class ProgDumpCommand implements Callable<Integer> {
    /** What to print. */
    enum Form {
        XLATED,
        JITED
    }

    @Parameters(index = "0", paramLabel = "xlated|jited", description = "What to print.")
    private Form form = Form.XLATED;

    @Parameters(
            index = "1..*",
            arity = "1..2",
            paramLabel = "OBJ",
            description = "Compiled object (.bpf.o); or, of a running sluice run, id N, name NAME or tag TAG.")
    private List<String> of = List.of();

    @Mixin
    private ControlOptions control = new ControlOptions();

    @Mixin
    private ObjectOptions objects = new ObjectOptions();

    @Mixin
    private JsonOptions json = new JsonOptions();

    @Option(names = "--opcodes", description = "Print the encoding of each instruction too.")
    private boolean opcodes;

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

    @Override
    public Integer call() {
        if (of.size() > 1) {
            return ofRunning();
        }
        ObjectOptions.Choice choice = objects.choose(Path.of(of.getFirst()));
        if (form == Form.JITED) {
            if (engine == EngineChoice.INTERPRETER) {
                throw RunOptions.usage("--engine: expected jit or jit-checked, found interpreter");
            }
            try (XdpRuntime runtime = new XdpRuntime(engine.engine(), 1, 0)) {
                LoadedProgram program = choice.program(runtime, choice.load(runtime));
                List<Listing.Line> lines = Listing.of(choice.spec(), program);
                JitedListing jited = new JitedListing(
                        JitEngine.listing(program.executable(), runtime.maps(), runtime.regions()),
                        lines,
                        c2.isEmpty() ? null : C2Report.of(runtime, program.executable(), c2));
                if (json.wanted()) {
                    json.print(System.out, jited::write);
                } else {
                    jited.print(System.out);
                }
            }
            return ExitCode.OK;
        }
        List<Listing.Line> lines = listing(choice);
        if (json.wanted()) {
            json.print(System.out, generator -> write(lines, opcodes, generator));
        } else {
            print(lines, opcodes, System.out);
        }
        return ExitCode.OK;
    }

    private int ofRunning() {
        List<String> words = new ArrayList<>(List.of(form.name().toLowerCase(Locale.ROOT)));
        words.addAll(of);
        if (opcodes) {
            words.add("opcodes");
        }
        return control.send(json, "prog dump", words);
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

    static void print(List<Listing.Line> lines, boolean opcodes, PrintStream out) {
        for (Listing.Line line : lines) {
            if (line.proto() != null) {
                out.println(line.proto() + ":");
            }
            if (line.source() != null) {
                out.println("; " + line.source());
            }
            out.printf(Locale.ROOT, "%4d: %s%n", line.slot(), line.text());
            if (opcodes) {
                out.println("       " + encoding(line.instruction()));
            }
        }
    }

    private static String encoding(Instruction instruction) {
        return HexFormat.ofDelimiter(" ")
                .formatHex(dev.sluice.isa.Code.of(List.of(instruction)).toBytes());
    }

    static void write(List<Listing.Line> lines, boolean opcodes, JsonGenerator json) throws IOException {
        json.writeStartArray();
        for (Listing.Line line : lines) {
            json.writeStartObject();
            if (line.proto() != null) {
                json.writeStringField("proto", line.proto());
            }
            if (line.source() != null) {
                json.writeStringField("src", line.source());
            }
            json.writeStringField("disasm", line.text());
            if (opcodes) {
                json.writeStringField("encoding", encoding(line.instruction()));
            }
            json.writeEndObject();
        }
        json.writeEndArray();
    }
}
