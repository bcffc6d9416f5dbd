package dev.sluice.exec;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.lang.classfile.ClassFile;
import java.lang.classfile.attribute.CodeAttribute;
import org.junit.jupiter.api.Test;

/** HotSpot compiles no method above 8,000 bytes; an interpreter loop that is interpreted itself is 50 times slower. */
class InterpreterSizeTest {
    @Test
    void theLoopIsSmallEnoughToBeCompiled() throws IOException {
        try (InputStream in = Interpreter.class.getResourceAsStream("Interpreter.class")) {
            int size = ClassFile.of().parse(in.readAllBytes()).methods().stream()
                    .filter(method -> method.methodName().equalsString("interpret"))
                    .mapToInt(method -> ((CodeAttribute) method.code().orElseThrow()).codeLength())
                    .findFirst()
                    .orElseThrow();
            assertThat(size).isBetween(1_000, 4_500);
        }
    }
}
