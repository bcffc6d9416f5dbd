package dev.sluice.object;

/**
 * A global variable: a place in the only value of a {@code .data}, {@code .rodata}, {@code .bss} or {@code .kconfig} map.
 *
 * @param offset bytes from the start of the value
 * @param size bytes
 * @param btfType id of the variable's type (not of its {@code VAR}); 0 where there is no BTF
 */
public record Variable(String name, int offset, int size, int btfType) {}
