package dev.sluice.object;

import java.io.Serial;

/** An object file that cannot be used, or a program in it that cannot be linked. */
public final class ObjectException extends RuntimeException {
    @Serial
    private static final long serialVersionUID = 1L;

    /** @param message for a person: lower case, outermost context first, what was expected and what was found */
    public ObjectException(String message) {
        super(message);
    }
}
