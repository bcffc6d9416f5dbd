package dev.sluice.btf;

/**
 * "Compile once, run everywhere": a fact about a type that the compiler knew of its headers and that the loader finds out
 * again for the target.
 *
 * @param offset of the instruction to patch, bytes from the start of its section
 * @param type id of the type that the access starts from
 * @param access indices from there, separated by colons ({@code 0:1:2}: element 0, member 1, member 2); the enumerator's
 *     index for enumerators, {@code 0} for types
 */
public record CoreRelocation(int offset, int type, String access, Kind kind) {
    /** What is asked; the order is the format's numbering. */
    public enum Kind {
        FIELD_BYTE_OFFSET("byte_off"),
        FIELD_BYTE_SIZE("byte_sz"),
        FIELD_EXISTS("field_exists"),
        FIELD_SIGNED("signed"),
        FIELD_LSHIFT_U64("lshift_u64"),
        FIELD_RSHIFT_U64("rshift_u64"),
        TYPE_ID_LOCAL("local_type_id"),
        TYPE_ID_TARGET("target_type_id"),
        TYPE_EXISTS("type_exists"),
        TYPE_SIZE("type_size"),
        ENUMVAL_EXISTS("enumval_exists"),
        ENUMVAL_VALUE("enumval_value"),
        TYPE_MATCHES("type_matches");

        private final String label;

        Kind(String label) {
            this.label = label;
        }

        /** The word that loaders print for it. */
        public String label() {
            return label;
        }

        public boolean isField() {
            return ordinal() <= FIELD_RSHIFT_U64.ordinal();
        }

        public boolean isEnumerator() {
            return this == ENUMVAL_EXISTS || this == ENUMVAL_VALUE;
        }

        /** Whether the code does not work without an answer from the target, as existence is answered by no as well. */
        public boolean needsAnswer() {
            return isField() && this != FIELD_EXISTS || this == ENUMVAL_VALUE;
        }

        public boolean isType() {
            return !isField() && !isEnumerator();
        }
    }
}
