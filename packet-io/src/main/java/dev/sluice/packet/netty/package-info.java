/**
 * The datapath in Netty's terms: queues are channels, batches are messages, programs and verdicts are handlers.
 *
 * <p>A {@link dev.sluice.packet.netty.QueueChannel} is an rx queue of a NIC, with one pipeline and one event loop, which is its
 * CPU. All handlers are ordinary ones that fit into any pipeline whose messages are {@link
 * dev.sluice.packet.frame.FrameBatch}es:
 *
 * <pre>
 *   wire ──> XdpHandler ──> CaptureHandler ──> VerdictHandler ──> your handlers ──> HostHandler
 *            runs the        writes packets     PASS: on            PASS only        counts, releases
 *            program,        by action to       TX: back to the wire
 *            counts          capture files      REDIRECT: to another NIC's channel
 *                                               DROP, ABORTED, others: released
 * </pre>
 *
 * Where redirects lead is {@link dev.sluice.packet.netty.Redirects}: other NICs' channels, by number or through a devmap whose
 * entry's program runs on the way; {@link dev.sluice.packet.netty.CpuQueues} for a cpumap; the sockets of an xskmap. In place of
 * the HostHandler a {@link dev.sluice.packet.netty.ForwardHandler} sends what passes to the host's device.
 *
 * <h2>The loop</h2>
 *
 * {@link dev.sluice.packet.netty.PollIoHandler} is the {@code IoHandler} of such loops. It polls everything that has no file
 * descriptor ({@link dev.sluice.packet.netty.PollHandle}: queues fed from memory, capture feeds) round robin with a budget of
 * 64 packets, and hands file descriptors to Netty's epoll handler. While there is something to poll it looks at the descriptors
 * now and then without waiting; when there is nothing it lets epoll wait. So a capture and a TAP share one thread, and a redirect
 * between their queues crosses none.
 */
@NullMarked
package dev.sluice.packet.netty;

import org.jspecify.annotations.NullMarked;
