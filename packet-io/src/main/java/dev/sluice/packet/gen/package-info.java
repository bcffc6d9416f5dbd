/**
 * Packets that are made up: templates, ranges for their fields, flows, sizes.
 *
 * <p>{@link dev.sluice.packet.gen.Traffic} says what is wanted, {@link dev.sluice.packet.gen.PacketRing} is the packets, made once and
 * then given again and again: packet i of the ring belongs to flow {@code i % flows} and has size {@code i % sizes}.
 *
 * <pre>
 *   Ethernet 14 | [VLAN 4] | IPv4 20 or IPv6 40 | UDP 8, TCP 20 or ICMP 8 | payload: bytes that count up
 * </pre>
 *
 * All lengths and checksums are right. IMIX is the simple one: of twelve packets seven of 64 bytes, four of 594, one of 1,518.
 * Sizes are of frames without their check sequence, as captures have them.
 */
@NullMarked
package dev.sluice.packet.gen;

import org.jspecify.annotations.NullMarked;
