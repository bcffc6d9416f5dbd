package dev.sluice.conformance.golden;

import static org.junit.jupiter.api.DynamicContainer.dynamicContainer;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.sluice.jit.JitEngine;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.TestFactory;

/**
 * The JIT cuts large programs into methods that hand over what is live. With methods so small that most programs are cut,
 * they still do what the kernel did.
 */
class SplitTest {
    private static final int METHOD_BYTES = 600;

    @TestFactory
    Stream<DynamicNode> asTheKernel() {
        return Stream.of(JitEngine.checked(), JitEngine.trusting())
                .map(engine -> engine.withMethodBytes(METHOD_BYTES))
                .map(engine -> dynamicContainer(
                        engine.name(),
                        Golden.subjects().stream()
                                .map(subject ->
                                        dynamicTest(subject.object(), () -> GoldenTest.compare(engine, subject)))));
    }
}
