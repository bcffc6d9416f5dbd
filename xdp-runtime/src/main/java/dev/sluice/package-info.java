/**
 * The façade of the runtime: from an {@link dev.sluice.object.ObjectSpec} to programs that run.
 *
 * <pre>{@code
 * ObjectSpec spec = ObjectSpec.read("filter.bpf.o", Files.readAllBytes(path));
 * try (XdpRuntime runtime = new XdpRuntime(Engines.jitChecked(), 1, 0)) {
 *     LoadedObject object = runtime.load(spec, List.of(spec.program("xdp_filter").orElseThrow()));
 *     LoadedProgram program = object.program("xdp_filter");
 *     ...
 * }
 * }</pre>
 *
 * <p>Specs are inert; loading makes maps and executables of them. Nothing else of this module imports this package.
 */
@NullMarked
package dev.sluice;

import org.jspecify.annotations.NullMarked;
