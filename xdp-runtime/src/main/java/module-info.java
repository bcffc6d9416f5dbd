/** The BPF subsystem: from the bytes of an object file to a running program. */
module dev.sluice.runtime {
    exports dev.sluice;

    requires static org.jspecify;

    exports dev.sluice.btf;
    exports dev.sluice.exec;
    exports dev.sluice.helper;
    exports dev.sluice.isa;
    exports dev.sluice.jit;
    exports dev.sluice.map;
    exports dev.sluice.memory;
    exports dev.sluice.object;
    exports dev.sluice.program;
    exports dev.sluice.verifier;
}
