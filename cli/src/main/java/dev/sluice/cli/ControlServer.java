package dev.sluice.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.StringWriter;
import java.net.SocketException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.nio.file.attribute.UserPrincipal;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import jdk.net.ExtendedSocketOptions;
import org.jspecify.annotations.Nullable;

/**
 * Takes commands for a running process from a Unix domain socket. A connection is one command, lines of JSON:
 *
 * <pre>
 *   client   {"words": ["map", "dump", "name", "rules"], "folder": "/home/me", "json": true, "pretty": false}
 *   server   {"out": "text"} …           as much as there is
 *            {"exit": 0}                 or {"error": "message", "exit": 1}
 * </pre>
 *
 * <p>Only the user who started the process may connect: the socket has mode 0600, and the kernel is asked who is there. Each
 * connection has a thread of its own; {@link #close} ends them and takes the socket away.
 */
final class ControlServer implements AutoCloseable {
    private static final int MOST_CHARACTERS = 16 << 20;
    private static final int CHUNK = 1 << 14;

    /**
     * One command.
     *
     * @param folder where the client stands, for names of files
     * @param json how the output is wanted
     * @param connected whether somebody still waits for more
     */
    record Request(List<String> words, Path folder, JsonOptions json, Connected connected) {}

    /** Whether the client is still there. */
    @FunctionalInterface
    interface Connected {
        boolean yes();
    }

    /** Does what a client asks. */
    @FunctionalInterface
    interface Commands {
        /** @return the exit code */
        int run(Request request, PrintStream out) throws IOException;
    }

    private final Path path;
    private final ServerSocketChannel listener;
    private final UserPrincipal owner;
    private final Set<SocketChannel> connections = ConcurrentHashMap.newKeySet();

    /** Held for reading while a command looks at maps and programs, so that they are not given back meanwhile. */
    private final ReentrantReadWriteLock running = new ReentrantReadWriteLock();

    private volatile boolean closed;

    private ControlServer(Path path, ServerSocketChannel listener, UserPrincipal owner) {
        this.path = path;
        this.listener = listener;
        this.owner = owner;
    }

    /**
     * Takes a path. Clients wait until {@link #serve}.
     *
     * @throws IOException when that is not possible, with a message for a person
     */
    static ControlServer open(Path path) throws IOException {
        if (Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
            if (!Files.readAttributes(
                            path, java.nio.file.attribute.BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
                    .isOther()) {
                throw new IOException(path + ": is there and is no socket");
            }
            if (ControlSockets.isAnswered(path)) {
                throw new IOException(path + ": another process listens there");
            }
            Files.delete(path);
        }
        ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        boolean opened = false;
        try {
            // it gets its name when it is ready
            Path made = path.resolveSibling("." + Long.toHexString(System.nanoTime()));
            listener.bind(UnixDomainSocketAddress.of(made));
            Files.setPosixFilePermissions(made, PosixFilePermissions.fromString("rw-------"));
            Files.move(made, path, StandardCopyOption.ATOMIC_MOVE);
            ControlServer server = new ControlServer(path, listener, Files.getOwner(path));
            opened = true;
            return server;
        } catch (SocketException e) {
            throw new IOException(path + ": cannot listen there: " + e.getMessage(), e);
        } finally {
            if (!opened) {
                listener.close();
            }
        }
    }

    Path path() {
        return path;
    }

    /** Answers from now on. */
    void serve(Commands commands) {
        thread("sluice-control", () -> {
            try {
                while (true) {
                    SocketChannel client = listener.accept();
                    connections.add(client);
                    if (closed) {
                        client.close();
                    }
                    thread("sluice-control-client", () -> answer(client, commands));
                }
            } catch (IOException e) {
                // it was closed
            }
        });
    }

    private static void thread(String name, Runnable body) {
        Thread thread = new Thread(body, name);
        thread.setDaemon(true);
        thread.start();
    }

    private void answer(SocketChannel client, Commands commands) {
        try (client;
                OutputStream out = Channels.newOutputStream(client)) {
            line(out, answer(client, out, commands));
        } catch (IOException e) {
            // the client is gone
        } finally {
            connections.remove(client);
        }
    }

    private Map<String, Object> answer(SocketChannel client, OutputStream out, Commands commands) throws IOException {
        PrintStream text = new PrintStream(new Frames(out), false, StandardCharsets.UTF_8);
        try {
            // read whoever it is, or he would not hear why he is refused
            Request request = request(client);
            if (!client.getOption(ExtendedSocketOptions.SO_PEERCRED).user().equals(owner)) {
                throw new CommandFailure(
                        ExitCode.ENVIRONMENT, "only " + owner.getName() + " may control this process", null);
            }
            running.readLock().lock();
            try {
                if (closed) {
                    throw new CommandFailure("the run has just ended");
                }
                int exit = commands.run(request, text);
                text.flush();
                return Map.of("exit", exit);
            } finally {
                running.readLock().unlock();
            }
        } catch (CommandFailure e) {
            text.flush();
            return Map.of("error", String.valueOf(e.getMessage()), "exit", e.exitCode());
        } catch (RuntimeException | Error e) {
            // a bug of ours: the run goes on, and who asked is told
            text.flush();
            return Map.of("error", "internal error: " + e, "exit", ExitCode.FAILED);
        }
    }

    private static Request request(SocketChannel client) throws IOException {
        BufferedReader in =
                new BufferedReader(new InputStreamReader(Channels.newInputStream(client), StandardCharsets.UTF_8));
        StringBuilder line = new StringBuilder();
        for (int c = in.read(); c >= 0 && c != '\n'; c = in.read()) {
            line.append((char) c);
            if (line.length() > MOST_CHARACTERS) {
                throw new CommandFailure(
                        "the command is too long, expected at most " + MOST_CHARACTERS + " characters");
            }
        }
        Object json;
        try {
            json = JsonReader.parse(line.toString());
        } catch (IOException e) {
            throw new CommandFailure("the command " + e.getMessage());
        }
        if (!(json instanceof Map<?, ?> members)
                || !(members.get("words") instanceof List<?> words)
                || !(members.get("folder") instanceof String folder)) {
            throw new CommandFailure("expected an object with words and folder");
        }
        JsonOptions options = new JsonOptions();
        options.json = Boolean.TRUE.equals(members.get("json"));
        options.pretty = Boolean.TRUE.equals(members.get("pretty"));
        List<String> all = new ArrayList<>();
        words.forEach(word -> all.add(String.valueOf(word)));
        return new Request(List.copyOf(all), Path.of(folder), options, () -> isConnected(client));
    }

    /** A client that has sent its command sends nothing more but its end. */
    private static boolean isConnected(SocketChannel client) {
        try {
            client.configureBlocking(false);
            try {
                return client.read(java.nio.ByteBuffer.allocate(1)) >= 0;
            } finally {
                client.configureBlocking(true);
            }
        } catch (IOException e) {
            return false;
        }
    }

    private static void line(OutputStream out, Map<String, Object> members) throws IOException {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = JsonOptions.FACTORY.createGenerator(text)) {
            json.writeStartObject();
            for (Map.Entry<String, Object> member : members.entrySet()) {
                json.writeObjectField(member.getKey(), member.getValue());
            }
            json.writeEndObject();
        }
        out.write(text.append('\n').toString().getBytes(StandardCharsets.UTF_8));
    }

    /** Text on its way to the client: a line of JSON for each chunk, which ends between two characters. */
    private static final class Frames extends OutputStream {
        private final OutputStream out;
        private final byte[] bytes = new byte[CHUNK];
        private int count;

        Frames(OutputStream out) {
            this.out = out;
        }

        @Override
        public void write(int b) throws IOException {
            if (count == bytes.length) {
                send(wholeCharacters());
            }
            bytes[count++] = (byte) b;
        }

        private int wholeCharacters() {
            int end = count;
            while (end > 0 && (bytes[end - 1] & 0xc0) == 0x80) {
                end--;
            }
            return end > 0 && (bytes[end - 1] & 0x80) != 0 ? end - 1 : count;
        }

        private void send(int length) throws IOException {
            line(out, Map.of("out", new String(bytes, 0, length, StandardCharsets.UTF_8)));
            System.arraycopy(bytes, length, bytes, 0, count - length);
            count -= length;
        }

        @Override
        public void flush() throws IOException {
            if (count > 0) {
                send(count);
            }
        }
    }

    /** Ends what is being answered and takes the socket away. Afterwards no command runs. */
    @Override
    public void close() {
        closed = true;
        try {
            listener.close();
            for (SocketChannel client : connections) {
                client.shutdownInput(); // who follows the trace is done
            }
            Files.deleteIfExists(path);
        } catch (IOException e) {
            // the socket was taken away by somebody else
        }
        awaitCommands();
    }

    private void awaitCommands() {
        boolean idle = false;
        try {
            idle = running.writeLock().tryLock(1, java.util.concurrent.TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (!idle) {
            // somebody does not read what he asked for
            connections.forEach(ControlServer::cut);
            running.writeLock().lock();
        }
        running.writeLock().unlock();
    }

    private static void cut(@Nullable SocketChannel client) {
        try {
            if (client != null) {
                client.close();
            }
        } catch (IOException e) {
            throw new AssertionError("closing a socket does not fail", e);
        }
    }
}
