package dev.sluice.btf;

import java.io.Serial;

/** BTF that cannot be used as it is: damaged, of an unsupported form, or without what was asked of it. */
public final class BtfException extends RuntimeException {
    @Serial
    private static final long serialVersionUID = 1L;

    /** @param message for a person: lower case, what was expected and what was found */
    public BtfException(String message) {
        super(message);
    }
}
