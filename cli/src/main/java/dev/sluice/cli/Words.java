package dev.sluice.cli;

import java.util.List;

/** The words behind a command, as bpftool's grammar takes them: one after the other, keywords among them. */
final class Words {
    private final List<String> words;
    private int at;

    Words(List<String> words) {
        this.words = words;
    }

    boolean isEmpty() {
        return at == words.size();
    }

    int left() {
        return words.size() - at;
    }

    /** The next word, which stays the next; empty at the end. */
    String peek() {
        return isEmpty() ? "" : words.get(at);
    }

    /** Takes the next word if it is this one. */
    boolean take(String keyword) {
        boolean taken = peek().equals(keyword);
        at += taken ? 1 : 0;
        return taken;
    }

    /** Takes the next word. */
    String next(String expected) {
        if (isEmpty()) {
            throw usage("expected " + expected + ", found the end of the command");
        }
        return words.get(at++);
    }

    /** Takes the next word as a number that is not negative. */
    int number(String what) {
        String word = next(what);
        try {
            int number = Integer.parseInt(word);
            if (number >= 0) {
                return number;
            }
        } catch (NumberFormatException e) {
            // said below
        }
        throw usage(what + ": expected a number, found " + word);
    }

    /** Refuses words that nobody took. */
    void end() {
        if (!isEmpty()) {
            throw usage("expected the end of the command, found " + peek());
        }
    }

    static CommandFailure usage(String message) {
        return RunOptions.usage(message);
    }
}
