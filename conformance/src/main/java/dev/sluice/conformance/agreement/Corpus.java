package dev.sluice.conformance.agreement;

import dev.sluice.exec.Engine;
import dev.sluice.isa.Code;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.kernel.Kernel;
import dev.sluice.kernel.KernelLoader;
import dev.sluice.kernel.diff.Comparison;
import dev.sluice.kernel.diff.DiffReport;
import dev.sluice.object.ObjectSpec;
import dev.sluice.object.ProgramSpec;
import dev.sluice.object.SectionName;
import dev.sluice.packet.pcap.CaptureBatch;
import dev.sluice.packet.pcap.CaptureException;
import dev.sluice.packet.pcap.CaptureReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * The programs and captures of {@code pcaps}, and a program on all of them in the kernel and on engines. The maps live
 * through all captures.
 */
public final class Corpus {
    private static final int BATCH = 64;

    private final Path folder;
    private final List<byte[]> packets;
    private final int captures;

    /**
     * A program of an object.
     *
     * @param object below {@code pcaps/programs}, without {@code .bpf.o}
     */
    public record Subject(String object, ObjectSpec spec, ProgramSpec program) {
        @Override
        public String toString() {
            return object + " " + program.name();
        }
    }

    /** @param folder {@code pcaps} */
    public Corpus(Path folder) {
        this.folder = folder;
        List<Path> files = new ArrayList<>();
        for (String part : List.of("generated", "recorded", "formats")) {
            files.addAll(files(
                    folder.resolve("captures").resolve(part), name -> name.matches(".*\\.pcap(ng)?(\\.gz|\\.zst)?")));
        }
        List<byte[]> all = new ArrayList<>();
        int ethernet = 0;
        for (Path file : files) {
            ethernet += read(file, all) ? 1 : 0;
        }
        packets = List.copyOf(all);
        captures = ethernet;
    }

    private static List<Path> files(Path folder, Predicate<String> names) {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(file -> names.test(file.toString())).sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** False where the capture has no Ethernet. */
    private static boolean read(Path file, List<byte[]> to) {
        try (CaptureReader reader = CaptureReader.open(file);
                CaptureBatch batch = new CaptureBatch(BATCH)) {
            reader.requireEthernet();
            while (reader.read(batch) > 0) {
                for (int i = 0; i < batch.size(); i++) {
                    to.add(batch.copyBytes(i));
                }
            }
            return true;
        } catch (CaptureException e) {
            return false;
        }
    }

    /** All packets of all captures. */
    public List<byte[]> packets() {
        return packets;
    }

    /** How many captures they are from. */
    public int captures() {
        return captures;
    }

    /** Every program of every object that runs on a device's receive path. */
    public List<Subject> subjects() {
        List<Subject> subjects = new ArrayList<>();
        for (Path file : files(folder.resolve("programs"), name -> name.endsWith(".bpf.o"))) {
            String name = folder.resolve("programs").relativize(file).toString();
            try {
                ObjectSpec spec = ObjectSpec.read(file.getFileName().toString(), Files.readAllBytes(file));
                for (ProgramSpec program : spec.programs()) {
                    ProgramSpec xdp = program.asXdp();
                    if (xdp.isXdp() && xdp.type().attach() == SectionName.Attach.DEVICE) {
                        subjects.add(new Subject(name.substring(0, name.length() - ".bpf.o".length()), spec, xdp));
                    }
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        return subjects;
    }

    /** Numbers of the helpers that a program calls. */
    public static Set<Integer> helpersOf(Subject subject) {
        Set<Integer> helpers = new TreeSet<>();
        Code code = Code.decode(subject.spec()
                .link(subject.program(), KernelLoader.targetTypes(subject.spec()))
                .insns()
                .bytes());
        for (int slot = 0; slot < code.size(); slot++) {
            Instruction insn = code.at(slot);
            if (insn != null && insn.form() == Form.CALL_HELPER) {
                helpers.add(insn.imm32());
            }
        }
        return helpers;
    }

    /**
     * Runs a program on all packets everywhere.
     *
     * @throws dev.sluice.kernel.diff.NotComparableException if a side does not take it
     */
    public DiffReport compare(Kernel kernel, Subject subject, List<Engine> engines) {
        try (Comparison comparison =
                Comparison.open(kernel, subject.spec(), subject.program(), Comparison.Options.of(engines))) {
            packets.forEach(comparison::packet);
            return comparison.finish();
        }
    }
}
