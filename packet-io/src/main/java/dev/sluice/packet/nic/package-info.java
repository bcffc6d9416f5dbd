/**
 * Virtual NICs: what a driver is to an XDP program, without a device.
 *
 * <p>A {@link dev.sluice.packet.nic.VirtualNic} has a name, an ifindex, a MAC address, an MTU, rx queues and a {@link
 * dev.sluice.packet.nic.XdpHook}, where a program is attached. A queue's number is also the number of the CPU that its
 * programs believe to run on. Packets come to a queue in batches, at most 64 a poll, as NAPI does it.
 *
 * <h2>Which queue</h2>
 *
 * Receive side scaling ({@link dev.sluice.packet.nic.Rss}): the Toeplitz hash over source and destination address and, for TCP
 * and UDP that is not fragmented, source and destination port; its low 7 bits choose an entry of the indirection table.
 * Source: Microsoft's "RSS Hashing Types" and "Verifying the RSS Hash Calculation", with their key and numbers.
 *
 * <h2>Which counters</h2>
 *
 * Statistics ({@link dev.sluice.packet.nic.NicCounter}) have the names that {@code ethtool -S} shows for drivers. Beside them
 * every attached program has an array map of its own ({@link dev.sluice.packet.nic.VerdictCounters}).
 *
 * <pre>
 *   packets in (rx_packets + refused) =
 *       PASS + DROP + TX + REDIRECT + ABORTED + other return values + refused (rx_length_errors, rx_too_large)
 * </pre>
 *
 * holds at the end of every poll.
 */
@NullMarked
package dev.sluice.packet.nic;

import org.jspecify.annotations.NullMarked;
