package dev.sluice.verifier;

/** Ends a verification: the program uses something that this verifier does not know. */
final class UnsupportedException extends RuntimeException {
    private static final long serialVersionUID = 1;

    UnsupportedException(String what) {
        super(what + ": not supported by sluice", null, false, false);
    }
}
