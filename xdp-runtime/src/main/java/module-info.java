/**
 * The BPF subsystem in Java: from the bytes of an ELF object to a running program. Needs {@code java.base} only.
 *
 * <p>A package is exported as soon as it holds a type; the comment lines keep one package's line from another's.
 */
module dev.sluice.runtime {
    requires static org.jspecify;

// isa: instructions, assembler, disassembler (RFC 9669)
// exports dev.sluice.isa;

// btf: types of the C source
// exports dev.sluice.btf;

// object: ELF, specs, relocation, CO-RE
// exports dev.sluice.object;

// program: linked instructions and what is known about each
// exports dev.sluice.program;

// memory: off-heap regions and their lifetimes
// exports dev.sluice.memory;

// map: BPF maps
// exports dev.sluice.map;

// helper: helper functions
// exports dev.sluice.helper;

// exec: the checked interpreter
// exports dev.sluice.exec;

// jit: eBPF to JVM bytecode
// exports dev.sluice.jit;

// the façade: load, run, ids, pins, trace
// exports dev.sluice;
}
