package dev.sluice.cli;

/** Bytes written as hexadecimal digits, with or without white space between the bytes. */
final class HexBytes {
    private HexBytes() {}

    /**
     * @param what for the message, such as {@code "program"}
     * @throws IllegalArgumentException with a message for a person
     */
    static byte[] parse(String what, CharSequence text) {
        byte[] bytes = new byte[text.length() / 2 + 1];
        int digits = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            int digit = Character.digit(c, 16);
            if (digit >= 0 && c < 128) {
                bytes[digits / 2] = (byte) (bytes[digits / 2] << 4 | digit);
                digits++;
            } else if (!Character.isWhitespace(c)) {
                throw new IllegalArgumentException(
                        what + ": expected hexadecimal digits, found '" + c + "' at character " + (i + 1));
            } else if (digits % 2 != 0) {
                throw new IllegalArgumentException(what + ": half a byte before character " + (i + 1));
            }
        }
        if (digits % 2 != 0) {
            throw new IllegalArgumentException(
                    what + ": expected an even number of hexadecimal digits, found " + digits);
        }
        return java.util.Arrays.copyOf(bytes, digits / 2);
    }
}
