/**
 * Whole runs: NICs, what is behind them, and the programs on them ({@link dev.sluice.packet.Datapath}); one program over captures
 * ({@link dev.sluice.packet.Replay}) is the smallest of these. What is behind a NIC is an {@link dev.sluice.packet.End}.
 *
 * <h2>Capture time and machine time</h2>
 *
 * In capture time one thread runs all queues in the capture's order; a batch is a stretch of consecutive packets of one queue, and
 * each queue keeps its CPU number. The clock is the greatest time stamp so far. So the same input gives the same verdicts and
 * maps on any machine and with any speed. In machine time each queue has a thread, and the clock is the machine's.
 *
 * <h2>Long packets</h2>
 *
 * A driver refuses frames longer than its MTU allows, and those that need more than one buffer when the program is not one
 * of {@code xdp.frags}. Who replays a capture wants every packet judged, and captures are full of 64 KiB frames that offloads
 * have made. So unless an MTU is given a replay refuses no length, and every program gets long packets as the kernel's test
 * run gives them: 3,520 bytes in the linear part, the rest in fragments ({@link dev.sluice.memory.Fragments}).
 */
@NullMarked
package dev.sluice.packet;

import org.jspecify.annotations.NullMarked;
