package dev.sluice.jit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.helper.Callee;
import dev.sluice.helper.Helper;
import dev.sluice.helper.Kfunc;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.MethodModel;
import java.lang.classfile.TypeKind;
import java.lang.classfile.instruction.LoadInstruction;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class HelperTraitsTest {
    /** Slots of the parameters: the context, then r1 to r5, which are long. */
    private static int register(int slot) {
        return slot == 0 ? 0 : (slot + 1) / 2;
    }

    private static MethodModel method(Callee callee) {
        String file = callee.owner().getName().replace('.', '/') + ".class";
        try (InputStream in = callee.owner().getModule().getResourceAsStream(file)) {
            return ClassFile.of().parse(in.readAllBytes()).methods().stream()
                    .filter(method -> method.methodName().equalsString(callee.method()))
                    .findFirst()
                    .orElseThrow();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<Callee> callable() {
        List<Callee> all = new ArrayList<>();
        for (Helper helper : Helper.values()) {
            if (Helper.callable(helper.number()) == helper) {
                all.add(helper);
            }
        }
        for (Kfunc kfunc : Kfunc.values()) {
            if (Kfunc.callable(kfunc.number()) == kfunc) {
                all.add(kfunc);
            }
        }
        return all;
    }

    /** Code is made that leaves the other registers out. */
    @Test
    void noHelperReadsMoreRegistersThanItTakes() {
        assertThat(callable()).hasSizeGreaterThan(100);
        List<String> more = new ArrayList<>();
        for (Callee callee : callable()) {
            int arguments = HelperTraits.arguments(callee);
            int read = method(callee)
                    .code()
                    .orElseThrow()
                    .elementStream()
                    .filter(element -> element instanceof LoadInstruction load
                            && load.typeKind() == TypeKind.LONG
                            && load.slot() <= 2 * 5)
                    .mapToInt(element -> register(((LoadInstruction) element).slot()))
                    .max()
                    .orElse(0);
            if (read > arguments) {
                more.add(callee.name() + " reads r" + read);
            }
        }
        assertThat(more).isEmpty();
    }
}
