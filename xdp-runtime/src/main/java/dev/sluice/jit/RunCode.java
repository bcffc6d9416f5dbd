package dev.sluice.jit;

import static dev.sluice.jit.Descriptors.BASE_EXECUTABLE;
import static dev.sluice.jit.Descriptors.RUNTIME;
import static dev.sluice.jit.Descriptors.RUN_CONTEXT;
import static dev.sluice.jit.LongCode.pushLong;
import static dev.sluice.jit.LongCode.widen;
import static java.lang.constant.ConstantDescs.CD_int;
import static java.lang.constant.ConstantDescs.CD_long;
import static java.lang.constant.ConstantDescs.CD_void;

import dev.sluice.isa.Width;
import dev.sluice.memory.FrameDescriptor;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.constant.MethodTypeDesc;

/**
 * Emits what passes between a method and the {@link dev.sluice.helper.RunContext} of its run: the packet at hand and its
 * bounds, which frames are alive and written, and how many instructions are left.
 */
final class RunCode {
    private static final MethodTypeDesc ASK = MethodTypeDesc.of(CD_int, RUN_CONTEXT, CD_long, CD_int, CD_long);
    private static final MethodTypeDesc OF_DESCRIPTOR = MethodTypeDesc.of(CD_void, RUN_CONTEXT, CD_long);

    private final CodeBuilder b;
    private final Unit unit;
    private final Part part;
    private final Shape shape;
    private final Locals locals;
    private final int context;

    RunCode(CodeBuilder b, Unit unit, Part part, Shape shape, Locals locals) {
        this.b = b;
        this.unit = unit;
        this.part = part;
        this.shape = shape;
        this.locals = locals;
        context = locals.context;
    }

    // --- the packet at hand, and frames

    /** Puts the packet's bounds into locals, in a method that reads them. */
    void loadPacket() {
        if (locals.hasDescriptor()) {
            fromDescriptor(Width.DW, FrameDescriptor.DATA);
            b.lstore(locals.data);
            fromDescriptor(Width.DW, FrameDescriptor.DATA_END);
            b.lstore(locals.dataEnd);
            fromDescriptor(Width.DW, FrameDescriptor.DATA_META);
            b.lstore(locals.dataMeta);
            return;
        }
        if (!unit.checked && !part.readsContext() && (shape == Shape.FUNCTION || shape == Shape.PART)) {
            return;
        }
        loadPacketAtHand();
    }

    /** Puts the bounds of the packet at hand into locals. */
    void loadPacketAtHand() {
        b.aload(context).getfield(RUN_CONTEXT, "data", CD_long).lstore(locals.data);
        b.aload(context).getfield(RUN_CONTEXT, "dataEnd", CD_long).lstore(locals.dataEnd);
        b.aload(context).getfield(RUN_CONTEXT, "dataMeta", CD_long).lstore(locals.dataMeta);
    }

    /** Makes the packet the one at hand, in a loop that does not do so for each packet. */
    void take() {
        if (locals.hasDescriptor()) {
            Label isTaken = b.newLabel();
            b.iload(locals.taken).ifne(isTaken);
            b.aload(context).lload(locals.descriptor).invokestatic(BASE_EXECUTABLE, "take", OF_DESCRIPTOR);
            b.iconst_1().istore(locals.taken);
            b.labelBinding(isTaken);
        }
    }

    /**
     * Makes the packet the one at hand for code of other methods, which has its bounds from the context.
     *
     * @param wants whether any of that code asks for them; code that checks always may
     */
    void takeForMethods(boolean wants) {
        if (unit.checked || wants) {
            take();
        }
    }

    /** Behind a call of other methods, which {@link #takeForMethods} came before: where the packet is now. */
    void loadMovedPacket(boolean wants) {
        if (unit.movesPacket && !locals.hasDescriptor()) {
            loadPacket();
        } else if (unit.movesPacket && (unit.checked || wants)) {
            loadPacketAtHand();
        }
    }

    /** What a packet loop that reads descriptors itself does behind each packet: writes back where helpers moved it. */
    void give() {
        if (unit.movesPacket) {
            Label isWhereItWas = b.newLabel();
            b.iload(locals.taken).ifeq(isWhereItWas);
            b.aload(context).lload(locals.descriptor).invokestatic(BASE_EXECUTABLE, "give", OF_DESCRIPTOR);
            b.labelBinding(isWhereItWas);
        }
    }

    /** Tells the context which packet is at hand and which frames are alive, before something is asked of it. */
    void ask() {
        if (!unit.checked) {
            return;
        }
        if (!locals.hasDescriptor()) {
            sayFrame();
        } else if (locals.lowestFrame != Locals.NONE) {
            b.aload(context).lload(locals.descriptor).iload(locals.taken).lload(locals.lowestFrame);
            b.invokestatic(RUNTIME, "ask", ASK).istore(locals.taken);
        }
    }

    /** Tells the context which frames are alive, where it does not know. */
    void sayFrame() {
        if (unit.checked && locals.lowestFrame != Locals.NONE) {
            b.aload(context).lload(locals.lowestFrame);
            b.invokevirtual(RUN_CONTEXT, "frameIsLowest", MethodTypeDesc.of(CD_void, CD_long));
        }
    }

    // --- the context that the program sees

    /** Pushes the value of a field of {@code struct xdp_md}; false where none is. */
    boolean contextField(int offset) {
        switch (offset) {
            case 0 -> b.lload(locals.data);
            case 4 -> b.lload(locals.dataEnd);
            case 8 -> b.lload(locals.dataMeta);
            case 12 -> contextInt("ingressIfindex", FrameDescriptor.INGRESS_IFINDEX);
            case 16 -> {
                contextInt("rxQueueIndex", FrameDescriptor.RX_QUEUE);
                if (locals.hasDescriptor()) {
                    contextInt("rxQueueMask");
                    b.land();
                }
            }
            case 20 -> contextInt("egressIfindex");
            default -> {
                return false;
            }
        }
        return true;
    }

    private void contextInt(String field, int inDescriptor) {
        if (locals.hasDescriptor()) {
            fromDescriptor(Width.W, inDescriptor);
        } else {
            contextInt(field);
        }
    }

    /** What whoever runs the program has set for all packets. */
    private void contextInt(String field) {
        b.aload(context).getfield(RUN_CONTEXT, field, CD_int);
        widen(b);
    }

    /** Pushes the frame's size, below 0 for a packet with fragments, in a loop that reads descriptors itself. */
    void pushFrameSize() {
        MemoryCode.load(b, Width.W, () -> {
            b.lload(locals.descriptor);
            pushLong(b, FrameDescriptor.FRAME_SIZE);
            b.ladd();
        });
    }

    private void fromDescriptor(Width width, int offset) {
        MemoryCode.loadLong(b, width, false, () -> {
            b.lload(locals.descriptor);
            pushLong(b, offset);
            b.ladd();
        });
    }

    // --- counting

    /** Takes instructions to count down from, where they are counted. */
    void takePortion() {
        if (unit.counted) {
            b.aload(context)
                    .invokestatic(RUNTIME, "take", MethodTypeDesc.of(CD_int, RUN_CONTEXT))
                    .istore(locals.left);
        }
    }

    /** Gives back what is left of them, before code of other methods counts. */
    void giveBack() {
        if (unit.counted) {
            b.aload(context).iload(locals.left);
            b.invokestatic(RUNTIME, "giveBack", MethodTypeDesc.of(CD_void, RUN_CONTEXT, CD_int));
        }
    }

    // --- what is written of a frame

    /** Before a store to the packet loop's own frame. */
    void markDirty(long slots) {
        if (shape == Shape.LOOP && slots != 0 && unit.cleansLoop()) {
            b.lload(locals.dirty).loadConstant(slots).lor().lstore(locals.dirty);
        }
    }
}
