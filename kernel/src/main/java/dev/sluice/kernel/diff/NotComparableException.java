package dev.sluice.kernel.diff;

/** An object cannot be compared: one of the sides does not take it. The message is for a person. */
public final class NotComparableException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    NotComparableException(String message) {
        super(message);
    }
}
