package dev.sluice.verifier;

/** Ends a verification: the program is refused, the reason is in the log already. */
final class RejectedException extends RuntimeException {
    private static final long serialVersionUID = 1;

    RejectedException(String lastLine) {
        super(lastLine, null, false, false);
    }
}
