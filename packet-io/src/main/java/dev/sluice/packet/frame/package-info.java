/**
 * Frames and batches of frames: the memory that packets lie in on their way through the pipeline.
 *
 * <h2>A frame</h2>
 *
 * A frame is laid out as a driver's receive page is, so that programs find the room that they find in the kernel:
 *
 * <pre>
 *   hard_start                                                        hard_start + frame_size
 *   |  headroom 256  |  packet, up to frame_size - 576  |  tailroom 320  |
 *                    data                       data_end
 * </pre>
 *
 * The headroom is {@code XDP_PACKET_HEADROOM}; the tailroom is what {@code skb_shared_info} takes (source: linux/bpf.h,
 * include/net/xdp.h). A frame of 4,096 bytes holds packets up to 3,520 bytes, as {@code BPF_PROG_TEST_RUN} does. Longer ones
 * lie in one piece in a frame of a larger class (16 KiB, 80 KiB, 264 KiB); while a program runs they are split into a linear
 * part and fragments of a page, as a driver receives them ({@link dev.sluice.memory.Fragments}).
 *
 * <h2>A batch</h2>
 *
 * {@link dev.sluice.packet.frame.FrameBatch} is 64 descriptors ({@link dev.sluice.memory.FrameDescriptor}) and the 64
 * frames that belong to it for ever. Frames never move: a verdict on some of the packets is a <em>selection</em>, a view of the
 * same batch with a mask of 64 bits, and the batch goes back to its pool when the last of its views was released.
 *
 * <h2>Placement</h2>
 *
 * Frames that all begin at the same offset in a page fight for the same few sets of the first-level cache (64 sets of 64
 * bytes: one page). From one frame to the next there are therefore 4,096 + 192 bytes: three lines, an odd number, so that 64
 * neighbours begin in 64 different sets.
 */
@NullMarked
package dev.sluice.packet.frame;

import org.jspecify.annotations.NullMarked;
