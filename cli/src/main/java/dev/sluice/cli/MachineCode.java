package dev.sluice.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import dev.sluice.jit.JitListing;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The machine code of a program. HotSpot prints it only when it was started for that, so the command runs once more in a JVM
 * of its own, with a log. In it are, of each method that was compiled, the instructions where HotSpot finds a disassembler
 * (hsdis), else their bytes; and at some addresses the place in the bytecode that the instructions before it came from. Those are
 * the ends of ranges, and where there are bytes only they are rounded down to the four bytes that they are in.
 *
 * <pre>
 *   Compiled method (c2) 17989 2525   !   4       dev.sluice.jited.parse_100eb4a02fd0cc81::parse_loop_pc0_40 (602 bytes)
 *   [MachCode]
 *     0x00007f58abf7c6c4: ;*if_icmpne {reexecute=1 rethrow=0 return_oop=0}
 *                         ; - dev.sluice.jited.parse_100eb4a02fd0cc81::parse_loop_pc0_40@522 (line 9)
 *     0x00007f58abf7c6c4: 986a a3ff
 *   [/MachCode]
 * </pre>
 */
final class MachineCode {
    private static final Pattern METHOD =
            Pattern.compile("Compiled method \\((\\w+)\\).* (dev\\.sluice\\.jited\\.[\\w$]+::[\\w$]+) .*");
    private static final Pattern AT = Pattern.compile("\\s+0x([0-9a-f]+):\\s*(.*)");
    private static final Pattern BYTES = Pattern.compile("(?:(?:[0-9a-f]{2}){1,2}(?: \\|)?\\s*)+");
    private static final Pattern PLACE = Pattern.compile(".*(dev\\.sluice\\.jited\\.[\\w$]+::[\\w$]+)@(-?\\d+).*");
    private static final Pattern OBJDUMP = Pattern.compile("\\s*([0-9a-f]+):\\t(.*)");

    /** Addresses in bytes only are rounded down to a multiple of this. */
    private static final int GRAIN = 4;

    private static final HexFormat HEX = HexFormat.ofDelimiter(" ");

    /** Who read the bytes. */
    private enum Reader {
        HSDIS,
        OBJDUMP,
        NOBODY
    }

    /**
     * @param end behind it
     * @param text empty where nobody has read the bytes
     * @param bytes null where only HotSpot has seen them
     */
    private record Insn(long address, long end, String text, byte @Nullable [] bytes) {}

    /** A method as the log has it. */
    private static final class Compiled {
        final String name;
        final NavigableMap<Long, byte[]> bytes = new TreeMap<>();
        final NavigableMap<Long, String> texts = new TreeMap<>();

        /** By address: offsets in the method's bytecode. */
        final NavigableMap<Long, Integer> places = new TreeMap<>();

        Compiled(String name) {
            this.name = name;
        }
    }

    private final JitListing jited;
    private final Map<Integer, Listing.Line> bpf;
    private final List<Compiled> methods;
    private final boolean opcodes;
    private final boolean linum;

    private MachineCode(
            JitListing jited, List<Listing.Line> lines, List<Compiled> methods, boolean opcodes, boolean linum) {
        this.jited = jited;
        this.methods = methods;
        this.opcodes = opcodes;
        this.linum = linum;
        bpf = lines.stream().collect(Collectors.toMap(Listing.Line::slot, line -> line));
    }

    /**
     * Runs the command once more, prints what that prints, and the machine code behind it.
     *
     * @param arguments the command line, which asks for what C2 made of a program
     * @return its exit code
     */
    static int print(
            List<String> arguments,
            JitListing jited,
            List<Listing.Line> lines,
            boolean opcodes,
            boolean linum,
            JsonOptions json) {
        Path log = null;
        try {
            log = Files.createTempFile("sluice", ".log");
            Process process = new ProcessBuilder(command(log, arguments))
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            process.getOutputStream().close();
            String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            int status = process.waitFor();
            if (status != ExitCode.OK) {
                System.out.print(printed);
                return status;
            }
            MachineCode code = new MachineCode(jited, lines, read(log), opcodes, linum);
            if (json.wanted()) {
                json.print(System.out, out -> code.writeInto(printed, out));
            } else {
                System.out.print(printed);
                code.print(System.out);
            }
            return ExitCode.OK;
        } catch (IOException e) {
            throw new CommandFailure("--machine-code: " + e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CommandFailure("--machine-code: interrupted");
        } finally {
            if (log != null) {
                log.toFile().delete();
            }
        }
    }

    private static List<String> command(Path log, List<String> arguments) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(option -> !option.startsWith("-javaagent") && !option.startsWith("-agentlib"))
                .forEach(command::add);
        command.addAll(List.of(
                "-Xlog:disable", // it would warn that there is no hsdis
                "-XX:+UnlockDiagnosticVMOptions",
                "-XX:+DebugNonSafepoints", // places of more than calls
                "-XX:CompileCommand=quiet",
                "-XX:CompileCommand=print,dev.sluice.jited.*::*",
                "-XX:-DisplayVMOutput",
                "-XX:+LogVMOutput",
                "-XX:LogFile=" + log,
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName()));
        command.addAll(arguments);
        return command;
    }

    // --- the log

    private static List<Compiled> read(Path log) throws IOException {
        Map<String, Compiled> found = new LinkedHashMap<>(); // the last of a method counts
        Compiled compiled = null;
        long address = 0;
        for (String raw : Files.readAllLines(log, StandardCharsets.ISO_8859_1)) {
            String line = raw.replace("&lt;", "<")
                    .replace("&gt;", ">")
                    .replace("&quot;", "\"")
                    .replace("&apos;", "'")
                    .replace("&amp;", "&");
            Matcher method = METHOD.matcher(line);
            if (method.matches()) {
                compiled = method.group(1).equals("c2") ? new Compiled(method.group(2)) : null;
                if (compiled != null) {
                    found.remove(compiled.name);
                    found.put(compiled.name, compiled);
                }
                continue;
            }
            if (compiled == null || line.startsWith("</print_nmethod") || line.startsWith("[Stub Code]")) {
                compiled = null;
                continue;
            }
            String text = line;
            Matcher at = AT.matcher(line);
            if (at.matches()) {
                address = Long.parseUnsignedLong(at.group(1), 16);
                text = at.group(2);
                if (BYTES.matcher(text).matches()) {
                    compiled.bytes.put(address, HexFormat.of().parseHex(text.replaceAll("[ |]", "")));
                    continue;
                }
                int comment = text.indexOf(';');
                String code = (comment < 0 ? text : text.substring(0, comment)).strip();
                if (!code.isEmpty()) {
                    compiled.texts.put(address, code);
                }
            }
            Matcher place = PLACE.matcher(text);
            if (place.matches() && place.group(1).equals(compiled.name)) {
                compiled.places.put(address, Integer.valueOf(place.group(2)));
            }
        }
        return List.copyOf(found.values());
    }

    // --- instructions

    private static Reader reader(Compiled method) {
        return !method.texts.isEmpty() ? Reader.HSDIS : objdump() == null ? Reader.NOBODY : Reader.OBJDUMP;
    }

    /** The program's name for this machine's instructions; null where there is no objdump. */
    private static @Nullable String objdump() {
        for (String folder : System.getenv().getOrDefault("PATH", "").split(":", -1)) {
            if (Files.isExecutable(Path.of(folder, "objdump"))) {
                return switch (System.getProperty("os.arch")) {
                    case "amd64" -> "i386:x86-64";
                    case "aarch64" -> "aarch64";
                    default -> null;
                };
            }
        }
        return null;
    }

    private static List<Insn> instructions(Compiled method) throws IOException {
        List<Insn> insns = new ArrayList<>();
        if (reader(method) == Reader.HSDIS) {
            method.texts.forEach((address, text) -> {
                Long next = method.texts.higherKey(address);
                insns.add(new Insn(address, next == null ? address + 1 : next, text, null));
            });
            return insns;
        }
        if (reader(method) == Reader.NOBODY) {
            method.bytes.forEach((address, bytes) -> insns.add(new Insn(address, address + bytes.length, "", bytes)));
            return insns;
        }
        // what lies in one piece
        for (Map.Entry<Long, byte[]> each = method.bytes.firstEntry(); each != null; ) {
            long start = each.getKey();
            ByteArrayOutputStream piece = new ByteArrayOutputStream();
            while (each != null && each.getKey() == start + piece.size()) {
                piece.writeBytes(each.getValue());
                each = method.bytes.higherEntry(each.getKey());
            }
            disassemble(start, piece.toByteArray(), insns);
        }
        return insns;
    }

    private static void disassemble(long start, byte[] bytes, List<Insn> insns) throws IOException {
        Path file = Files.createTempFile("sluice", ".bin");
        try {
            Files.write(file, bytes);
            Process process = new ProcessBuilder(
                            "objdump",
                            "-D",
                            "-w",
                            "--no-show-raw-insn",
                            "-b",
                            "binary",
                            "-m",
                            String.valueOf(objdump()),
                            "--adjust-vma=0x" + Long.toHexString(start),
                            file.toString())
                    .redirectErrorStream(true)
                    .start();
            process.getOutputStream().close();
            String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            NavigableMap<Long, String> found = new TreeMap<>();
            text.lines().forEach(line -> {
                Matcher insn = OBJDUMP.matcher(line);
                if (insn.matches()) {
                    found.put(
                            Long.parseUnsignedLong(insn.group(1), 16),
                            insn.group(2).strip());
                }
            });
            if (found.isEmpty()) {
                throw new IOException("objdump: " + text.lines().findFirst().orElse("no output"));
            }
            found.forEach((address, code) -> {
                Long next = found.higherKey(address);
                long end = next == null ? start + bytes.length : next;
                insns.add(new Insn(
                        address, end, code, Arrays.copyOfRange(bytes, (int) (address - start), (int) (end - start))));
            });
        } finally {
            Files.delete(file);
        }
    }

    /** The slot of the BPF instruction that a machine instruction came from, or {@link JitListing#NO_SLOT}. */
    private int slot(Compiled method, Insn insn) {
        long end = reader(method) == Reader.HSDIS ? insn.address : insn.end - GRAIN;
        Map.Entry<Long, Integer> place = method.places.ceilingEntry(end);
        if (place == null) {
            return JitListing.NO_SLOT;
        }
        for (JitListing.Method each : jited.methods()) {
            if (method.name.equals(each.owner() + "::" + each.name())) {
                for (JitListing.Insn code : each.code()) {
                    if (code.bci() == place.getValue()) {
                        return code.slot();
                    }
                }
            }
        }
        return JitListing.NO_SLOT;
    }

    // --- output

    private static String note(Reader reader) {
        return switch (reader) {
            case HSDIS -> "read by hsdis";
            case OBJDUMP -> "read by objdump";
            case NOBODY -> "bytes: neither hsdis nor objdump is here to read them";
        };
    }

    private void print(PrintStream out) throws IOException {
        if (methods.isEmpty()) {
            out.println("C2 has compiled none of the methods");
        }
        for (Compiled method : methods) {
            out.println();
            out.println(method.name.replace("::", ".") + ": machine code, " + note(reader(method)));
            int slot = JitListing.NO_SLOT;
            for (Insn insn : instructions(method)) {
                int of = slot(method, insn);
                Listing.Line line = of == slot ? null : bpf.get(of);
                if (line != null) {
                    line.print(linum, out);
                }
                slot = of;
                out.println("          0x" + Long.toHexString(insn.address)
                        + (insn.text.isEmpty() ? "" : "  " + insn.text)
                        + (insn.bytes != null && insn.text.isEmpty() ? "  " + HEX.formatHex(insn.bytes) : ""));
                if (opcodes && insn.bytes != null && !insn.text.isEmpty()) {
                    out.println("                 " + HEX.formatHex(insn.bytes));
                }
            }
        }
    }

    /** Writes what the other JVM has printed, an object, with the machine code as one more member. */
    private void writeInto(String printed, JsonGenerator out) throws IOException {
        try (JsonParser parser = new JsonFactory().createParser(printed)) {
            int depth = 0;
            for (JsonToken token = parser.nextToken(); token != null; token = parser.nextToken()) {
                depth += token.isStructStart() ? 1 : token.isStructEnd() ? -1 : 0;
                if (depth == 0) {
                    write(out);
                }
                out.copyCurrentEvent(parser);
            }
        }
    }

    private void write(JsonGenerator json) throws IOException {
        json.writeArrayFieldStart("machine_code");
        for (Compiled method : methods) {
            json.writeStartObject();
            json.writeStringField("method", method.name.substring(method.name.indexOf("::") + 2));
            json.writeStringField(
                    "disassembler",
                    switch (reader(method)) {
                        case HSDIS -> "hsdis";
                        case OBJDUMP -> "objdump";
                        case NOBODY -> "none";
                    });
            json.writeArrayFieldStart("insns");
            int slot = JitListing.NO_SLOT;
            for (Insn insn : instructions(method)) {
                json.writeStartObject();
                int of = slot(method, insn);
                if (of != JitListing.NO_SLOT) {
                    json.writeNumberField("slot", of);
                }
                Listing.Line line = of == slot ? null : bpf.get(of);
                if (line != null) {
                    line.write(linum, json);
                }
                slot = of;
                json.writeStringField("pc", "0x" + Long.toHexString(insn.address));
                if (!insn.text.isEmpty()) {
                    json.writeStringField("operation", insn.text);
                }
                if (insn.bytes != null && (opcodes || insn.text.isEmpty())) {
                    json.writeStringField("encoding", HEX.formatHex(insn.bytes));
                }
                json.writeEndObject();
            }
            json.writeEndArray();
            json.writeEndObject();
        }
        json.writeEndArray();
    }
}
