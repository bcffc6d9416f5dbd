/**
 * Interfaces of the kernel, through libpcap and pcap4j: packets that come in are read, what is sent is injected.
 *
 * <p>Unlike an XDP program in the kernel we get copies: the kernel's own network stack sees every packet as well, whatever the
 * program says. So {@code XDP_DROP} protects nobody here. Put an interface into a bridge or a namespace without addresses to have
 * it to yourself.
 *
 * <p>pcap4j opens the interface, has filters compiled and gives statistics. Packets go by {@code pcap_next_ex} and
 * {@code pcap_sendpacket} themselves, on pcap4j's handle: pcap4j makes an array and some more objects for each packet, which we
 * have frames for. libpcap is asked without blocking when Netty's epoll says that its descriptor is readable.
 */
@NullMarked
package dev.sluice.packet.live;

import org.jspecify.annotations.NullMarked;
