package dev.sluice.jit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.exec.Executable;
import dev.sluice.exec.Interpreter;
import dev.sluice.isa.Code;
import dev.sluice.memory.Memory;
import dev.sluice.program.Program;
import dev.sluice.program.Verified;
import dev.sluice.verifier.KnownMap;
import dev.sluice.verifier.Subject;
import dev.sluice.verifier.Verdict;
import dev.sluice.verifier.Verifier;
import java.lang.classfile.ClassFile;
import java.lang.classfile.CodeElement;
import java.lang.classfile.instruction.InvokeInstruction;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/** Programs that the verifier takes: what code is made of them, and that it does what the interpreter does. */
final class Proved {
    private Proved() {}

    static Verified of(Code code) {
        return of(code, List.of(), code);
    }

    /** @param linked the same with addresses of maps */
    static Verified of(Code code, List<KnownMap> maps, Code linked) {
        Verdict verdict = Verifier.create().verify(Subject.of(code.toBytes(), maps));
        assertThat(verdict).as("%s", verdict).isInstanceOf(Verdict.Verified.class);
        return ((Verdict.Verified) verdict)
                .facts()
                .verified(Program.ofCode("test", linked))
                .orElseThrow();
    }

    /** The instructions of the method that the packet loop is in. */
    static Stream<CodeElement> packetLoop(Verified verified) {
        Compiler.Image image = Compiler.compile(
                verified.program(),
                new Variant(Variant.Entry.LOOP, false, true),
                new Settings(verified.facts(), Settings.HUGE_METHOD_BYTES),
                Lines.Mode.SOURCE);
        return ClassFile.of().parse(image.classes().get(image.mainClass())).methods().stream()
                .filter(method -> method.methodName().stringValue().contains(Compiler.LOOP + "_pc"))
                .flatMap(method -> method.code().orElseThrow().elementStream());
    }

    /** Accesses to memory in the packet loop: such as getByte and putInt. */
    static List<String> accesses(Verified verified) {
        List<String> found = new ArrayList<>();
        boolean unsafe = MemoryCode.BY_UNSAFE;
        for (CodeElement element : packetLoop(verified).toList()) {
            if (element instanceof InvokeInstruction call
                    && (unsafe
                            ? call.owner().asInternalName().endsWith("Unsafe")
                            : call.owner().asInternalName().endsWith("MemorySegment"))) {
                String type = call.typeSymbol().displayDescriptor();
                boolean put = type.endsWith("void");
                String width = put ? type.replaceAll(".*,(\\w+)\\)void", "$1") : type.substring(type.indexOf(')') + 1);
                if (!width.equals("Unsafe")) {
                    found.add((put ? "put " : "get ") + width);
                }
            }
        }
        // what the loop itself does: the packet's bounds, and the action
        return found.subList(3, found.size() - 2);
    }

    /** Compiled in one piece, and cut into parts, in which variables on the stack are no locals, it is the interpreter's. */
    static void runsAlike(Verified verified, Bed bed, String what) {
        List<String> expected = outcome(new Interpreter().load(verified.program(), 1), bed);
        assertThat(outcome(JitEngine.trusting().load(verified, 2), bed))
                .as(what)
                .isEqualTo(expected);
        Settings small = new Settings(verified.facts(), 600);
        assertThat(outcome(new JitExecutable(verified.program(), 3, small), bed))
                .as(what)
                .isEqualTo(expected);
    }

    /** Actions and packets. */
    private static List<String> outcome(Executable executable, Bed bed) {
        bed.reset();
        List<String> outcome = new ArrayList<>(List.of(Arrays.toString(bed.run(executable))));
        for (int i = 0; i < bed.count; i++) {
            outcome.add(Arrays.toString(Memory.bytes(bed.data(i), Bed.PACKET)));
        }
        assertThat(bed.faults).isEmpty();
        return outcome;
    }
}
