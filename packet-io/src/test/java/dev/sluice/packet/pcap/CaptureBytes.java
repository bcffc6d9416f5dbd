package dev.sluice.packet.pcap;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** Builds captures byte by byte, from the formats' definitions and without the code under test. */
final class CaptureBytes {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private ByteOrder order;

    private CaptureBytes(ByteOrder order) {
        this.order = order;
    }

    static CaptureBytes pcap(ByteOrder order, int magic, int linkType) {
        return pcap(order, magic, 2, 4, linkType);
    }

    static CaptureBytes pcap(ByteOrder order, int magic, int major, int minor, int linkType) {
        CaptureBytes bytes = new CaptureBytes(order);
        return bytes.u32(magic).u16(major).u16(minor).u32(0).u32(0).u32(262144).u32(linkType);
    }

    static CaptureBytes pcapng() {
        return new CaptureBytes(ByteOrder.LITTLE_ENDIAN);
    }

    CaptureBytes packet(long seconds, long fraction, byte[] data, int original) {
        return u32(seconds).u32(fraction).u32(data.length).u32(original).raw(data);
    }

    CaptureBytes section(ByteOrder sectionOrder, byte[]... options) {
        order = sectionOrder;
        CaptureBytes body = body().u32(0x1a2b3c4d).u16(1).u16(0).u32(-1).u32(-1);
        return block(0x0a0d0d0a, body.options(options));
    }

    CaptureBytes iface(int linkType, int snap, byte[]... options) {
        return block(1, body().u16(linkType).u16(0).u32(snap).options(options));
    }

    CaptureBytes enhanced(int iface, long time, byte[] data, int original, byte[]... options) {
        CaptureBytes body =
                body().u32(iface).u32(time >>> 32).u32(time).u32(data.length).u32(original);
        return block(6, body.padded(data).options(options));
    }

    CaptureBytes obsolete(int iface, int drops, long time, byte[] data, int original) {
        CaptureBytes body = body().u16(iface)
                .u16(drops)
                .u32(time >>> 32)
                .u32(time)
                .u32(data.length)
                .u32(original);
        return block(2, body.padded(data));
    }

    CaptureBytes simple(byte[] data, int original) {
        return block(3, body().u32(original).padded(data));
    }

    CaptureBytes block(int type, CaptureBytes body) {
        byte[] bytes = body.bytes();
        return u32(type).u32(bytes.length + 12).raw(bytes).u32(bytes.length + 12);
    }

    /** Something to put into a block, in the order of the section. */
    CaptureBytes body() {
        return new CaptureBytes(order);
    }

    byte[] option(int code, byte[] value) {
        return body().u16(code).u16(value.length).padded(value).bytes();
    }

    byte[] option(int code, String value) {
        return option(code, value.getBytes(StandardCharsets.UTF_8));
    }

    byte[] option(int code, int value) {
        return option(code, new byte[] {(byte) value});
    }

    byte[] option64(int code, long value) {
        return option(code, ByteBuffer.allocate(8).order(order).putLong(value).array());
    }

    private CaptureBytes options(byte[]... options) {
        for (byte[] option : options) {
            raw(option);
        }
        return options.length == 0 ? this : u32(0);
    }

    CaptureBytes u16(int value) {
        return raw(ByteBuffer.allocate(2).order(order).putShort((short) value).array());
    }

    CaptureBytes u32(long value) {
        return raw(ByteBuffer.allocate(4).order(order).putInt((int) value).array());
    }

    CaptureBytes padded(byte[] value) {
        return raw(value).raw(new byte[-value.length & 3]);
    }

    CaptureBytes raw(byte[] value) {
        out.writeBytes(value);
        return this;
    }

    byte[] bytes() {
        return out.toByteArray();
    }

    /** A packet whose every byte depends on its number. */
    static byte[] data(int number, int length) {
        byte[] data = new byte[length];
        for (int i = 0; i < length; i++) {
            data[i] = (byte) (number * 31 + i);
        }
        return data;
    }
}
