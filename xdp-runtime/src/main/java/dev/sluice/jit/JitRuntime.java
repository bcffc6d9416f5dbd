package dev.sluice.jit;

import dev.sluice.exec.BaseExecutable;
import dev.sluice.exec.Executable;
import dev.sluice.exec.FunctionPointer;
import dev.sluice.exec.Interpreter;
import dev.sluice.exec.ProgramFault;
import dev.sluice.helper.Callbacks;
import dev.sluice.helper.CaptureClock;
import dev.sluice.helper.Helper;
import dev.sluice.helper.Kfunc;
import dev.sluice.helper.RunContext;
import dev.sluice.helper.TimerHelpers;
import dev.sluice.isa.Code;
import dev.sluice.map.BpfMap;
import dev.sluice.map.ProgramRef;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import dev.sluice.program.Program;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * What generated code calls when an operation is too large to be emitted in place. Public because generated classes are
 * in a package and a module of their own; nobody else calls it. On the queue's thread; allocates only for a fault.
 */
public final class JitRuntime {
    /** Instructions that a method takes from the run's allowance at a time, so that it can count in an int. */
    private static final long PORTION = 1 << 30;

    /** Dirty slots of a frame with more of which all of it is zeroed at once. */
    private static final int MANY_SLOTS = 12;

    private JitRuntime() {}

    /** A map that a generated class calls, by its number. */
    public static BpfMap map(Class<?> generated, int number) {
        return ((ProgramLoader) generated.getClassLoader()).map(number);
    }

    /** The run's clock if it is a capture's, else null. */
    public static @Nullable CaptureClock captureClock(RunContext context) {
        return context.clock instanceof CaptureClock clock ? clock : null;
    }

    /** Time goes on with a packet; timers are called that are due before it. */
    public static void advance(RunContext context, CaptureClock clock, long descriptor) {
        TimerHelpers.advance(context, clock, Memory.getLong(descriptor + FrameDescriptor.TIMESTAMP));
    }

    /** The run of a packet is on its queue's CPU. */
    public static void takeCpu(RunContext context, long descriptor) {
        context.cpu = Memory.getInt(descriptor + FrameDescriptor.RX_QUEUE);
    }

    /**
     * Says what a check asks for: which packet is at hand, and which frames are alive.
     *
     * @param taken 0 when the context does not know the packet yet
     * @param framePointer r10 of the function whose frame is the lowest
     * @return what {@code taken} is from now on
     */
    public static int ask(RunContext context, long descriptor, int taken, long framePointer) {
        if (taken == 0) {
            BaseExecutable.take(context, descriptor);
        }
        context.frameIsLowest(framePointer);
        return 1;
    }

    /**
     * What a program's code is left with, where somebody knows which program it was: a fault that names it, or a bug of ours
     * with its place. What has that stays as it is.
     *
     * @param <T> unchecked, whatever it is
     * @return never: it is thrown
     */
    @SuppressWarnings("unchecked")
    static <T extends Throwable> T located(Throwable thrown, Program program) throws T {
        if (thrown instanceof ProgramFault fault) {
            throw (T) fault.in(program);
        }
        if (isOfOthers(thrown)) {
            throw (T) thrown;
        }
        JitFailure failure = JitFailure.of(thrown);
        failure.in(program);
        throw (T) failure;
    }

    /** Whether no code of ours has failed: HotSpot says so where pages of a mapped file have gone. */
    private static boolean isOfOthers(Throwable thrown) {
        return thrown instanceof InternalError;
    }

    /**
     * What a function is left with: a fault or another failure, with its registers. Callers come later, and change nothing.
     *
     * @param slot of the instruction that called what failed; -1 where that is not known, or the fault says so itself
     */
    public static Throwable withRegisters(
            Throwable thrown,
            int slot,
            long r0,
            long r1,
            long r2,
            long r3,
            long r4,
            long r5,
            long r6,
            long r7,
            long r8,
            long r9,
            long r10) {
        long[] registers = {r0, r1, r2, r3, r4, r5, r6, r7, r8, r9, r10};
        if (thrown instanceof ProgramFault fault) {
            fault.setRegisters(registers);
            return fault;
        }
        if (isOfOthers(thrown)) {
            return thrown;
        }
        JitFailure failure = JitFailure.of(thrown);
        failure.setRegisters(slot, registers);
        return failure;
    }

    /**
     * What a program's run ends with when Java code under it fails: a bug of ours, with the place in the program, the
     * registers of the function that it happened in, and the packet.
     *
     * @param descriptor address of the packet's descriptor
     * @param generated the program's main class
     */
    public static Throwable bug(Throwable thrown, long descriptor, Class<?> generated) {
        if (isOfOthers(thrown)) {
            return thrown;
        }
        JitFailure failure = JitFailure.of(thrown);
        failure.in(((ProgramLoader) generated.getClassLoader()).program());
        failure.setPacket(
                Memory.getLong(descriptor + FrameDescriptor.DATA),
                Memory.getLong(descriptor + FrameDescriptor.DATA_END));
        return failure;
    }

    /** Takes a portion of the instructions that the run may still execute. */
    public static int take(RunContext context) {
        long left = context.instructionsLeft;
        int taken = (int) Math.min(left, PORTION);
        context.instructionsLeft = left - taken;
        return taken;
    }

    /** The same, when a run begins. */
    public static int takeFirst(RunContext context) {
        context.instructionsLeft = context.instructionLimit;
        return take(context);
    }

    /** Gives back what is left of a portion. */
    public static void giveBack(RunContext context, int left) {
        context.instructionsLeft += left;
    }

    /**
     * Takes a new portion when one is used up.
     *
     * @param left what is left of the old one, below 0: the block that begins here overdraws it
     * @param start slot of the block's first instruction
     * @param count instructions of the block
     * @param generated the program's main class
     */
    public static int refill(RunContext context, int left, int start, int count, Class<?> generated) {
        long total = context.instructionsLeft + left;
        if (total < 0) {
            Code code = ((ProgramLoader) generated.getClassLoader()).program().code();
            throw limitReached(context, code, start, count + total);
        }
        context.instructionsLeft = total;
        return take(context);
    }

    /**
     * The limit's fault, at the instruction that would have been one too many. What it finds in registers that the block
     * writes before it nobody knows: compiled code ends at the block's beginning.
     *
     * @param left instructions of the block that could have been executed
     */
    private static ProgramFault limitReached(RunContext context, Code code, int start, long left) {
        int pc = start;
        int written = 0;
        for (long i = 0; i < left; i++) {
            written |= Flow.defines(code.at(pc));
            pc += code.at(pc).slots();
        }
        ProgramFault fault = new ProgramFault(
                ProgramFault.Kind.INSTRUCTION_LIMIT,
                pc,
                "the run took too long: expected at most " + context.instructionLimit + " instructions");
        fault.forgetRegisters(written);
        return fault;
    }

    /**
     * Takes a new portion when one is nearly used up.
     *
     * @param left what is left of the old one
     * @param ahead instructions that may come before somebody asks again
     * @return -1 when the run may not execute so many; then nothing is taken, and the old portion is given back
     */
    public static int refillAhead(RunContext context, int left, int ahead) {
        context.instructionsLeft += left;
        return context.instructionsLeft < ahead ? -1 : take(context);
    }

    /**
     * Lets the interpreter go on to the end of a function, where the limit of instructions is near, and gives r0.
     *
     * @param generated the program's main class
     * @param slot of the next instruction
     * @param loops what is left of the frame's {@code may_goto}
     */
    public static long goOn(
            RunContext context,
            Class<?> generated,
            int slot,
            int loops,
            long r0,
            long r1,
            long r2,
            long r3,
            long r4,
            long r5,
            long r6,
            long r7,
            long r8,
            long r9,
            long r10) {
        long[] registers = {r0, r1, r2, r3, r4, r5, r6, r7, r8, r9, r10};
        System.arraycopy(registers, 0, context.registers, 0, registers.length);
        ProgramRef caller = context.tailedInto;
        context.tailedInto = null;
        try {
            return Interpreter.goOn(context, ((ProgramLoader) generated.getClassLoader()).interpreted(), slot, loops);
        } catch (ProgramFault fault) {
            fault.setRegisters(Arrays.copyOf(context.registers, registers.length));
            throw context.tailedInto instanceof Executable other ? fault.in(other.program()) : fault;
        } finally {
            context.tailedInto = caller;
            context.soilAll(); // the interpreter does not say what it writes to the stacks
        }
    }

    /**
     * Goes on in the target of a tail call, in the targets of its tail calls and so on, and gives the last one's r0. The
     * JVM's stack does not grow with their number.
     *
     * @param framePointer r10 of the function that made the first call, whose frame they take over
     * @param cleans whether who goes on afterwards {@linkplain #cleanFrame cleans} frames: others need not say what they write
     */
    public static long tailCall(RunContext context, long framePointer, boolean cleans) {
        long result;
        do {
            if (cleans) {
                context.soilAll();
            }
            ProgramRef target = context.tailTarget;
            context.tailTarget = null;
            if (target instanceof JitExecutable jited) {
                try {
                    result = jited.tailTarget(context).enter(context, context.xdpMd, 0, framePointer);
                } catch (Throwable e) {
                    throw JitRuntime.<RuntimeException>located(e, jited.program());
                }
            } else if (target instanceof BaseExecutable other) {
                int depth = (int) ((context.stackTop - framePointer) / RunContext.STACK_BYTES);
                result = otherEngine(context, other, depth);
            } else {
                throw new AssertionError("a prog array holds what no engine has loaded: " + target);
            }
        } while (context.tailTarget != null);
        return result;
    }

    private static long otherEngine(RunContext context, BaseExecutable other, int depth) {
        try {
            return other.execute(context, context.xdpMd, 0, depth);
        } catch (ProgramFault fault) {
            throw fault.in(context.tailedInto instanceof Executable further ? further.program() : other.program());
        }
    }

    /** Whether a look-up may be made without more checks, its key being in the caller's frame. */
    public static boolean takesKey(RunContext context, BpfMap map, int readableBytes) {
        return map != null
                && map.def().keySize() <= readableBytes
                && Helper.MAP_LOOKUP_ELEM.takes(map.def().type());
    }

    /** The same for a key anywhere. */
    public static boolean takesKey(RunContext context, BpfMap map, long key) {
        return map != null
                && context.allows(key, map.def().keySize(), false)
                && Helper.MAP_LOOKUP_ELEM.takes(map.def().type());
    }

    /** Where a value ends that was looked up, as far as code may touch it without asking; 0 for none. */
    public static long valueEnd(BpfMap map, long value) {
        return value == 0 ? 0 : value + map.plainValueBytes();
    }

    /** The slot of the function that a {@code callx} calls, or -1. */
    public static int functionSlot(long address) {
        return FunctionPointer.slotOf(address);
    }

    /** A call of what is no function of the program. */
    public static ProgramFault badCallTarget(long address, int pc) {
        return new ProgramFault(
                ProgramFault.Kind.BAD_CALL_TARGET,
                pc,
                "callx expected the address of a function of this program, address=0x" + Long.toHexString(address));
    }

    /** A helper was to call what is no function of the program. */
    static ProgramFault badCallback(long address, int pc) {
        return new ProgramFault(
                ProgramFault.Kind.BAD_CALL_TARGET,
                pc,
                "expected the address of a function of this program, address=0x" + Long.toHexString(address));
    }

    /** Before a call of a helper that calls functions of the program. */
    public static void callbacks(RunContext context, Callbacks callbacks, long framePointer, int pc) {
        context.callbacks = callbacks;
        context.callbackFrame = framePointer;
        context.callbackPc = pc;
    }

    /** A call that would need one frame too many. */
    public static ProgramFault tooDeep(int pc) {
        return new ProgramFault(
                ProgramFault.Kind.CALL_DEPTH,
                pc,
                "the call stack is too deep: expected at most " + RunContext.MAX_FRAMES + " frames");
    }

    /** A call of a helper that Sluice does not have. */
    public static ProgramFault unknownHelper(int number, int pc) {
        return new ProgramFault(ProgramFault.Kind.UNKNOWN_HELPER, pc, Helper.describeMissing(number));
    }

    /** A call of a kernel function. */
    public static ProgramFault unknownKernelFunction(int btfId, int pc) {
        return new ProgramFault(ProgramFault.Kind.UNKNOWN_HELPER, pc, Kfunc.describeMissing(btfId));
    }

    /**
     * Zeroes the part of a frame that its function uses.
     *
     * @param bytes below the frame pointer, a multiple of 8
     */
    public static void zeroFrame(long framePointer, int bytes) {
        // short, as it comes into the middle of programs: what C2 inlines of one method has a limit
        for (long address = framePointer - bytes; address < framePointer; address += Long.BYTES) {
            Memory.putLong(address, 0);
        }
    }

    /**
     * Zeroes what may be other than zero of a frame, for a function that begins.
     *
     * @param writes what the function writes of it without saying so, as {@link RunContext#dirtySlots} has it
     */
    public static void cleanFrame(RunContext context, long framePointer, long writes) {
        int frame = (int) ((framePointer - context.stacks) / RunContext.STACK_BYTES) - 1;
        long dirty = context.dirtySlots[frame];
        context.dirtySlots[frame] = writes;
        zeroSlots(framePointer, dirty);
    }

    /**
     * Zeroes what may be other than zero of the entry function's frame, before a packet.
     *
     * @param dirty slots that were written for the last one
     */
    public static void cleanLoop(RunContext context, long framePointer, long dirty) {
        long all = context.dirtySlots[RunContext.MAX_FRAMES - 1] | dirty;
        if (all != 0) {
            context.dirtySlots[RunContext.MAX_FRAMES - 1] = 0;
            zeroSlots(framePointer, all);
        }
    }

    private static void zeroSlots(long framePointer, long slots) {
        long start = framePointer - RunContext.STACK_BYTES;
        long dirty = slots;
        if (Long.bitCount(dirty) > MANY_SLOTS) {
            Memory.fill(start, RunContext.STACK_BYTES, (byte) 0);
            return;
        }
        for (; dirty != 0; dirty &= dirty - 1) {
            Memory.putLong(start + (long) Long.numberOfTrailingZeros(dirty) * Long.BYTES, 0);
        }
    }
}
