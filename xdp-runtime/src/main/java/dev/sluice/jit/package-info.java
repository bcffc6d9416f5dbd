/**
 * The compiler from BPF to JVM bytecode, which HotSpot then compiles to machine code.
 *
 * <p>One pass a step, each linear in the program's size:
 *
 * <pre>
 *  program ─ Flow ────── basic blocks of each function that its entry reaches, live registers, longest path
 *          ─ Kinds ───── what registers hold at each instruction: the context, stack plus n, a constant, a packet pointer
 *          ─ AddressFlow  of checked code: which accesses the program's own comparisons show to be inside
 *          ─ ByteFlow ── bytes that a block moves one by one
 *          ─ Partition ─ functions too large for a method, put in order and cut where the least control flow crosses
 *          ─ Emitter ─── blocks to JVM code: how control goes. What becomes of instructions:
 *              AluCode ─────── arithmetic, branches
 *              AccessCode ──── loads, stores, atomic operations; MemoryCode, ByteFlowCode
 *              HelperCode ──── helpers, functions of the kernel; MapHelperCode, MapCode
 *              CallCode ────── functions of the program
 *              RunCode ─────── the run's context: packet, frames, instructions left
 *          ─ Compiler ── methods to classes, the packet loop, dispatchers
 *          ─ ProgramLoader
 * </pre>
 *
 * <h2>What becomes of what</h2>
 *
 * <ul>
 *   <li>A register is a {@code long} local. A function is a static method {@code NAME_pcSTART_END(RunContext, r1 … r5,
 *       r10)}; a call of it is a call. Classes are named {@code dev.sluice.jited.NAME_TAG} and have the source's lines.
 *   <li>The entry function's blocks are emitted into the packet loop, {@code NAME_loop_pcSTART_END}, as long as they fit
 *       into one method with it.
 *   <li>{@code data}, {@code data_end} and {@code data_meta} are locals, read again after what may move the packet. Loads
 *       from the context are reads of them.
 *   <li>A function that is too large is cut into parts along its likely control flow ({@link dev.sluice.jit.Order}), each a
 *       method {@code long NAME_partN_pcSTART_END(RunContext, r10, live registers, live stack variables, entry)}. A part calls
 *       the next in tail position and returns what that returns; the entry function's first part is in the packet loop.
 *       Where control goes backwards, or after 32 parts so that the JVM's stack stays small, a part leaves what is live in
 *       {@link dev.sluice.helper.RunContext#carried}, sets {@link dev.sluice.helper.RunContext#resumeAt} and returns to a
 *       dispatcher, which calls part after part.
 *   <li>A tail call leaves {@link dev.sluice.helper.RunContext#tailTarget} set and returns; the loop, or the function whose
 *       frame it takes over, then goes on in the target, so that the JVM's stack does not grow.
 * </ul>
 *
 * <p>Small loops are there several times in a row ({@link dev.sluice.jit.Unrolling}).
 *
 * <h2>Maps</h2>
 *
 * <p>Code is made for the maps of one runtime: a map's pointer is a constant, and so is the map. Look-ups in arrays and, by
 * keys of up to 48 bytes, in hashes are emitted in place; other look-ups, updates and deletions call the map directly. That
 * a pointer is still its map's is asked whenever the runtime's maps change ({@link dev.sluice.map.MapTable#version}).
 *
 * <h2>What other CPUs see</h2>
 *
 * <pre>
 *  instruction                        the kernel's documents    here                   x86           aarch64
 *  atomic operation that fetches,     fully ordered             getAndAdd, … of Java,  lock xadd, …  ldaddal, …; dmb ish
 *    exchange, compare-and-exchange                             then a full fence
 *  other atomic operations            no order                  getAndAdd, …           lock add, …   ldaddal, …
 *  load_acquire                       acquire                   getAcquire             mov           ldar, or ldr; dmb
 *  store_release                      release                   setRelease             mov           dmb; str
 *  loads and stores                   no order                  plain                  mov           ldr, str
 * </pre>
 *
 * <p>The fence is emitted where {@link dev.sluice.memory.Memory#ATOMICS_ORDER_ALL Java's atomic operations} are not one
 * already. A plain load is made anew wherever control may have come from elsewhere: C2 leaves loads of native memory where
 * they are in the program's control flow, so that a loop that waits for another CPU ends. Checked code and the interpreter
 * use the same operations.
 *
 * <h2>Checks</h2>
 *
 * <p>Code of a program that nobody has verified ({@code jit-checked}) keeps to what the {@linkplain
 * dev.sluice.exec.Interpreter interpreter} does, faults and their slots included. Nothing is taken from the verifier. What
 * {@link dev.sluice.jit.Kinds} finds out is taken for an address only where that cannot be wrong (places in a frame are
 * computed from r10), and otherwise says what an access is compared with in place ({@link dev.sluice.jit.Ways}):
 *
 * <pre>
 *  PACKET   data_meta, data_end: locals
 *  VALUE    the value that a look-up of this function gave, up to four look-ups a method: locals
 *  AREA     the value of a global array: constants
 *  FRAME    the stacks that are alive: r10 of the function whose frame is the lowest, and of the entry function
 * </pre>
 *
 * <p>Most programs have compared what they access before, with {@code data_end}, with null, with a number. What follows from
 * that about registers, and from nothing else, {@link dev.sluice.jit.AddressFlow} finds out for certain: such accesses need no
 * test, or only one of the two. Bytes of the packet whose accesses need none are moved together, as in proved programs ({@link
 * dev.sluice.jit.ByteFlow}); whatever else may fault finds what came before it done.
 *
 * <p>What is outside, and everything else, asks {@link dev.sluice.exec.Checks}. Places in the function's own frame need no
 * check, nor do those in its caller's.
 *
 * <p>The arguments of a call are looked at one by one ({@link dev.sluice.jit.ArgumentCode}), in the interpreter's order, and
 * its code is called directly. A known map needs no look, nor does memory of known size in one of these two frames: the call
 * then gets the address computed from r10. Memory of known size in the packet or in a value is compared in place, other
 * memory and dynptrs ask {@link dev.sluice.exec.HelperArguments}. Bytes copied out of the packet or into it, slices of
 * dynptrs and an iterator's next number are in place; of a dynptr on the stack, which is bytes like any others, they first
 * look whether it is one of this packet. Only calls with an argument that is none of these go through {@link
 * dev.sluice.exec.Checks#helper}.
 *
 * <p>The packet loop fills the context in only where something is asked of it, or another method is called: then it says which
 * packet is at hand and which frames are alive ({@link dev.sluice.jit.JitRuntime#ask}). Functions of the kernel and {@code
 * callx} have runs begin and end in full.
 *
 * <p>Instructions are counted ahead: where control goes backwards, a method begins or other code has counted, the way to the
 * next such place has to fit into what is left. Where it may not, the {@linkplain dev.sluice.exec.Interpreter#goOn interpreter
 * goes on} to the function's end, with the same registers, frames and packet; so the limit is reached at its instruction, and
 * no other place asks. A program without loops that cannot reach the limit is not counted at all.
 *
 * <p>Areas and addresses that are constants, as of global variables, are asked about once, and again whenever the runtime's
 * regions change ({@link dev.sluice.memory.Regions#version}); where one is not allowed any more, other code runs, which asks
 * each time.
 *
 * <p>A frame begins as zero. Where all that is read of it is at known places, those are zeroed at each call; else what has been
 * written of the frame since it was last zeroed, which {@link dev.sluice.helper.RunContext#dirtySlots} tells: stores at known
 * places are noted when their function begins, others where they are made. The packet loop does so for its own frame whenever
 * more than two slots may be read, and notes in a local what it has written, so that a packet for which it wrote nothing
 * costs nothing.
 *
 * <p>One thing is left open: a frame is zeroed only as deep as the program can be seen to read it. A helper's argument that
 * begins in the frame of its function and ends in that of the caller may find there what was left from before, instead of
 * the interpreter's zeroes.
 *
 * <h2>Lines and reports</h2>
 *
 * <p>A class names one source file and has lines of 16 bits, so a stack trace or a profiler shows the main source file, with code
 * of headers as the line before it. Reports look the instruction up instead ({@link dev.sluice.jit.FailurePlace}), and so have
 * the header's name and line; listings have them too ({@link dev.sluice.jit.JitListing}).
 *
 * <p>What comes out of a call of Java code, and in checked code out of anything, meets a handler of its method, which adds
 * instruction and registers ({@link dev.sluice.jit.FailureCode}); on its way out program, place and packet are added ({@link
 * dev.sluice.jit.JitFailure}).
 *
 * <h2>Proved programs</h2>
 *
 * <p>The same compiler makes code without checks ({@code jit}), of {@linkplain dev.sluice.program.Verified programs that have
 * been proved} to need none. What was proved does more ({@link dev.sluice.jit.StackUse}, {@link dev.sluice.jit.Inlining}):
 *
 * <ul>
 *   <li>branches that go one way, and the code behind them, are left out;
 *   <li>variables on the stack that only their function touches are locals, and a frame is zeroed only where it may be read
 *       before it is written;
 *   <li>divisors that are never 0 are not tested, and unsigned divisions by constants are signed ones where that is the same;
 *   <li>few bytes that helpers copy out of the packet or into it, and an iterator's next number, are in place;
 *   <li>functions are emitted in place of their calls as long as the method has room;
 *   <li>bytes that a block moves one by one are moved together, and what it has stored is not loaded again ({@link
 *       dev.sluice.jit.ByteFlow});
 *   <li>what a method has loaded from the packet it does not load again ({@link dev.sluice.jit.PacketLoads});
 *   <li>{@code bpf_loop} of a function that is known is a loop of calls, or of the function in place of them;
 *   <li>the packet loop takes what the program needs from the frame descriptor. A helper that wants the packet gets it in the
 *       {@link dev.sluice.helper.RunContext} where it is called first ({@link dev.sluice.exec.BaseExecutable#take}), and so do
 *       other methods that ask for it; where helpers moved it is written back behind the packet. Runs begin and end in full
 *       only where functions are called by pointer, later, or by helpers, and for functions of the kernel that take any
 *       address.
 * </ul>
 *
 * <p>Memory is accessed by intrinsics of {@code Unsafe} or by a memory segment ({@link dev.sluice.jit.MemoryCode}).
 */
package dev.sluice.jit;
