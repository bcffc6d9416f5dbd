/** The bridge to the running Linux kernel: {@code bpf(2)} through {@code java.lang.foreign}, without a native library. */
module dev.sluice.kernel {
    requires dev.sluice.runtime;
    requires static org.jspecify;

    exports dev.sluice.kernel;
    exports dev.sluice.kernel.diff;
}
