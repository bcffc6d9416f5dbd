package dev.sluice.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** The running processes that can be controlled. */
@Command(
        name = "list",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Lists this user's running sluice run, for sluice map, prog, net, get, set, stats and report.",
            ""
        })
final class ListCommand implements Callable<Integer> {
    @Mixin
    private JsonOptions json = new JsonOptions();

    private record Running(Path socket, Map<?, ?> status) {}

    @Override
    public Integer call() {
        List<Running> all = new ArrayList<>();
        for (Path socket : ControlOptions.running()) {
            try {
                all.add(new Running(socket, status(socket)));
            } catch (CommandFailure | IOException e) {
                // it ended a moment ago
            }
        }
        if (json.wanted()) {
            json.print(System.out, generator -> {
                generator.writeStartArray();
                for (Running running : all) {
                    write(running, generator);
                }
                generator.writeEndArray();
            });
            return ExitCode.OK;
        }
        for (Running running : all) {
            System.out.println(running.status.get("pid") + ": " + texts(running, "nics"));
            System.out.println("\tup "
                    + Quantity.duration(seconds(running) * 1_000_000_000L)
                    + "  programs " + texts(running, "programs") + "  control " + running.socket);
        }
        return ExitCode.OK;
    }

    private static Map<?, ?> status(Path socket) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        JsonOptions options = new JsonOptions();
        options.json = true;
        ControlOptions.send(socket, options, List.of("status"), new PrintStream(out, true, StandardCharsets.UTF_8));
        if (JsonReader.parse(out.toString(StandardCharsets.UTF_8)) instanceof Map<?, ?> status) {
            return status;
        }
        throw new IOException("no status");
    }

    private static long seconds(Running running) {
        return running.status.get("uptime_s") instanceof Long seconds ? seconds : 0;
    }

    private static String texts(Running running, String field) {
        String text = running.status.get(field) instanceof List<?> list
                ? list.stream().map(String::valueOf).collect(Collectors.joining(field.equals("nics") ? " " : ","))
                : "";
        return text.isEmpty() ? "none" : text;
    }

    private static void write(Running running, JsonGenerator json) throws IOException {
        json.writeStartObject();
        for (Map.Entry<?, ?> member : running.status.entrySet()) {
            json.writeFieldName(String.valueOf(member.getKey()));
            if (member.getValue() instanceof List<?> list) {
                json.writeStartArray();
                for (Object element : list) {
                    json.writeString(String.valueOf(element));
                }
                json.writeEndArray();
            } else {
                json.writeNumber(((Number) member.getValue()).longValue());
            }
        }
        json.writeStringField("control", running.socket.toString());
        json.writeEndObject();
    }
}
