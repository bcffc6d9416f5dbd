package dev.sluice.conformance;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A JSON value, with access that fails with the path of what is missing. A second member of a name is an error, as
 * readers differ on which counts.
 */
public final class Json {
    private static final JsonFactory FACTORY = JsonFactory.builder()
            .enable(com.fasterxml.jackson.core.StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();

    private final String path;
    private final @Nullable Object value;

    private Json(String path, @Nullable Object value) {
        this.path = path;
        this.value = value;
    }

    public static Json read(Path file) {
        try (JsonParser parser = FACTORY.createParser(file.toFile())) {
            return document(file.getFileName().toString(), parser);
        } catch (IOException e) {
            throw new UncheckedIOException(file.toString(), e);
        }
    }

    public static Json parse(String text) {
        try (JsonParser parser = FACTORY.createParser(text)) {
            return document("$", parser);
        } catch (IOException e) {
            throw new UncheckedIOException("not JSON: " + text, e);
        }
    }

    private static Json document(String name, JsonParser parser) throws IOException {
        parser.nextToken();
        Json json = new Json(name, value(parser));
        if (parser.nextToken() != null) {
            throw new IOException("more than one JSON document");
        }
        return json;
    }

    private static @Nullable Object value(JsonParser parser) throws IOException {
        JsonToken token = parser.currentToken();
        if (token == null) {
            throw new IOException("no JSON document");
        }
        return switch (token) {
            case START_OBJECT -> {
                Map<String, @Nullable Object> members = new LinkedHashMap<>();
                while (parser.nextToken() != JsonToken.END_OBJECT) {
                    String name = parser.currentName();
                    parser.nextToken();
                    members.put(name, value(parser));
                }
                yield members;
            }
            case START_ARRAY -> {
                List<@Nullable Object> items = new ArrayList<>();
                while (parser.nextToken() != JsonToken.END_ARRAY) {
                    items.add(value(parser));
                }
                yield items;
            }
            case VALUE_STRING -> parser.getText();
            case VALUE_NUMBER_INT -> parser.getBigIntegerValue();
            case VALUE_NUMBER_FLOAT -> parser.getDoubleValue();
            case VALUE_TRUE -> true;
            case VALUE_FALSE -> false;
            case VALUE_NULL -> null;
            default -> throw new IOException("unexpected token, found=" + token);
        };
    }

    private Json fail(String expected) {
        throw new AssertionError(path + ": expected " + expected + ", found " + value);
    }

    private Map<?, ?> members() {
        return value instanceof Map<?, ?> map ? map : (Map<?, ?>) fail("an object").value;
    }

    /** A member that must be there. */
    public Json get(String name) {
        return has(name) ? new Json(path + "." + name, members().get(name)) : fail("a member " + name);
    }

    public boolean has(String name) {
        return members().containsKey(name);
    }

    /** Names of the members in their order. */
    public List<String> names() {
        return members().keySet().stream().map(String.class::cast).toList();
    }

    public List<Json> items() {
        if (!(value instanceof List<?> list)) {
            fail("an array");
            return List.of();
        }
        List<Json> items = new ArrayList<>();
        for (Object item : list) {
            items.add(new Json(path + "[" + items.size() + "]", item));
        }
        return items;
    }

    public Json at(int index) {
        return items().get(index);
    }

    public boolean isNull() {
        return value == null;
    }

    public String text() {
        return value instanceof String text ? text : String.valueOf(fail("a string").value);
    }

    /** An integer of at most 64 bits. */
    public long number() {
        return value instanceof java.math.BigInteger number
                ? number.longValueExact()
                : fail("an integer").number();
    }

    /** The value, whatever it is, in Java's terms: maps, lists, strings, BigIntegers. */
    public @Nullable Object raw() {
        return value;
    }

    @Override
    public String toString() {
        return String.valueOf(value);
    }
}
