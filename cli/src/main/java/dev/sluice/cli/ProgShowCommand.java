package dev.sluice.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.sluice.btf.Btf;
import dev.sluice.object.LinkedProgram;
import dev.sluice.object.MapSpec;
import dev.sluice.object.ObjectException;
import dev.sluice.object.ObjectSpec;
import dev.sluice.object.ProgramSpec;
import dev.sluice.object.ProgramType;
import dev.sluice.object.Reference;
import dev.sluice.object.SectionName;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** What an object's programs are: name, type, tag, sizes, maps, BTF. */
@Command(
        name = "show",
        aliases = "list",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Shows the programs of an object, or of a running sluice run, as bpftool prog show does.")
final class ProgShowCommand implements Callable<Integer> {
    @Parameters(
            arity = "0..2",
            paramLabel = "OBJ",
            description =
                    "Compiled object (.bpf.o); or, of a running sluice run, id N, name NAME or tag TAG; without it "
                            + "all programs of a running sluice run.")
    private List<String> of = List.of();

    private Path object = Path.of("");

    @Option(names = "--prog", paramLabel = "NAME", description = "Only this program.")
    private @Nullable String only;

    @Mixin
    private ControlOptions control = new ControlOptions();

    @Mixin
    private JsonOptions json = new JsonOptions();

    /** Whether every program could be linked. */
    private boolean complete = true;

    @Override
    public Integer call() {
        if (of.size() != 1) {
            return control.send(json, "prog show", of);
        }
        object = Path.of(of.getFirst());
        ObjectSpec spec = ObjectOptions.read(object);
        List<ProgramSpec> programs = only == null ? spec.programs() : ObjectOptions.choose(object, spec, only);
        if (json.wanted()) {
            json.print(System.out, generator -> write(spec, programs, generator));
        } else {
            programs.forEach(program -> print(spec, program, System.out));
        }
        return complete ? ExitCode.OK : ExitCode.FAILED;
    }

    /** As bpftool names it. A program whose section does not say its type is shown as what it would be here. */
    private static String typeName(ProgramSpec program) {
        ProgramType type = program.type().type();
        if (type != ProgramType.UNSPECIFIED) {
            return type.name().toLowerCase(Locale.ROOT);
        }
        String other = SectionName.otherTypeName(program.section());
        return other.isEmpty() ? "xdp" : other;
    }

    private static Set<Integer> maps(LinkedProgram program) {
        Set<Integer> used = new TreeSet<>();
        for (Reference reference : program.references()) {
            switch (reference) {
                case Reference.ToMap map -> used.add(map.map());
                case Reference.ToValue value -> used.add(value.map());
                case Reference.Kfunc kfunc -> {}
                case Reference.Ksym ksym -> {}
            }
        }
        return used;
    }

    private void print(ObjectSpec spec, ProgramSpec program, PrintStream out) {
        LinkedProgram linked;
        try {
            linked = spec.link(program);
        } catch (ObjectException e) {
            complete = false;
            out.println((spec.programs().indexOf(program) + 1) + ": " + typeName(program) + "  name " + program.name()
                    + "\n\tsection " + program.section() + "  cannot be linked: " + e.getMessage());
            return;
        }
        out.println((spec.programs().indexOf(program) + 1) + ": " + typeName(program) + "  name " + program.name()
                + "  tag " + linked.tag() + (spec.isGplCompatible() ? "  gpl" : ""));
        out.println("\tsection " + program.section() + "  xlated "
                + linked.insns().size() + "B  functions " + linked.functions().size());
        for (int index : maps(linked)) {
            MapSpec map = spec.maps().get(index);
            out.println("\tmap " + (index + 1) + ": " + MapDump.typeName(map.type()) + "  name " + map.name()
                    + "  flags 0x"
                    + Integer.toHexString(map.flags()) + "  key " + map.keySize() + "B  value " + map.valueSize()
                    + "B  max_entries " + map.maxEntries());
        }
        Btf btf = spec.btf();
        if (btf != null) {
            out.println("\tbtf " + btf.byteCount() + "B  types " + (btf.endId() - 1) + "  line_info "
                    + linked.lines().size());
        }
    }

    private void write(ObjectSpec spec, List<ProgramSpec> programs, JsonGenerator json) throws IOException {
        json.writeStartArray();
        for (ProgramSpec program : programs) {
            json.writeStartObject();
            json.writeNumberField("id", spec.programs().indexOf(program) + 1);
            json.writeStringField("type", typeName(program));
            json.writeStringField("name", program.name());
            json.writeStringField("section", program.section());
            LinkedProgram linked;
            try {
                linked = spec.link(program);
            } catch (ObjectException e) {
                complete = false;
                json.writeStringField("error", String.valueOf(e.getMessage()));
                json.writeEndObject();
                continue;
            }
            json.writeStringField("tag", linked.tag());
            json.writeBooleanField("gpl_compatible", spec.isGplCompatible());
            json.writeBooleanField("frags", program.type().frags());
            json.writeNumberField("bytes_xlated", linked.insns().size());
            json.writeNumberField("functions", linked.functions().size());
            json.writeArrayFieldStart("map_ids");
            for (int index : maps(linked)) {
                json.writeNumber(index + 1);
            }
            json.writeEndArray();
            json.writeArrayFieldStart("maps");
            for (int index : maps(linked)) {
                writeMap(index + 1, spec.maps().get(index), json);
            }
            json.writeEndArray();
            Btf btf = spec.btf();
            if (btf != null) {
                json.writeNumberField("bytes_btf", btf.byteCount());
                json.writeNumberField("btf_types", btf.endId() - 1);
                json.writeNumberField("line_info", linked.lines().size());
            }
            json.writeEndObject();
        }
        json.writeEndArray();
    }

    private static void writeMap(int id, MapSpec map, JsonGenerator json) throws IOException {
        json.writeStartObject();
        json.writeNumberField("id", id);
        json.writeStringField("type", MapDump.typeName(map.type()));
        json.writeStringField("name", map.name());
        json.writeNumberField("flags", map.flags());
        json.writeNumberField("bytes_key", map.keySize());
        json.writeNumberField("bytes_value", map.valueSize());
        json.writeNumberField("max_entries", map.maxEntries());
        json.writeEndObject();
    }
}
