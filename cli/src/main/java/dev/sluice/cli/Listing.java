package dev.sluice.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.sluice.LoadedProgram;
import dev.sluice.btf.Btf;
import dev.sluice.btf.BtfExt;
import dev.sluice.btf.BtfType;
import dev.sluice.isa.Code;
import dev.sluice.isa.Disassembler;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.Syntax;
import dev.sluice.object.LinkedProgram;
import dev.sluice.object.ObjectSpec;
import dev.sluice.object.Reference;
import dev.sluice.program.Facts;
import dev.sluice.program.Program;
import dev.sluice.program.SourceLine;
import dev.sluice.program.Subprogram;
import dev.sluice.program.Trimmed;
import java.io.IOException;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.IntUnaryOperator;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The instructions of a program with their C source, as {@code bpftool prog dump xlated} lists them. */
final class Listing {
    /**
     * One instruction.
     *
     * @param proto the C prototype of the function that begins here
     * @param source the C line that begins here; with file and numbers for those who want them
     * @param text the instruction, opcode byte in front
     */
    record Line(int slot, @Nullable String proto, @Nullable SourceLine source, String text, Instruction instruction) {
        /**
         * Prints what the instruction was made from.
         *
         * @param linum with the source line's file and numbers
         */
        void print(boolean linum, PrintStream out) {
            if (proto != null) {
                out.println(proto + ":");
            }
            if (source != null) {
                out.println("; " + source.text()
                        + (linum
                                ? " [file:" + source.file() + " line_num:" + source.line() + " line_col:"
                                        + source.column() + "]"
                                : ""));
            }
            out.printf(Locale.ROOT, "%4d: %s%n", slot, text);
        }

        /** Writes the same as members of an object, in bpftool's names. */
        void write(boolean linum, JsonGenerator json) throws IOException {
            if (proto != null) {
                json.writeStringField("proto", proto);
            }
            if (source != null) {
                json.writeStringField("src", source.text());
                if (linum) {
                    json.writeStringField("file", source.file());
                    json.writeNumberField("line_num", source.line());
                    json.writeNumberField("line_col", source.column());
                }
            }
            json.writeStringField("disasm", text);
        }
    }

    private Listing() {}

    /** As it was linked. */
    static List<Line> of(ObjectSpec spec, LinkedProgram linked) {
        return of(spec, linked, bare(spec, linked), slot -> slot);
    }

    /** What is left of it after its verification. */
    static List<Line> of(ObjectSpec spec, LinkedProgram linked, Facts facts) {
        Trimmed trimmed = facts.trim(bare(spec, linked));
        return of(spec, linked, trimmed.program(), trimmed::originOf);
    }

    /** As it runs. */
    static List<Line> of(ObjectSpec spec, LoadedProgram loaded) {
        return of(spec, loaded.linked(), loaded.executable().program(), loaded::originOf);
    }

    private static Program bare(ObjectSpec spec, LinkedProgram linked) {
        Btf btf = spec.btf();
        List<SourceLine> lines = new ArrayList<>();
        if (btf != null) {
            for (BtfExt.LineInfo line : linked.lines()) {
                String text = btf.string(line.textOffset()).strip();
                lines.add(new SourceLine(
                        line.slot(), btf.string(line.fileNameOffset()), text, line.line(), line.column()));
            }
        }
        Code code = Code.decode(linked.insns().bytes());
        return new Program(
                linked.name(),
                linked.tag(),
                code,
                Program.findSubprograms(code),
                lines,
                spec.isGplCompatible(),
                linked.spec().type().frags());
    }

    /** @param origins slots of the linked program by those of what is left of it */
    private static List<Line> of(ObjectSpec spec, LinkedProgram linked, Program program, IntUnaryOperator origins) {
        Btf btf = spec.btf();
        Map<Integer, SourceLine> sources = new HashMap<>();
        program.lines().forEach(line -> sources.put(line.slot(), line));
        Map<Integer, String> protos = new HashMap<>();
        if (btf != null) {
            for (LinkedProgram.Function function : linked.functions()) {
                if (function.btfType() != 0) {
                    protos.put(function.start(), prototype(btf, function.btfType()));
                }
            }
        }
        Map<Integer, String> references = new HashMap<>();
        for (Reference reference : linked.references()) {
            String text = describe(reference);
            if (text != null) {
                references.put(reference.slot(), text);
            }
        }
        Code code = program.code();
        Disassembler disassembler = new Disassembler(Syntax.KERNEL, HelperSymbols.INSTANCE);
        Set<Integer> starts =
                program.subprograms().stream().map(Subprogram::start).collect(Collectors.toSet());
        List<Line> lines = new ArrayList<>();
        for (int slot = 0; slot < code.size(); slot++) {
            Instruction insn = code.at(slot);
            if (insn != null) {
                int origin = origins.applyAsInt(slot);
                String reference = references.get(origin);
                String text = reference == null
                        ? disassembler.text(insn)
                        : "(%02x) ".formatted(insn.opcode().code()) + reference.replace("DST", "r" + insn.dst());
                String proto = starts.contains(slot) ? protoAt(linked, protos, origin) : null;
                lines.add(new Line(slot, proto, sources.get(slot), text, insn));
            }
        }
        return lines;
    }

    /** Of the function that a slot belongs to: its first instructions may have gone. */
    private static @Nullable String protoAt(LinkedProgram linked, Map<Integer, String> protos, int slot) {
        String found = null;
        for (LinkedProgram.Function function : linked.functions()) {
            if (function.start() <= slot) {
                found = protos.get(function.start());
            }
        }
        return found;
    }

    /** Maps have the numbers that they get when the object is loaded first: 1, 2 and so on. */
    private static @Nullable String describe(Reference reference) {
        return switch (reference) {
            case Reference.ToMap map -> "DST = map[id:" + (map.map() + 1) + "]";
            case Reference.ToValue value -> "DST = map[id:" + (value.map() + 1) + "][0]+" + value.offset();
            case Reference.Kfunc kfunc -> "call " + kfunc.name() + "#kfunc";
            case Reference.Ksym ksym -> "DST = &" + ksym.name();
        };
    }

    /** {@code int hello(struct xdp_md * ctx)}. */
    private static @Nullable String prototype(Btf btf, int function) {
        if (!(btf.type(function) instanceof BtfType.Func func)
                || !(btf.type(func.proto()) instanceof BtfType.FuncProto proto)) {
            return null;
        }
        String params = proto.params().stream()
                .map(param -> param.type() == 0 ? "..." : declare(btf.describe(param.type()), param.name()))
                .collect(Collectors.joining(", "));
        return btf.describe(proto.returns()) + " " + func.name() + "(" + (params.isEmpty() ? "void" : params) + ")";
    }

    private static String declare(String type, String name) {
        return name.isEmpty() ? type : type + " " + name;
    }
}
