/** {@code bpf(2)} through {@code java.lang.foreign}: the real kernel as an oracle. */
module dev.sluice.kernel {
    requires dev.sluice.runtime;
    requires static org.jspecify;

// exports dev.sluice.kernel;
}
