package dev.sluice.conformance.golden;

import dev.sluice.LoadedMap;
import dev.sluice.LoadedObject;
import dev.sluice.LoadedProgram;
import dev.sluice.XdpRuntime;
import dev.sluice.btf.Btf;
import dev.sluice.exec.Engine;
import dev.sluice.exec.ProgramFault;
import dev.sluice.helper.RunContext;
import dev.sluice.map.MapType;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import dev.sluice.object.ObjectSpec;
import dev.sluice.object.ProgramSpec;
import dev.sluice.packet.nic.XdpAction;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Runs a program over packets as the kernel's {@code BPF_PROG_TEST_RUN} does, and describes what came out in the terms of
 * the golden results. Frames are a page with 256 bytes of headroom:
 *
 * <pre>
 * 0        256                              3,776      4,096
 * | headroom | packet, at most 3,520 bytes     | tailroom |
 * </pre>
 */
final class EngineRun {
    private static final int HEADROOM = 256;
    private static final int FRAME = 4096;
    private static final int BATCH = 64;
    private static final HexFormat HEX = HexFormat.of();

    /** A map's content, in the terms of the golden results. */
    record MapState(long entries, String sha256, Map<String, String> values) {}

    /** What came out of a run. */
    record Outcome(
            int packets,
            Map<String, List<Long>> verdicts,
            String outputSha256,
            Map<String, MapState> maps,
            List<String> trace,
            List<String> faults) {
        String traceSha256() {
            MessageDigest digest = sha256();
            trace.forEach(line -> digest.update((line + "\n").getBytes(StandardCharsets.UTF_8)));
            return HEX.formatHex(digest.digest());
        }
    }

    private EngineRun() {}

    static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError(e);
        }
    }

    /**
     * Loads the object anew and runs one of its programs over the packets.
     *
     * @param target types of the kernel to run as, null for those of the compiler
     */
    static Outcome run(
            Engine engine, ObjectSpec spec, ProgramSpec program, @Nullable Btf target, List<byte[]> packets) {
        try (Arena arena = Arena.ofConfined();
                XdpRuntime runtime = new XdpRuntime(engine, 2, 0)) {
            LoadedObject object = runtime.load(spec, List.of(program.asXdp()), target);
            LoadedProgram loaded = object.program(program.name()).orElseThrow();
            long frames = Memory.allocate(arena, (long) FRAME * BATCH, 64);
            long descriptors = Memory.allocate(arena, (long) FrameDescriptor.BYTES * BATCH, 64);
            List<String> trace = new ArrayList<>();
            List<String> faults = new ArrayList<>();
            MessageDigest output = sha256();
            Map<String, long[]> verdicts = new TreeMap<>();
            long[] now = {1_000_000_000};
            try (RunContext context = runtime.newContext(() -> now[0] += 1000, 0)) {
                context.trace = (from, line) -> trace.add(line);
                for (int first = 0; first < packets.size(); first += BATCH) {
                    List<byte[]> batch = packets.subList(first, Math.min(packets.size(), first + BATCH));
                    for (int i = 0; i < batch.size(); i++) {
                        describe(
                                descriptors + (long) i * FrameDescriptor.BYTES,
                                frames + (long) i * FRAME,
                                batch.get(i));
                    }
                    int base = first;
                    loaded.executable()
                            .run(
                                    context,
                                    descriptors,
                                    batch.size(),
                                    (i, fault) -> faults.add(describe(base + i, fault)));
                    for (int i = 0; i < batch.size(); i++) {
                        judge(descriptors + (long) i * FrameDescriptor.BYTES, batch.get(i).length, output, verdicts);
                    }
                }
            }
            Map<String, List<Long>> counts = new TreeMap<>();
            verdicts.forEach((name, count) -> counts.put(name, List.of(count[0], count[1])));
            return new Outcome(packets.size(), counts, HEX.formatHex(output.digest()), mapsOf(object), trace, faults);
        }
    }

    private static String describe(int packet, ProgramFault fault) {
        return "packet " + packet + ": " + fault.kind() + " " + fault.getMessage();
    }

    private static void describe(long descriptor, long frame, byte[] packet) {
        long data = frame + HEADROOM;
        Memory.copy(packet, 0, data, packet.length);
        Memory.putLong(descriptor + FrameDescriptor.DATA, data);
        Memory.putLong(descriptor + FrameDescriptor.DATA_END, data + packet.length);
        Memory.putLong(descriptor + FrameDescriptor.DATA_META, data);
        Memory.putLong(descriptor + FrameDescriptor.HARD_START, frame);
        Memory.putLong(descriptor + FrameDescriptor.TIMESTAMP, FrameDescriptor.NO_TIMESTAMP);
        Memory.putInt(descriptor + FrameDescriptor.RX_QUEUE, 0);
        Memory.putInt(descriptor + FrameDescriptor.INGRESS_IFINDEX, 1);
        Memory.putInt(descriptor + FrameDescriptor.ACTION, -99);
        Memory.putInt(descriptor + FrameDescriptor.FRAME_SIZE, FRAME);
    }

    private static void judge(long descriptor, int lengthBefore, MessageDigest output, Map<String, long[]> verdicts) {
        int action = Memory.getInt(descriptor + FrameDescriptor.ACTION);
        long start = Memory.getLong(descriptor + FrameDescriptor.DATA_META);
        int length = Math.toIntExact(Memory.getLong(descriptor + FrameDescriptor.DATA_END) - start);
        output.update(ByteBuffer.allocate(8)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(action)
                .putInt(length)
                .array());
        output.update(Memory.bytes(start, length));
        XdpAction known = XdpAction.of(action);
        String name = known == XdpAction.OTHER ? Integer.toString(action) : known.label();
        long[] count = verdicts.computeIfAbsent(name, n -> new long[2]);
        count[0]++;
        count[1] += lengthBefore;
    }

    // --- maps

    private static Map<String, MapState> mapsOf(LoadedObject object) {
        Map<String, MapState> maps = new LinkedHashMap<>();
        for (LoadedMap map : object.maps()) {
            switch (map.map().def().type()) {
                case HASH, ARRAY, PERCPU_HASH, PERCPU_ARRAY ->
                    maps.put(map.spec().isInternal() ? map.spec().section() : map.name(), state(map));
                default -> {}
            }
        }
        return maps;
    }

    private static MapState state(LoadedMap map) {
        MapType type = map.map().def().type();
        boolean array = type == MapType.ARRAY || type == MapType.PERCPU_ARRAY;
        int valueSize = map.map().def().valueSize();
        List<byte[]> keys = new ArrayList<>(map.map().keys());
        if (!array) {
            keys.sort(Arrays::compareUnsigned);
        }
        MessageDigest digest = sha256();
        Map<String, String> values = new LinkedHashMap<>();
        for (byte[] key : keys) {
            byte[] all = map.map().get(key);
            byte[] value = Arrays.copyOf(all, valueSize);
            digest.update(key);
            digest.update(value);
            if (type.isPerCpu() && !isZero(all, (valueSize + 7) / 8 * 8)) {
                values.put(HEX.formatHex(key) + " of another CPU", HEX.formatHex(all));
            }
            if (!array) {
                values.put(HEX.formatHex(key), HEX.formatHex(value));
            } else if (!isZero(value, 0)) {
                int index = ByteBuffer.wrap(key).order(ByteOrder.LITTLE_ENDIAN).getInt();
                values.put(Integer.toString(index), HEX.formatHex(value));
            }
        }
        return new MapState(keys.size(), HEX.formatHex(digest.digest()), values);
    }

    private static boolean isZero(byte[] bytes, int from) {
        for (int i = from; i < bytes.length; i++) {
            if (bytes[i] != 0) {
                return false;
            }
        }
        return true;
    }
}
