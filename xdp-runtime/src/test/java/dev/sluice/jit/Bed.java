package dev.sluice.jit;

import dev.sluice.exec.Executable;
import dev.sluice.exec.ProgramFault;
import dev.sluice.helper.RunContext;
import dev.sluice.map.BpfMap;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapTable;
import dev.sluice.map.Maps;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import dev.sluice.memory.Regions;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/** A batch of packets, maps and a context to run programs on. */
final class Bed implements AutoCloseable {
    static final int FRAME = 2048;
    static final int HEADROOM = 256;
    static final int PACKET = 64;

    final int count;
    final MapTable maps = new MapTable();
    final Regions regions = new Regions();
    final RunContext context = new RunContext(maps, regions, () -> 12345, 1);
    final long descriptors;
    final List<String> faults = new ArrayList<>();
    private final Arena arena = Arena.ofShared();
    private final long frames;

    Bed(int count) {
        this.count = count;
        descriptors = Memory.allocate(arena, (long) count * FrameDescriptor.BYTES, 64);
        frames = Memory.allocate(arena, (long) count * FRAME, 64);
        context.instructionLimit = 1_000_000;
        reset();
    }

    /** Packets as at the beginning: byte i of packet n is i + n. */
    void reset() {
        for (int i = 0; i < count; i++) {
            long frame = frames + (long) i * FRAME;
            long data = frame + HEADROOM;
            long descriptor = descriptor(i);
            Memory.fill(descriptor, FrameDescriptor.BYTES, (byte) 0);
            Memory.putLong(descriptor + FrameDescriptor.DATA, data);
            Memory.putLong(descriptor + FrameDescriptor.DATA_END, data + PACKET);
            Memory.putLong(descriptor + FrameDescriptor.DATA_META, data);
            Memory.putLong(descriptor + FrameDescriptor.HARD_START, frame);
            Memory.putLong(descriptor + FrameDescriptor.TIMESTAMP, FrameDescriptor.NO_TIMESTAMP);
            Memory.putInt(descriptor + FrameDescriptor.FRAME_SIZE, FRAME);
            Memory.putInt(descriptor + FrameDescriptor.RX_QUEUE, 3);
            Memory.putInt(descriptor + FrameDescriptor.INGRESS_IFINDEX, 4);
            for (int b = 0; b < PACKET; b++) {
                Memory.putByte(data + b, (byte) (b + i));
            }
        }
    }

    long descriptor(int index) {
        return descriptors + (long) index * FrameDescriptor.BYTES;
    }

    /** Address of a packet as it is now. */
    long data(int index) {
        return Memory.getLong(descriptor(index) + FrameDescriptor.DATA);
    }

    int action(int index) {
        return Memory.getInt(descriptor(index) + FrameDescriptor.ACTION);
    }

    BpfMap map(MapDef def) {
        BpfMap map = Maps.create(def, maps, regions, 4, 1);
        if (maps.byId(map.id()) == null) {
            maps.add(map);
        }
        return map;
    }

    /** Zeroed memory that is in no region. */
    long allocate(long bytes) {
        return Memory.allocate(arena, bytes, 64);
    }

    /** Runs all packets and gives their actions; faults go to {@link #faults}. */
    int[] run(Executable executable) {
        faults.clear();
        executable.run(context, descriptors, count, this::fault);
        int[] actions = new int[count];
        for (int i = 0; i < count; i++) {
            actions[i] = action(i);
        }
        return actions;
    }

    private void fault(int index, ProgramFault fault) {
        faults.add(index + " " + fault.kind() + " pc=" + fault.pc());
    }

    @Override
    public void close() {
        context.close();
        arena.close();
    }
}
