package dev.sluice;

/** An object that can be read but not loaded here; the message is for a person. */
public sealed class LoadException extends RuntimeException permits VerificationException {
    private static final long serialVersionUID = 1L;

    public LoadException(String message) {
        super(message);
    }
}
