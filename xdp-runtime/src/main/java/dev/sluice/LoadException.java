package dev.sluice;

/** An object that can be read but not loaded here; the message is for a person. */
public final class LoadException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public LoadException(String message) {
        super(message);
    }
}
