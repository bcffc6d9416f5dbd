package dev.sluice.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.sluice.LoadedObject;
import dev.sluice.btf.BtfException;
import dev.sluice.map.MapException;
import dev.sluice.object.MapSpec;
import dev.sluice.object.ObjectException;
import dev.sluice.object.Variable;
import java.io.IOException;
import java.io.PrintStream;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** {@code sluice get} and {@code sluice set}: global variables of the programs of a running process. */
final class LiveVariables {
    private final DatapathSession session;

    LiveVariables(DatapathSession session) {
        this.session = session;
    }

    int run(String command, Words words, ControlServer.Request request, PrintStream out) {
        return command.equals("get") ? get(words, request, out) : set(words);
    }

    private int get(Words words, ControlServer.Request request, PrintStream out) {
        Map<String, Object> values = new LinkedHashMap<>();
        if (words.isEmpty()) {
            for (DatapathSession.Loaded loaded : session.objects()) {
                for (String name : names(loaded.object())) {
                    values.putIfAbsent(name, value(loaded, name));
                }
            }
        }
        while (!words.isEmpty()) {
            String path = words.next("a variable");
            values.put(path, value(of(path), path));
        }
        if (request.json().wanted()) {
            request.json().print(out, json -> {
                json.writeStartObject();
                for (Map.Entry<String, Object> value : values.entrySet()) {
                    json.writeFieldName(value.getKey());
                    write(json, value.getValue());
                }
                json.writeEndObject();
            });
        } else {
            values.forEach((name, value) -> out.println(name + "=" + text(value)));
        }
        return ExitCode.OK;
    }

    private static List<String> names(LoadedObject object) {
        List<String> names = new ArrayList<>();
        for (MapSpec map : object.spec().maps()) {
            if (map.isInternal() && object.map(map.name()).isPresent()) {
                for (Variable variable : map.variables()) {
                    names.add(map.section().substring(1) + "." + variable.name());
                }
            }
        }
        return names;
    }

    private static Object value(DatapathSession.Loaded loaded, String path) {
        try {
            return loaded.object().get(path);
        } catch (ObjectException | BtfException e) {
            throw new CommandFailure(loaded.file() + ": " + e.getMessage());
        }
    }

    /** The newest object that has such a variable. */
    private DatapathSession.Loaded of(String path) {
        ObjectException failure = null; // of the newest object that has any
        for (DatapathSession.Loaded loaded : session.objects().reversed()) {
            try {
                loaded.object().spec().part(path);
                return loaded;
            } catch (ObjectException e) {
                if (failure == null && !names(loaded.object()).isEmpty()) {
                    failure = e;
                }
            }
        }
        throw new CommandFailure(
                failure == null
                        ? "no such variable: no object has global variables, name=" + path
                        : String.valueOf(failure.getMessage()));
    }

    private int set(Words words) {
        if (words.isEmpty()) {
            throw Words.usage("expected VARIABLE=VALUE, found the end of the command");
        }
        while (!words.isEmpty()) {
            String text = words.next("VARIABLE=VALUE");
            int equals = text.indexOf('=');
            if (equals < 1) {
                throw Words.usage("expected VARIABLE=VALUE, found " + text);
            }
            String path = text.substring(0, equals);
            DatapathSession.Loaded loaded = of(path);
            try {
                loaded.object().set(path, SpecOptions.value("set", text.substring(equals + 1)));
            } catch (ObjectException | BtfException | MapException e) {
                throw new CommandFailure(loaded.file() + ": " + e.getMessage());
            }
        }
        return ExitCode.OK;
    }

    private static String text(@Nullable Object value) {
        java.io.StringWriter text = new java.io.StringWriter();
        try (JsonGenerator json = JsonOptions.FACTORY.createGenerator(text)) {
            write(json, value);
        } catch (IOException e) {
            throw new AssertionError("a string takes everything", e);
        }
        return text.toString();
    }

    /** A value as {@link dev.sluice.btf.BtfValues#decode} gives it. */
    private static void write(JsonGenerator json, @Nullable Object value) throws IOException {
        switch (value) {
            case null -> json.writeNull();
            case Map<?, ?> members -> {
                json.writeStartObject();
                for (Map.Entry<?, ?> member : members.entrySet()) {
                    json.writeFieldName(String.valueOf(member.getKey()));
                    write(json, member.getValue());
                }
                json.writeEndObject();
            }
            case List<?> elements -> {
                json.writeStartArray();
                for (Object element : elements) {
                    write(json, element);
                }
                json.writeEndArray();
            }
            case Boolean b -> json.writeBoolean(b);
            case BigInteger number -> json.writeNumber(number);
            case Double number -> json.writeNumber(number);
            case Float number -> json.writeNumber(number);
            case Number number -> json.writeNumber(number.longValue());
            default -> json.writeString(value.toString());
        }
    }
}
