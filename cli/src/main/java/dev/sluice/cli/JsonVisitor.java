package dev.sluice.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.sluice.btf.BtfVisitor;
import java.io.IOException;
import java.io.UncheckedIOException;

/** Writes typed values as {@code bpftool --json} writes them: wide integers and bit fields as hexadecimal text. */
final class JsonVisitor implements BtfVisitor {
    private final JsonGenerator json;

    JsonVisitor(JsonGenerator json) {
        this.json = json;
    }

    @FunctionalInterface
    private interface Write {
        void run() throws IOException;
    }

    private static void write(Write write) {
        try {
            write.run();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void beginStruct() {
        write(json::writeStartObject);
    }

    @Override
    public void member(String name) {
        write(() -> json.writeFieldName(name));
    }

    @Override
    public void endStruct() {
        write(json::writeEndObject);
    }

    @Override
    public void beginArray() {
        write(json::writeStartArray);
    }

    @Override
    public void endArray() {
        write(json::writeEndArray);
    }

    @Override
    public void integer(long value, boolean signed) {
        write(() -> {
            if (signed || value >= 0) {
                json.writeNumber(value);
            } else {
                json.writeNumber(Long.toUnsignedString(value));
            }
        });
    }

    @Override
    public void wideInteger(long high, long low, boolean signed) {
        hex(high, low);
    }

    @Override
    public void bitfield(long high, long low, int bits) {
        hex(high, low);
    }

    private void hex(long high, long low) {
        String digits = high == 0 ? Long.toHexString(low) : Long.toHexString(high) + "%016x".formatted(low);
        write(() -> json.writeString("0x" + digits));
    }

    @Override
    public void bool(boolean value) {
        write(() -> json.writeBoolean(value));
    }

    @Override
    public void character(byte value) {
        String text = value >= 0x20 && value < 0x7f ? String.valueOf((char) value) : "0x%02x".formatted(value & 0xff);
        write(() -> json.writeString(text));
    }

    @Override
    public void string(String value) {
        write(() -> json.writeString(value));
    }

    @Override
    public void enumerator(String name, long value) {
        write(() -> {
            if (name.isEmpty()) {
                json.writeNumber(value);
            } else {
                json.writeString(name);
            }
        });
    }

    @Override
    public void pointer(long value) {
        integer(value, false);
    }

    @Override
    public void floatingPoint(double value) {
        write(() -> json.writeNumber(value));
    }

    @Override
    public void unknown(String what) {
        write(() -> json.writeString("(" + what + ")"));
    }
}
