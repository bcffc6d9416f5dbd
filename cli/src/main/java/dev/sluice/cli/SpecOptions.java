package dev.sluice.cli;

import dev.sluice.btf.Btf;
import dev.sluice.btf.BtfException;
import dev.sluice.object.Kconfig;
import dev.sluice.object.MapSpec;
import dev.sluice.object.ObjectException;
import dev.sluice.object.ObjectSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What users change of an object before it is loaded, as they do with libbpf between open and load. */
final class SpecOptions {
    private static final Pattern SLOT = Pattern.compile("(.+)\\[(\\d{1,10})]=(.+)");

    @Option(
            names = "--set",
            paramLabel = "VARIABLE=VALUE",
            description = "What a global variable starts with: its name, or that of its section before it "
                    + "(rodata.limit), members and elements may follow (config.ports[2]). Numbers, text, addresses, "
                    + "enumerators; JSON for arrays and structs. May be repeated.")
    private List<String> variables = List.of();

    @Option(
            names = "--max-entries",
            paramLabel = "MAP=N",
            description = "The size of a map, whatever the object says. Without it arrays, cpumaps and perf event "
                    + "arrays of size 0 get one entry a CPU. May be repeated.")
    private List<String> sizes = List.of();

    @Option(
            names = "--tail-call",
            paramLabel = "MAP[I]=PROGRAM",
            description = "A program of the object in a slot of a prog array. May be repeated.")
    private List<String> tailCalls = List.of();

    @Option(
            names = "--btf",
            paramLabel = "FILE",
            description = "The kernel's types, for CO-RE relocations, such as /sys/kernel/btf/vmlinux (default: "
                    + "built-in ones of Linux 6.18, so that results do not depend on the machine).")
    private @Nullable Path types;

    @Option(
            names = "--kconfig",
            paramLabel = "FILE",
            description = "The kernel's configuration as /proc/config.gz has it, unpacked (default: that of Linux "
                    + "6.18 as servers have it).")
    private @Nullable Path kconfig;

    /** The kernel's types; null for the built-in ones. */
    @Nullable
    Btf target() {
        Path file = types;
        if (file == null) {
            return null;
        }
        try {
            return Btf.parse(bytes(file));
        } catch (BtfException e) {
            throw new CommandFailure(file + ": " + e.getMessage());
        }
    }

    /**
     * Refuses types and configuration of another kernel where this machine's is asked.
     *
     * @param what asks it
     */
    void refuseKernels(String what) {
        if (types != null || kconfig != null) {
            throw RunOptions.usage((types != null ? "--btf" : "--kconfig") + ": cannot be given with " + what
                    + ", which takes this machine's kernel as it is");
        }
    }

    /** The first of these options that was given. */
    Optional<String> given() {
        Map<String, Boolean> options = new LinkedHashMap<>();
        options.put("--set", !variables.isEmpty());
        options.put("--max-entries", !sizes.isEmpty());
        options.put("--tail-call", !tailCalls.isEmpty());
        options.put("--btf", types != null);
        options.put("--kconfig", kconfig != null);
        return options.entrySet().stream()
                .filter(Map.Entry::getValue)
                .map(Map.Entry::getKey)
                .findFirst();
    }

    /** The object with all that was asked for. */
    ObjectSpec apply(Path object, ObjectSpec spec) {
        ObjectSpec changed = spec;
        try {
            if (kconfig != null) {
                changed = changed.withKconfig(kconfig(kconfig));
            }
            for (String size : sizes) {
                changed = resized(changed, size);
            }
            for (String variable : variables) {
                int equals = variable.indexOf('=');
                if (equals < 1) {
                    throw RunOptions.usage("--set: expected VARIABLE=VALUE, found " + variable);
                }
                changed = changed.withVariable(
                        variable.substring(0, equals), value("--set", variable.substring(equals + 1)));
            }
            for (String tailCall : tailCalls) {
                Matcher slot = SLOT.matcher(tailCall);
                if (!slot.matches()) {
                    throw RunOptions.usage("--tail-call: expected MAP[I]=PROGRAM, found " + tailCall);
                }
                changed = changed.withTailCall(slot.group(1), (int) Long.parseLong(slot.group(2)), slot.group(3));
            }
        } catch (ObjectException e) {
            throw new CommandFailure(object + ": " + e.getMessage());
        }
        return changed;
    }

    private static Kconfig kconfig(Path file) {
        try {
            return Kconfig.parse(new String(bytes(file), java.nio.charset.StandardCharsets.UTF_8));
        } catch (ObjectException e) {
            throw new CommandFailure(file + ": " + e.getMessage());
        }
    }

    private static ObjectSpec resized(ObjectSpec spec, String size) {
        int equals = size.lastIndexOf('=');
        String number = size.substring(equals + 1);
        if (equals < 1 || !number.matches("\\d{1,10}") || Long.parseLong(number) > 0xffff_ffffL) {
            throw RunOptions.usage("--max-entries: expected MAP=N, found " + size);
        }
        String name = size.substring(0, equals);
        MapSpec map = spec.map(name)
                .filter(found -> !found.isInternal())
                .orElseThrow(
                        () -> new ObjectException("no such map: expected one of " + names(spec) + ", name=" + name));
        return spec.withMap(map.withMaxEntries((int) Long.parseLong(number)));
    }

    /** The maps that a user can mean. */
    static String names(ObjectSpec spec) {
        return String.join(", ", spec.maps().stream().map(MapSpec::name).toList());
    }

    /**
     * JSON where it looks like it; else the text as it stands.
     *
     * @param what it is, for the message
     */
    static Object value(String what, String text) {
        char first = text.isBlank() ? ' ' : text.strip().charAt(0);
        if (first != '[' && first != '{' && first != '"') {
            return text;
        }
        try {
            Object value = JsonReader.parse(text);
            return value == null ? text : value;
        } catch (IOException e) {
            throw RunOptions.usage(
                    what + ": expected JSON behind a bracket, a brace or a quotation mark, found " + text);
        }
    }

    private static byte[] bytes(Path file) {
        try {
            return Files.readAllBytes(file);
        } catch (NoSuchFileException e) {
            throw new CommandFailure(file + ": no such file");
        } catch (IOException e) {
            throw new CommandFailure(file + ": cannot be read: " + ObjectOptions.reason(e));
        }
    }
}
