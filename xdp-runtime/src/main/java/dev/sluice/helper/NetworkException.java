package dev.sluice.helper;

/** A text of interfaces, routes, neighbours or sockets that cannot be read; the message names the line. */
public final class NetworkException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    NetworkException(String what, int line, String message) {
        super(what + ": line " + line + ": " + message);
    }
}
