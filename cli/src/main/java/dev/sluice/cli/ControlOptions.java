package dev.sluice.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.StringWriter;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which running process a command is for, and the way to it. */
final class ControlOptions {
    @Option(
            names = "--control",
            paramLabel = "SOCKET",
            description = "The socket of a running sluice, as its --control says (default: the only one that runs).")
    private @Nullable Path socket;

    @Option(names = "--pid", paramLabel = "PID", description = "The running sluice of this process number.")
    private long pid;

    private Path socket() {
        Path given = socket;
        if (given != null && pid != 0) {
            throw RunOptions.usage("expected one of --control and --pid");
        }
        if (given != null) {
            return given;
        }
        List<Path> running = running();
        if (pid != 0) {
            return running.stream()
                    .filter(path -> path.getFileName().toString().matches(pid + "(-\\d+)?\\.sock"))
                    .findFirst()
                    .orElseThrow(() -> unreachable("no sluice of this number runs, expected one of "
                            + (running.isEmpty() ? "none" : names(running)) + ", pid=" + pid));
        }
        if (running.isEmpty()) {
            throw unreachable("no sluice runs as this user: begin with sluice run, or name its socket with --control");
        }
        if (running.size() > 1) {
            throw RunOptions.usage("several processes, choose one with --pid or --control: " + names(running));
        }
        return running.getFirst();
    }

    private static String names(List<Path> sockets) {
        return sockets.stream()
                .map(path -> path.getFileName().toString().replaceFirst("\\.sock$", ""))
                .collect(Collectors.joining(", "));
    }

    /** The sockets of this user's processes. */
    static List<Path> running() {
        try {
            return ControlSockets.running();
        } catch (IOException e) {
            throw unreachable("sockets of running processes cannot be listed: " + ObjectOptions.reason(e));
        }
    }

    private static CommandFailure unreachable(String message) {
        return new CommandFailure(ExitCode.ENVIRONMENT, message, null);
    }

    /** Has a command done, and prints what it gives. */
    int send(JsonOptions json, String command, List<String> words) {
        return send(
                socket(),
                json,
                java.util.stream.Stream.concat(java.util.stream.Stream.of(command.split(" ")), words.stream())
                        .toList(),
                System.out);
    }

    /** The same with one process. */
    static int send(Path path, JsonOptions json, List<String> words, PrintStream out) {
        try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            connect(channel, path);
            ByteBuffer request = ByteBuffer.wrap(request(json, words).getBytes(StandardCharsets.UTF_8));
            while (request.hasRemaining()) {
                channel.write(request);
            }
            BufferedReader lines =
                    new BufferedReader(new InputStreamReader(Channels.newInputStream(channel), StandardCharsets.UTF_8));
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (!(JsonReader.parse(line) instanceof Map<?, ?> answer)) {
                    break;
                }
                if (answer.get("out") instanceof String text) {
                    out.print(text);
                    if (out.checkError()) {
                        return ExitCode.OK; // nobody reads any more
                    }
                } else if (answer.get("exit") instanceof Long exit) {
                    if (answer.get("error") instanceof String error) {
                        throw new CommandFailure(exit.intValue(), error, null);
                    }
                    return exit.intValue();
                }
            }
            throw new CommandFailure(path + ": the process has ended before it answered");
        } catch (IOException e) {
            throw new CommandFailure(path + ": the process has ended before it answered: " + e.getMessage());
        }
    }

    private static void connect(SocketChannel channel, Path path) {
        try {
            channel.connect(UnixDomainSocketAddress.of(path));
        } catch (IOException e) {
            String message = String.valueOf(e.getMessage());
            if (!Files.exists(path)) {
                throw unreachable(path + ": no such socket; sluice list shows what runs");
            }
            if (Files.isRegularFile(path) || Files.isDirectory(path)) {
                throw unreachable(path + ": is no socket; sluice list shows what runs");
            }
            throw unreachable(path + ": "
                    + (message.contains("refused")
                            ? "nobody listens there any more, the process was killed"
                            : message.contains("ermission")
                                    ? "permission denied, it belongs to " + owner(path)
                                    : "cannot connect: " + message));
        }
    }

    private static String owner(Path path) {
        try {
            return Files.getOwner(path).getName();
        } catch (IOException e) {
            return "another user";
        }
    }

    private static String request(JsonOptions options, List<String> words) throws IOException {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = JsonOptions.FACTORY.createGenerator(text)) {
            json.writeStartObject();
            json.writeArrayFieldStart("words");
            for (String word : words) {
                json.writeString(word);
            }
            json.writeEndArray();
            json.writeStringField("folder", Path.of("").toAbsolutePath().toString());
            json.writeBooleanField("json", options.wanted());
            json.writeBooleanField("pretty", options.pretty);
            json.writeEndObject();
        }
        return text.append('\n').toString();
    }
}
