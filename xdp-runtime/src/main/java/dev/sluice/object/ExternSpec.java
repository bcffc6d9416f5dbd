package dev.sluice.object;

/**
 * A symbol that the object uses and does not define. Immutable.
 *
 * @param weak whether the program works without it
 * @param btfType id of its {@code VAR} or {@code FUNC}, 0 where BTF does not know it
 * @param offset for {@link Kind#KCONFIG}: bytes from the start of the {@code .kconfig} map's value, else 0
 * @param size for {@link Kind#KCONFIG}: bytes, else 0
 */
public record ExternSpec(String name, Kind kind, boolean weak, int btfType, int offset, int size) {
    /** Who answers for it. */
    public enum Kind {
        /** The kernel's configuration or version: a variable in a map of its own. */
        KCONFIG,
        /** A variable of the kernel whose type the program knows. */
        KSYM_TYPED,
        /** A variable of the kernel of which only the address is used. */
        KSYM_TYPELESS,
        /** A function of the kernel. */
        KFUNC,
        /** BTF says nothing about it. */
        UNKNOWN
    }
}
