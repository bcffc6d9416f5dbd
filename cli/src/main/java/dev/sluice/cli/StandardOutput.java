package dev.sluice.cli;

import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Standard output of the process, which remembers whether all of it was written: a {@link PrintStream} keeps failures to
 * itself, and a report that a full disk has swallowed must not end with exit code 0.
 *
 * <p>Whoever has closed the other end of a pipe ({@code sluice … | head -1}) has read enough: that is no failure to tell of,
 * and the exit code is that of a process which SIGPIPE ended.
 */
final class StandardOutput {
    private static final int BUFFER = 1 << 13;

    private final Recorder recorder;
    private final PrintStream stream;

    StandardOutput(OutputStream out) {
        recorder = new Recorder(out);
        stream = new PrintStream(new BufferedOutputStream(recorder, BUFFER), true, StandardCharsets.UTF_8);
    }

    /** Takes the place of {@link System#out}. */
    static StandardOutput install() {
        StandardOutput output = new StandardOutput(new FileOutputStream(FileDescriptor.out));
        System.setOut(output.stream);
        return output;
    }

    PrintStream stream() {
        return stream;
    }

    /**
     * Writes what is left.
     *
     * @return the exit code: the command's, unless not all that it printed could be written
     */
    int finish(int exitCode) {
        stream.flush();
        IOException failure = recorder.failure;
        if (failure == null) {
            return exitCode;
        }
        String reason = ObjectOptions.reason(failure).toLowerCase(Locale.ROOT);
        if (reason.equals("broken pipe")) {
            return exitCode == ExitCode.OK ? ExitCode.PIPE_CLOSED : exitCode;
        }
        System.err.println("Error: standard output: cannot write: " + reason);
        return exitCode == ExitCode.OK ? ExitCode.FAILED : exitCode;
    }

    private static final class Recorder extends OutputStream {
        private final OutputStream out;
        private volatile @Nullable IOException failure;

        Recorder(OutputStream out) {
            this.out = out;
        }

        @Override
        public void write(int b) throws IOException {
            write(new byte[] {(byte) b}, 0, 1);
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
            try {
                out.write(bytes, offset, length);
            } catch (IOException e) {
                failure = e;
                throw e;
            }
        }
    }
}
